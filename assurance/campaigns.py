"""Every proof there is: what it shows, how much of it is enough, and what carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, product
from typing import Any

from assurance import listing, rules
from assurance.campaign import Campaign, Outcome
from assurance.faults import kills, network
from assurance.fuzz import api
from assurance.fuzz import hostile_input as hostile
from assurance.load import campaigns as politeness
from assurance.measured import LIVE, SIMULATED
from assurance.simulation import campaigns, forged, healing, sweeping
from assurance.simulation.campaigns import Tally
from assurance.simulation.case import Case
from assurance.simulation.enumerate import singles

SCHEDULES = ((0, 2, 4), (1, 2, 4), (2, 2, 4), (3, 2, 4), (6, 2, 3), (0, 3, 3), (1, 3, 4), (2, 3, 3), (3, 3, 3))
"""(ranges, workers, changes of hands): all schedules of each."""

TWO_EVENTS = ((0, 3), (1, 3), (2, 3), (3, 2))
"""(ranges, changes of hands): all schedules of two workers who are sent the file's event twice."""


def _crashes(_seed: int) -> Outcome:
    return _told(campaigns.tell_all(campaigns.single_faults()))


def _pairs(_seed: int) -> Outcome:
    return _told(campaigns.tell_all(campaigns.fault_pairs()))


def _workers(_seed: int) -> Outcome:
    tally = Tally()
    for ranges, workers, changes in SCHEDULES:
        tally.add(campaigns.all_schedules(Case(ranges=ranges, workers=workers), changes))
    return _told(tally)


def _repeats(_seed: int) -> Outcome:
    tally = campaigns.tell_all(campaigns.repeats(campaigns.SMALL))
    for ranges, changes in TWO_EVENTS:
        tally.add(campaigns.all_schedules(Case(ranges=ranges, workers=2, events=2), changes))
    return _told(tally)


def _people(_seed: int) -> Outcome:
    """What others do at every call, at every call with a fault behind it, and expiries under differing clocks."""
    scenarios = chain(campaigns.other_people(), campaigns.people_then_faults(range(3)), campaigns.expiries(range(1, 4)))
    return _told(campaigns.tell_all(scenarios))


def _storms(_seed: int) -> Outcome:
    scenarios = chain(campaigns.sustained_faults(range(4)), campaigns.sustained_faults(range(4), retries=1))
    return _told(campaigns.tell_all(scenarios))


def _commands(_seed: int) -> Outcome:
    tally = Tally()
    for ranges, commands in product(range(3), campaigns.RACES):
        tally.add(campaigns.all_schedules(Case(ranges=ranges, commands=commands), 2))
    for ranges in range(3):
        tally.add(campaigns.tell_all(campaigns.dying_retries(ranges)))
    return _told(tally)


def _unknowns(_seed: int) -> Outcome:
    outcome = _told(campaigns.tell_all(campaigns.unknown_answers()))
    answers = sum(len(set(answers)) for answers in campaigns.UNKNOWNS.values())
    return Outcome(outcome.achieved, outcome.broken, {"answers": answers, **outcome.details})


def _refusals(_seed: int) -> Outcome:
    """One call in the story is carried out, and answered with anything but 201."""
    outcome = _told(campaigns.tell_all(campaigns.after_the_effect((0, 1, 3))))
    return Outcome(outcome.achieved, outcome.broken, {"statuses": len(campaigns.STATUSES), **outcome.details})


def _passing_404s(_seed: int) -> Outcome:
    return _told(campaigns.tell_all(campaigns.passing_404s((1, 2))))


def _silent_sessions(_seed: int) -> Outcome:
    return _told(campaigns.tell_all(campaigns.silent_sessions((1, 2, 3))))


def _rewritten(_seed: int) -> Outcome:
    return _told(campaigns.tell_all(campaigns.rewritten_files((0, 1, 3))))


def _twins(_seed: int) -> Outcome:
    return _told(campaigns.tell_all(campaigns.twins((0, 1, 2))))


def _healing(_seed: int) -> Outcome:
    scenarios = chain(campaigns.healing((0, 1, 3)), campaigns.healing((0, 1, 3), after=True))
    return _told(campaigns.tell_all(scenarios))


