"""Many scenarios at once: enumerated, spread over the cores, counted. The tests use them, and the large campaigns."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

from assurance.simulation import seeds
from assurance.simulation.case import FOUR, Case, Denial, ExternalAction, Fault, SustainedFault
from assurance.simulation.engines import NO_ETAG, WRONG
from assurance.simulation.enumerate import calls_of, pairs, singles
from assurance.simulation.identity import CLAIMS
from assurance.simulation.oracle import Verdict
from assurance.simulation.scenario import run_case, run_scheduled
from assurance.simulation.schedule import children

SMALL = range(7)
"""Ranges of the files at which every single fault is tried; 0 is the small file that goes by POST."""

LARGE = 38
"""Ranges of a file of 150 MiB."""

GRAPH_CALLS = ("graph.", "graph.GET", "graph.PUT", "graph.POST", "graph.DELETE")
STORAGE_CALLS = ("checkpoint.", "checkpoint.save", "checkpoint.load", "source.", "queue.", "mark.", "outcome.")
REFUSALS = (401, 403, 404, 408, 409, 410, 412, 413, 416, 429, 500, 503, 507)
FAILURES = (500, 503, 504, 520)  # those that may come after the effect

STATUSES = (
    200, 202, 204, 302, 400, 401, 403, 404, 405, 408, 409, 410, 411, 412, 413, 415, 416, 421, 422, 423, 424, 425, 429,
    449, 500, 501, 502, 503, 504, 507, 509, 520,
)  # fmt: skip
"""What may be answered after the effect, to any call: everything that Graph, its gateways or a proxy is known to say,
but 201."""

CHUNK = 200  # scenarios handed to a process at a time

UNKNOWNS = {name: answers for name, answers in seeds.ANSWERS.items() if name != "min_session_size"}


@dataclass
class Tally:
    """What a campaign counted.

    Attributes:
        broken: one line per scenario that broke a promise, with the id that replays it.
        ends, codes: how the scenarios ended, by state and by the code of a failure.
        longest: the most deliveries that a scenario took to its end.
    """

    scenarios: int = 0
    broken: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    longest: int = 0

    def add(self, other: Tally) -> Tally:
        """Both together."""
        self.scenarios += other.scenarios
        self.broken += other.broken
        self.ends += other.ends
        self.codes += other.codes
        self.duplicates += other.duplicates
        self.longest = max(self.longest, other.longest)
        return self


def single_faults() -> Iterator[Case]:
    """Every fault at every call, requests up to 24 calls late; for 0 to 6 ranges, and 38."""
    for ranges in SMALL:
        yield from singles(Case(ranges=ranges))
        yield from singles(Case(ranges=ranges, lazy=True))
    yield from singles(Case(ranges=LARGE))


def fault_pairs() -> Iterator[Case]:
    """All pairs of faults, for 0 to 4 ranges."""
    for ranges in range(5):
        yield from pairs(Case(ranges=ranges))


def other_people() -> Iterator[Case]:
    """The file overwritten or deleted, the transfer cancelled, the session expired, the item gone ... at every call."""
    for ranges, what in itertools.product(SMALL, ExternalAction):
        for call in range(1, len(calls_of(Case(ranges=ranges))) + 2):
            yield Case(ranges=ranges, happenings=((call, what),))


def unknown_answers() -> Iterator[Case]:
    """Both answers, or all, to everything that is unknown of Graph; alone, and with every single fault."""
    for name, answers in UNKNOWNS.items():
        for answer, ranges in itertools.product(answers, (0, 1, 3)):
            scenario = Case(ranges=ranges, switches={name: answer})
            yield scenario
            yield from singles(scenario, latenesses=(3,))


def after_the_effect(ranges: Iterable[int]) -> Iterator[Case]:
    """Graph does what any one call asks and answers with any status, with and without an error code.

    Each alone, and with every single fault at every other call.
    """
    for count in ranges:
        calls = calls_of(Case(ranges=count))
        requests = [number for number, name in enumerate(calls, 1) if name.startswith("graph.")]
        for call, status, fault in itertools.product(requests, STATUSES, (Fault.ANSWER_AFTER, Fault.REFUSAL_AFTER)):
            once = Case(ranges=count, faults=((call, fault, status),))
            yield once
            if fault is Fault.ANSWER_AFTER:
                yield from (two for two in singles(once, latenesses=(3,)) if two.faults[-1][0] != call)


def silent_sessions(ranges: Iterable[int]) -> Iterator[Case]:
    """Sessions that never say which byte they want, whatever they answer when asked, or sent a range elsewhere.

    Alone, and with every single fault.
    """
    asked, elsewhere = UNKNOWNS["get_session"], UNKNOWNS["wrong_offset"]
    for count, form, get, wrong in itertools.product(ranges, ("left out", "no body"), asked, elsewhere):
        scenario = Case(ranges=count, switches={"next_ranges": form, "get_session": get, "wrong_offset": wrong})
        yield scenario
        yield from singles(scenario, latenesses=(3,))


def rewritten_files(ranges: Iterable[int]) -> Iterator[Case]:
    """Files that come back with other bytes than were sent, and listed at sizes that say nothing.

    Alone, with every single fault, and with every status after the effect of each request.
    """
    for count, size in itertools.product(ranges, UNKNOWNS["size_reported"]):
        scenario = Case(ranges=count, switches={"rewrites": "everything", "size_reported": size})
        yield scenario
        yield from singles(scenario, latenesses=(3,))
        for once in after_the_effect((count,)):
            if len(once.faults) == 1 and once.faults[0][1] is Fault.ANSWER_AFTER:
                yield replace(once, switches=scenario.switches)


def twins(ranges: Iterable[int]) -> Iterator[Case]:
    """The same file dropped a second time for the same item, before every call, with a fault at each later one."""
    for count in ranges:
        for call in range(1, len(calls_of(Case(ranges=count))) + 2):
            once = Case(ranges=count, happenings=((call, ExternalAction.TWIN),))
            yield once
            for later in range(call, len(calls_of(once)) + 1):
                for fault in (Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.CRASH_AFTER):
                    yield replace(once, faults=((later, fault, 0),))
                yield replace(once, faults=((later, Fault.ANSWER, 404), (later + 1, Fault.ANSWER, 404)))


def moved_items(ranges: Iterable[int]) -> Iterator[Case]:
    """The item moved before every call, named by its id or looked up, with and without ids that outlast it.

    Each alone, with every single fault, and with a 404 to each later request, whether it was carried out or not.
    """
    worlds = itertools.product(ranges, (False, True), (False, True), (False, True))
    for count, bare, lookup, immutable in worlds:
        base = Case(ranges=count, bare=bare, lookup=lookup, switches={"immutable_ids": immutable})
        for call in range(1, len(calls_of(base)) + 2):
            once = replace(base, happenings=((call, ExternalAction.MOVE),))
            yield once
            yield from singles(once, latenesses=(3,))
            names = calls_of(once)
            later = [number for number, name in enumerate(names, 1) if number >= call and name.startswith("graph.")]
            for fault in (Fault.ANSWER, Fault.ANSWER_AFTER):
                yield from (replace(once, faults=((number, fault, 404),)) for number in later)


def lapsing_tokens(ranges: Iterable[int]) -> Iterator[Case]:
    """The app's token is rejected from each call on, with and without a claims challenge; alone, and with every fault.

    Without claims the platform goes on giving out the same token for an hour.
    """
    for count, claims in itertools.product(ranges, (CLAIMS, "")):
        base = Case(ranges=count, switches={"claims": claims}, heals=True)
        for call in range(1, len(calls_of(base)) + 1):
            once = replace(base, happenings=((call, ExternalAction.LAPSE),))
            yield once
            yield from singles(once, latenesses=(3,))


def late_access(ranges: Iterable[int]) -> Iterator[Case]:
    """Rights that are granted late, from a minute to two hours after the file; alone, and with every single fault."""
    for count, status, seconds in itertools.product(ranges, (401, 403), (60, 1800, 7000)):
        once = Case(ranges=count, denials=(Denial(("graph.GET", "graph.POST"), status, seconds),), heals=True)
        yield once
        yield from singles(once, latenesses=(3,))


def drawn_twins(count: int, seed: int) -> Iterator[Case]:
    """The same, drawn: with several faults, and answers that seldom say whose attachment is whose."""
    return (seeds.twins(seed * 1_000_000 + number) for number in range(count))


def passing_404s(ranges: Iterable[int]) -> Iterator[Case]:
    """A range that is lost, or lands late, and a session that its upload URL does not find, for a while.

    Every single fault, with a 404 at each later request, where the first DELETEs of a session find none.
    """
    for count, missed, asked in itertools.product(ranges, (1, 2, 3), UNKNOWNS["get_session"]):
        base = Case(ranges=count, switches={"first_delete_404": missed, "get_session": asked})
        for once in singles(base, latenesses=(2, 5, 9, 14, 20)):
            yield once
            first = once.faults[0][0]
            names = calls_of(once)
            later = [number for number, name in enumerate(names, 1) if number > first and name.startswith("graph.")]
            yield from (replace(once, faults=(*once.faults, (call, Fault.ANSWER, 404))) for call in later)


def people_then_faults(ranges: Iterable[int]) -> Iterator[Case]:
    """What other people do at every call, and then one of the four faults at every call that follows."""
    for count, what in itertools.product(ranges, ExternalAction):
        for call in range(1, len(calls_of(Case(ranges=count))) + 1):
            once = Case(ranges=count, happenings=((call, what),))
            for later in range(call, len(calls_of(once)) + 1):
                yield from (replace(once, faults=((later, fault, 0),)) for fault in FOUR)


def expiries(ranges: Iterable[int], skews: Iterable[float] = (-300, 0, 300)) -> Iterator[Case]:
    """The session expires before every call, however the clocks differ, whatever an expired session answers.

    Each alone, and with a crash right behind it.
    """
    for count, skew in itertools.product(ranges, tuple(skews)):
        for expired, asked in itertools.product(UNKNOWNS["expired_status"], UNKNOWNS["get_session"]):
            base = Case(ranges=count, switches={"expired_status": expired, "get_session": asked}, skew=skew)
            for call in range(1, len(calls_of(base)) + 1):
                once = replace(base, happenings=((call, ExternalAction.EXPIRE),))
                yield once
                yield replace(once, faults=((call + 1, Fault.CRASH_AFTER, 0),))


def sustained_faults(ranges: Iterable[int], retries: int = 0) -> Iterator[Case]:
    """Calls that fail in a row, for a while or for ever; then, where told so, a person has the transfer tried again."""
    for count in ranges:
        for fault in _sustained(len(calls_of(Case(ranges=count)))):
            yield Case(ranges=count, sustained_faults=(fault,), retries=retries if fault.last else 0)


_ACCESS = (1, 60, 1800, 7000)
_THROTTLED = (1, 60, 1800, 21_600, 86_400)
_UNEXPLAINED = (1, 60, 500)
_FAILING = (1, 60, 600, 2400, 72_000)
_APP = ("graph.GET", "graph.POST")
_ODD = (302, 402, 421, 423, 424, 425, 449)
DENIALS: tuple[tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]], ...] = (
    (_APP, (401, 403), _ACCESS),
    (("graph.POST",), (401, 403), _ACCESS),
    (("graph.PUT",), (401, 403), _ACCESS),
    (("graph.PUT", "graph.DELETE"), (401, 403), _ACCESS),
    (("graph.",), (401, 403), _ACCESS),
    (("graph.",), (429,), _THROTTLED),
    (("graph.PUT",), (429,), _THROTTLED),
    (("graph.POST",), (429,), _THROTTLED),
    (("graph.POST",), (400, *_ODD), _UNEXPLAINED),
    (("graph.GET",), (400, *_ODD), _UNEXPLAINED),
    (("graph.PUT",), _ODD, _UNEXPLAINED),
    (("graph.",), (500, 503), _FAILING),
)
"""What heals by itself: the calls, what they are answered, and for how long (seconds), always within the patience of
the policy: two hours for rights, tokens and upload URLs, days for throttling, ten minutes for what nobody explains, and
a day for a service that fails."""


def healing(ranges: Iterable[int], fault: Fault = Fault.ANSWER) -> Iterator[Case]:
    """Refusals that last and then pass, from each call on: before the effect of the calls, or after it."""
    for count in ranges:
        calls = len(calls_of(Case(ranges=count)))
        for names, statuses, lengths in DENIALS:
            for status, length, first in itertools.product(statuses, lengths, range(1, calls + 1)):
                yield Case(ranges=count, denials=(Denial(names, status, length, first, fault),), heals=True)


def _sustained(calls: int) -> Iterator[SustainedFault]:
    kinds = [(fault, 0) for fault in (Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.UNSENT)]
    kinds += [(Fault.ANSWER, status) for status in REFUSALS] + [(Fault.ANSWER_AFTER, status) for status in FAILURES]
    firsts = sorted({1, 4, calls // 2, calls - 3})
    for name, (fault, status), first in itertools.product(GRAPH_CALLS, kinds, firsts):
        for length in (0, 4, 30):
            yield SustainedFault(name, fault, first, first + length - 1 if length else 0, status)
    for name, fault, first in itertools.product(STORAGE_CALLS, (Fault.LOST_BEFORE, Fault.LOST_AFTER), firsts):
        yield from (SustainedFault(name, fault, first, first + length - 1) for length in (3, 20, 60))


def repeats(ranges: Iterable[int]) -> Iterator[Case]:
    """The file's event delivered again before every call, up to five times, to one worker or to five at once."""
    for count in ranges:
        calls = len(calls_of(Case(ranges=count)))
        for call, times in itertools.product(range(1, calls + 2), (1, 2, 4)):
            yield Case(ranges=count, happenings=((call, ExternalAction.REPEAT),) * times)
        for workers, step in itertools.product((2, 3, 5), range(calls)):
            yield Case(ranges=count, workers=workers, schedule=tuple((step, worker) for worker in range(1, workers)))


