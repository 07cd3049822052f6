"""Storage in virtual time: every call takes its time, conditional writes meet, messages hide and show."""

from __future__ import annotations

import heapq
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count

from assurance.load.timeline import Timeline
from shared.core.model import Source, Transfer
from shared.engine.continuation import Continuation
from shared.rate_limit.mailbox import Mailbox, Waiting
from shared.storage.ports import Buffer, Checkpoint, Clock, Conflict, Dropped, Receipt, Stored

EPOCH = datetime.fromtimestamp(0, UTC)
_ZEROS = memoryview(bytes(4 * 1024 * 1024))


class Latency:
    """What a storage call costs: `seconds` each, counted by name. Work in the background takes no time of the run."""

    def __init__(self, timeline: Clock, seconds: float) -> None:
        self.calls: Counter[str] = Counter()
        self._timeline = timeline
        self._seconds = seconds
        self._local = threading.local()

    def spend(self, name: str) -> None:
        """One call."""
        self.calls[name] += 1
        if not getattr(self._local, "behind", False):
            self._timeline.sleep(self._seconds)

    @contextmanager
    def background(self) -> Iterator[Behind]:
        """What `RunDependencies.background` wants."""
        yield Behind(self)

    def behind(self, work: Callable[[], None]) -> None:
        """Do the work now, at no cost of time: nobody waits for it."""
        self._local.behind = True
        try:
            work()
        finally:
            self._local.behind = False


class Behind:
    """Implements `Background`."""

    def __init__(self, latency: Latency) -> None:
        self._latency = latency

    def submit(self, work: Callable[[], None], /) -> Future[None]:
        """See `Background.submit`."""
        done: Future[None] = Future()
        try:
            self._latency.behind(work)
            done.set_result(None)
        except Exception as error:  # noqa: BLE001 - a future keeps whatever happened
            done.set_exception(error)
        return done


