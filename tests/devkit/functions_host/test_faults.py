"""What ends the whole host, and what it survives."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
)
from azure.storage.queue import QueueMessage

from devkit.functions_host import faults, queues
from devkit.functions_host.settings import QueueRules
from devkit.functions_host.workers import InvocationError
from devkit.local.azurite import Azurite
from devkit.local.proxy import Proxy
from tests.devkit.functions_host.sample import Sample

pytestmark = pytest.mark.xdist_group("host faults")
RULES = QueueRules(1, 0, 2, 0.0, 0.01, base64=False)
QUICK = ["--restart", "1", "--storage-patience", "1"]


def status(number: int) -> HttpResponseError:
    problem = HttpResponseError(f"status {number}")
    problem.status_code = number
    return problem


@pytest.mark.parametrize(
    ("problem", "survives"),
    [
        (status(503), True),
        (status(500), True),
        (ResourceNotFoundError("gone"), False),  # without a status it is not storage that says so
        (status(404), True),
        (status(409), True),
        (status(403), False),
        (status(401), False),
        (status(400), False),
        (ServiceRequestError("refused"), False),
    ],
)
def test_a_look_at_a_queue_survives_a_busy_store_and_a_queue_that_is_gone(problem: AzureError, survives: bool) -> None:
    assert faults.polling_survives(problem) is survives


def test_the_clients_retries_take_as_long_as_those_of_the_real_host() -> None:
    retry = faults.ClientRetry()
    waits = [retry.get_backoff_time({"count": count}) for count in range(1, faults.CLIENT_RETRIES + 1)]
    assert sum(waits) == pytest.approx(26)
    assert retry.total_retries == 5


class Queue:
    """A queue with one message whose calls fail as told."""

    queue_name = "work"

    def __init__(self, count: int, **broken: AzureError) -> None:
        self.left = [QueueMessage(content="x", id="1", pop_receipt="r", dequeue_count=count)]
        self.broken = broken
        self.done: list[str] = []

    async def receive_messages(self, **_: Any) -> AsyncIterator[QueueMessage]:
        self.refuse("receive")
        while self.left:
            yield self.left.pop()

    async def delete_message(self, *_: Any) -> None:
        self.refuse("delete")
        self.done.append("deleted")

    async def update_message(self, *_: Any, **given: Any) -> QueueMessage:
        self.refuse("update")
        self.done.append(f"shown in {given['visibility_timeout']}")
        return QueueMessage(pop_receipt="new")

    def refuse(self, what: str) -> None:
        if what in self.broken:
            raise self.broken[what]


def fate(queue: Queue, *, fails: bool, seconds: float = 0.0, poison: AzureError | None = None) -> str:
    """What ends a listener of the queue; `seconds` is what its function takes."""

    async def run(_: queues.Taken) -> None:
        await asyncio.sleep(seconds)
        if fails:
            raise InvocationError

    async def to_poison(_: str) -> None:
        if poison is not None:
            raise poison
        queue.done.append("poisoned")

    async def whole() -> str:
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def fail(problem: BaseException) -> None:
            if not failed.done():
                failed.set_exception(problem)

        given: Any = queue
        pace = queues.Pace(hold=0.1)
        listener = queues.QueueListener(given, RULES, pace, run, to_poison, told=False, fail=fail)
        listening = asyncio.create_task(listener.listen())
        listening.add_done_callback(lambda task: None if task.cancelled() else fail(task.exception() or OSError()))
        await asyncio.wait([failed], timeout=0.3)
        listening.cancel()
        await listener.finish()
        return str(failed.exception()) if failed.done() else "goes on"

    return asyncio.run(whole())


@pytest.mark.parametrize(
    ("queue", "fails", "seconds", "poison", "end"),
    [
        (Queue(1), False, 0, None, "goes on"),
        (Queue(1, receive=status(503)), False, 0, None, "goes on"),
        (Queue(1, receive=status(403)), False, 0, None, "polling the queue work"),
        (Queue(1, receive=ServiceRequestError("refused")), False, 0, None, "polling the queue work"),
        (Queue(1, delete=status(404)), False, 0, None, "goes on"),
        (Queue(1, delete=status(403)), False, 0, None, "a message of the queue work"),
        (Queue(1, update=status(403)), True, 0, None, "a message of the queue work"),
        (Queue(1, update=status(400)), True, 0, None, "goes on"),
        (Queue(2), True, 0, None, "goes on"),
        (Queue(2), True, 0, status(403), "a message of the queue work"),
        (Queue(1, update=status(404)), False, 0.2, None, "goes on"),
        (Queue(1, update=status(503)), False, 0.2, None, "keeping a message of the queue work hidden"),
    ],
)
def test_what_storage_refuses_the_host_ends_it(
    queue: Queue, fails: bool, seconds: float, poison: AzureError | None, end: str
) -> None:
    assert fate(queue, fails=fails, seconds=seconds, poison=poison).startswith(end)


def test_a_message_that_fails_its_last_time_is_copied_before_it_is_deleted() -> None:
    queue = Queue(2)
    assert fate(queue, fails=True) == "goes on"
    assert queue.done == ["poisoned", "deleted"]


def test_a_blob_whose_head_storage_refuses_ends_the_host(azurite: Azurite) -> None:
    with Sample(azurite, options=QUICK) as stack:
        event = {"data": {"url": "http://127.0.0.1:1/acc/NO-CONTAINER/x", "eTag": "0x1", "blobType": "BlockBlob"}}
        path, headers = (
            "/runtime/webhooks/blobs?functionName=Host.Functions.blob_seen",
            {"aeg-event-type": "Notification"},
        )
        assert stack.request("POST", path, json=[event], headers=headers).status_code == 202
        stops = stack.wait_until(lambda: stack.host.status()["stops"], timeout=30)
        assert "a message of the queue azure-webjobs-blobtrigger" in stops[0]


class Behind(Sample):
    """A sample whose queues are behind a proxy."""

    def __init__(self, azurite: Azurite, proxy: Proxy) -> None:
        super().__init__(azurite, options=QUICK)
        self.proxy = proxy

    @property
    def settings(self) -> dict[str, str]:
        text = self.connection_string.replace(self.azurite.origins["Queue"], self.proxy.origin)
        return {**super().settings, "AzureWebJobsStorage": text, "DropStorage": text}


def test_refused_connections_end_the_host_and_every_run_in_it(azurite: Azurite) -> None:
    parts = urlsplit(azurite.origins["Queue"])
    with (
        contextlib.ExitStack() as network,
        Behind(azurite, network.enter_context(Proxy(str(parts.hostname), int(parts.port or 0)))) as stack,
    ):
        stack.send_message("work", "sleep 60")
        stack.wait_until(lambda: stack.texts("message_seen") == ["sleep 60"])
        (worker,) = stack.host.worker_pids()
        network.close()
        stops = stack.wait_until(lambda: stack.host.status()["stops"], timeout=30)
        assert "polling the queue" in stops[0]
        stack.wait_until(lambda: stack.host.invocations("message_seen")[0]["outcome"] == "worker lost")
        assert worker not in stack.host.worker_pids()
        assert stack.queue_lengths()["work"] == 1
        assert stack.peek("work") == [], "nothing was given back"


def own_queue(stack: Sample, text: str) -> None:
    """Put a text on the blob trigger's own queue."""
    queue = f"azure-webjobs-blobtrigger-{stack.host.status()['hostId']}"
    stack.queues.create_queue(queue)
    stack.send_message(queue, text)