RACES = (
    ("cancel", "retry"),
    ("cancel", "accept"),
    ("cancel", "retry", "conclude"),
    ("sweep", "cancel"),
    ("sweep", "retry"),
    ("sweep", "accept"),
    ("poison", "cancel"),
    ("poison", "retry"),
    ("poison", "accept"),
    ("poison", "sweep"),
)
"""Commands, ticks of the sweep and poison handlers that race with a run, and with each other."""

AFTER_CHANGE = 8
"""Calls after a change of hands at which a fault strikes whoever makes them: most of a command's, or of a tick's."""


def faulted_races(ranges: int, race: tuple[str, ...]) -> Iterator[Case]:
    """Each change of hands between the workers of a race, with each fault at each of the calls that follow."""
    base = Case(ranges=ranges, commands=race)
    _, _, permits = run_scheduled(base)
    for case in children(base, permits.others if permits is not None else []):
        step = case.schedule[0][0]
        for call, fault in itertools.product(range(step + 1, step + 1 + AFTER_CHANGE), FOUR):
            yield replace(case, faults=((call, fault, 0),))


def dying_retries(ranges: int) -> Iterator[Case]:
    """A run whose file is deleted fails; a retry at each of its calls, whose process dies at any of its own."""
    base = Case(ranges=ranges, commands=("retry",), happenings=((5, ExternalAction.DELETE),))
    _, _, permits = run_scheduled(base)
    for case in children(base, permits.others if permits is not None else []):
        step = case.schedule[0][0]
        for call, fault in itertools.product(range(step + 1, step + 7), FOUR):
            yield replace(case, faults=((call, fault, 0),))