def _waits(seed: int) -> Outcome:
    return _told(campaigns.tell_all(campaigns.throttled(10_000, seed)))


def _mixed(seed: int) -> Outcome:
    return _told(campaigns.tell_all(campaigns.mixed(50_000, seed)))


def _wrong(_seed: int) -> Outcome:
    """Broken here is an engine that nothing was found against."""
    tallies: dict[str, Tally] = {}
    for engine in campaigns.engines():
        scenarios = chain.from_iterable(singles(Case(ranges=ranges)) for ranges in range(4))
        refused = (case for case in campaigns.after_the_effect((0, 1)) if len(case.faults) == 1)
        tallies[engine] = campaigns.tell_all(campaigns.by_engine(chain(scenarios, refused), engine))
        racing = Case(ranges=1, workers=2, engine=engine)
        tallies[engine].add(campaigns.all_schedules(racing, 3))
    innocent = [f"{engine}: nothing attached twice" for engine, tally in tallies.items() if not tally.duplicates]
    told = {f"twice by «{engine}»": tally.duplicates for engine, tally in tallies.items()}
    return Outcome(sum(tally.scenarios for tally in tallies.values()), innocent, dict(told))


def _kills(seed: int) -> Outcome:
    report = kills.run(200, seed)
    return Outcome(report.kills, report.broken, report.details())


def _network(seed: int) -> Outcome:
    return _broken_network(network.run(count=64, seed=seed))


def _acknowledgements(seed: int) -> Outcome:
    return _broken_network(network.run(network.lost_acknowledgements(200), seed=seed, most_runs=1))


def _broken_network(report: Mapping[str, Any]) -> Outcome:
    missed = [f"{scenario}: the fault found nothing to act on" for scenario in report["missed"]]
    return Outcome(report["runs"], [*report["broken"], *missed], report["acted"])


def _told(tally: Tally) -> Outcome:
    return Outcome(tally.scenarios, tally.broken, dict(sorted(tally.ends.items())))


