"""The campaigns that run in virtual time: what each shows, how much of it is enough, and what carries it out."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, product

from assurance.campaign import Campaign, Outcome
from assurance.measured import SIMULATED
from assurance.simulation import campaigns, graph_outages, healing
from assurance.simulation.campaigns import Tally
from assurance.simulation.case import Case, Fault
from assurance.simulation.delivery import campaigns as deliveries
from assurance.simulation.delivery import engines as delivery_engines
from assurance.simulation.delivery.case import DeliveryCase
from assurance.simulation.enumerate import singles

SCHEDULES = ((0, 2, 4), (1, 2, 4), (2, 2, 4), (3, 2, 4), (6, 2, 3), (0, 3, 3), (1, 3, 4), (2, 3, 3), (3, 3, 3))
"""(ranges, workers, changes of hands): all schedules of each."""

TWO_EVENTS = ((0, 3), (1, 3), (2, 3), (3, 2))
"""(ranges, changes of hands): all schedules of two workers who are sent the file's event twice."""


def _crashes(_seed: int) -> Outcome:
    return _outcome_of(campaigns.run_all(campaigns.single_faults()))


def _pairs(_seed: int) -> Outcome:
    return _outcome_of(campaigns.run_all(campaigns.fault_pairs()))


def _workers(_seed: int) -> Outcome:
    tally = Tally()
    for ranges, workers, changes in SCHEDULES:
        tally.add(campaigns.all_schedules(Case(ranges=ranges, workers=workers), changes))
    return _outcome_of(tally)


def _repeats(_seed: int) -> Outcome:
    tally = campaigns.run_all(campaigns.repeats(campaigns.SMALL))
    for ranges, changes in TWO_EVENTS:
        tally.add(campaigns.all_schedules(Case(ranges=ranges, workers=2, events=2), changes))
    return _outcome_of(tally)


def _external_actors(_seed: int) -> Outcome:
    """What others do at every call, at every call with a fault behind it, and expiries under differing clocks."""
    scenarios = chain(campaigns.other_people(), campaigns.people_then_faults(range(3)), campaigns.expiries(range(1, 4)))
    return _outcome_of(campaigns.run_all(scenarios))


def _sustained_faults(_seed: int) -> Outcome:
    scenarios = chain(campaigns.sustained_faults(range(4)), campaigns.sustained_faults(range(4), retries=1))
    return _outcome_of(campaigns.run_all(scenarios))


def _commands(_seed: int) -> Outcome:
    tally = Tally()
    for ranges, commands in product(range(3), campaigns.RACES):
        tally.add(campaigns.all_schedules(Case(ranges=ranges, commands=commands), 2))
        tally.add(campaigns.run_all(campaigns.faulted_races(ranges, commands)))
    for ranges in range(3):
        tally.add(campaigns.run_all(campaigns.dying_retries(ranges)))
    return _outcome_of(tally)


def _unknowns(_seed: int) -> Outcome:
    outcome = _outcome_of(campaigns.run_all(campaigns.unknown_answers()))
    answers = sum(len(set(answers)) for answers in campaigns.UNKNOWNS.values())
    return Outcome(outcome.achieved, outcome.broken, {"answers": answers, **outcome.details})


def _refusals(_seed: int) -> Outcome:
    """One call in the scenario is carried out, and answered with anything but 201."""
    outcome = _outcome_of(campaigns.run_all(campaigns.after_the_effect((0, 1, 3))))
    return Outcome(outcome.achieved, outcome.broken, {"statuses": len(campaigns.STATUSES), **outcome.details})


def _passing_404s(_seed: int) -> Outcome:
    return _outcome_of(campaigns.run_all(campaigns.passing_404s((1, 2))))


def _silent_sessions(_seed: int) -> Outcome:
    return _outcome_of(campaigns.run_all(campaigns.silent_sessions((1, 2, 3))))


def _rewritten(_seed: int) -> Outcome:
    return _outcome_of(campaigns.run_all(campaigns.rewritten_files((0, 1, 3))))


def _twins(seed: int) -> Outcome:
    scenarios = chain(campaigns.twins((0, 1, 2)), campaigns.drawn_twins(5_000, seed))
    return _outcome_of(campaigns.run_all(scenarios))


def _moved(_seed: int) -> Outcome:
    return _outcome_of(campaigns.run_all(campaigns.moved_items((0, 1, 2))))


def _tokens(_seed: int) -> Outcome:
    return _outcome_of(campaigns.run_all(campaigns.lapsing_tokens((0, 1))))


def _late_access(_seed: int) -> Outcome:
    return _outcome_of(campaigns.run_all(campaigns.late_access((0, 1))))


def _healing(_seed: int) -> Outcome:
    scenarios = chain(campaigns.healing((0, 1, 3)), campaigns.healing((0, 1, 3), Fault.ANSWER_AFTER))
    return _outcome_of(campaigns.run_all(scenarios))


def _waits(seed: int) -> Outcome:
    return _outcome_of(campaigns.run_all(campaigns.throttled(10_000, seed)))


