"""As much of Blob storage as a sweep needs, with files that are made up as they are listed: none of them is stored."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

ACCOUNT = "made"
_BLOB = (
    "<Blob><Name>{name}</Name><Properties><Creation-Time>{at}</Creation-Time><Last-Modified>{at}</Last-Modified>"
    "<Etag>0x{number:016X}</Etag><Content-Length>1000</Content-Length><Content-Type>application/pdf</Content-Type>"
    "<BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier><LeaseStatus>unlocked</LeaseStatus></Properties>"
    "<Metadata><mailbox>ada@contoso.example</mailbox><messageid>{filler}</messageid></Metadata></Blob>"
)


class Service(ThreadingHTTPServer):
    """`files` blobs in the container `drop`, all of the same time; whatever is put anywhere else is kept."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The worker went."""

    def __init__(self, files: int, at: str) -> None:
        self.files, self.at = files, at
        self.kept: dict[str, tuple[bytes, str]] = {}
        self.listings = 0
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def connection_string(self) -> str:
        """With a SAS, so that nothing is signed."""
        url = f"http://127.0.0.1:{self.server_port}/{ACCOUNT}"
        return f"BlobEndpoint={url};QueueEndpoint={url}-queue;SharedAccessSignature=sig=x"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def do_GET(self) -> None:
        """A page of a listing, or a blob."""
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if query.get("comp") != "list":
            found = self.server.kept.get(unquote(parts.path))
            if found is None:
                return self._say(404)
            body, etag = found
            span = {"Content-Range": f"bytes 0-{len(body) - 1}/{len(body)}"}
            return self._say(206, body, ETag=etag, **span)
        size = int(query.get("maxresults", "5000"))
        if parts.path.endswith("/drop"):
            self.server.listings += 1
            return self._page(int(query.get("marker") or 0), size)
        return self._say(200, b'<?xml version="1.0"?><EnumerationResults><Blobs/><NextMarker/></EnumerationResults>')

    def do_PUT(self) -> None:
        """A blob, or a container."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.lock:
            etag = f'"0x{len(self.server.kept):X}"'
            self.server.kept[unquote(urlsplit(self.path).path)] = body, etag
        self._say(201, ETag=etag)

    def _page(self, first: int, size: int) -> None:
        last = min(first + size, self.server.files)
        blobs = "".join(
            _BLOB.format(name=f"in/file-{number:06}.pdf", at=self.server.at, number=number, filler="A" * 150)
            for number in range(first, last)
        )
        onward = f"<NextMarker>{last}</NextMarker>" if last < self.server.files else "<NextMarker/>"
        text = f'<?xml version="1.0"?><EnumerationResults><Blobs>{blobs}</Blobs>{onward}</EnumerationResults>'
        self._say(200, text.encode())

    def _say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Last-Modified", "Mon, 02 Mar 2026 08:00:00 GMT")
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def blob_service(files: int, at: str = "Mon, 02 Mar 2026 08:00:00 GMT") -> Iterator[Service]:
    """The service, in a thread of its own."""
    with Service(files, at) as service:
        thread = threading.Thread(target=service.serve_forever, daemon=True)
        thread.start()
        yield service
        service.shutdown()
        thread.join()
