"""Timer triggers: NCRONTAB, one host at a time, and what was missed."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from azure.core.exceptions import ResourceNotFoundError

from devkit.functions_host.scan import HOSTS_CONTAINER
from devkit.functions_host.settings import SettingsError
from devkit.functions_host.timers import Schedule
from devkit.local.azurite import Azurite
from tests.devkit.functions_host.sample import Sample

pytestmark = pytest.mark.xdist_group("host timers")
EVERY_SECOND = {"SAMPLE_SCHEDULE": "* * * * * *"}
START = dt.datetime(2026, 11, 22, 10, 0, 30, tzinfo=dt.UTC)  # a Sunday


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("0 */5 * * * *", dt.datetime(2026, 11, 22, 10, 5, tzinfo=dt.UTC)),
        ("*/20 * * * * *", dt.datetime(2026, 11, 22, 10, 0, 40, tzinfo=dt.UTC)),
        ("0 30 9 * * MON-FRI", dt.datetime(2026, 11, 23, 9, 30, tzinfo=dt.UTC)),
        ("0 0 0 1 1 *", dt.datetime(2027, 1, 1, tzinfo=dt.UTC)),
    ],
)
def test_the_next_due_time_is_in_utc_to_the_second(expression: str, due: dt.datetime) -> None:
    assert Schedule(expression, "sweep").after(START) == due


@pytest.mark.parametrize("expression", ["*/5 * * * *", "0 61 * * * *", "00:05:00", ""])
def test_a_schedule_that_is_not_ncrontab_is_refused_by_name(expression: str) -> None:
    with pytest.raises(SettingsError, match=r"sweep: the schedule"):
        Schedule(expression, "sweep")


def test_a_timer_runs_at_every_due_time(azurite: Azurite) -> None:
    with Sample(azurite, settings=EVERY_SECOND) as stack:
        stack.wait_until(lambda: len(stack.runs("tick")) >= 3)
        runs = stack.host.invocations("tick")
        assert {run["trigger"] for run in runs} == {"timer"}
        assert not any(run["past_due"] for run in stack.runs("tick"))
        seconds = [dt.datetime.fromisoformat(run["started"]).replace(microsecond=0) for run in runs]
        assert len(set(seconds)) == len(seconds), "once for each due time"


def test_hosts_side_by_side_run_a_timer_once(azurite: Azurite) -> None:
    with Sample(azurite, settings=EVERY_SECOND) as stack:
        other = stack.start_host()
        stack.wait_until(lambda: len(stack.runs("tick")) >= 3)
        assert other.invocations("tick") == []
        stack.host.stop()
        before = {run["pid"] for run in stack.runs("tick")}
        stack.wait_until(
            lambda: {run["pid"] for run in stack.runs("tick")} - before, timeout=30, what="the other host takes over"
        )
        assert other.invocations("tick")


@pytest.mark.parametrize("written", [b'{"Next": "2026-11-22T10:00:00+00:00"}', b""], ids=["passed", "cut off"])
def test_a_due_time_that_passed_while_no_host_ran_is_made_up_for(azurite: Azurite, written: bytes) -> None:
    with Sample(azurite) as stack:
        container = stack.storage.get_container_client(HOSTS_CONTAINER)
        (status,) = stack.wait_until(lambda: statuses(stack))
        stack.host.stop()
        assert stack.runs("tick") == [], "no run at the first start"
        container.upload_blob(status, written, overwrite=True)
        stack.restart_host()
        late = stack.wait_until(lambda: stack.runs("tick"))
        assert [run["past_due"] for run in late] == [True]


def test_a_timer_that_is_faster_than_a_minute_makes_nothing_up(azurite: Azurite) -> None:
    with Sample(azurite, settings=EVERY_SECOND) as stack:
        stack.wait_until(lambda: stack.runs("tick"))
        stack.host.stop()
        assert statuses(stack) == []
        before = len(stack.runs("tick"))
        stack.restart_host()
        stack.wait_until(lambda: stack.runs("tick")[before:])
        assert not any(run["past_due"] for run in stack.runs("tick"))


def test_the_timers_of_a_killed_host_stand_still_for_as_long_as_its_lock(azurite: Azurite) -> None:
    with Sample(azurite, settings=EVERY_SECOND) as stack:
        stack.wait_until(lambda: stack.runs("tick"))
        stack.restart_host(kill=True)
        restarted, before = time.monotonic(), len(stack.runs("tick"))
        stack.wait_until(lambda: stack.runs("tick")[before:], timeout=40)
        assert time.monotonic() - restarted > 5


def statuses(stack: Sample) -> list[str]:
    try:
        names = list(stack.storage.get_container_client(HOSTS_CONTAINER).list_blob_names())
    except ResourceNotFoundError:
        return []
    return [name for name in names if name.endswith("tick/status")]


def test_without_timers_only_admin_runs_them(azurite: Azurite) -> None:
    with Sample(azurite, settings=EVERY_SECOND, options=["--no-timers"]) as stack:
        stack.host.run("tick")
        stack.wait_until(lambda: stack.runs("tick"))
        stack.wait_until_idle()
        assert [run["trigger"] for run in stack.host.invocations("tick")] == ["admin"]


def test_a_disabled_function_is_not_there(azurite: Azurite) -> None:
    with Sample(azurite, settings={**EVERY_SECOND, "AzureWebJobs.tick.Disabled": "true"}) as stack:
        assert "tick" not in stack.host.ready["functions"]
        assert stack.request("POST", "/admin/functions/tick", json={}).status_code == 404