def _mixed(seed: int) -> Outcome:
    return _outcome_of(campaigns.run_all(campaigns.mixed(50_000, seed)))


def _wrong(_seed: int) -> Outcome:
    """Broken here is an engine that nothing was found against."""
    tallies: dict[str, Tally] = {}
    for engine in campaigns.engines():
        scenarios = chain.from_iterable(singles(Case(ranges=ranges)) for ranges in range(4))
        refused = (case for case in campaigns.after_the_effect((0, 1)) if len(case.faults) == 1)
        tallies[engine] = campaigns.run_all(campaigns.by_engine(chain(scenarios, refused), engine))
        racing = Case(ranges=1, workers=2, engine=engine)
        tallies[engine].add(campaigns.all_schedules(racing, 3))
    innocent = [f"{engine}: nothing attached twice" for engine, tally in tallies.items() if not tally.duplicates]
    told = {f"twice by «{engine}»": tally.duplicates for engine, tally in tallies.items()}
    return Outcome(sum(tally.scenarios for tally in tallies.values()), innocent, dict(told))


def _deliveries(seed: int) -> Outcome:
    """Composing and sending, judged by what went out; faults, people and unknown answers at every call."""
    tally = Tally()
    for base in deliveries.BASES:
        kinds = (deliveries.singles(base), deliveries.people(base), deliveries.unknowns(base))
        tally.add(deliveries.run_all(chain(*kinds), None))
    one = DeliveryCase(files=1)
    tally.add(deliveries.run_all(chain(deliveries.pairs(one), deliveries.people_then_faults(one)), None))
    tally.add(deliveries.run_all(deliveries.drawn(20_000, seed), None))
    for workers, changes in ((2, 2), (3, 2)):
        tally.add(deliveries.all_schedules(DeliveryCase(workers=workers), changes))
    return _outcome_of(tally)


def _wrong_deliveries(_seed: int) -> Outcome:
    """Broken here is an engine that nothing was found against."""
    tried, innocent, told = 0, [], {}
    for name in delivery_engines.ALL:
        tally = deliveries.run_all(deliveries.by_engine(deliveries.for_engines(), name), None)
        racing = replace(deliveries.HELD, workers=2, engine=name)
        tally.add(deliveries.all_schedules(racing, 2))
        tried, told[f"found out «{name}»"] = tried + tally.scenarios, len(tally.broken)
        innocent += [] if tally.broken else [f"{name}: nothing was found against it"]
    return Outcome(tried, innocent, dict(told))


def _outcome_of(tally: Tally) -> Outcome:
    return Outcome(tally.scenarios, tally.broken, dict(sorted(tally.ends.items())))


