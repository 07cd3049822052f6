"""What must hold whatever happened, judged from outside: by what Graph has, what storage has, and what was written.

Each function answers with what is wrong, one sentence each; an empty list means that all of it holds. Nothing here
believes what a transfer says of itself: the attachments are read back, and every text is searched for every secret.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from assurance.secrets import Scanner
from devkit.local.azurite import KEY
from devkit.local.harness import ENDS, TRANSFERS, Delivery, Harness
from devkit.local.stack import json_object

POISON = "-poison"
QUIET_SECONDS = 120.0
"""For what a killed run leaves behind, a lease of 20 s and a message hidden for 30 s, on a machine that is busy."""

UNSUMMED = frozenset({"session", "before", "suspects", "verdict", "history"})
"""What only a run needs: a checkpoint's summary leaves it out."""

_SIGNS = re.compile(
    r"authtoken=[^\s\"']*|Bearer\s+[A-Za-z0-9._~+/-]{12,}|AccountKey=[^;\s\"]+|[?&]sig=[^&\s\"]+", re.IGNORECASE
)
"""What a secret looks like, whoever made it: upload URLs, tokens, account keys, shared access signatures."""


def attached_once(harness: Harness, file: Delivery) -> list[str]:
    """What is wrong with a file that should be attached, once, byte for byte."""
    there = harness.attachments(file)
    wrong = []
    if len(there) != 1:
        wrong.append(f"{file.item} has {len(there)} attachments: {[one['name'] for one in there]}")
    for one in there:
        if (one["length"], one["sha256"]) != (file.size, file.sha256):
            wrong.append(f"{one['name']} has {one['length']} bytes and other content than {file.blob}")
        if one["name"] != file.shown_name:
            wrong.append(f"{file.blob} is shown as {one['name']!r}")
    transfer = harness.transfer(file)
    if transfer.get("state") != "attached":
        wrong.append(f"the transfer of {file.blob} is {transfer.get('state')}: {transfer.get('failure')}")
    elif transfer.get("attachmentId") not in {one["id"] for one in there}:
        wrong.append(f"the transfer of {file.blob} names {transfer.get('attachmentId')}, which is not there")
    return wrong


def left_behind(harness: Harness, orphaned: frozenset[str] = frozenset()) -> list[str]:
    """What is left half done once everything is over: marks, transfers, sessions, messages.

    On the items `orphaned`, the answer to a session's creation was lost on the way back: nobody knows of that session,
    which got no byte and expires by itself.
    """
    lengths = messages_left(harness)
    return [
        *(f"transfer {name} is still marked as unfinished" for name in harness.marks()),
        *(f"transfer {one['id']} is {one['state']}" for one in harness.transfers() if one["state"] not in ENDS),
        *(f"an upload session of {item} is open" for item in _open_sessions(harness, orphaned)),
        *(f"queue {name} holds {count} messages" for name, count in lengths.items() if count),
    ]


def _open_sessions(harness: Harness, orphaned: frozenset[str]) -> list[str]:
    """The items that a session is open on, but for sessions that nobody knows of."""
    lost = [entry["path"] for entry in harness.graph.requests() if entry["kind"] == "create" and entry["lost"]]

    def is_orphan(session: dict[str, Any]) -> bool:
        item = session["item"]
        return not session["received"] and (item in orphaned or any(quote(item, safe="") in path for path in lost))

    return [one["item"] for one in harness.graph.sessions() if one["state"] == "open" and not is_orphan(one)]


def messages_left(harness: Harness) -> dict[str, int]:
    """Messages by queue that may still do something, hidden ones included. Outcome queues are left out.

    One kind of message may outlast everything. A transfer that has to wait for its mailbox sends one that looks again
    by itself, minutes later (`Limits.recheck`), and is run before that when the mailbox admits it. The message cannot
    be taken back by whoever runs the transfer then, and finds it over. Its checkpoint says when it comes (`recheckAt`):
    one message for each transfer that is over and says so is expected in the work queue until then. Any further one,
    visible or hidden, is one too many: a run that did not take its own back, or a message that multiplies.
    """
    lengths = {name: count for name, count in harness.stack.queue_lengths().items() if not is_outcome_queue(name)}
    queue = harness.stack.settings.get("TRANSFER_QUEUE", "transfers")
    if lengths.get(queue):
        now = datetime.now(UTC)
        over = [one for one in harness.transfers() if one.get("state") in ENDS and one.get("recheckAt")]
        harmless = sum(datetime.fromisoformat(one["recheckAt"]) > now for one in over)
        lengths[queue] = max(0, lengths[queue] - harmless)
    return lengths


