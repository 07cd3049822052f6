"""Workers, and whole instances, killed with SIGKILL at random instants of a transfer.

Each transfer must still end attached, once, whole; and one that an instance was killed under goes on within a minute.

    python -m assurance.faults.kills --count 200

Every kill is drawn from the seed: how long the file is, which of the transfer's requests to Graph is waited for, how
long after it the signal comes, and whether Graph's last answer was lost before, so that the run was settling. The
machine's own timing is not drawn: the same seed strikes at the same step, not at the same instruction.

Killed transfers wait for their lease while the next files are dropped and struck, so that a run which carries one on
is now and then struck too. What counts as a kill is a signal that took a file's first run with it.

Where an instance is killed, its host and its workers go together, with every other run in them, and what they had been
given stays hidden, as on the real host. Another instance has been running beside it, and a fresh one takes its place.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from assurance import oracle
from assurance.campaign import fresh_seed
from devkit.functions_host.client import HostProcess
from devkit.local.harness import ENDS, Delivery, Harness, content
from devkit.local.stack import Stack
from devkit.local.waiting import came_true
from shared.app import HOST_JSON, App
from shared.composition import Composition, SystemClock
from shared.run.sweep import STALE
from shared.settings import load

SIZE = 40_000_000
"""Bytes of a file, give or take SPREAD: ten ranges, the last one short."""

RANGE = 4 * 1024 * 1024
SPREAD = 0.04
EACH_STACK = 40
"""Kills on one stack, whose files stay to the end and are judged there: some 1.6 GB in storage and in Graph each."""

SETTLING = 0.3
"""Share of the transfers whose last answer is lost, so that the run is killed while it settles."""

SETTLING_REQUESTS = 6
"""How many requests it takes to settle: the session is asked, given up, the list is read, the bytes are compared."""

BEFORE_RANGES = 3
"""Requests before the first range: the item and its list are read, the session is opened."""

LATENCY = {"latency_ms_create": 30, "latency_ms_put": 40, "latency_ms_other": 15}
"""Graph's. A range that is on its way when its worker dies takes effect all the same."""

LONGEST_DELAY = 0.15
"""Seconds after the request that was waited for: longer than the longest step between two requests."""

INSTANCES = 0.2
"""Share of the kills that take the whole instance."""

RESUMED = 60.0
"""Seconds after the loss of an instance within which Graph is asked again about the file that was on its way."""

HOLD = 90.0
"""Seconds for which a message is hidden that a lost instance had: longer than RESUMED, so that none of them helps. With
the real host's ten minutes each stack would wait for so long at its end (tests/e2e/test_lost_instances.py has them)."""

SETTINGS = {
    # a run that is struck is one failure of its message: after five, the poison queue would take over
    "AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "100",
    "AzureFunctionsJobHost__extensions__blobs__poisonBlobThreshold": "100",
    "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01",
    "AzureFunctionsJobHost__extensions__queues__batchSize": "8",
    "AzureFunctionsJobHost__extensions__blobs__maxDegreeOfParallelism": "8",
}
WORKERS = 2
"""So that one takes the next file while the other is started again."""

LOST = frozenset({"worker lost"})
"""The outcome of runs that the kills bring about."""

PATIENCE = 600.0
"""Seconds until every file of a stack has ended: a lease of 20 s for each time that a run was struck."""

LANDING = timedelta(seconds=2)
"""For what was on its way to Graph when the instance was lost; it is no sign of anybody who went on."""

LATER = 2 * STALE
"""How much later the sweep comes: it lets young marks be."""

LOOK_SECONDS = 0.004
MEETING_SECONDS = 60.0
"""How long the request that a kill waits for may take to come."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill: `after` so many requests about the item (0: once the run has begun) and `delay` seconds more.

    `settling`: the answer to the last range is lost before. `whole`: the instance goes, not only the worker.
    """

    number: int
    size: int
    after: int
    delay: float
    settling: bool
    whole: bool = False

    def __str__(self) -> str:
        how = ", whose last answer was lost" if self.settling else ""
        what = "instance" if self.whole else "worker"
        when = f"{self.delay * 1000:.0f} ms after request {self.after}"
        return f"kill {self.number} of a {what}: {self.size} bytes{how}, {when}"


