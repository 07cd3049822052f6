"""The drop container, and the bytes of one blob version as one streaming GET with the next range always on its way.

The blob SDK's downloader takes every range as a GET of its own and whole into memory. Here one GET streams from the
first wanted byte to the end, conditional on the ETag; a background read fills the second of two buffers while the first
is being sent. A stream that breaks or stalls is opened again at the byte that is missing.

The condition holds for the moment in which the stream was opened: whoever overwrites the blob later lets the stream run
on with the old bytes. So the version is asked for again while ranges are read ahead, and once more before the file's
last bytes are handed out.
"""

from __future__ import annotations

import base64
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobProperties

from shared.core.errors import Code
from shared.core.model import Failure, Source
from shared.storage import refusals
from shared.storage.access import BlobGet, StorageAccess, continuation_refused, error_code, storage_errors
from shared.storage.ports import Buffer, Dropped, SourceLost, SourceReader, SourceUnreadable, StorageRefused
from shared.storage.refusals import Means
from shared.storage.stream import BROKEN, BlobStream, Connections

ATTEMPTS = 3
"""Times that one range's bytes are asked for before the run is told; it comes back later with a fresh start."""

WAY_SECONDS = 60.0
"""How long a signature or token is used again. Chosen: well below the five minutes that azure-identity leaves to a
token it hands out."""

VERSION_SECONDS = 0.1
"""How old an answer about the version may be while ranges are read ahead. Chosen: below what a range takes on its way
to Outlook, so that a file that was overwritten is noticed before its last range, while fast ranges do not pay for a
question each. The question before the last bytes is never left out."""

HEAD_START = 0.01
"""Seconds by which a range that was handed out goes before what is read, and written, behind it: while its bytes leave,
anything else in the process slows them down. Chosen: about what it takes to hand 4 MiB to the network."""

UNHURRIED = 0.05
"""Seconds that a range takes at least where the next one is given a head start. Chosen: then most of them are spent on
waiting for Graph's answer, and the reading fits in; below, the reading is what the next range waits for."""

BUFFERS = 2
"""Ranges in memory: the one that is being sent, and the one that is being read."""


ERROR_CODE = "x-ms-error-code"

OF_SOURCE = {Code.STORAGE_ARCHIVED: Code.SOURCE_ARCHIVED, Code.STORAGE_ENCRYPTED: Code.SOURCE_ENCRYPTED}
"""What storage refuses because of what the file is: its transfer fails. Anything else is about the account, and the
transfer waits as for any storage that does not answer."""


UNFINISHED = frozenset({"pending", "failed", "aborted"})
"""What `x-ms-copy-status` says of a blob that is not the whole of what was copied (Copy Blob)."""


class DropContainer:
    """Implements `Sources`."""

    def __init__(self, access: StorageAccess, container: str) -> None:
        self._access = access
        self._container = container
        self._connections = Connections()

    def describe(self, blob: str) -> Dropped | None:
        """See `Sources.describe`."""
        try:
            with storage_errors(f"look at the file {blob!r}"):
                try:
                    properties = self._access.blobs.get_blob_client(self._container, blob).get_blob_properties()
                except ResourceNotFoundError:
                    return None
        except StorageRefused as refused:
            return self._unseen(blob, refused)
        return self._dropped(properties)

    def open(self, source: Source) -> SourceReader:
        """See `Sources.open`."""
        return BlobReader(self._access, self._connections, source)

    def delete(self, source: Source) -> None:
        """See `Sources.delete`."""
        client = self._access.blobs.get_blob_client(source.container, source.blob)
        with storage_errors(f"delete the file {source.blob!r}"):
            try:
                client.delete_blob(
                    delete_snapshots="include", etag=source.etag, match_condition=MatchConditions.IfNotModified
                )
            except HttpResponseError as error:
                meant = refusals.meaning(error.status_code or 0, error_code(error)).means
                if meant not in {Means.ABSENT, Means.RACE}:
                    raise

    def page(self, continuation: str | None, size: int) -> tuple[list[Dropped], str | None]:
        """See `Sources.page`."""
        return self.beginning_with(None, continuation, size)

    def beginning_with(
        self, prefix: str | None, continuation: str | None, size: int
    ) -> tuple[list[Dropped], str | None]:
        """`page` of the blobs whose names begin with this."""
        container = self._access.blobs.get_container_client(self._container)
        with storage_errors("list the drop container"), continuation_refused(continuation):
            listed = container.list_blobs(name_starts_with=prefix, include=["metadata", "copy"], results_per_page=size)
            pages: Any = listed.by_page(continuation)
            try:
                blobs = [self._dropped(blob) for blob in next(pages)]
            except (StopIteration, ResourceNotFoundError):
                return [], None
        return blobs, pages.continuation_token or None

    def _unseen(self, blob: str, refused: StorageRefused) -> Dropped:
        """A file that storage shows to nobody who lacks its key: a listing still knows its version and size."""
        container = self._access.blobs.get_container_client(self._container)
        with storage_errors(f"look for the file {blob!r}"):
            pages: Any = container.list_blobs(name_starts_with=blob, results_per_page=1).by_page()
            found = next(iter(next(pages, ())), None)
        if found is None or str(found.name) != blob:
            raise refused
        return replace(self._dropped(found), refusal=_failure(refused))

    def _dropped(self, properties: BlobProperties) -> Dropped:
        source = Source(
            container=self._container,
            blob=str(properties.name),
            etag=_quoted(str(properties.etag)),
            size=int(properties.size),
            modified_at=properties.last_modified.astimezone(UTC),
            md5=_in_base64(properties.content_settings.content_md5),
        )
        refusal = None
        if getattr(properties, "encrypted_metadata", None):  # how a listing shows it; a HEAD is refused
            refusal = Failure(Code.SOURCE_ENCRYPTED, f"{source.blob!r} is encrypted with a customer-provided key.")
        status = str(properties.copy.status or "").lower()
        return Dropped(
            source,
            dict(properties.metadata or {}),
            properties.content_settings.content_type,
            refusal,
            copy=status if status in UNFINISHED else None,
            created_at=properties.creation_time.astimezone(UTC) if properties.creation_time is not None else None,
        )


