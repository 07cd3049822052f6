"""Queue triggers by the Functions host's rules."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Iterator

import pytest
from azure.storage.queue.aio import QueueServiceClient

from devkit.azurite import Azurite
from devkit.host import queues
from tests.devkit.host.sample import QUEUES, Sample

pytestmark = pytest.mark.xdist_group("host queues")


@pytest.fixture(scope="module")
def sample(azurite: Azurite) -> Iterator[Sample]:
    with Sample(azurite) as stack:
        yield stack


def outcomes(stack: Sample, text: str) -> list[int]:
    return [run["dequeue_count"] for run in stack.runs("message_seen") if run["text"] == text]


def test_a_message_whose_function_returns_is_deleted(sample: Sample) -> None:
    sample.send_message("work", "hello ü")
    sample.wait_until(lambda: "hello ü" in sample.texts("message_done"))
    sample.wait_until(lambda: sample.queue_lengths()["work"] == 0)
    (run,) = [run for run in sample.runs("message_seen") if run["text"] == "hello ü"]
    assert run["dequeue_count"] == 1
    assert run["retries"] == 0
    assert run["trace"].startswith(f"00-{run['invocation'].replace('-', '')}-")
    assert run["invocation"] in [record["invocation"] for record in sample.host.invocations("message_seen")]


@pytest.mark.parametrize("text", ["fail always", "exit always"], ids=["it raises", "it ends its worker"])
def test_a_message_that_fails_five_times_goes_to_the_poison_queue(sample: Sample, text: str) -> None:
    sample.send_message("work", text)
    sample.wait_until(lambda: text in sample.peek("work-poison"))
    assert outcomes(sample, text) == [1, 2, 3, 4, 5]
    sample.wait_until(lambda: sample.queue_lengths()["work"] == 0)


def test_a_message_that_is_not_base64_goes_to_the_poison_queue_unseen(sample: Sample) -> None:
    before = len(sample.runs("message_seen"))
    sample.queues.get_queue_client("work").send_message("not base64!")
    poison = sample.queues.get_queue_client("work-poison")

    def texts() -> list[str]:
        sample.wait_until(lambda: "work-poison" in sample.queue_lengths())
        return [str(message.content) for message in poison.peek_messages(max_messages=32)]

    sample.wait_until(lambda: "bm90IGJhc2U2NCE=" in texts())
    assert len(sample.runs("message_seen")) == before


def test_a_queue_that_exists_is_as_good_as_one_that_was_made(azurite: Azurite) -> None:
    """Storage answers 204 where the queue is the same, 409 where its metadata differ: the library raises for both."""

    async def twice(text: str) -> None:
        async with QueueServiceClient.from_connection_string(text) as service:
            await queues.create(service.get_queue_client("there"))
            await queues.create(service.get_queue_client("there"))
            await service.create_queue("other", metadata={"a": "b"})
            await queues.create(service.get_queue_client("other"))

    asyncio.run(twice(azurite.new_account()))


@pytest.mark.parametrize(("threshold", "most"), [(0, 2), (1, 3)])
def test_a_new_batch_is_fetched_when_no_more_than_the_threshold_are_left(
    azurite: Azurite, threshold: int, most: int
) -> None:
    settings = {f"{QUEUES}batchSize": "2", f"{QUEUES}newBatchThreshold": str(threshold)}
    with Sample(azurite, settings=settings) as stack:
        texts = ["sleep 2", *(f"sleep 0.4{number}" for number in range(4))]
        for text in texts:
            stack.send_message("work", text)
        stack.wait_until(lambda: sorted(stack.texts("message_done")) == sorted(texts))
        records = stack.host.invocations("message_seen")
        together = [sum(o["started"] <= r["started"] < o["ended"] for o in records) for r in records]
        assert max(together) == most


def test_a_failed_message_is_hidden_for_the_visibility_timeout(azurite: Azurite) -> None:
    with Sample(azurite, settings={f"{QUEUES}visibilityTimeout": "00:00:02"}) as stack:
        stack.send_message("work", "fail once")
        stack.wait_until(lambda: len(outcomes(stack, "fail once")) == 2)
        first, second = stack.host.invocations("message_seen")[:2]
        assert 1.5 < _seconds(second["started"]) - _seconds(first["ended"]) < 5


def test_a_running_message_stays_hidden_for_as_long_as_it_runs(azurite: Azurite) -> None:
    with Sample(azurite, options=["--hold", "3"]) as stack:
        stack.send_message("work", "sleep 5")
        stack.wait_until(lambda: stack.texts("message_done") == ["sleep 5"])
        stack.wait_until(lambda: stack.queue_lengths()["work"] == 0)
        assert outcomes(stack, "sleep 5") == [1]


def test_a_message_of_a_host_that_died_comes_back_when_its_hold_ends(azurite: Azurite) -> None:
    with Sample(azurite, options=["--hold", "3"]) as stack:
        stack.send_message("work", "sleep 2")
        stack.wait_until(lambda: stack.texts("message_seen") == ["sleep 2"])
        killed_at = time.monotonic()
        stack.restart_host(kill=True)
        stack.wait_until(lambda: stack.texts("message_done") == ["sleep 2"])
        assert outcomes(stack, "sleep 2") == [1, 2]
        assert time.monotonic() - killed_at > 2


def test_a_host_that_stops_in_order_gives_its_message_back(azurite: Azurite) -> None:
    with Sample(azurite) as stack:
        stack.send_message("work", "sleep 3")
        stack.wait_until(lambda: stack.texts("message_seen") == ["sleep 3"])
        stack.restart_host()
        stack.wait_until(lambda: stack.texts("message_done") == ["sleep 3"], timeout=20)
        assert outcomes(stack, "sleep 3") == [1, 2]


def _seconds(moment: str) -> float:
    return dt.datetime.fromisoformat(moment).timestamp()
