"""How the Functions host takes messages from a storage queue, and what becomes of those whose function fails.

The rules are those of `Microsoft.Azure.WebJobs.Extensions.Storage.Queues` (QueueListener, QueueProcessor): messages
come in batches, are hidden for ten minutes at a time while they run, deleted when the function returns, shown again
when it fails, and moved to the poison queue after `max_dequeue_count` tries. On a poison queue nothing is shown again:
a message whose function failed comes back when those ten minutes are over. What a host that ends was working on it
gives back to nobody.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from devkit.functions_host.faults import TAKEN_OVER, fault, polling_survives
from devkit.functions_host.settings import QueueRules
from devkit.functions_host.workers import InvocationError, OverrunError, say

HOLD_SECONDS = 600.0  # the host's own visibility timeout for a running message
TOLD_SECONDS = 60.0  # how late a message is seen that another instance left on the blob trigger's own queue
OVERRUN_SECONDS = 10.0  # between the end of a run that overran its time and the release of its message
FIRST_DELAY_SECONDS = 0.02  # after an empty answer; doubles up to the polling interval


Put = Callable[[QueueClient, str], Awaitable[None]]
"""What puts a message on a queue, as it is to stand there."""

Fail = Callable[[BaseException], None]
"""What is told of an exception that ends the host."""


@dataclass(frozen=True)
class Pace:
    """How fast this host goes, in seconds; the defaults are the real host's.

    Attributes:
        poll: between looks at an idle queue, where host.json does not ask for less; None: as host.json has it.
        told: between looks at a queue that hosts alone fill, likewise: whatever this one puts there, its listener is
            told of.
        hold: for how long a message that was taken is hidden; it is renewed at half of it.
        overrun: see OVERRUN_SECONDS.
        poison_tries: how often a message of a poison queue is tried, then skipped for ever, as storage extensions
            before 5.3.8 do; None: without end.
    """

    poll: float | None = None
    told: float = TOLD_SECONDS
    hold: float = HOLD_SECONDS
    overrun: float = OVERRUN_SECONDS
    poison_tries: int | None = None


@dataclass(frozen=True)
class Taken:
    """One message as a function gets it: the decoded text, and the queue's own facts about it."""

    text: str
    message: QueueMessage

    @property
    def dequeue_count(self) -> int:
        """How many times it was taken, this time included."""
        return int(self.message.dequeue_count or 0)


class NotBase64Error(ValueError):
    """A message that no function is ever shown, because the app's encoding is base64."""


class QueueListener:
    """Takes messages from `queue` and gives each to `run`, which raises InvocationError to have it tried again.

    `poison` is given a message that was tried too often, as it stands in the queue; without it the queue is a poison
    queue itself. `told` says that hosts alone fill the queue (see `Pace`). `fail` is told what ends the host.
    """

    def __init__(
        self,
        queue: QueueClient,
        rules: QueueRules,
        pace: Pace,
        run: Callable[[Taken], Awaitable[None]],
        poison: Callable[[str], Awaitable[None]] | None,
        *,
        told: bool,
        fail: Fail,
    ) -> None:
        self.queue = queue
        self._rules = rules
        self._pace = pace
        wanted = pace.told if told else pace.poll
        self._longest = rules.max_polling_seconds if wanted is None else min(wanted, rules.max_polling_seconds)
        self._run = run
        self._poison = poison
        self._fail = fail
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    @property
    def busy(self) -> bool:
        """Whether a message is being worked on."""
        return bool(self._running)

    def wake(self) -> None:
        """Something was just put into the queue by this host: look at once."""
        self._wake.set()

    async def listen(self) -> None:
        """Take batches until cancelled; the messages that are running then go on (see `finish`)."""
        delay = FIRST_DELAY_SECONDS
        while True:
            while len(self._running) > self._rules.new_batch_threshold:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            batch = await self._take()
            for message in batch:
                task = asyncio.create_task(self._process(message))
                self._running.add(task)
                task.add_done_callback(self._end)
            delay = FIRST_DELAY_SECONDS if batch or await self._woken(delay) else min(delay * 2, self._longest)

    async def _woken(self, seconds: float) -> bool:
        """Wait so long, or until there is a reason to look; whether there was one."""
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return False
        self._wake.clear()
        return True

    async def finish(self) -> None:
        """Wait until every message that was taken is deleted, given back or poisoned."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def abandon(self) -> None:
        """Forget what was taken: nothing of it is given back, as when the process is gone."""
        for task in self._running:
            task.cancel()
        await self.finish()

    def _end(self, task: asyncio.Task[None]) -> None:
        """A message is done with; what storage refused the host on the way ends it."""
        self._running.discard(task)
        problem = None if task.cancelled() else task.exception()
        if problem is not None:
            self._fail(problem)

    async def _take(self) -> list[QueueMessage]:
        """The next batch; empty also while the queue does not exist or storage is busy."""
        try:
            return [
                message
                async for message in self.queue.receive_messages(
                    max_messages=self._rules.batch_size, visibility_timeout=int(self._pace.hold)
                )
            ]
        except ResourceNotFoundError:
            return []
        except AzureError as problem:
            if polling_survives(problem):
                say(f"queue {self.queue.queue_name}: {type(problem).__name__}: {problem}")
                return []
            raise fault(f"polling the queue {self.queue.queue_name}", problem) from problem

    async def _process(self, message: QueueMessage) -> None:
        """Run one message to its end: deleted, given back, or poisoned. HostFaultError where storage refuses that."""
        try:
            await self._processed(message)
        except AzureError as problem:
            raise fault(f"a message of the queue {self.queue.queue_name}", problem) from problem

    async def _processed(self, message: QueueMessage) -> None:
        lease, content, count = self._lease(message), str(message.content), int(message.dequeue_count or 0)
        if self._poison is None and self._pace.poison_tries is not None and count > self._pace.poison_tries:
            return  # it stays where it is
        if self._poison is not None and count > self._rules.max_dequeue_count:
            await self._move_to_poison(lease, content)  # its last try ended with the host itself
            return
        try:
            text = self._decode(content)
        except NotBase64Error:
            say(f"queue {self.queue.queue_name}: a message is not base64: no function is shown it")
            if self._poison is not None:
                await self._move_to_poison(lease, content)
            return
        if text is not None and await self._ran(lease, Taken(text, message)):
            await lease.delete()
        elif self._poison is None:
            return  # hidden for as long as it was taken for
        elif count >= self._rules.max_dequeue_count:
            await self._move_to_poison(lease, content)
        else:
            await lease.release(self._rules.visibility_seconds)
            if not self._rules.visibility_seconds:
                self.wake()

    async def _ran(self, lease: _Hold, taken: Taken) -> bool:
        """Run the function; whether it returned."""
        try:
            async with lease:
                await self._run(taken)
        except OverrunError:
            await asyncio.sleep(self._pace.overrun)
            return False
        except InvocationError:
            return False
        return True

    def _lease(self, message: QueueMessage) -> _Hold:
        return _Hold(self.queue, message, self._pace.hold, self._fail)

    def _decode(self, content: str) -> str | None:
        """The message's text; None for what is no UTF-8, which fails like a function; NotBase64Error for the rest."""
        if not self._rules.base64:
            return content
        try:
            return base64.b64decode(content, validate=True).decode("utf-8")
        except UnicodeDecodeError:
            return None
        except binascii.Error as problem:
            raise NotBase64Error(str(problem)) from problem

    async def _move_to_poison(self, lease: _Hold, content: str) -> None:
        """Copy first, delete second: a poison message may come twice, but is never lost."""
        if self._poison is not None:
            await self._poison(content)
        await lease.delete()


