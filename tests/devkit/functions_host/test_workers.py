"""Worker processes: killed, timed out, replaced, several at once; and apps that cannot be indexed."""

from __future__ import annotations

import datetime as dt
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from devkit.local.azurite import Azurite
from devkit.local.processes import ChildError
from devkit.local.stack import Stack
from tests.devkit.functions_host.sample import Sample

pytestmark = pytest.mark.xdist_group("host workers")
TIMEOUT = {"AzureFunctionsJobHost__functionTimeout": "00:00:01.5"}


def age(run: dict[str, Any]) -> float:
    return (dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(run["started"])).total_seconds()


@pytest.fixture(scope="module")
def sample(azurite: Azurite) -> Iterator[Sample]:
    with Sample(azurite) as stack:
        yield stack


@pytest.fixture(scope="module")
def hasty(azurite: Azurite) -> Iterator[Sample]:
    with Sample(azurite, settings=TIMEOUT, options=["--overrun", "3"]) as stack:
        yield stack


def test_a_worker_killed_in_mid_run_is_replaced_and_its_message_tried_again(sample: Sample) -> None:
    sample.send_message("work", "sleep 2")
    sample.wait_until(lambda: sample.texts("message_seen") == ["sleep 2"])
    (old,) = sample.host.worker_pids()
    new = sample.kill_worker()
    assert new != old
    assert not psutil.pid_exists(old)
    sample.wait_until(lambda: sample.texts("message_done") == ["sleep 2"])
    sample.wait_until_idle()
    runs = sample.host.invocations("message_seen")
    assert [(run["worker"], run["outcome"], run["dequeueCount"]) for run in runs] == [
        (old, "worker lost", 1),
        (new, "succeeded", 2),
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGABRT])
def test_a_worker_is_replaced_whatever_ended_it(sample: Sample, number: signal.Signals) -> None:
    (worker,) = sample.host.worker_pids()
    psutil.Process(worker).send_signal(number)
    sample.host.wait_for_worker(other_than=[worker])


def test_sigterm_does_nothing_to_a_worker_whose_app_does_not_handle_it(sample: Sample) -> None:
    (worker,) = sample.host.worker_pids()
    psutil.Process(worker).send_signal(signal.SIGTERM)
    assert sample.request("GET", "/api/echo/1?do=sleep 0.5").status_code == 202
    assert sample.host.worker_pids() == [worker]


def test_a_host_that_is_killed_alone_leaves_its_worker_running(azurite: Azurite) -> None:
    with Sample(azurite, options=["--orphan", "20"]) as stack:
        stack.send_message("work", "sleep 3")
        stack.wait_until(lambda: stack.texts("message_seen") == ["sleep 3"])
        (worker,) = stack.host.kill_host_alone()
        stack.wait_until(lambda: stack.texts("message_done") == ["sleep 3"], timeout=20)
        assert psutil.pid_exists(worker)
        psutil.Process(worker).terminate()
        assert stack.queue_lengths()["work"] == 1, "nobody is told that it is done"
        assert psutil.pid_exists(worker), "it ignores SIGTERM"
    assert not psutil.pid_exists(worker)


def test_a_worker_outlives_a_host_that_was_killed_alone_by_its_time(azurite: Azurite) -> None:
    with Sample(azurite, options=["--orphan", "1"]) as stack:
        (worker,) = stack.host.kill_host_alone()
        stack.wait_until(lambda: not psutil.pid_exists(worker), timeout=10)


def test_a_function_that_ends_within_the_grace_keeps_its_worker_but_has_failed(hasty: Sample) -> None:
    (worker,) = hasty.host.worker_pids()
    assert hasty.request("GET", "/api/echo/1?do=sleep 2").status_code == 500
    assert hasty.host.invocations("echo")[0]["outcome"] == "timed out"
    assert hasty.host.worker_pids() == [worker]


