"""The few hosts that the deployer and curl reach over the internet, played behind a proxy with certificates of its own.

Programs find it by the variables that all of them heed: the proxy's address, and the file of trusted certificates.
"""

from __future__ import annotations

import datetime as dt
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def certificate(folder: Path, hosts: tuple[str, ...]) -> tuple[Path, Path]:
    """A self-signed certificate for these hosts, good for a day; its file, and its key's."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / "certificate.pem", folder / "key.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file, secret


@contextmanager
def internet(folder: Path, hosts: Mapping[str, type[BaseHTTPRequestHandler]]) -> Iterator[dict[str, str]]:
    """Play these hosts; the environment that leads a program to them. Any other host is refused."""
    file, secret = certificate(folder, tuple(hosts))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)

    class Proxy(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            played = hosts.get(self.path.partition(":")[0])
            if played is None:
                self.send_error(502)
                return
            self.send_response(200)
            self.end_headers()
            with context.wrap_socket(self.connection, server_side=True) as secured:
                played(secured, self.client_address, self.server)
            self.close_connection = True

        def log_message(self, *_arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_address[1]}"
            yield {"https_proxy": address, "SSL_CERT_FILE": str(file), "CURL_CA_BUNDLE": str(file)}
        finally:
            server.shutdown()
            thread.join()
