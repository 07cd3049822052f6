"""Every campaign there is, in the order in which their promises build on one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assurance import listing, rules, simulated
from assurance.campaign import Campaign, Outcome
from assurance.faults import kills, network
from assurance.fuzz import api
from assurance.fuzz import hostile_input as hostile
from assurance.load import campaigns as politeness
from assurance.measured import LIVE
from assurance.simulation import forged, sweeping


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


CAMPAIGNS = (
    *simulated.CAMPAIGNS,
    Campaign(
        "kills",
        "SIGKILL at any instant of a 40 MB transfer, to a worker or to a whole instance, leaves one attachment and "
        "nothing unfinished; a lost instance is followed within a minute",
        "I1-I3, I19",
        "workers and whole instances killed while a file's first run was in them",
        200,
        _kills,
        draws=True,
        rests=(*LIVE, "assurance/faults/kills.py"),
    ),
    Campaign(
        "network",
        "a connection to Graph or storage that breaks at any byte, on real sockets, leaves one attachment",
        "I1-I3, I8, I22",
        "transfers over connections that are reset, closed, paused, slowed or silenced, at 64 positions of a range",
        500,
        _network,
        draws=True,
        rests=(*LIVE, "assurance/faults/network.py", "devkit/local/proxy.py"),
    ),
    Campaign(
        "lost-acks",
        "a checkpoint write whose answer was lost is recognised as the run's own, and the run goes on",
        "I8",
        "writes that storage carried out, and whose answer a proxy dropped",
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
