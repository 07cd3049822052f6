"""Transfers over a network that breaks: between the app and Graph, its upload sessions, and storage.

Every scenario is one file, one fault of `devkit/local/proxy.py` that its own requests alone meet, and one end: the
file is attached once, byte for byte, and nothing is left half done. Several run side by side, as transfers do.

    python -m assurance.faults.network --positions 64
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal
from urllib.parse import urlsplit

from assurance import oracle
from assurance.campaign import fresh_seed
from devkit.functions_host.client import HostProcess
from devkit.local.harness import ENDS, Delivery, Harness, content
from devkit.local.proxy import Action, Direction, Fault, Proxy
from devkit.local.stack import Stack

Place = Literal["graph", "upload", "storage"]

MIB = 1024 * 1024
SIZE = 3 * MIB + 12_345
"""Bytes of each file: three ranges of 1 MiB and a short one. Above 3,000,000, so that Graph takes a session for it."""

SMALL = 20_000
"""Bytes of a file that goes in one POST."""

HEAD = 400
"""Bytes, at least: the head of a request, before its body."""

TOGETHER = 12
"""Scenarios side by side."""

PATIENCE = 400.0
"""Seconds that a scenario may take: the app gives a silent Graph 100 s, and storage 30 s, before it tries again. A POST
whose answer was lost is looked for until 5 minutes after it was announced."""


@dataclass(frozen=True, slots=True)
class NetworkScenario:
    """One fault: at which request of a transfer, where in it, and what happens there."""

    place: Place
    request: str
    action: Action
    direction: Direction = "up"
    after: int = 0
    nth: int = 1
    seconds: float = 2.0
    small: bool = False

    def __str__(self) -> str:
        return f"{self.action} {self.place} {self.request!r} #{self.nth} {self.direction} at byte {self.after}"

    def fault(self, tag: str) -> Fault:
        """The fault for the transfer that is known by `tag`: the item's id in Graph, the blob's name in storage."""
        pattern = REQUESTS[self.place][self.request].replace("TAG", tag)
        return Fault(
            self.action, pattern.encode(), self.direction, self.after, nth=self.nth, seconds=self.seconds, rate=400_000
        )


_PATH = r"/[^ ?]*TAG[^ ?]*"
REQUESTS: dict[Place, dict[str, str]] = {
    "graph": {
        "list": rf"GET /v1\.0{_PATH}/attachments\?",
        "create": rf"POST /v1\.0{_PATH}/attachments/createUploadSession ",
        "post": rf"POST /v1\.0{_PATH}/attachments ",
    },
    "upload": {
        "range": rf"PUT {_PATH}",
        "final range": rf"PUT {_PATH}[^\r]*\r\n(?:[^\r]+\r\n)*?Content-Range: bytes \d+-{SIZE - 1}/",
    },
    "storage": {
        "read": rf"GET {_PATH}[^\r]*\r\n(?:[^\r]+\r\n)*?Range: bytes=",
        "version": rf"HEAD {_PATH}[^\r]*\r\n(?:[^\r]+\r\n)*?If-Match: ",
        # a transfer's own id is not known beforehand: its blob's name stands in the checkpoint's text
        "checkpoint": r'PUT /[^ ]*/transfers/[^ ]* HTTP/1\.1\r\n(?:[^\r]+\r\n)+\r\n\{"schema"[^\n]{0,400}?TAG',
    },
}
"""How a transfer's requests begin. `TAG` is what names the transfer."""


class ProxiedStack(Stack):
    """A stack whose app reaches Graph, the upload sessions and the blobs through a proxy each."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        together = {
            "AzureFunctionsJobHost__extensions__blobs__maxDegreeOfParallelism": str(TOGETHER),
            "AzureFunctionsJobHost__extensions__queues__batchSize": str(TOGETHER),
            "PYTHON_THREADPOOL_THREAD_COUNT": str(2 * TOGETHER),
            "RANGE_BYTES": str(MIB),
        }
        super().__init__(settings={**together, **(settings or {})})
        self.proxies: dict[Place, Proxy] = {}

    def start_host(self, **arguments: Any) -> HostProcess:
        """See `Stack.start_host`. The proxies come first."""
        if not self.proxies:
            targets: dict[Place, str] = {
                "graph": self.graph.graph_origin,
                "upload": self.graph.upload_origin,
                "storage": self.azurite.origins["Blob"],
            }
            for place, origin in targets.items():
                parts = urlsplit(origin)
                proxy = Proxy(str(parts.hostname), int(parts.port or 0))
                self.proxies[place] = self._parts.enter_context(proxy)
            self.graph.switch(upload_origin=self.proxies["upload"].origin)
        return super().start_host(**arguments)

    @property
    def settings(self) -> dict[str, str]:
        """See `Stack.settings`. The host's own storage is reached directly."""
        direct = super().settings
        if not self.proxies:
            return direct
        origins = {place: proxy.origin for place, proxy in self.proxies.items()}
        storage = direct["DropStorage"].replace(self.azurite.origins["Blob"], origins["storage"])
        upload = urlsplit(origins["upload"]).netloc
        return {
            **direct,
            "GRAPH_BASE_URL": f"{origins['graph']}/v1.0",
            "GRAPH_UPLOAD_HOSTS": upload,
            "DropStorage": storage,
        }


