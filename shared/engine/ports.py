"""What the engine needs of the world: `shared/storage` has the real ones, the simulation others.

Every method of a store or a queue may raise `StorageUnavailable`: nothing is known then, and the run ends; the next one
carries on. Every one may raise `StorageRefused` too: then nothing was done, and nothing will be until a person changes
something.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from shared.core.errors import Code
from shared.engine.checkpoint import Checkpoint
from shared.engine.continuation import Continuation

S = TypeVar("S")
A_contra = TypeVar("A_contra", contravariant=True)
E_co = TypeVar("E_co", covariant=True)
E_contra = TypeVar("E_contra", contravariant=True)
S_contra = TypeVar("S_contra", contravariant=True)


class StorageUnavailable(Exception):  # noqa: N818 - it names what is the case
    """Storage did not answer, or not in a way that tells what it did. It may pass by itself.

    `code` is STORAGE_UNAVAILABLE, or a nearer one where storage said what is the matter.
    """

    def __init__(self, detail: str = "", code: Code = Code.STORAGE_UNAVAILABLE) -> None:
        super().__init__(detail)
        self.code = code


class StorageRefused(Exception):  # noqa: N818 - it names what is the case
    """Storage refuses what was asked, and goes on refusing until a person changes something: a policy, a lease, a tier.

    `shared/storage/refusals.py` decides which answers are of this kind.
    """

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(f"{code.value}: {detail}")
        self.code = code
        self.detail = detail


class Conflict(Exception):  # noqa: N818 - the service's own word
    """A conditional write met another version: somebody else wrote in between."""


class CheckpointUnreadable(Exception):  # noqa: N818 - it names what is the case
    """The checkpoint is not ours to read: torn, foreign, or of a newer schema. It stays untouched."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(f"{code.value}: {detail}")
        self.code = code
        self.detail = detail


class Clock(Protocol):
    """Time: real, or the simulation's."""

    def now(self) -> datetime:
        """Now, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Do nothing for so long."""
        ...


class Background(Protocol):
    """Where work goes that nobody waits for. The simulation does it at once."""

    def submit(self, work: Callable[[], None], /) -> Future[None]:
        """Start the work, and hand over what waits for it."""
        ...


@dataclass(frozen=True)  # without slots, as `Checkpoint`
class Stored(Generic[S]):
    """A checkpoint and the ETag of the version it was read from."""

    checkpoint: Checkpoint[S]
    etag: str


class Checkpoints(Protocol[S]):
    """One blob per instance, and an index entry for each instance that is not over yet (`Facts.entry`)."""

    def load(self, instance_id: str, /) -> Stored[S] | None:
        """The checkpoint, or None. Raises CheckpointUnreadable."""
        ...

    def create(self, checkpoint: Checkpoint[S]) -> str:
        """Write the first version and return its ETag. Raises Conflict where one exists."""
        ...

    def save(self, checkpoint: Checkpoint[S], etag: str) -> str:
        """Replace the version with this ETag and return the new one. Raises Conflict where it is not the current."""
        ...

    def add_unfinished_entry(self, entry: str, instance: S | None = None) -> bool:
        """Add the index entry of an unfinished instance; False where it was there already.

        What is told of the `instance` spares whoever searches among many a request for each.
        """
        ...

    def has_unfinished_entry(self, entry: str) -> bool:
        """Whether the entry is there."""
        ...

    def renew_unfinished_entry(self, entry: str) -> None:
        """Write it afresh: the entry is from now."""
        ...

    def remove_unfinished_entry(self, entry: str) -> None:
        """Remove the entry. Harmless where there is none."""
        ...


class Codec(Protocol[S]):
    """The stored form of a process's checkpoints: a contract with every earlier and later version of the app."""

    def encode(self, checkpoint: Checkpoint[S]) -> bytes:
        """The checkpoint as a blob's content."""
        ...

    def decode(self, text: bytes, instance_id: str) -> Checkpoint[S]:
        """The checkpoint of this instance that `text` holds. Raises CheckpointUnreadable."""
        ...

    def metadata(self, instance: S) -> dict[str, str]:
        """What a listing shows of the instance without reading its blob: at most 8 KiB of ASCII."""
        ...

    def hints(self, instance: S) -> dict[str, str]:
        """What its index entry tells of it while it is not over."""
        ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """A message that was put: its id, and the pop receipt that deletes it while nobody has received it."""

    message_id: str
    pop_receipt: str


class ContinuationQueue(Protocol):
    """Messages that become visible later."""

    def ask(self, continuation: Continuation, delay: float) -> Receipt:
        """Put this message, to be seen in `delay` seconds (at most 7 days: the service's limit), and what undoes it."""
        ...

    def take_back(self, receipt: Receipt) -> None:
        """Delete a message that has not been delivered yet; harmless where it has been, or is gone."""
        ...


class Executor(Protocol[A_contra, E_co]):
    """Carries one action out and says what came of it."""

    def ahead(self, action: A_contra) -> None:
        """This action comes next; the checkpoint may have to be saved first."""
        ...

    def perform(self, action: A_contra) -> E_co:
        """An action goes in, what came of it comes out."""
        ...


class Observer(Protocol[S_contra, A_contra, E_contra]):
    """Who is told of every decision: logs and traces."""

    def decided(
        self, before: S_contra, action: A_contra | None, event: E_contra, after: S_contra, seconds: float
    ) -> None:
        """One step, and how many seconds its request took.

        `action` is None where nothing was asked of anybody: a run began, or a person wished the end.
        """
        ...

    def handed_over(self, instance_id: str, /) -> None:
        """Another run has taken the instance over; this one stopped."""
        ...