def throttled(count: int, seed: int) -> Iterator[Case]:
    """Scenarios of throttling."""
    return (seeds.throttled(seed * 1_000_000 + number) for number in range(count))


def mixed(count: int, seed: int) -> Iterator[Case]:
    """Scenarios of everything at once."""
    return (seeds.mixed(seed * 1_000_000 + number) for number in range(count))


def by_engine(scenarios: Iterable[Case], engine: str) -> Iterator[Case]:
    """The same scenarios under another engine."""
    return (replace(scenario, engine=engine) for scenario in scenarios)


def engines() -> list[str]:
    """The names of all engines that are wrong on purpose."""
    return [*WRONG, NO_ETAG]


def run_all(scenarios: Iterable[Case], processes: int | None = None) -> Tally:
    """Run every scenario, on every core."""
    return _spread(_run_batch, _batched(scenarios), processes)


def all_schedules(case: Case, preemptions: int, most: int | None = None, processes: int | None = None) -> Tally:
    """Every schedule of the case's workers with up to so many changes of hands; `most` bounds them per first change."""
    verdict, _, permits = run_scheduled(case)
    first = Tally()
    _count(first, case, verdict)
    if permits is None or preemptions == 0:
        return first
    work = partial(_explored, preemptions=preemptions - 1, most=most)
    return first.add(_spread(work, [[child] for child in children(case, permits.others)], processes))