def test_at_the_function_timeout_the_worker_is_killed_with_everything_in_it(hasty: Sample) -> None:
    hasty.send_message("work", "sleep 30")
    (old,) = hasty.host.worker_pids()
    hasty.wait_until(lambda: hasty.runs("message_seen"))
    before = len(hasty.host.invocations("echo"))
    # the second run begins late enough to be younger than the timeout when the grace of the first one ends
    hasty.wait_until(lambda: age(hasty.host.invocations("message_seen")[0]) > 2.3)
    assert hasty.request("GET", "/api/echo/1?do=sleep 30").status_code == 500
    hasty.host.wait_for_worker(other_than=[old])
    first, second = hasty.host.invocations("message_seen")[0], hasty.host.invocations("echo")[before]
    assert (first["outcome"], first["worker"]) == ("timed out", old)
    assert (second["outcome"], second["worker"]) == ("worker lost", old)
    hasty.wait_until(lambda: len(hasty.runs("message_seen")) == 2, what="the message is tried again")
    again = hasty.host.invocations("message_seen")[1]
    late = dt.datetime.fromisoformat(again["started"]) - dt.datetime.fromisoformat(first["ended"])
    assert late.total_seconds() > 2 + 3, "the grace, and as long again as a message is held back"


def test_several_workers_share_the_work(azurite: Azurite) -> None:
    with Sample(azurite, options=["--workers", "3"]) as stack:
        pids = stack.host.worker_pids()
        assert len(set(pids)) == 3
        for number in range(6):
            stack.send_message("work", f"hello {number}")
        stack.wait_until(lambda: len(stack.runs("message_done")) == 6)
        assert {run["pid"] for run in stack.runs("message_done")} == set(pids)
        stack.host.kill_worker(pids[0])
        assert stack.host.wait_for_worker(other_than=pids) not in pids
        assert set(pids[1:]) < set(stack.host.worker_pids())


def test_several_hosts_share_the_storage(azurite: Azurite) -> None:
    with Sample(azurite) as stack:
        stack.start_host()
        for number in range(12):
            stack.send_message("work", f"sleep 0.3{number}")
        stack.wait_until(lambda: len(stack.runs("message_done")) == 12)
        assert len({run["pid"] for run in stack.runs("message_done")}) == 2
        assert sorted(stack.texts("message_seen")) == sorted(stack.texts("message_done")), "each message ran once"


def test_no_worker_outlives_a_killed_host(azurite: Azurite) -> None:
    with Sample(azurite) as stack:
        (worker,) = stack.host.worker_pids()
        stack.host.kill()
        stack.wait_until(lambda: not psutil.pid_exists(worker), timeout=10)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("raise RuntimeError('settings are missing')", "RuntimeError: settings are missing"),
        ("import azure.functions", "Could not find top level function app instances in function_app.py"),
        ("import azure.functions as f\na, b = f.FunctionApp(), f.FunctionApp()", "More than one"),
        (
            (
                "import azure.functions as func\n"
                "app = func.FunctionApp()\n"
                "@app.timer_trigger(arg_name='timer', schedule='0 * * * * *')\n"
                "def misnamed(tick: func.TimerRequest) -> None: ..."
            ),
            "cannot load the misnamed function",
        ),
        (
            (
                "import azure.functions as func\n"
                "app = func.FunctionApp()\n"
                "@app.event_grid_trigger(arg_name='e')\n"
                "def other(e: func.EventGridEvent) -> None: ..."
            ),
            "other: the dev host has no eventGridTrigger",
        ),
        ("import nothing_like_it", "ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("import os; os._exit(7)", "the worker ended with code 7"),
    ],
)
def test_an_app_that_cannot_be_indexed_ends_the_host_with_its_stack(
    azurite: Azurite, tmp_path: Path, source: str, expected: str
) -> None:
    (tmp_path / "function_app.py").write_text(source, encoding="utf-8")
    with pytest.raises(ChildError) as failure, Stack(app=tmp_path, graph=False, azurite=azurite):
        pass
    assert "host1 ended with code 1" in str(failure.value)
    assert expected in str(failure.value)


def test_an_app_that_breaks_later_ends_the_host_too(azurite: Azurite, tmp_path: Path) -> None:
    app = tmp_path / "function_app.py"
    app.write_text(
        "import azure.functions as func\n"
        "app = func.FunctionApp()\n"
        "@app.route(route='x')\n"
        "def x(req: func.HttpRequest) -> str:\n"
        "    return 'x'\n",
        encoding="utf-8",
    )
    with Stack(app=tmp_path, graph=False, azurite=azurite) as stack:
        app.write_text("raise RuntimeError('broken meanwhile')", encoding="utf-8")
        stack.host.kill_worker()
        stack.wait_until(lambda: stack.host.returncode == 1, timeout=20)
        stack.wait_until(lambda: "broken meanwhile" in stack.logs, timeout=5)
