"""Tries each changed line that mutmut wrote: pytest collects the tests once, and every change runs in a fork of that.

Started by `assurance/mutation/campaign.py` inside mutmut's folder `mutants`, as `python -P runner.py RESULT
SIDE_BY_SIDE PYTEST...`. mutmut itself collects the tests anew for each change, which takes longer than the tests do.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

CHANGE = "MUTANT_UNDER_TEST"
"""mutmut's variable: which change is in force. Empty is none of them; `fail` makes every changed function raise."""

SAMPLE = "MUTATION_SAMPLE"
"""The environment's word for how many changes to draw, and the seed: `60:7`. Without it all are tried."""

CPU_SECONDS, CPU_FACTOR = 20, 5
"""A change may take so much more than its tests do without it, seconds and times; then it counts as noticed."""

LONGEST = 300.0
"""Seconds on the wall, for a change that waits for ever without computing anything."""

LOOK_SECONDS = 0.005


class Forks:
    """A pytest plugin in place of its loop over the tests."""

    def __init__(self, result: Path, side_by_side: int) -> None:
        self._result = result
        self._side_by_side = side_by_side
        stats = json.loads(Path("mutmut-stats.json").read_text(encoding="utf-8"))
        self._reached: dict[str, list[str]] = stats["tests_by_mangled_function_name"]
        self._seconds: dict[str, float] = stats["duration_by_test"]

    def pytest_configure(self, config: pytest.Config) -> None:
        """A change is noticed by what it does, never by how busy the machine is, and always by the same examples."""
        config.addinivalue_line("markers", "xdist_group(name): a word of the plugin that is left out here")
        from hypothesis import HealthCheck, settings  # noqa: PLC0415 - pytest wants to be there before it

        calm = list(HealthCheck)
        settings.register_profile("changes", deadline=None, derandomize=True, database=None, suppress_health_check=calm)
        settings.load_profile("changes")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Every change; first none, which must pass, and one that breaks everything, which must not."""
        items = {item.nodeid: item for item in session.items}
        everything = list(items.values())
        told = dict(self._tried(session, [("", everything), ("fail", everything)]))
        if told == {"": "survived", "fail": "killed"}:
            changes = [(name, self._tests(name, items)) for name in chosen(sorted(_changes()))]
            told |= dict(self._tried(session, changes))
        self._result.write_text(json.dumps(told), encoding="utf-8")
        return True

    def _tests(self, name: str, items: dict[str, pytest.Item]) -> list[pytest.Item]:
        """The tests that reach the changed function: those of its own module first, then the quick ones."""
        function = name.rpartition("__mutmut_")[0]
        own = f"/test_{function.split('.')[2]}.py"
        reached = [test for test in self._reached.get(function, ()) if test in items]
        reached.sort(key=lambda test: (own not in test, self._seconds.get(test, 0.0)))
        return [items[test] for test in reached]

    def _tried(
        self, session: pytest.Session, changes: Sequence[tuple[str, list[pytest.Item]]]
    ) -> Iterator[tuple[str, str]]:
        """Each change with `killed`, `survived`, `endless` or `unreached`."""
        running: dict[int, tuple[str, float]] = {}
        waiting = list(reversed(changes))
        while waiting or running:
            while waiting and len(running) < self._side_by_side:
                name, tests = waiting.pop()
                if not tests:
                    yield name, "unreached"
                    continue
                running[_forked(session, name, tests, self._limit(tests))] = (name, time.monotonic())
            yield from self._ended(running)
            time.sleep(LOOK_SECONDS)

    def _ended(self, running: dict[int, tuple[str, float]]) -> Iterator[tuple[str, str]]:
        for pid, (name, began) in list(running.items()):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del running[pid]
                code = os.waitstatus_to_exitcode(status)
                yield name, "survived" if code == 0 else "endless" if code < 0 else "killed"
            elif time.monotonic() - began > LONGEST:
                os.kill(pid, signal.SIGKILL)

    def _limit(self, tests: list[pytest.Item]) -> int:
        return CPU_SECONDS + int(CPU_FACTOR * sum(self._seconds.get(test.nodeid, 0.0) for test in tests))


def chosen(changes: list[str]) -> list[str]:
    """All of them, or as many as SAMPLE asks for, drawn by its seed."""
    asked = os.environ.get(SAMPLE)
    if not asked:
        return changes
    count, _, seed = asked.partition(":")
    return sorted(random.Random(int(seed)).sample(changes, min(int(count), len(changes))))


def _changes() -> Iterator[str]:
    """The names of all changes, as mutmut keeps them beside the changed modules."""
    for kept in Path("shared").rglob("*.meta"):
        yield from json.loads(kept.read_text(encoding="utf-8"))["exit_code_by_key"]


def _forked(session: pytest.Session, name: str, tests: list[pytest.Item], limit: int) -> int:
    """The pid of a child that runs the tests up to the first failure, and exits with 1 where there is one."""
    pid = os.fork()
    if pid:
        return pid
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(null, stream)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        os.environ[CHANGE] = name
        os._exit(_first_failure(session, tests))
    except BaseException:  # noqa: BLE001 - whatever the change broke, the child ends here
        os._exit(1)


def _first_failure(session: pytest.Session, tests: list[pytest.Item]) -> int:
    following: list[Any] = [*tests[1:], None]
    for test, after in zip(tests, following, strict=True):
        test.config.hook.pytest_runtest_protocol(item=test, nextitem=after)
        if session.testsfailed:
            return 1
    return 0


def main(argv: list[str]) -> int:
    """See the module."""
    result, side_by_side, *arguments = argv
    os.environ[CHANGE] = ""
    plain = ("-s", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly")
    return int(pytest.main([*plain, *arguments], plugins=[Forks(Path(result), int(side_by_side))]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