def is_outcome_queue(queue: str) -> bool:
    """Whether a queue is one that the product tells outcomes on: reading it is somebody else's business."""
    return queue.startswith("outcomes")


def leaks(harness: Harness) -> list[str]:
    """Every secret that stands where it must not: in a log, in a terminal checkpoint, in a message, in an error."""
    known = Scanner([*harness.graph.secrets(), KEY])
    wrong = []
    for where, text in _texts(harness):
        wrong += [f"{where} holds {leak}" for leak in known.leaks(text)]
        wrong += [f"{where} holds what looks like a secret: {sign[:12]}..." for sign in _SIGNS.findall(text)]
    return wrong


def strays(harness: Harness) -> list[str]:
    """Requests that carried the app's token to an upload session, which needs none and must not see it."""
    log = harness.graph.requests()
    return [
        f"{entry['method']} {entry['path']} carried Authorization"
        for entry in log
        if entry["surface"] == "upload" and entry["authorization"]
    ]


def broken_runs(harness: Harness, allowed: frozenset[str] = frozenset()) -> list[str]:
    """Runs that did not return: each is an exception that nobody meant, unless its outcome is `allowed`."""
    fine = {"succeeded"} | allowed
    runs = harness.stack.host.invocations()
    return [f"{run['function']} {run['outcome']}: {run['error']}" for run in runs if run["outcome"] not in fine]


def settle(harness: Harness, timeout: float = QUIET_SECONDS) -> None:
    """Wait until nothing runs and no message is left to do anything; TimeoutError where one stays.

    See `messages_left` for what counts.
    """

    def drained() -> bool:
        return not any(count for name, count in messages_left(harness).items() if not name.endswith(POISON))

    harness.stack.wait_until(drained, timeout, what="the queues drain")
    harness.stack.wait_until_idle(timeout)


def aftermath(
    harness: Harness, allowed: frozenset[str] = frozenset(), orphaned: frozenset[str] = frozenset()
) -> list[str]:
    """Everything that holds at the end of any scenario, once it has settled. See `broken_runs` and `left_behind`."""
    settle(harness)
    return [
        *left_behind(harness, orphaned),
        *misdescribed(harness),
        *leaks(harness),
        *strays(harness),
        *broken_runs(harness, allowed),
    ]


def _texts(harness: Harness) -> Iterator[tuple[str, str]]:
    """Where a secret could have got to, and what stands there."""
    stack = harness.stack
    yield "the log", stack.logs
    yield from _terminal_checkpoints(harness)
    for name in stack.queue_lengths():
        yield from ((f"queue {name}", text) for text in stack.peek(name))
    yield from (("a run's error", str(run["error"])) for run in stack.host.invocations() if run["error"])


def _terminal_checkpoints(harness: Harness) -> Iterator[tuple[str, str]]:
    """By what the checkpoint itself says; one that is no checkpoint is read through as well."""
    for name, text, _ in _checkpoints(harness):
        if _state(_transfer(text)) in {*ENDS, None}:
            yield name, text


def misdescribed(harness: Harness) -> list[str]:
    """Checkpoints whose metadata, which listings show, say something else than the checkpoint.

    The summary is taken apart here by itself: the product's own reader would share the product's errors.
    """
    wrong = []
    for name, text, metadata in _checkpoints(harness):
        transfer = _transfer(text)
        if metadata.get("state") != _state(transfer):
            wrong.append(f"{name} is {_state(transfer)}, and its metadata say {metadata.get('state')}")
        if "summary" not in metadata:
            continue  # it was too long
        shown = _transfer(zlib.decompress(base64.b64decode(metadata["summary"])).decode())
        differing = [key for key in transfer if key not in UNSUMMED and shown.get(key) != transfer[key]]
        if differing:
            wrong.append(f"{name} and the summary in its metadata differ in {', '.join(differing)}")
    return wrong


def _checkpoints(harness: Harness) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Name, text and metadata of every checkpoint."""
    container = harness.stack.storage.get_container_client(harness.stack.checkpoint_container)
    if not container.exists():
        return  # no transfer was made yet
    for blob in container.list_blobs(name_starts_with=TRANSFERS):
        download = container.download_blob(blob.name)
        yield blob.name, download.readall().decode(), dict(download.properties.metadata or {})


def _transfer(text: str) -> dict[str, Any]:
    """The transfer of a checkpoint's text; empty for anything else."""
    value = json_object(text.encode()) or {}
    transfer = value.get("transfer")
    return transfer if isinstance(transfer, dict) else {}


def _state(transfer: dict[str, Any]) -> str | None:
    """The state as the checkpoint has it, which leaves out what is a default; None for what is no transfer."""
    return str(transfer.get("state", "planned")) if transfer else None