class BlobReader:
    """Implements `SourceReader` and `ReadsAhead` for one version of one blob. Not for use by two threads at once."""

    def __init__(self, access: StorageAccess, connections: Connections, source: Source) -> None:
        self._access = access
        self._connections = connections
        self._source = source
        self._stream: BlobStream | None = None
        self._position = 0
        self._buffers: list[bytearray] = []
        self._ahead: tuple[int, int, Future[memoryview]] | None = None
        self._asked: Future[Any] | None = None
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead")
        self._way: tuple[float, BlobGet] | None = None
        self._handed_out_at = 0.0
        self._current_at = 0.0  # when the pinned version was last known to be the blob's, by the monotonic clock
        self._closed = False

    def expect(self, offset: int, length: int) -> None:
        """See `ReadsAhead.expect`. Before the last bytes the version is asked for; `read` only waits for the answer."""
        begun = self._ahead is not None
        ahead = self._read_ahead(offset, length)
        if offset + length >= self._source.size:
            self._asked = self._worker.submit(self._ask_version) if begun else ahead

    def read(self, offset: int, length: int) -> Buffer:
        """See `SourceReader.read`. Starts reading the range that follows, as long as this one."""
        opened_now = self._ahead is None and self._stream is None
        asked, self._asked = self._asked, None
        data = self._take(offset, length)
        onward = offset + length
        following = min(length, self._source.size - onward)
        if following > 0:
            self._read_ahead(onward, following, self._head_start())
        elif asked is not None:
            asked.result()
        elif not opened_now:
            self._ask_version()
        return data

    def close(self) -> None:
        """See `SourceReader.close`. A read under way is broken off."""
        self._closed = True
        if self._ahead is not None and not self._ahead[2].done() and self._stream is not None:
            self._stream.abort()
        self._worker.shutdown(wait=True, cancel_futures=True)
        self._ahead = None
        self._drop_stream()
        self._buffers.clear()

    def _read_ahead(self, offset: int, length: int, pause: float = 0) -> Future[memoryview]:
        """Read these bytes in the background, after `pause` seconds, unless others are being read already."""
        if self._ahead is None:
            self._ahead = (offset, length, self._worker.submit(self._fill_ahead, offset, length, pause))
        return self._ahead[2]

    def _head_start(self) -> float:
        """Seconds by which the bytes that are handed out now go before the next ones are read."""
        now = time.monotonic()
        took, self._handed_out_at = now - self._handed_out_at, now
        return HEAD_START if took >= UNHURRIED else 0

    def _take(self, offset: int, length: int) -> memoryview:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            start, held, filled = ahead
            data = filled.result()
            if start == offset and held >= length:
                return data[:length]
        return self._worker.submit(self._fill, offset, length).result()

    def _fill_ahead(self, offset: int, length: int, pause: float) -> memoryview:
        """Fill a buffer, then make sure that the bytes are still the blob's; nobody waits for either."""
        time.sleep(pause)
        data = self._fill(offset, length)
        is_last = offset + length >= self._source.size
        if is_last or time.monotonic() - self._current_at > VERSION_SECONDS:
            self._ask_version()
        return data

    def _fill(self, offset: int, length: int) -> memoryview:
        """Fill the buffer that was not handed out last."""
        view = memoryview(self._next_buffer(length))[:length]
        filled = 0
        for _ in range(ATTEMPTS):
            filled += self._read_into(view[filled:], offset + filled)
            if filled == length:
                return view
            if self._closed:
                break
        raise SourceUnreadable(f"{self._source.blob!r} gave {filled} of {length} bytes from byte {offset}")

    def _read_into(self, view: memoryview, offset: int) -> int:
        """Read on from `offset` until the view is full, the stream ends or it breaks; the count of bytes read.

        What came before a break is kept; the stream is dropped, so that the next one begins where this one ended.
        """
        got = 0
        try:
            stream = self._stream_at(offset)
            while got < len(view):
                read = stream.readinto(view[got:])
                if not read:
                    self._drop_stream()
                    break
                got += read
        except BROKEN:
            self._drop_stream()
        self._position = offset + got
        return got

    def _stream_at(self, offset: int) -> BlobStream:
        if self._stream is not None and self._position == offset:
            return self._stream
        self._drop_stream()
        stream = self._connections.get(*self._request({"Range": f"bytes={offset}-", "If-Match": self._source.etag}))
        if stream.status == HTTPStatus.PARTIAL_CONTENT:
            self._stream, self._position = stream, offset
            self._current_at = time.monotonic()
            return stream
        stream.close()
        raise self._refused(stream)

    def _ask_version(self) -> None:
        """Raise SourceLost unless the pinned version is still the blob's current one."""
        for _ in range(ATTEMPTS):
            try:
                answer = self._connections.head(*self._request({"If-Match": self._source.etag}))
                if answer.status == HTTPStatus.OK:
                    self._current_at = time.monotonic()
                    return
                problem = self._refused(answer)
            except BROKEN:
                continue
            raise problem
        raise SourceUnreadable(f"{self._source.blob!r} could not be asked for its version")

    def _request(self, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
        """URL and headers of a request for the blob."""
        now = time.monotonic()
        if self._way is None or now - self._way[0] > WAY_SECONDS:
            self._way = now, self._access.blob_get(self._source.container, self._source.blob, datetime.now(UTC))
        way = self._way[1]
        return way.url, {**way.headers, **headers}

    def _refused(self, answer: BlobStream) -> SourceLost | SourceUnreadable | StorageRefused:
        """What storage's refusal of a conditional request means. A condition fails on a missing blob too (Azurite)."""
        status, code, what = answer.status, answer.header(ERROR_CODE), f"read {self._source.blob!r}"
        meant = refusals.meaning(status, code)
        if meant.means is Means.RACE or status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            now = self._connections.head(*self._request({}))
            if now.status == HTTPStatus.OK and _quoted(now.header("etag") or "") == self._source.etag:
                return SourceUnreadable(f"storage answered {status} to the request to {what}, which has not changed")
            return SourceLost(Code.SOURCE_GONE if now.status == HTTPStatus.NOT_FOUND else Code.SOURCE_CHANGED)
        if meant.means is Means.ABSENT:
            return SourceLost(Code.SOURCE_GONE)
        problem = refusals.problem(status, code, what, conditional=False)
        if isinstance(problem, StorageRefused) and problem.code in OF_SOURCE:
            failure = _failure(problem)
            return StorageRefused(failure.code, failure.detail)
        return SourceUnreadable(str(problem))

    def _next_buffer(self, length: int) -> bytearray:
        """Two buffers take turns: what was handed out last stays as it is while the other one fills."""
        if len(self._buffers) < BUFFERS:
            self._buffers.append(bytearray(length))
            return self._buffers[-1]
        self._buffers.reverse()
        if len(self._buffers[-1]) < length:
            self._buffers[-1] = bytearray(length)
        return self._buffers[-1]

    def _drop_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


def _failure(refused: StorageRefused) -> Failure:
    """Why a transfer of the file fails."""
    return Failure(OF_SOURCE.get(refused.code, refused.code), f"{refused.detail}.")


def _in_base64(md5: object) -> str | None:
    """A Content-MD5 as its header has it. The SDK hands over its bytes."""
    return base64.b64encode(md5).decode("ascii") if isinstance(md5, bytes | bytearray) and md5 else None


def _quoted(etag: str) -> str:
    """An ETag as headers carry it: listings leave the quotes out."""
    return etag if etag.startswith('"') else f'"{etag}"'
