"""A stack with one mailbox in it, and the files that are on their way to its messages and events.

    with Harness(Stack()) as harness:
        file = harness.drop(content(40_000_000))
        harness.ended(file)

`ended` and `all_ended` wait for a transfer's end; `assurance/oracle.py` says whether that end is what was promised.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

from azure.core.exceptions import ResourceNotFoundError

from devkit.graph.client import Emulator
from devkit.graph.wire import Request
from devkit.local.stack import Stack

MAILBOX = "ada@example.org"
ROOMY = 160_000_000
"""The mailbox's message limit, bytes: above the largest file. Exchange grants 35 MiB unless raised."""

PATIENCE = 120.0
"""Seconds that a transfer is waited for: a lease of 20 s and a good deal more, for a machine that does other things."""

ENDS = ("attached", "failed", "cancelled")
TRANSFERS, UNFINISHED = "transfers/", "unfinished/"

Kind = Literal["message", "event"]


def content(size: int, seed: object = 0) -> bytes:
    """`size` bytes that look random and repeat nowhere: a range in the wrong place changes the hash."""
    return hashlib.shake_128(f"{seed}".encode()).digest(size)


@dataclass(frozen=True)
class Delivery:
    """One file on its way: which blob version, to which item, and what its bytes are."""

    blob: str
    etag: str
    size: int
    sha256: str
    mailbox: str
    kind: Kind
    item: str
    shown_name: str