CAMPAIGNS = (
    Campaign(
        "crashes",
        "a crash, or a lost request or answer, at any call leaves one attachment with the right bytes",
        "I1-I6, I8, I14",
        "scenarios, each with one fault, of 0 to 6 and 38 ranges",
        6_000,
        _crashes,
        rests=SIMULATED,
    ),
    Campaign(
        "pairs",
        "two such faults in one transfer leave one attachment with the right bytes",
        "I1-I6, I8, I14",
        "scenarios: all pairs of faults, of 0 to 4 ranges",
        15_000,
        _pairs,
        rests=SIMULATED,
    ),
    Campaign(
        "workers",
        "two or three workers on the same transfer, leases ignored, leave one attachment with the right bytes",
        "I1, I2, I7, I13",
        "schedules: all with up to 4 switches between workers",
        100_000,
        _workers,
        rests=SIMULATED,
    ),
    Campaign(
        "repeats",
        "the same event, delivered any number of times to any number of workers, leaves one attachment",
        "I1, I7, I13",
        "scenarios: up to five events at each call and to up to five workers, and all schedules of two events",
        4_000,
        _repeats,
        rests=SIMULATED,
    ),
    Campaign(
        "external-actors",
        "a file overwritten or deleted, a cancellation, an expired session, a vanished item: never a wrong attachment",
        "I1-I3, I12, I13, I16",
        "scenarios: one such event at each call, alone and with a fault at each later call",
        10_000,
        _external_actors,
        rests=SIMULATED,
    ),
    Campaign(
        "sustained-faults",
        "calls that keep failing end in one attachment or a failure with a code; a retry then attaches the file once",
        "I1-I3, I15",
        "scenarios: lost, refused or failed calls in a row, from each call on, for a time or for good",
        5_000,
        _sustained_faults,
        rests=SIMULATED,
    ),
    Campaign(
        "commands",
        "cancel, retry, accept, the sweep and the poison handler race with runs and with each other, crashes and lost "
        "answers included, without losing a transfer or a command",
        "I1, I2, I29, I30",
        "scenarios: all schedules with up to 2 switches, and each fault after each switch, of 0 to 2 ranges",
        30_000,
        _commands,
        rests=SIMULATED,
    ),
    Campaign(
        "outages",
        "an outage of storage, whole or partial, of a second up to a day, delays a transfer and needs no operator",
        "I28",
        "scenarios: each service and kind of outage, from each call on, of twelve lengths, of 0 to 2 ranges",
        5_000,
        healing.proof,
        rests=SIMULATED,
    ),
    Campaign(
        "graph-outages",
        "an outage of Graph, whole or partial, of up to 20 hours delays a transfer and needs no operator",
        "I1-I3, I28",
        "scenarios: each part and kind of outage, from each call on, of four lengths, of 0 to 2 ranges",
        5_000,
        graph_outages.campaign,
        rests=SIMULATED,
    ),
    Campaign(
        "unknowns",
        "every answer that Graph may give where its documentation says nothing leaves one attachment",
        "I1-I6, I11, I16",
        "scenarios: each answer alone and with every single fault",
        4_000,
        _unknowns,
        rests=SIMULATED,
    ),
    Campaign(
        "refusals",
        "only 201 counts as success: a call that Graph carried out but answered otherwise is not repeated blindly",
        "I1-I6, I27",
        "scenarios: each status after the effect of each request, alone and with every single fault",
        20_000,
        _refusals,
        rests=SIMULATED,
    ),
    Campaign(
        "passing-404s",
        "a session whose upload URL answers 404 for a time is not taken for gone, even if a range of it lands late",
        "I1, I6, I27",
        "scenarios: every single fault, and a 404 at each later request",
        5_000,
        _passing_404s,
        rests=SIMULATED,
    ),
    Campaign(
        "silent-sessions",
        "an upload session that never names the next byte still takes the whole file",
        "I1-I6, I11, I27",
        "scenarios: each form of a missing nextExpectedRanges, alone and with every single fault",
        4_000,
        _silent_sessions,
        rests=SIMULATED,
    ),
    Campaign(
        "rewritten",
        "an attachment that Exchange rewrites, or lists with another size, gets no second copy beside it",
        "I1, I2, I27",
        "scenarios: alone, with every single fault, and with every status after the effect",
        2_000,
        _rewritten,
        rests=SIMULATED,
    ),
    Campaign(
        "twins",
        "the same file dropped twice for one item is attached twice: no two transfers claim the same attachment",
        "I1-I3, I27",
        "scenarios: the second file at each call, with a fault at each later call, and drawn ones with several",
        7_000,
        _twins,
        draws=True,
        rests=SIMULATED,
    ),
    Campaign(
        "moved",
        "an item that is moved at any moment, so that ids change, gets one attachment: looked up, it is found again",
        "I1-I3, I27",
        "scenarios: a move before each call, alone, with every single fault and with a 404 at each later request, of "
        "items named by id or looked up, with and without immutable ids",
        10_000,
        _moved,
        rests=SIMULATED,
    ),
    Campaign(
        "tokens",
        "a token that Graph rejects, with and without a claims challenge, delays a transfer and needs no operator",
        "I1-I3, I28",
        "scenarios: a rejection before each call, alone and with every single fault",
        4_000,
        _tokens,
        rests=SIMULATED,
    ),
    Campaign(
        "late-access",
        "rights that are granted up to two hours after the file delay it and need no operator",
        "I1-I3, I28",
        "scenarios: 401 or 403 for a minute, half an hour, or two hours, alone and with every single fault",
        4_000,
        _late_access,
        rests=SIMULATED,
    ),
    Campaign(
        "healing",
        "trouble that passes (rights, tokens, upload URLs, throttling, failing services, unexplained refusals) is "
        "waited out and needs no operator",
        "I1-I3, I28",
        "scenarios: refusals of each kind from each call on, from a second up to a day, within their retry budget, "
        "before and after the effect",
        8_000,
        _healing,
        rests=SIMULATED,
    ),
    Campaign(
        "waits",
        "Retry-After is honoured in every form, and no run sleeps past its deadline",
        "I3, I15",
        "scenarios of throttling",
        10_000,
        _waits,
        draws=True,
        rests=SIMULATED,
    ),
    Campaign(
        "mixed",
        "several faults, unusual answers, skewed clocks and several workers at once",
        "I1-I8, I11-I16",
        "scenarios drawn from the seed",
        50_000,
        _mixed,
        draws=True,
        rests=SIMULATED,
    ),
    Campaign(
        "wrong-engines",
        "the same scenarios detect every engine that is wrong on purpose",
        "I1, I6, I7",
        "scenarios under wrong engines, each of which attached a file twice",
        1_000,
        _wrong,
        rests=SIMULATED,
    ),
    Campaign(
        "deliveries",
        "a draft that is composed and sent: never submitted twice, never incomplete, never silent about either",
        "D1-D6",
        "simulated deliveries, judged by what went out and by what attendees got",
        40_000,
        _deliveries,
        draws=True,
        rests=SIMULATED,
    ),
    Campaign(
        "wrong-deliveries",
        "the same scenarios detect every way of sending that is wrong on purpose",
        "D1, D2, D4",
        "simulated deliveries under wrong engines",
        5_000,
        _wrong_deliveries,
        rests=SIMULATED,
    ),
)
"""Rows for `assurance/campaigns.py`."""