class ModelCheckpoints:
    """Implements `Checkpoints`. Keeps values, not bytes."""

    def __init__(self, latency: Latency) -> None:
        self.held: dict[str, Stored] = {}
        self._latency = latency
        self._versions = count(1)

    def load(self, transfer_id: str) -> Stored | None:
        """See `Checkpoints.load`."""
        self._latency.spend("checkpoint read")
        return self.held.get(transfer_id)

    def create(self, checkpoint: Checkpoint) -> str:
        """See `Checkpoints.create`."""
        self._latency.spend("checkpoint write")
        return self._put(checkpoint, None)

    def save(self, checkpoint: Checkpoint, etag: str) -> str:
        """See `Checkpoints.save`."""
        self._latency.spend("checkpoint write")
        return self._put(checkpoint, etag)

    def add_unfinished_entry(self, entry: str, transfer: Transfer | None = None) -> bool:  # noqa: ARG002 - the protocol
        """See `Checkpoints.add_unfinished_entry`."""
        self._latency.spend("mark")
        return True

    def has_unfinished_entry(self, entry: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """See `Checkpoints.has_unfinished_entry`."""
        self._latency.spend("mark")
        return False

    def renew_unfinished_entry(self, entry: str) -> None:  # noqa: ARG002 - the protocol's signature
        """See `Checkpoints.renew_unfinished_entry`."""
        self._latency.spend("mark")

    def remove_unfinished_entry(self, entry: str) -> None:  # noqa: ARG002 - the protocol's signature
        """See `Checkpoints.remove_unfinished_entry`."""
        self._latency.spend("mark")

    def _put(self, checkpoint: Checkpoint, etag: str | None) -> str:
        held = self.held.get(checkpoint.instance.id)
        if (held.etag if held else None) != etag:
            raise Conflict
        stored = Stored(checkpoint, str(next(self._versions)))
        self.held[checkpoint.instance.id] = stored
        return stored.etag


class ModelMailboxes:
    """Implements `Mailboxes`."""

    def __init__(self, latency: Latency) -> None:
        self.held: dict[str, tuple[Mailbox, str]] = {}
        self.lines: dict[str, dict[tuple[datetime, str], Waiting]] = {}
        self.conflicts = 0
        self.counted: datetime | None = None
        self._latency = latency
        self._versions = count(1)

    def counted_until(self) -> datetime | None:
        """See `Mailboxes.counted_until`."""
        self._latency.spend("lesson read")
        return self.counted

    def count_until(self, until: datetime) -> None:
        """See `Mailboxes.count_until`."""
        self._latency.spend("lesson write")
        self.counted = until

    def load(self, mailbox: str) -> tuple[Mailbox, str | None]:
        """See `Mailboxes.load`."""
        self._latency.spend("pace read")
        return self.held.get(mailbox.casefold(), (Mailbox(), None))

    def save(self, mailbox: str, state: Mailbox, etag: str | None) -> str:
        """See `Mailboxes.save`."""
        self._latency.spend("pace write")
        if self.held.get(mailbox.casefold(), (None, None))[1] != etag:
            self.conflicts += 1
            raise Conflict
        version = str(next(self._versions))
        self.held[mailbox.casefold()] = (state, version)
        return version

    def enqueue(self, mailbox: str, waiting: Waiting) -> None:
        """See `Mailboxes.enqueue`."""
        self._latency.spend("line write")
        self.lines.setdefault(mailbox.casefold(), {})[_position(waiting)] = waiting

    def entries(self, mailbox: str, limit: int) -> tuple[Waiting, ...]:
        """See `Mailboxes.entries`."""
        self._latency.spend("line list")
        line = self.lines.get(mailbox.casefold(), {})
        return tuple(line[position] for position in sorted(line)[:limit])

    def dequeue(self, mailbox: str, entries: tuple[Waiting, ...]) -> None:
        """See `Mailboxes.dequeue`."""
        self._latency.spend("line delete")
        line = self.lines.get(mailbox.casefold(), {})
        for entry in entries:
            line.pop(_position(entry), None)


def _position(waiting: Waiting) -> tuple[datetime, str]:
    """An entry's place in the line: by milliseconds, as the entries' names have it, then by transfer."""
    since = waiting.since or EPOCH
    return since.replace(microsecond=since.microsecond // 1000 * 1000), waiting.transfer


class ModelSources:
    """Implements `Sources`: files that are all zeros."""

    def __init__(self, latency: Latency) -> None:
        self._latency = latency

    def describe(self, blob: str) -> Dropped | None:
        """See `Sources.describe`."""
        raise NotImplementedError(blob)

    def open(self, source: Source) -> ModelReader:
        """See `Sources.open`."""
        return ModelReader(self._latency, source)

    def delete(self, source: Source) -> None:
        """See `Sources.delete`."""
        raise NotImplementedError(source)

    def page(self, continuation: str | None, size: int) -> tuple[list[Dropped], str | None]:
        """See `Sources.page`."""
        raise NotImplementedError(continuation, size)


class ModelReader:
    """Implements `SourceReader`: the stream is opened once, everything else was read ahead."""

    def __init__(self, latency: Latency, source: Source) -> None:
        self._latency = latency
        self._source = source
        self._opened = False

    def read(self, offset: int, length: int) -> Buffer:  # noqa: ARG002 - the protocol's signature
        """See `SourceReader.read`."""
        if not self._opened:
            self._opened = True
            self._latency.spend("source read")
        return _ZEROS[:length]

    def close(self) -> None:
        """See `SourceReader.close`."""


class ModelQueue:
    """Implements `TransferQueue`; `take` is the host's side of it."""

    def __init__(self, timeline: Timeline, latency: Latency) -> None:
        self._timeline = timeline
        self._latency = latency
        self._messages: list[tuple[float, int, Continuation]] = []
        self._numbers = count()
        self.most_hidden: Counter[str] = Counter()
        """By what it is about: the most messages that were hidden at once, those against a run's death aside."""

    def send(self, transfer_id: str, delay: float) -> None:
        """See `TransferQueue.send`. The service counts whole seconds; the product rounds them up."""
        self.ask(Continuation(transfer_id), delay)

    def ask(self, continuation: Continuation, delay: float) -> Receipt:
        """See `TransferQueue.ask`."""
        self._latency.spend("queue message")
        return Receipt(str(self.put(continuation, self._timeline.seconds + -(-delay // 1))), "")

    def take_back(self, receipt: Receipt) -> None:
        """See `TransferQueue.take_back`."""
        self._latency.spend("queue message")
        self._messages = [one for one in self._messages if str(one[1]) != receipt.message_id]
        heapq.heapify(self._messages)

    def put(self, message: Continuation, at: float) -> int:
        """A message that becomes visible at `at` seconds; its number."""
        now, about, number = self._timeline.seconds, message.key, next(self._numbers)
        heapq.heappush(self._messages, (at, number, message))
        if at > now and not message.guards:
            others = ((due, other) for due, _, other in self._messages if not other.guards)
            hidden = sum(1 for due, other in others if other.key == about and due > now)
            self.most_hidden[about] = max(self.most_hidden[about], hidden)
        return number

    @property
    def waits(self) -> bool:
        """True while there is a message."""
        return bool(self._messages)

    def take(self, most: int) -> list[Continuation]:
        """Up to `most` visible messages, which count as deleted: nothing dies here."""
        taken: list[Continuation] = []
        while self._messages and len(taken) < most and self._messages[0][0] <= self._timeline.seconds:
            taken.append(heapq.heappop(self._messages)[2])
        return taken
