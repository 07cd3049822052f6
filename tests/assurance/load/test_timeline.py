"""Virtual time: one thread at a time, in the order of time, and failures told."""

from __future__ import annotations

import pytest

from assurance.load.timeline import Timeline


def test_whoever_is_due_first_goes_first_and_no_real_time_passes() -> None:
    timeline, seen = Timeline(), []

    def sleeper(name: str, *naps: float) -> None:
        for nap in naps:
            timeline.sleep(nap)
            seen.append((name, timeline.seconds))

    timeline.spawn(lambda: sleeper("slow", 1000, 1000))
    timeline.spawn(lambda: sleeper("quick", 1, 1, 1200))
    timeline.run()
    assert seen == [("quick", 1), ("quick", 2), ("slow", 1000), ("quick", 1202), ("slow", 2000)]


def test_those_who_wait_go_on_when_they_are_woken() -> None:
    timeline, seen = Timeline(), []
    waiting: list = []  # type: ignore[type-arg]

    def waiter() -> None:
        timeline.wait(waiting)
        seen.append(timeline.seconds)

    def waker() -> None:
        timeline.sleep(7)
        timeline.wake(waiting)

    timeline.spawn(waiter)
    timeline.spawn(waker)
    timeline.run()
    assert seen == [7]


def test_what_is_spawned_later_starts_at_its_time() -> None:
    timeline, seen = Timeline(), []
    timeline.spawn(lambda: seen.append(timeline.seconds), at=5)
    timeline.run()
    assert seen == [5]


def test_a_failure_in_any_of_them_is_raised() -> None:
    timeline = Timeline()

    def fails() -> None:
        timeline.sleep(1)
        raise ValueError("as it happens")

    timeline.spawn(fails)
    timeline.spawn(lambda: timeline.sleep(5))
    with pytest.raises(ValueError, match="as it happens"):
        timeline.run()
