"""Endpoints that take a connection and say nothing: whatever asks them ends within a bound, and says which it was."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from shared.core.errors import Code
from shared.run import sweep
from shared.storage import access as module
from shared.storage.access import StorageAccess, storage_errors
from shared.storage.ports import StorageUnavailable

READ = 0.2
"""Seconds, in the place of the real read timeout: so that a test need not wait for it."""


class Silent:
    """A listener that accepts every connection, and counts them."""

    def __init__(self) -> None:
        self.connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                self.connections.append(self._listener.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        for one in self.connections:
            one.close()


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Silent]:
    server = Silent()
    for patience in (module._PATIENCE, module.IDENTITY_PATIENCE):
        monkeypatch.setitem(patience, "read_timeout", READ)
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://{server.address}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "x")
    yield server
    server.close()


def by_key(server: Silent) -> StorageAccess:
    text = "DefaultEndpointsProtocol=http;AccountName=made;AccountKey=bWFkZQ=="
    url = f"http://{server.address}/made"
    return StorageAccess(
        connection_string=f"{text};BlobEndpoint={url};QueueEndpoint={url}",
        blob_uri=None,
        queue_uri=None,
        client_id=None,
        managed=False,
    )


def by_identity(_server: Silent) -> StorageAccess:
    uri = "https://made.blob.core.windows.net"
    return StorageAccess(connection_string=None, blob_uri=uri, queue_uri=uri, client_id=None, managed=True)


def read_a_blob(access: StorageAccess) -> None:
    with storage_errors():
        access.blobs.get_blob_client("drop", "a.bin").download_blob().readall()


def look_at_a_queue(access: StorageAccess) -> None:
    with storage_errors():
        access.queue("transfers").peek_messages()


def sign_a_stream(access: StorageAccess) -> None:
    access.blob_get("drop", "a.bin", datetime.now(UTC))


@pytest.mark.parametrize(
    ("access", "ask", "code", "tries"),
    [
        (by_key, read_a_blob, Code.STORAGE_UNAVAILABLE, 4),
        (by_key, look_at_a_queue, Code.STORAGE_UNAVAILABLE, 4),
        (by_identity, read_a_blob, Code.IDENTITY_UNAVAILABLE, 3),
        (by_identity, look_at_a_queue, Code.IDENTITY_UNAVAILABLE, 3),
        (by_identity, sign_a_stream, Code.IDENTITY_UNAVAILABLE, 3),
    ],
)
def test_an_endpoint_that_is_silent_costs_its_own_tries_and_no_more(
    silent: Silent,
    access: Callable[[Silent], StorageAccess],
    ask: Callable[[StorageAccess], None],
    code: Code,
    tries: int,
) -> None:
    began = time.monotonic()
    with pytest.raises(StorageUnavailable) as caught:
        ask(access(silent))
    assert caught.value.code is code
    assert len(silent.connections) == tries
    assert time.monotonic() - began < tries * READ + 15, "the tries, and the pauses between them"


def test_what_an_endpoint_may_cost_is_well_inside_what_a_tick_and_a_run_have() -> None:
    """Read timeouts and the longest pauses between tries, as they are set."""
    storage = module._PATIENCE
    tries = storage["retry_total"] + 1
    pauses = sum(
        storage["initial_backoff"] + storage["increment_base"] * number + storage["random_jitter_range"]
        for number in range(1, tries)
    )
    assert tries * storage["read_timeout"] + pauses < 150
    assert sweep.SECONDS + 2 * 150 < 600, "a tick whose last call is met by silence ends before the function timeout"
    identity = module.IDENTITY_PATIENCE
    assert (identity["retry_total"] + 1) * identity["read_timeout"] < 60