class Harness:
    """See the module. `stack` is started on entry and stopped on exit."""

    def __init__(self, stack: Stack, *, message_limit: int = ROOMY) -> None:
        self.stack = stack
        self._limit = message_limit
        self._numbers = itertools.count(1)
        self._homes: dict[str, str] = {}
        self._seen: dict[str, tuple[str, dict[str, Any]]] = {}
        self._checkpoints: dict[tuple[str, str], str] = {}

    def __enter__(self) -> Self:
        self.stack.__enter__()
        self.graph.add_mailbox(MAILBOX, message_limit=self._limit)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stack.stop()

    @property
    def graph(self) -> Emulator:
        """The emulator."""
        return self.stack.graph

    # --- dropping -------------------------------------------------------------------------------------------------

    def mailbox(self) -> str:
        """A fresh mailbox; its address. The product shares a mailbox out: files for one wait for each other."""
        address = f"user-{next(self._numbers):03}@example.org"
        self.graph.add_mailbox(address, message_limit=self._limit)
        return address

    def item(self, kind: Kind = "message", *, mailbox: str = MAILBOX, **properties: Any) -> str:
        """A fresh message or event; its id."""
        add = self.graph.add_message if kind == "message" else self.graph.add_event
        item = add(mailbox, **properties)
        self._homes[item] = mailbox
        return item

    def drop(  # noqa: PLR0913 - a file on its way has that many properties
        self,
        data: bytes,
        *,
        mailbox: str | None = None,
        kind: Kind = "message",
        item: str | None = None,
        blob: str | None = None,
        target: Mapping[str, str] | None = None,
        events: int | None = None,
        shown_name: str | None = None,
        **metadata: str,
    ) -> Delivery:
        """Drop a file for an item, a fresh one in a fresh mailbox unless given.

        `target` is the metadata that names the item, its id unless given; `metadata` is what the file has beside it,
        written as it is. `shown_name` is what the attachment should be called: the blob's last segment unless given.
        """
        mailbox = mailbox or (self._homes.get(item, MAILBOX) if item else self.mailbox())
        item = item or self.item(kind, mailbox=mailbox)
        blob = blob or f"file-{next(self._numbers):03}.bin"
        named = {"mailbox": mailbox, **(target or {f"{kind}id": quote(item, safe="")})}
        dropped = self.stack.drop(blob, data, metadata={**named, **metadata}, events=events)
        name = shown_name or blob.rpartition("/")[2]
        return Delivery(blob, dropped.etag, len(data), hashlib.sha256(data).hexdigest(), mailbox, kind, item, name)

    # --- looking --------------------------------------------------------------------------------------------------

    def transfers(self) -> list[dict[str, Any]]:
        """The `transfer` of every checkpoint; one that has not changed is not read again."""
        container = self.stack.storage.get_container_client(self.stack.checkpoint_container)
        found = []
        try:
            for blob in container.list_blobs(name_starts_with=TRANSFERS):
                known = self._seen.get(blob.name)
                if known is None or known[0] != blob.etag:
                    value = json.loads(container.download_blob(blob.name).readall())
                    known = self._seen[blob.name] = (str(blob.etag), value)
                if "transfer" in known[1]:
                    found.append(known[1]["transfer"])
                    source = known[1]["transfer"]["plan"]["source"]
                    self._checkpoints.setdefault((source["blob"], source["etag"]), blob.name)
        except ResourceNotFoundError:  # no container before the first transfer
            return found
        return found

    def transfer(self, file: Delivery) -> dict[str, Any]:
        """The transfer of this version of the blob; empty while there is none."""
        version = (file.blob, file.etag)
        if version not in self._checkpoints:
            self.transfers()
        if version not in self._checkpoints:
            return {}
        container = self.stack.storage.get_container_client(self.stack.checkpoint_container)
        found: dict[str, Any] = json.loads(container.download_blob(self._checkpoints[version]).readall())["transfer"]
        return found

    def marks(self) -> list[str]:
        """The ids of the transfers that are marked as unfinished."""
        container = self.stack.storage.get_container_client(self.stack.checkpoint_container)
        try:
            return [name.removeprefix(UNFINISHED) for name in container.list_blob_names(name_starts_with=UNFINISHED)]
        except ResourceNotFoundError:
            return []

    def sessions(self, file: Delivery) -> list[dict[str, Any]]:
        """The upload sessions of this file's item, oldest first."""
        return [session for session in self.graph.sessions() if session["item"] == file.item]

    def received(self, file: Delivery) -> int:
        """Bytes that the newest upload session of the item holds; 0 while there is none."""
        sessions = self.sessions(file)
        return int(sessions[-1]["received"]) if sessions else 0

    def requests(self, file: Delivery, *kinds: str) -> list[dict[str, Any]]:
        """The emulator's log of requests about this file's item, of some kinds if given."""
        item = quote(file.item, safe="")
        about = [entry for entry in self.graph.requests() if item in entry["path"]]
        return [entry for entry in about if not kinds or entry["kind"] in kinds]

    def attachments(self, file: Delivery) -> list[dict[str, Any]]:
        """What Graph lists on the item, each with the SHA-256 and length of its bytes as `$value` gives them."""
        collection = f"{file.kind}s"
        user = quote(file.mailbox, safe="@")
        base = f"{self.graph.graph_url}/users('{user}')/{collection}/{quote(file.item, safe='')}/attachments"
        headers = {"Authorization": f"Bearer {self.graph.issue_token()}"}
        listed = self.graph.send(Request("GET", f"{base}?$select=id,name,size,contentType,isInline", headers)).json()
        found: list[dict[str, Any]] = listed["value"]
        for one in found:
            answer = self.graph.send(Request("GET", f"{base}/{quote(one['id'], safe='')}/$value", headers))
            one["sha256"], one["length"] = hashlib.sha256(answer.body).hexdigest(), len(answer.body)
        return found

    # --- waiting --------------------------------------------------------------------------------------------------

    def ended(self, file: Delivery, timeout: float = PATIENCE) -> dict[str, Any]:
        """The transfer, once it is over."""

        def over() -> dict[str, Any]:
            transfer = self.transfer(file)
            return transfer if transfer.get("state") in ENDS else {}

        return self.stack.wait_until(over, timeout, what=f"the transfer of {file.blob} ends")

    def all_ended(self, files: Iterable[Delivery], timeout: float = PATIENCE) -> None:
        """Wait until every one of the transfers is over."""
        for file in files:
            self.ended(file, timeout)
