"""The index of transfers that are over: a listing of the failed ones costs what it shows, among a million others.

| entry | of which transfers that are over |
|---|---|
| `mailboxes/<digest>/<id>` | each that has a mailbox, or whose metadata gave something for one |
| `failed/<id>`, `in-doubt/<id>` | the failed ones, until a person has acknowledged them |
| `acknowledged/<id>` | the failed ones from then on |
| `cancelled/<id>` | the cancelled ones |
| `codes/<code>/<id>` | the failed ones |
| `names/<the file's name>/<id>` | the failed and the cancelled ones |

The entries are empty blobs whose metadata sums the transfer up. They are written once the outcome is durable and before
the unfinished entry is removed; where a process dies in between, the sweep repeats it. Attached transfers have none but
the mailbox's, because a transfer without trouble shall cost no request more: they are what the listing of all transfers
mostly consists of, and by their names they are found through the files in the drop container (`listing.py`).
"""

from __future__ import annotations

from datetime import datetime

from azure.core.exceptions import ResourceNotFoundError

from shared.core.errors import Code
from shared.core.history import RETRY_REQUESTED
from shared.core.identifiers import mailbox_digest
from shared.core.model import Acknowledgement, State, Transfer
from shared.storage import summary
from shared.storage.access import StorageAccess, storage_errors
from shared.storage.ports import Checkpoint, Checkpoints

FAILED = "failed/"
IN_DOUBT = "in-doubt/"
CANCELLED = "cancelled/"
ACKNOWLEDGED = "acknowledged/"

LONGEST_SPELLED = 600
"""Characters of a file's name in an entry's: a blob's name has at most 1,024, and a listing's marker repeats it. What
two longer names have in common beyond these is told by their summaries."""

NAME_HINT = "blob"
MAILBOX_HINT = "mailbox"
"""The keys of an unfinished entry's metadata: the file's name as `spelled` has it, and the mailbox's prefix here."""

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


class BlobOutcomeIndex:
    """Implements `Outcomes`: each outcome becomes index entries. `forget` removes them when a person tries again."""

    def __init__(self, access: StorageAccess, container: str, checkpoints: Checkpoints) -> None:
        self._access = access
        self._container = container
        self._checkpoints = checkpoints

    def notify(self, checkpoint: Checkpoint) -> None:
        """See `Outcomes.notify`. Notifying twice is harmless."""
        transfer = checkpoint.instance
        prefixes = _prefixes(transfer)
        if transfer.retries or transfer.acknowledged is not None:  # it may have been listed otherwise before
            self._clear(_all_prefixes(transfer) - prefixes, transfer.id)
        self._write(prefixes, transfer)
        if transfer.state is not State.ATTACHED:
            self._remove_superseded(transfer)

    def _remove_superseded(self, notified: Transfer) -> None:
        """A person may have had the transfer tried again meanwhile: only its current outcome stays listed.

        Read after the entries are there: a retry removes those it finds, and what is written later is seen here. An
        attached transfer is never tried again.
        """
        stored = self._checkpoints.load(notified.id)
        now = stored.checkpoint.instance if stored is not None else None
        if now is None or _end_of(now) == _end_of(notified):
            return
        self._clear(_all_prefixes(notified) - (_prefixes(now) if now.is_over else set()), notified.id)
        if now.is_over:
            self._write(_prefixes(now), now)  # the entries that both have show the current outcome

    def _write(self, prefixes: set[str], transfer: Transfer) -> None:
        with storage_errors(f"list the end of {transfer.id}"):
            for prefix in sorted(prefixes):
                blob = self._access.blobs.get_blob_client(self._container, prefix + transfer.id)
                blob.upload_blob(b"", overwrite=True, metadata=summary.pack(transfer))

    def forget(self, transfer: Transfer) -> None:
        """Remove its entries: the transfer is not over any more."""
        self._clear(_all_prefixes(transfer), transfer.id)

    def _clear(self, prefixes: set[str], transfer_id: str) -> None:
        with storage_errors(f"clear the listed end of {transfer_id}"):
            for prefix in sorted(prefixes):
                try:
                    self._access.blobs.get_blob_client(self._container, prefix + transfer_id).delete_blob()
                except ResourceNotFoundError:
                    continue


def of_mailbox(mailbox: str) -> str:
    """The prefix of the entries for a mailbox's transfers that are over. Compared without case, as mailboxes are."""
    return f"mailboxes/{mailbox_digest(mailbox, 16)}/"


def of_code(code: Code) -> str:
    """The prefix of the entries for the transfers that failed with this code."""
    return f"codes/{code.value}/"


def of_name(blob: str) -> str:
    """The prefix of the entries for the failed and cancelled transfers of files whose names begin with this."""
    return f"names/{spelled(blob)}"


def spelled(blob: str) -> str:
    """A file's name as ASCII that can stand in any path: a name that begins with another is spelled so, too."""
    text = "".join(character if character in _PLAIN else _escaped(character) for character in blob)
    return text[:LONGEST_SPELLED]


def hints(transfer: Transfer) -> dict[str, str]:
    """An unfinished entry's metadata: a search passes over what they rule out, without a request for each."""
    mailbox = {MAILBOX_HINT: of_mailbox(transfer.plan.mailbox)} if transfer.plan.mailbox is not None else {}
    return {NAME_HINT: spelled(transfer.plan.source.blob), **mailbox}


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode(errors="surrogatepass"))


def _end_of(transfer: Transfer) -> tuple[State, int, datetime | None, Acknowledgement | None]:
    return transfer.state, transfer.retries, transfer.finished_at, transfer.acknowledged


def _prefixes(transfer: Transfer) -> set[str]:
    """The prefixes under which a transfer with this outcome has entries."""
    plan = transfer.plan
    prefixes = {of_mailbox(plan.mailbox)} if plan.mailbox is not None else set()
    if transfer.state is State.ATTACHED:
        return prefixes
    prefixes.add(f"{of_name(plan.source.blob)}/")
    if transfer.state is State.CANCELLED:
        return prefixes | {CANCELLED}
    is_open = transfer.acknowledged is None
    prefixes.add(FAILED if is_open else ACKNOWLEDGED)
    if transfer.failure is not None:
        prefixes.add(of_code(transfer.failure.code))
        if is_open and transfer.failure.code is Code.COMMIT_IN_DOUBT:
            prefixes.add(IN_DOUBT)
    return prefixes


def _all_prefixes(transfer: Transfer) -> set[str]:
    """Every prefix under which it can have an entry, of earlier ends too: a retry's step has the code of its end."""
    codes = {Code(step.code) for step in transfer.history if step.outcome == RETRY_REQUESTED and step.code in set(Code)}
    name = f"{of_name(transfer.plan.source.blob)}/"
    return _prefixes(transfer) | {FAILED, IN_DOUBT, CANCELLED, ACKNOWLEDGED, name} | {of_code(code) for code in codes}
