"""Scenarios made up from a seed: everything that may happen, mixed. The same seed makes the same scenario, for ever."""

from __future__ import annotations

from random import Random
from typing import Any

from assurance.simulation.case import FOUR, Case, Denial, ExternalAction, Fault, SustainedFault
from assurance.simulation.identity import CLAIMS

ANSWERS: dict[str, tuple[Any, ...]] = {
    "get_session": (200, 404, 405),
    "wrong_offset": ("416", "400", "409", "restate"),
    "expired_status": (401, 404, 410),
    "gone_status": (404, 410, 401),
    "final_location": ("full", "none", "lower", "encoded"),
    "partial_bytes": (0, 1, 3, 7),
    "max_range": (0, 2, 4, 7),
    "first_put_404": (0, 0, 1, 2),
    "first_create_404": (0, 0, 1, 2),
    "first_delete_404": (0, 0, 1, 2, 3),
    "listing_lag_calls": (0, 0, 1, 2),
    "listing_lag_seconds": (0, 0, 3, 29),
    "size_reported": ("larger", "exact", "smaller", "zero", "absent"),
    "type_listed": (True, True, False),
    "list_page_size": (0, 1, 2),
    "key_casing": ("mixed", "pascal", "camel"),
    "next_ranges": ("stated", "stated", "left out", "no body"),
    "range_form": ("N", "N-", "N-M"),
    "range_gaps": (1, 2, 3),
    "range_order": ("ascending", "descending"),
    "content_type_kept": (False, True),
    "immutable_ids": (True, False),
    "upload_path": ("graph", "outlook"),
    "drop_final_answer": (False, False, True),
    "min_session_size": (1, 1, 1, 1000),
    "session_lifetime_seconds": (10_800, 10_800, 40),
}
"""Every unknown of the reference with its answers; what is likelier stands there more often."""

DATES = ("Mon, 02 Mar 2026 08:10:00 GMT", "Mon, 02 Mar 2026 07:00:00 GMT")
WAITS = ("", "0", "1", "3", "5", "7", "41", "315", "3600", "86400", *DATES)
"""Retry-After in seconds and as a date, past and to come; the longest that is kept to the second is a day."""

_NAMES = ("graph.", "graph.PUT", "graph.GET", "graph.POST", "graph.DELETE")


def switches(random: Random, most: int = 5) -> dict[str, Any]:
    """Some switches, each at one of its answers."""
    return {name: random.choice(ANSWERS[name]) for name in random.sample(sorted(ANSWERS), random.randint(0, most))}


def throttled(seed: int) -> Case:
    """A scenario of waits: Graph says "later" at many calls, in every form."""
    random = Random(f"throttled {seed}")
    return Case(
        ranges=random.randint(0, 4),
        sustained_faults=tuple(_waits(random) for _ in range(random.randint(1, 4))),
        budget=random.choice((1, 5, 30, 240, 540)),
        skew=0,
    )


def _waits(random: Random) -> SustainedFault:
    first, length = random.randint(1, 30), random.choice((1, 1, 2, 3, 6, 30))
    fault = random.choice((Fault.ANSWER, Fault.ANSWER, Fault.ANSWER_AFTER))
    status = random.choice((429, 429, 429, 503, 503, 500, 504, 412))
    return SustainedFault(random.choice(_NAMES), fault, first, first + length - 1, status, random.choice(WAITS))


def mixed(seed: int) -> Case:
    """A scenario of everything: several faults, other people, strange answers, clocks that differ."""
    random = Random(f"mixed {seed}")
    ranges = random.choice((0, 0, 1, 1, 2, 2, 3, 4, 6))
    workers = random.choice((1, 1, 1, 2, 3))
    return Case(
        ranges=ranges,
        lookup=random.random() < 0.4,  # noqa: PLR2004 - a good part
        faults=tuple(_fault(random, call) for call in _calls(random, 4)),
        happenings=tuple((call, random.choice(list(ExternalAction))) for call in _calls(random, 1)),
        sustained_faults=tuple(_waits(random) for _ in range(random.choice((0, 0, 0, 1)))),
        switches={**switches(random), "claims": random.choice((CLAIMS, ""))},
        denials=(_late_access(random),) if random.random() < 0.1 else (),  # noqa: PLR2004 - seldom
        skew=random.choice((0, 0, -300, -60, 60, 300)),
        redelivery=random.choice((1, 30, 600)),
        lazy=random.random() < 0.5,  # noqa: PLR2004 - a coin
        budget=random.choice((5, 60, 540)),
        workers=workers,
        schedule=tuple((step, random.randrange(workers)) for step in _calls(random, 6)) if workers > 1 else (),
    )


def twins(seed: int) -> Case:
    """A story of the same file dropped twice for one item, in a world that seldom says whose attachment is whose."""
    random = Random(f"twins {seed}")
    chosen = {**switches(random), "final_location": random.choice(("none", "none", "full"))}
    happenings = [(random.randint(1, 60), ExternalAction.TWIN)]
    if random.random() < 0.3:  # noqa: PLR2004 - seldom enough
        happenings.append((random.randint(1, 60), random.choice((ExternalAction.NEIGHBOUR, ExternalAction.REPEAT))))
    return Case(
        ranges=random.choice((0, 0, 1, 1, 2, 3, 4, 6)),
        faults=tuple(_fault(random, call) for call in sorted(random.sample(range(1, 70), random.randint(0, 5)))),
        happenings=tuple(sorted(happenings)),
        switches=chosen,
        skew=random.choice((0, 0, -300, 60, 300)),
        redelivery=random.choice((1, 30, 600)),
        lazy=random.random() < 0.5,  # noqa: PLR2004 - a coin
        budget=random.choice((5, 60, 540)),
    )


def _late_access(random: Random) -> Denial:
    """Rights that come some time after the file, or go for some time in the middle of it."""
    seconds = random.choice((1, 30, 600, 3600))
    return Denial(("graph.GET", "graph.POST"), random.choice((401, 403)), seconds, random.randint(1, 20))


def _calls(random: Random, most: int) -> list[int]:
    return sorted(random.sample(range(1, 45), random.randint(0, most)))


def _fault(random: Random, call: int) -> tuple[int, Fault, int]:
    fault = random.choice((*FOUR, *FOUR, Fault.TWICE, Fault.LATE, Fault.LATE, Fault.UNSENT, Fault.ANSWER_AFTER))
    argument = random.randint(1, 24) if fault is Fault.LATE else random.choice((500, 503, 504))
    return call, fault, argument
