"""Queue triggers by the Functions host's rules."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import time
from collections.abc import Iterator

import pytest
from azure.storage.queue.aio import QueueServiceClient

from devkit.functions_host import queues
from devkit.functions_host.app import Options
from devkit.local.azurite import Azurite
from tests.devkit.functions_host.sample import QUEUES, Sample

POISON = "webjobs-blobtrigger-poison"

pytestmark = pytest.mark.xdist_group("host queues")


@pytest.fixture(scope="module")
def sample(azurite: Azurite) -> Iterator[Sample]:
    with Sample(azurite) as stack:
        yield stack


def raw(stack: Sample, queue: str) -> list[str]:
    """The visible messages as they stand in a queue."""
    if queue not in stack.queue_lengths():
        return []
    return [str(message.content) for message in stack.queues.get_queue_client(queue).peek_messages(max_messages=32)]


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
    sample.wait_until(lambda: base64.b64encode(text.encode()).decode() in raw(sample, "work-poison"))
    assert outcomes(sample, text) == [1, 2, 3, 4, 5]
    sample.wait_until(lambda: sample.queue_lengths()["work"] == 0)
    (copy,) = sample.queues.get_queue_client("work-poison").receive_messages(max_messages=1)
    assert copy.dequeue_count == 1, "new, and visible at once"
    assert copy.expires_on
    assert copy.inserted_on
    assert (copy.expires_on - copy.inserted_on).days == 7
    sample.queues.get_queue_client("work-poison").clear_messages()


@pytest.mark.parametrize(
    ("content", "why"), [("not base64!", "is not base64"), ("/w==", "")], ids=["not base64", "not UTF-8 in base64"]
)
def test_a_message_that_no_function_can_be_shown_goes_to_the_poison_queue_as_it_is(
    sample: Sample, content: str, why: str
) -> None:
    before = len(sample.runs("message_seen"))
    sample.queues.get_queue_client("work").send_message(content)
    sample.wait_until(lambda: raw(sample, "work-poison") == [content])
    assert len(sample.runs("message_seen")) == before
    assert why in sample.logs
    sample.queues.get_queue_client("work-poison").clear_messages()


def test_without_an_encoding_every_text_reaches_the_function_as_it_is(azurite: Azurite) -> None:
    texts = ["plain", "cGxhaW4=", "/w==", "", "<a>&amp;</a>", "\U0001f600", "x" * 60_000]
    with Sample(azurite, settings={f"{QUEUES}messageEncoding": "none"}) as stack:
        for text in texts:
            stack.queues.get_queue_client("work").send_message(text)
        stack.wait_until(lambda: len(stack.runs("message_done")) == len(texts))
        assert sorted(stack.texts("message_seen")) == sorted(texts)
        stack.drop("a.txt", b"1")
        stack.wait_until(lambda: stack.runs("blob_seen"), what="the blob trigger's own queue stays base64")


def test_a_message_that_is_not_base64_stays_in_the_poison_queue_unread(azurite: Azurite) -> None:
    with Sample(azurite, options=["--hold", "2"]) as stack:
        stack.queues.create_queue(POISON)
        stack.queues.get_queue_client(POISON).send_message("not base64!")
        stack.wait_until(lambda: stack.logs.count("a message is not base64") >= 2, what="it comes back, unread")
        assert stack.host.invocations("poison_seen") == []
        assert stack.queue_lengths()[POISON] == 1


def test_a_message_of_a_poison_queue_that_fails_is_hidden_for_as_long_as_it_was_held(azurite: Azurite) -> None:
    with Sample(azurite, options=["--hold", "2"]) as stack:
        stack.queues.create_queue(POISON)
        stack.send_message(POISON, '{"do": "fail"}')
        stack.wait_until(lambda: len(stack.host.invocations("poison_seen")) >= 2)
        first, second = stack.host.invocations("poison_seen")[:2]
        assert [first["dequeueCount"], second["dequeueCount"]] == [1, 2]
        assert 1 < _seconds(second["started"]) - _seconds(first["ended"]) < 6


def test_before_storage_extension_5_3_8_a_message_of_a_poison_queue_is_skipped_after_its_tries(
    azurite: Azurite,
) -> None:
    with Sample(azurite, options=["--hold", "1", "--poison-tries", "2"]) as stack:
        stack.queues.create_queue(POISON)
        stack.send_message(POISON, '{"do": "fail"}')
        poison = stack.queues.get_queue_client(POISON)
        stack.wait_until(
            lambda: any((each.dequeue_count or 0) > 3 for each in poison.peek_messages()), what="it is skipped"
        )
        assert [run["dequeueCount"] for run in stack.host.invocations("poison_seen")] == [1, 2]


def test_the_defaults_are_the_real_hosts() -> None:
    assert queues.Pace() == queues.Pace(poll=None, told=60.0, hold=600.0, overrun=10.0, poison_tries=None)
    assert (Options.drain, Options.timer_lease, Options.restart, Options.storage_patience) == (10, 60, 20, 26)
    assert Options.orphan == 300
    assert not Options.tell_workers


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


def test_a_host_that_is_told_to_end_waits_for_what_ends_in_time(azurite: Azurite) -> None:
    with Sample(azurite) as stack:
        stack.send_message("work", "sleep 3")
        stack.wait_until(lambda: stack.texts("message_seen") == ["sleep 3"])
        stack.host.stop()
        assert stack.texts("message_done") == ["sleep 3"]
        assert stack.queue_lengths()["work"] == 0


def test_a_host_that_is_told_to_end_gives_nothing_back(azurite: Azurite) -> None:
    with Sample(azurite, options=["--drain", "1", "--hold", "8"]) as stack:
        stack.send_message("work", "sleep 4")
        stack.wait_until(lambda: stack.texts("message_seen") == ["sleep 4"])
        seen_at = time.monotonic()
        stack.restart_host()
        stack.wait_until(lambda: stack.texts("message_done") == ["sleep 4"], timeout=30)
        assert outcomes(stack, "sleep 4") == [1, 2]
        assert time.monotonic() - seen_at > 8, "not before its hold was over"


def test_a_host_that_is_drained_takes_nothing_more_and_lets_its_runs_end(azurite: Azurite) -> None:
    with Sample(azurite) as stack:
        stack.send_message("work", "sleep 2")
        stack.wait_until(lambda: stack.texts("message_seen") == ["sleep 2"])
        assert stack.request("POST", "/admin/host/drain").status_code == 202
        assert stack.request("GET", "/admin/host/drain/status").json() == {"state": "InProgress"}
        stack.send_message("work", "another")
        stack.wait_until(lambda: stack.request("GET", "/admin/host/drain/status").json() == {"state": "Completed"})
        assert stack.texts("message_done") == ["sleep 2"]
        assert stack.queue_lengths()["work"] == 1


def _seconds(moment: str) -> float:
    return dt.datetime.fromisoformat(moment).timestamp()