CAMPAIGNS = (
    Campaign(
        "crashes",
        "a crash, or a lost request or answer, at any call leaves one attachment with the right bytes",
        "I1-I6, I8, I14",
        "stories, each with one fault, of 0 to 6 and 38 ranges",
        6_000,
        _crashes,
        rests=SIMULATED,
    ),
    Campaign(
        "pairs",
        "so do two of them",
        "I1-I6, I8, I14",
        "stories, all pairs of faults, of 0 to 4 ranges",
        15_000,
        _pairs,
        rests=SIMULATED,
    ),
    Campaign(
        "workers",
        "so do two or three workers on the same transfer, with leases worth nothing",
        "I1, I2, I7, I13",
        "schedules, all with up to 4 changes of hands",
        100_000,
        _workers,
        rests=SIMULATED,
    ),
    Campaign(
        "repeats",
        "so does the same event, however often it comes, and to however many workers",
        "I1, I7, I13",
        "stories: up to five events at each call and to up to five workers, and all schedules of two events",
        4_000,
        _repeats,
        rests=SIMULATED,
    ),
    Campaign(
        "people",
        "files overwritten or deleted, cancellations, expired sessions, vanished items: at any moment",
        "I1-I3, I12, I13, I16",
        "stories, one such event at each call, alone and with a fault at each later one",
        10_000,
        _people,
        rests=SIMULATED,
    ),
    Campaign(
        "storms",
        "failures that last end attached or as one named failure; tried again by a person, attached once",
        "I1-I3, I15",
        "stories: lost, refused or failed calls in a row, from any on, for a while or for ever, of 0 to 3 ranges",
        5_000,
        _storms,
        rests=SIMULATED,
    ),
    Campaign(
        "commands",
        "cancel, retry and accept beside runs and whoever concludes, at every call, crash included, lose nothing",
        "I1, I2, I30",
        "stories: all schedules with up to 2 changes of hands, and a retry that dies, of 0 to 2 ranges",
        3_000,
        _commands,
        rests=SIMULATED,
    ),
    Campaign(
        "outages",
        "storage that is down, all of it or a part, for a second or a day, costs time and no person",
        "I28",
        "stories: each service and kind, from each call on, for each of twelve lengths, of 0 to 2 ranges",
        5_000,
        healing.proof,
        rests=SIMULATED,
    ),
    Campaign(
        "unknowns",
        "whatever Graph answers where nobody documents it",
        "I1-I6, I11, I16",
        "stories, each answer alone and with every single fault",
        4_000,
        _unknowns,
        rests=SIMULATED,
    ),
    Campaign(
        "refusals",
        "no answer but 201 is evidence: any call is carried out, and answered with any other status",
        "I1-I6, I27",
        "stories, each status after the effect of each request, alone and with every single fault",
        20_000,
        _refusals,
    ),
    Campaign(
        "passing-404s",
        "a session that its upload URL does not find for a while is not taken for gone, whatever of it lands late",
        "I1, I6, I27",
        "stories, every single fault, and a 404 at each later request",
        5_000,
        _passing_404s,
    ),
    Campaign(
        "silent-sessions",
        "an upload session that never says which byte it wants takes the file all the same",
        "I1-I6, I11, I27",
        "stories, all forms of silence, alone and with every single fault",
        4_000,
        _silent_sessions,
    ),
    Campaign(
        "rewritten",
        "a file that comes back with other bytes, or listed at any size, never gets a second copy beside it",
        "I1, I2, I27",
        "stories, alone, with every single fault, and with every status after the effect",
        2_000,
        _rewritten,
    ),
    Campaign(
        "twins",
        "the same file dropped twice for one item is attached twice: no two transfers take one attachment for theirs",
        "I1-I3, I27",
        "stories, the second file at each call, with a fault at each later one",
        2_000,
        _twins,
    ),
    Campaign(
        "healing",
        "what heals by itself is waited for, and needs no person: rights, tokens, upload URLs, throttling, failing "
        "services, refusals that nobody explains",
        "I1-I3, I28",
        "stories, refusals of each kind from each call on, for a second up to a day within its patience, before and "
        "after the effect",
        8_000,
        _healing,
        rests=SIMULATED,
    ),
    Campaign(
        "waits",
        "Retry-After is honoured in every form, and nothing sleeps past its run",
        "I3, I15",
        "stories of throttling",
        10_000,
        _waits,
        draws=True,
        rests=SIMULATED,
    ),
    Campaign(
        "mixed",
        "all of it at once: several faults, strange answers, differing clocks, several workers",
        "I1-I8, I11-I16",
        "stories drawn from the seed",
        50_000,
        _mixed,
        draws=True,
        rests=SIMULATED,
    ),
    Campaign(
        "wrong-engines",
        "engines that are wrong on purpose are found out by the same stories",
        "I1, I6, I7",
        "stories told by six wrong engines; each attached twice",
        1_000,
        _wrong,
        rests=SIMULATED,
    ),
    Campaign(
        "kills",
        "so does SIGKILL at any instant of a 40 MB transfer, in real processes; nothing is left half done",
        "I1-I3, I19",
        "workers killed while a file's first run was in them",
        200,
        _kills,
        draws=True,
        rests=(*LIVE, "assurance/faults/kills.py"),
    ),
    Campaign(
        "network",
        "so does a connection to Graph, an upload session or storage that breaks at any byte, in real sockets",
        "I1-I3, I8, I22",
        "transfers over a network that resets, closes, pauses, slows or swallows, at 64 positions of a range",
        500,
        _network,
        draws=True,
        rests=(*LIVE, "assurance/faults/network.py", "devkit/local/proxy.py"),
    ),
    Campaign(
        "lost-acks",
        "a save of the checkpoint whose answer was lost is known for our own: the run goes on",
        "I8",
        "saves that storage carried out, and whose answer a proxy dropped",
        200,
        _acknowledgements,
        draws=True,
        rests=(*LIVE, "assurance/faults/network.py", "devkit/local/proxy.py"),
    ),
    *rules.CAMPAIGNS,
    *hostile.CAMPAIGNS,
    *api.CAMPAIGNS,
    *listing.CAMPAIGNS,
    *politeness.CAMPAIGNS,
    *sweeping.CAMPAIGNS,
    *forged.CAMPAIGNS,
)
