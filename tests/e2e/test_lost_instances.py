"""An instance is lost, host and workers together: another goes on within a minute, at the real host's times."""

from __future__ import annotations

import time

import pytest

from devkit.local.azurite import Azurite
from devkit.local.harness import Delivery, Harness, content
from tests.e2e.stage import attached, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e lost instances")]

MIB = 1024 * 1024
REAL_TIMES = ("--poll", "10", "--told", "60", "--timer-lease", "60", "--hold", "600")
RESUMED = 60.0
"""Seconds within which any death of anything is followed."""


def held(harness: Harness, data: bytes, kind: str, nth: int) -> Delivery:
    """A file of which Graph has a request, and does not answer it."""
    item = harness.item(mailbox=harness.mailbox())
    harness.graph.fault({"action": "hold", "kind": kind, "nth": nth, "path": item.removesuffix("=")})
    return harness.drop(data, item=item)


def internal_queue(harness: Harness) -> str:
    [name] = [name for name in harness.stack.queue_lengths() if name.startswith("azure-webjobs-blobtrigger-")]
    return name


def test_an_instance_that_is_lost_is_followed_within_a_minute_though_its_messages_stay_hidden(azurite: Azurite) -> None:
    settings = {"RANGE_BYTES": str(MIB)}
    with staged(azurite, settings=settings, options=REAL_TIMES) as harness:
        midway = held(harness, content(12 * MIB, "midway"), "put", 5)
        small = held(harness, content(1000, "small"), "post", 1)
        files = (midway, small)
        harness.stack.wait_until(lambda: harness.graph.holding() == len(files), what="both requests are held")
        lasts = time.monotonic() + 2  # the run of a small file has its message against its death after a second
        harness.stack.wait_until(lambda: time.monotonic() > lasts, what="the runs last a while")
        harness.stack.host.kill()
        killed = time.monotonic()
        known = [len(harness.requests(file)) for file in files]
        harness.graph.release()  # what Graph had takes effect, and its answer reaches nobody
        harness.stack.host = harness.stack.start_host()
        waiting = [*zip(files, known, strict=True)]
        harness.stack.wait_until(
            lambda: all(len(harness.requests(file)) > count for file, count in waiting),
            RESUMED - (time.monotonic() - killed),
            what="each of the transfers is carried on",
        )
        hidden = harness.stack.queue_lengths()[internal_queue(harness)]
        assert hidden == len(files), "the events of the lost instance are still hidden"
        for file in files:
            attached(harness, file)
        assert len(harness.sessions(midway)) == 1
        # The events come again ten minutes later: here at once, in the place of those that are hidden.
        harness.stack.queues.get_queue_client(internal_queue(harness)).clear_messages()
        for file in files:
            harness.stack.send_event(file.blob)
        harness.stack.wait_until_idle()
        for file in files:
            attached(harness, file)
