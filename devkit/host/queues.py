"""How the Functions host takes messages from a storage queue, and what becomes of those whose function fails.

The rules are those of `Microsoft.Azure.WebJobs.Extensions.Storage.Queues` (QueueListener, QueueProcessor): messages
come in batches, are hidden for ten minutes at a time while they run, deleted when the function returns, shown again
when it fails, and moved to the poison queue after `max_dequeue_count` tries.
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

from devkit.host.settings import QueueRules
from devkit.host.workers import InvocationError, say

HOLD_SECONDS = 600.0  # the host's own visibility timeout for a running message
FIRST_DELAY_SECONDS = 0.02  # after an empty answer; doubles up to the polling interval


Put = Callable[[QueueClient, str], Awaitable[None]]
"""What puts a text on a queue."""


@dataclass(frozen=True)
class Pace:
    """How fast this host goes, in seconds: `poll` between looks at an idle queue, `hold` for a message's visibility.

    `told` is between looks at a queue that only hosts fill: whatever this one puts there, its listener is told of.
    """

    poll: float = 0.5
    told: float = 2.0
    hold: float = HOLD_SECONDS


@dataclass(frozen=True)
class Taken:
    """One message as a function gets it: the decoded text, and the queue's own facts about it."""

    text: str
    message: QueueMessage

    @property
    def dequeue_count(self) -> int:
        """How many times it was taken, this time included."""
        return int(self.message.dequeue_count or 0)


class QueueListener:
    """Takes messages from `queue` and gives each to `run`, which raises InvocationError to have it tried again.

    `poison` is told the text of a message that was tried too often; without it messages are tried for ever, as on a
    poison queue. `told` says that hosts alone fill the queue (see `Pace`).
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
    ) -> None:
        self.queue = queue
        self._rules = rules
        self._pace = pace
        self._longest = min(pace.told if told else pace.poll, rules.max_polling_seconds)
        self._run = run
        self._poison = poison
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    @property
    def busy(self) -> bool:
        """Whether a message is being worked on."""
        return bool(self._running)

    def wake(self) -> None:
        """Something was just put into the queue, or is shown again: look at once."""
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

    def _end(self, task: asyncio.Task[None]) -> None:
        """A message is done with. Storage may have refused the last word on it: then it comes back by itself."""
        self._running.discard(task)
        problem = None if task.cancelled() else task.exception()
        if problem is not None:
            say(f"queue {self.queue.queue_name}: {type(problem).__name__}: {problem}")

    async def _take(self) -> list[QueueMessage]:
        """The next batch; empty also while the queue does not exist or storage does not answer."""
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
            say(f"queue {self.queue.queue_name}: {type(problem).__name__}: {problem}")
            return []

    async def _process(self, message: QueueMessage) -> None:
        """Run one message to its end: deleted, given back, or poisoned."""
        lease = _Hold(self.queue, message, self._pace.hold)
        try:
            text = self._decode(message.content)
        except ValueError:
            say(f"queue {self.queue.queue_name}: a message that is not base64 goes to the poison queue")
            await self._move_to_poison(lease, str(message.content))
            return
        taken = Taken(text, message)
        if self._poison is not None and taken.dequeue_count > self._rules.max_dequeue_count:
            await self._move_to_poison(lease, text)  # its last try ended with the host itself
            return
        try:
            async with lease:
                await self._run(taken)
        except InvocationError:
            if self._poison is not None and taken.dequeue_count >= self._rules.max_dequeue_count:
                await self._move_to_poison(lease, text)
            else:
                await lease.release(self._rules.visibility_seconds)
                asyncio.get_running_loop().call_later(self._rules.visibility_seconds, self.wake)
        else:
            await lease.delete()

    def _decode(self, content: str) -> str:
        """The message's text; ValueError when it is not what the app's encoding says."""
        if not self._rules.base64:
            return content
        try:
            return base64.b64decode(content, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError) as problem:
            raise ValueError("not base64") from problem

    async def _move_to_poison(self, lease: _Hold, text: str) -> None:
        """Copy first, delete second: a poison message may come twice, but is never lost."""
        if self._poison is not None:
            await self._poison(text)
        await lease.delete()


class _Hold:
    """Keeps a running message hidden, and knows its newest pop receipt."""

    def __init__(self, queue: QueueClient, message: QueueMessage, seconds: float) -> None:
        self._queue = queue
        self._id = str(message.id)
        self._receipt = message.pop_receipt
        self._seconds = seconds
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
        """Hide it for as long again, early enough for a store that rounds its times down to whole seconds."""
        while not self._over.is_set():
            try:
                await asyncio.wait_for(self._over.wait(), self._seconds / 3)
            except TimeoutError:
                await self._unless_taken(self._show(self._seconds))

    async def _show(self, seconds: float) -> None:
        """Set the visibility and remember the new pop receipt."""
        updated = await self._queue.update_message(self._id, self._receipt, visibility_timeout=int(seconds))
        self._receipt = updated.pop_receipt

    async def _unless_taken(self, call: Awaitable[object]) -> None:
        """A changed pop receipt or a message that is gone is no failure of this host."""
        try:
            await call
        except HttpResponseError as problem:
            if problem.status_code not in (400, 404):
                raise
            say(f"queue {self._queue.queue_name}: message {self._id} was taken over (status {problem.status_code})")


async def put(queue: QueueClient, text: str, *, encode: bool = True) -> None:
    """Send one message, making the queue where it is missing."""
    content = base64.b64encode(text.encode()).decode("ascii") if encode else text
    try:
        await queue.send_message(content)
    except ResourceNotFoundError:
        await create(queue)
        await queue.send_message(content)


async def create(queue: QueueClient) -> None:
    """Make the queue unless it is there.

    The library raises ResourceExistsError for a queue with other metadata (409) and for one that is the same (204).
    """
    with contextlib.suppress(ResourceExistsError):
        await queue.create_queue()