@dataclass
class Report:
    """What was tried and what did not hold, one line each with what replays it."""

    scenarios: int = 0
    acted: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    slowest: float = 0.0
    slowest_scenario: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values; `runs` are the scenarios whose fault really acted."""
        return {
            "runs": self.scenarios - len(self.missed),
            "acted": dict(sorted(self.acted.items())),
            "missed": self.missed,
            "broken": self.broken,
            "slowest": f"{self.slowest:.0f} s: {self.slowest_scenario}",
        }


def positions(count: int, total: int) -> list[int]:
    """`count` places spread evenly over `total` bytes, the first byte and the last among them."""
    return [0] if count == 1 else [round(at * total / (count - 1)) for at in range(count)]


def everyday() -> list[NetworkScenario]:
    """One scenario of each kind: what is tried at every change."""
    middle = HEAD + MIB // 2
    return [
        NetworkScenario("upload", "range", "reset", after=middle, nth=2),
        NetworkScenario("upload", "range", "close", direction="down", nth=2),
        NetworkScenario("upload", "final range", "reset", after=middle // 100),
        NetworkScenario("upload", "final range", "reset", direction="down"),
        NetworkScenario("upload", "range", "pause", after=middle, nth=3),
        NetworkScenario("upload", "range", "slow", after=middle, nth=2),
        NetworkScenario("graph", "list", "reset"),
        NetworkScenario("graph", "create", "close", direction="down", after=40),
        NetworkScenario("graph", "create", "reset", direction="down"),
        NetworkScenario("storage", "read", "reset", direction="down", after=MIB + MIB // 2),
        NetworkScenario("storage", "read", "close", direction="down", after=10),
        NetworkScenario("storage", "version", "reset", direction="down"),
        NetworkScenario("storage", "checkpoint", "reset", direction="down"),
        NetworkScenario("storage", "checkpoint", "close", direction="down", nth=2),
        NetworkScenario("storage", "checkpoint", "reset", after=400, nth=2),
        NetworkScenario("storage", "read", "slow", direction="down", after=middle),
    ]


def thorough(count: int) -> list[NetworkScenario]:
    """Every kind of fault, each once: `count` positions of a range and of what is read, and every answer."""
    return list(dict.fromkeys(_thorough(count)))


def _thorough(count: int) -> Iterator[NetworkScenario]:
    whole: tuple[Action, ...] = ("reset", "close")
    final = SIZE % MIB
    for at in positions(count, HEAD + MIB):
        yield from (NetworkScenario("upload", "range", action, after=at, nth=2) for action in whole)
    for at in positions(count, HEAD + final):
        yield NetworkScenario("upload", "final range", "reset", after=at)
    for at in positions(count, SIZE):
        yield from (NetworkScenario("storage", "read", action, direction="down", after=at) for action in whole)
    answers: list[tuple[Place, str, int]] = [
        *(("upload", "range", nth) for nth in (1, 2, 3)),
        ("upload", "final range", 1),
        ("graph", "list", 1),
        ("graph", "create", 1),
        *(("storage", "version", nth) for nth in (1, 2)),
        *(("storage", "checkpoint", nth) for nth in (1, 2, 3, 4)),
    ]
    for (place, request, nth), at in itertools.product(answers, (0, 17, 150)):
        for action in ("reset", "close", "pause"):
            yield NetworkScenario(place, request, action, direction="down", after=at, nth=nth)
        yield NetworkScenario(place, request, "reset", after=at, nth=nth)
    for (place, request, nth), direction in itertools.product(answers, ("up", "down")):
        yield NetworkScenario(place, request, "slow", direction=direction, nth=nth)  # type: ignore[arg-type]  # mypy widens it
    yield from (NetworkScenario("graph", "post", "reset", after=at, small=True) for at in positions(8, HEAD + SMALL))
    yield from (
        NetworkScenario("graph", "post", "reset", direction="down", after=at, small=True) for at in (0, 17, 150)
    )
    for (place, request, nth), direction in itertools.product(answers, ("up", "down")):
        yield NetworkScenario(place, request, "black-hole", direction=direction, nth=nth)  # type: ignore[arg-type]  # as above


def lost_acknowledgements(count: int) -> list[NetworkScenario]:
    """`count` saves of a checkpoint that storage carried out and whose answer never came: every save of a transfer.

    Where it is closed behind its first line, an answer without headers did come: `thorough` has those.
    """
    saves = [(small, nth) for small, last in ((True, 3), (False, 4)) for nth in range(1, last + 1)]
    ways: tuple[tuple[Action, int], ...] = (("reset", 0), ("reset", 17), ("reset", 150), ("close", 0))
    each = itertools.cycle(itertools.product(saves, ways))
    return [
        NetworkScenario("storage", "checkpoint", action, direction="down", after=after, nth=nth, small=small)
        for (small, nth), (action, after) in itertools.islice(each, count)
    ]


@dataclass(frozen=True, slots=True)
class _Running:
    """A scenario under way: the fault in force for it, its file, and when it began on `time.monotonic`."""

    scenario: NetworkScenario
    fault: Fault
    file: Delivery
    began: float

    @property
    def seconds(self) -> float:
        """How long it has been under way."""
        return time.monotonic() - self.began


class NetworkCampaign:
    """Scenarios on one stack, so many at a time. `most_runs`: how many runs a transfer may take, where that counts."""

    def __init__(self, harness: Harness, proxies: Mapping[Place, Proxy], most_runs: int | None = None) -> None:
        self._harness = harness
        self._most_runs = most_runs
        self._proxies = proxies
        self._numbers = itertools.count(1)
        self._orphaned: set[str] = set()
        self.report = Report()

    def run(self, scenarios: Iterable[NetworkScenario]) -> None:
        """Run the scenarios, `TOGETHER` side by side, and check each once it is over."""
        waiting = iter(scenarios)
        running = [self._start(scenario) for scenario in itertools.islice(waiting, TOGETHER)]
        while running:
            over = self._harness.stack.wait_until(partial(self._over, running), 2 * PATIENCE, what="a scenario ends")
            for one in over:
                self._check(one)
            running = [one for one in running if one not in over]
            running += [self._start(scenario) for scenario in itertools.islice(waiting, len(over))]

    def close(self) -> None:
        """Check what is left once everything is over. A run may fail where storage does: it is delivered again."""
        wrong = oracle.aftermath(self._harness, frozenset({"failed"}), frozenset(self._orphaned))
        self.report.broken += [f"at the end: {line}" for line in wrong]

    def _start(self, scenario: NetworkScenario) -> _Running:
        tag = f"AAMkScenario{next(self._numbers):05}"
        fault = scenario.fault(tag)
        self._proxies[scenario.place].add(fault)
        item = self._harness.item(mailbox=self._harness.mailbox(), id=tag)
        if scenario.request == "create":
            self._orphaned.add(item)
        data = content(SMALL if scenario.small else SIZE, tag)
        return _Running(scenario, fault, self._harness.drop(data, item=item, blob=f"{tag}.bin"), time.monotonic())

    def _over(self, running: Iterable[_Running]) -> list[_Running]:
        """Those that have ended, and those that have had their time."""
        return [
            one for one in running if one.seconds > PATIENCE or self._harness.transfer(one.file).get("state") in ENDS
        ]

    def _check(self, one: _Running) -> None:
        self.report.scenarios += 1
        if one.seconds > self.report.slowest:
            self.report.slowest, self.report.slowest_scenario = one.seconds, str(one.scenario)
        self.report.broken += [f"{one.scenario}: {wrong}" for wrong in self._wrong(one.file)]
        proxy = self._proxies[one.scenario.place]
        if proxy.hits(one.fault.match):
            self.report.acted[f"{one.scenario.action} at {one.scenario.place}"] += 1
        else:
            self.report.missed.append(str(one.scenario))
        proxy.remove(one.fault.match)

    def _wrong(self, file: Delivery) -> list[str]:
        transfer = self._harness.transfer(file)
        if transfer.get("state") not in ENDS:
            return [f"not over, but {transfer.get('state', 'without a transfer')}"]
        wrong = oracle.attached_once(self._harness, file)
        if self._most_runs is not None and transfer["runs"] > self._most_runs:
            wrong.append(f"took {transfer['runs']} runs")
        return wrong


def run(
    scenarios: Iterable[NetworkScenario] | None = None, *, count: int = 64, seed: int = 0, most_runs: int | None = None
) -> dict[str, Any]:
    """Run the scenarios, or all thorough ones at `count` positions in the order that `seed` shuffles; what came of it.

    `broken` is empty where all of it held; `acted` counts the faults by kind and place.
    `missed` are scenarios whose fault found nothing to act on. See `NetworkCampaign` for `most_runs`.
    """
    chosen = thorough(count) if scenarios is None else list(scenarios)
    random.Random(seed).shuffle(chosen)
    # Minutes each, so begun first: a POST that has to be looked for, and a service that is silent.
    chosen.sort(key=lambda scenario: (scenario.request != "post", scenario.action != "black-hole"))
    stack = ProxiedStack()
    with Harness(stack) as harness:
        campaign = NetworkCampaign(harness, stack.proxies, most_runs)
        campaign.run(chosen)
        campaign.close()
        return campaign.report.as_dict()


def main() -> int:
    """From the command line; exit code 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m assurance.faults.network", description=__doc__)
    parser.add_argument("--positions", type=int, default=64)
    parser.add_argument("--seed", type=int, default=fresh_seed(), help="default: a fresh one, printed")
    parser.add_argument("--everyday", action="store_true", help="one scenario of each kind")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    report = run(everyday() if given.everyday else None, count=given.positions, seed=given.seed)
    for key, value in report.items():
        print(key, *(f"\n  {line}" for line in value) if isinstance(value, list) else [value])
    return 1 if report["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