@pytest.mark.parametrize("how", ["no function's name", "no JSON"])
def test_what_the_blob_trigger_cannot_read_ends_the_host_again_and_again(azurite: Azurite, how: str) -> None:
    with Sample(azurite, options=[*QUICK, "--hold", "3"]) as stack:
        if how == "no JSON":
            own_queue(stack, "no JSON")
        else:
            event = {"data": {"url": "http://127.0.0.1:1/acc/drop/x", "eTag": "0x1", "blobType": "BlockBlob"}}
            path, headers = "/runtime/webhooks/blobs", {"aeg-event-type": "Notification"}
            assert stack.request("POST", path, json=[event], headers=headers).status_code == 202
        stops = stack.wait_until(lambda: stack.host.status()["stops"][1:] and stack.host.status()["stops"], timeout=40)
        wanted = "Invalid function ID" if how != "no JSON" else "cannot be read"
        assert all(wanted in stop for stop in stops)
        stack.wait_until(lambda: stack.request("GET", "/api/open?name=x").status_code == 200, what="it is up again")


def test_while_the_host_is_down_its_address_answers_503(azurite: Azurite) -> None:
    with Sample(azurite, options=["--restart", "3"]) as stack:
        own_queue(stack, "no JSON")
        stack.wait_until(lambda: stack.host.status()["stops"])
        assert stack.request("GET", "/api/open").status_code == 503
        assert stack.host.status()["workers"] == []