@dataclass
class Report:
    """What was struck, and what did not hold, one line each.

    Attributes:
        kills: signals that ended a file's first run; `instances`: of them, those to a whole instance.
        longest_pause: seconds, of those after the loss of an instance, until Graph was asked about the file again.
        late: signals that came after that run had ended; they do not count.
        lost: runs that the signals ended, those that carried another file on included.
        swept: transfers whose run died between their durable end and its last errand: the sweep carried that out.
        states: how often a transfer was in which state, as its checkpoint says, when it was struck.
        runs: runs that it took to end all files.
    """

    kills: int = 0
    instances: int = 0
    longest_pause: float = 0.0
    late: int = 0
    lost: int = 0
    swept: int = 0
    runs: int = 0
    states: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def details(self) -> dict[str, int | float | str]:
        """The further counts, by name."""
        states = {f"killed {state}": count for state, count in sorted(self.states.items())}
        return {
            **states,
            "whole instances": self.instances,
            "longest pause after one, s": round(self.longest_pause, 1),
            "runs lost": self.lost,
            "runs in all": self.runs,
            "left to the sweep": self.swept,
            "too late": self.late,
        }


def drawn(seed: int, size: int = SIZE) -> Iterator[Kill]:
    """Kills without end; the same ones for the same seed."""
    chosen = random.Random(seed)
    number = 0
    while True:
        number += 1
        length = round(size * chosen.uniform(1 - SPREAD, 1 + SPREAD))
        before_settling = BEFORE_RANGES + -(-length // RANGE)
        settling = chosen.random() < SETTLING
        least, most = (before_settling, before_settling + SETTLING_REQUESTS - 1) if settling else (0, before_settling)
        after, delay = chosen.randint(least, most), chosen.uniform(0, LONGEST_DELAY)
        yield Kill(number, length, after, delay, settling, chosen.random() < INSTANCES)


def run(count: int, seed: int, *, size: int = SIZE) -> Report:
    """Strike until `count` kills have counted, and judge every file."""
    report = Report()
    kills = drawn(seed, size)
    while report.kills < count:
        options = ("--workers", str(WORKERS), "--hold", str(HOLD))
        with Harness(Stack(settings=SETTINGS, switches=LATENCY, options=options)) as harness:
            _campaign(harness, kills, min(EACH_STACK, count - report.kills), report)
    return report


def _campaign(harness: Harness, kills: Iterator[Kill], count: int, report: Report) -> None:
    """`count` kills on one stack; then everything is waited for and judged."""
    struck: list[_Struck] = []
    goal = report.kills + count
    others = [harness.stack.start_host()]
    while report.kills < goal:
        kill = next(kills)
        struck.append(_strike(harness, kill, report, others))
    broken = []
    for one in struck:
        try:
            harness.ended(one.file, PATIENCE)
        except TimeoutError:
            broken.append(f"{one.kill}: not over, but {harness.transfer(one.file).get('state', 'without a transfer')}")
    oracle.settle(harness)
    report.swept += len(harness.marks())
    _swept_later(harness)
    # A session whose URL died with its run got no byte, is known to nobody and expires by itself.
    orphaned = frozenset(one.file.item for one in struck)
    broken += [f"at the end of a stack: {line}" for line in oracle.aftermath(harness, LOST, orphaned)]
    for one in struck:
        broken += _late_resumption(harness, one, report)  # before the judge asks Graph
        broken += [f"{one.kill}: {wrong}" for wrong in oracle.attached_once(harness, one.file)]
        report.runs += int(harness.transfer(one.file).get("runs", 0))
    report.lost += sum(_lost_runs(host) for host in (harness.stack.host, *others))
    report.broken += broken


@dataclass(frozen=True, slots=True)
class _Struck:
    """A file whose run was struck. `lost_at`: when its instance was lost under it (UTC); None: it was not."""

    kill: Kill
    file: Delivery
    lost_at: datetime | None


def _lost_runs(host: HostProcess) -> int:
    return sum(run["outcome"] == "worker lost" for run in host.invocations())


def _late_resumption(harness: Harness, struck: _Struck, report: Report) -> list[str]:
    """What is wrong where a lost instance was not followed in time.

    A run that had asked Graph nothing yet may have had no message of its own: that file is the sweep's. One that had
    nothing left to ask leaves no trace of whoever followed it.
    """
    if struck.lost_at is None:
        return []
    times = [datetime.fromisoformat(entry["time"]) for entry in harness.requests(struck.file)]
    if min(times) > struck.lost_at:
        return []
    pauses = [(at - struck.lost_at).total_seconds() for at in times if at > struck.lost_at + LANDING]
    pause = min(pauses, default=0.0)
    report.longest_pause = max(report.longest_pause, pause)
    return [f"{struck.kill}: nobody went on for {pause:.0f} s"] if pause > RESUMED else []


def _swept_later(harness: Harness) -> None:
    """What the next sweeps do about transfers that nobody has touched for LATER."""
    composition = Composition(load(harness.stack.settings, HOST_JSON.read_text(encoding="utf-8")))
    composition.clock = _Later()
    App(composition).sweep()


class _Later(SystemClock):
    """The machine's clock, LATER on."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return super().now() + LATER


def _strike(harness: Harness, kill: Kill, report: Report, others: list[HostProcess]) -> _Struck:
    """Drop the file, wait for the instant, and kill the worker that its run is in, or the whole instance."""
    host, graph = harness.stack.host, harness.graph
    item = harness.item(mailbox=harness.mailbox())
    name = item.removesuffix("=")
    if kill.settling:
        graph.fault({"action": "reset-after", "kind": "final-put", "path": name})
    data = content(kill.size, item)
    harness.stack.wait_until_idle()  # a struck file's message comes back at once, and looks like this one's
    logged, begun = len(graph.requests()), len(host.invocations())
    file = harness.drop(data, item=item)

    def own_run() -> dict[str, Any]:
        blobs = [one for one in host.invocations(after=begun) if one["trigger"] == "blob" and one["worker"]]
        return blobs[0] if blobs else {}

    def reached() -> bool:
        about = [entry for entry in graph.requests(since=logged) if name in entry["path"]]
        return len(about) >= kill.after or own_run()["outcome"] != "running"

    first = harness.stack.wait_until(own_run, what="the file's run begins")
    came_true(reached, MEETING_SECONDS, pause=LOOK_SECONDS)
    time.sleep(kill.delay)
    if kill.whole:
        lost_at = _instance_lost(harness, file, others, report)
        was_lost = lost_at is not None
    else:
        host.kill_worker(int(first["worker"]))
        lost_at, was_lost = None, _was_lost(harness, first["invocation"], begun)
    report.kills += was_lost
    report.late += not was_lost
    if was_lost:
        report.instances += kill.whole
        report.states[str(harness.transfer(file).get("state", "before its checkpoint"))] += 1
    return _Struck(kill, file, lost_at)


def _instance_lost(harness: Harness, file: Delivery, others: list[HostProcess], report: Report) -> datetime | None:
    """Kill the instance that files are sent to. Another is there already, and a third takes the place of the first.

    When (UTC) the file's run went with it; None where it was over, and had carried its end out.
    """
    host = harness.stack.host
    running = [run for run in host.invocations() if run["outcome"] == "running" and run["function"] != "sweep"]
    report.lost += len(running) + _lost_runs(host)
    host.kill()
    lost_at = datetime.now(UTC)
    was_lost = harness.transfer(file).get("state") not in ENDS or bool(harness.marks())
    harness.stack.host = others.pop()
    others.append(harness.stack.start_host())
    return lost_at if was_lost else None


def _was_lost(harness: Harness, invocation: str, begun: int) -> bool:
    """Whether the signal ended the run, once the host knows."""

    def ended() -> dict[str, Any]:
        runs = harness.stack.host.invocations(after=begun)
        return next((run for run in runs if run["invocation"] == invocation and run["outcome"] != "running"), {})

    return bool(harness.stack.wait_until(ended, what="the killed run is known to be over")["outcome"] == "worker lost")


def main() -> int:
    """From the command line; exit code 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m assurance.faults.kills", description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=fresh_seed(), help="default: a fresh one, printed")
    parser.add_argument("--size", type=int, default=SIZE)
    given = parser.parse_args()
    began = time.monotonic()
    print(f"seed {given.seed}", flush=True)
    report = run(given.count, given.seed, size=given.size)
    print(f"{report.kills} kills, {len(report.broken)} broken, {time.monotonic() - began:.0f} s: {report.details()}")
    for line in report.broken:
        print(f"  {line}")
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