def _explored(roots: list[Case], preemptions: int, most: int | None) -> Tally:
    tally, open_ = Tally(), [(root, preemptions) for root in roots]
    while open_ and (most is None or tally.scenarios < most):
        case, left = open_.pop()
        verdict, _, permits = run_scheduled(case)
        _count(tally, case, verdict)
        if left and permits is not None:
            open_ += [(child, left - 1) for child in children(case, permits.others)]
    return tally


def _run_batch(scenarios: list[Case]) -> Tally:
    tally = Tally()
    for scenario in scenarios:
        verdict, _ = run_case(scenario)
        _count(tally, scenario, verdict)
    return tally


def _count(tally: Tally, case: Case, verdict: Verdict) -> None:
    tally.scenarios += 1
    tally.ends[verdict.state] += 1
    if verdict.code:
        tally.codes[verdict.code] += 1
    tally.duplicates += verdict.attached > 1
    tally.longest = max(tally.longest, verdict.invocations)
    if verdict.broken:
        tally.broken.append(f"python -m assurance.simulation '{case.id}'  # {'; '.join(verdict.broken)}")


def _batched(scenarios: Iterable[Case]) -> Iterator[list[Case]]:
    rest = iter(scenarios)
    while batch := list(itertools.islice(rest, CHUNK)):
        yield batch


def _spread(work: Callable[[list[Case]], Tally], parts: Iterable[list[Case]], processes: int | None) -> Tally:
    tally = Tally()
    count = processes or os.cpu_count() or 1
    if count == 1:
        for part in parts:
            tally.add(work(part))
        return tally
    with ProcessPoolExecutor(count) as pool:
        for found in pool.map(work, parts):
            tally.add(found)
    return tally