class _Hold:
    """Keeps a running message hidden, and knows its newest pop receipt."""

    def __init__(self, queue: QueueClient, message: QueueMessage, seconds: float, fail: Fail) -> None:
        self._queue = queue
        self._id = str(message.id)
        self._receipt = message.pop_receipt
        self._seconds = seconds
        self._fail = fail
        self._over = asyncio.Event()
        self._renewal: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._renewal = asyncio.create_task(self._renew())

    async def __aexit__(self, *_: object) -> None:
        """A renewal that is under way is waited for: its answer holds the pop receipt that counts."""
        assert self._renewal is not None
        self._over.set()
        await self._renewal

    async def delete(self) -> None:
        """Done with it; a message that someone else has taken meanwhile stays theirs."""
        await self._unless_taken(self._queue.delete_message(self._id, self._receipt))

    async def release(self, seconds: float) -> None:
        """Show it again in `seconds`."""
        await self._unless_taken(self._show(seconds))

    async def _renew(self) -> None:
        """Hide it for as long again, at half the time; what storage says against it ends the host."""
        while not self._over.is_set():
            try:
                await asyncio.wait_for(self._over.wait(), self._seconds / 2)
            except TimeoutError:
                try:
                    await self._unless_taken(self._show(self._seconds))
                except AzureError as problem:
                    self._fail(fault(f"keeping a message of the queue {self._queue.queue_name} hidden", problem))
                    return

    async def _show(self, seconds: float) -> None:
        """Set the visibility and remember the new pop receipt."""
        updated = await self._queue.update_message(self._id, self._receipt, visibility_timeout=int(seconds))
        self._receipt = updated.pop_receipt

    async def _unless_taken(self, call: Awaitable[object]) -> None:
        """A changed pop receipt or a message that is gone is no failure of this host."""
        try:
            await call
        except HttpResponseError as problem:
            if problem.status_code not in TAKEN_OVER:
                raise
            say(f"queue {self._queue.queue_name}: message {self._id} was taken over (status {problem.status_code})")


async def put(queue: QueueClient, content: str) -> None:
    """Send one message as it is, making the queue where it is missing."""
    try:
        await queue.send_message(content)
    except ResourceNotFoundError:
        await create(queue)
        await queue.send_message(content)


def encoded(text: str) -> str:
    """A text as it stands in a queue of base64 messages."""
    return base64.b64encode(text.encode()).decode("ascii")


async def create(queue: QueueClient) -> None:
    """Make the queue unless it is there.

    The library raises ResourceExistsError for a queue with other metadata (409) and for one that is the same (204).
    """
    with contextlib.suppress(ResourceExistsError):
        await queue.create_queue()
