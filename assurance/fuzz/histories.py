"""Freeze checkpoints as a release writes them, so that every later version is held to reading them.

    python -m assurance.fuzz.histories 1.1.0

makes `tests/histories/1.1.0/`: one file for every kind of checkpoint that simulated scenarios leave in storage, byte
for byte, and `next.json` with what is to be done next about each. Done once per release; the files never change again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

from assurance.fuzz.corpus import ROOT
from assurance.fuzz.reachable import ATTACHMENT, MAILBOX, NOW, SOURCE
from assurance.simulation import campaigns
from assurance.simulation.case import Case, Fault, SustainedFault
from assurance.simulation.enumerate import calls_of, singles
from assurance.simulation.world import POLICY, World
from shared.core import planning
from shared.core.actions import Action, PutRange, Wait
from shared.core.errors import Code
from shared.core.history import named
from shared.core.machine import decide
from shared.core.model import LOOKUPS, Failure, Route, Target, Transfer
from shared.core.policy import Policy
from shared.engine.checkpoint import lease
from shared.storage import codec
from shared.storage.ports import Checkpoint

KEPT = ROOT / "tests" / "histories"
NEXT = "next.json"


def freeze(release: str, scenarios: Iterable[Case], kept: Path = KEPT) -> Path:
    """Write the files of a release. FileExistsError where it has some: what is frozen stays as it is."""
    room = kept / release
    room.mkdir(parents=True)
    found: dict[str, bytes] = {}
    for text in chain(map(codec.encode, _unrun()), *map(_written, scenarios)):
        found.setdefault(_kind(_read(text).instance), text)
    expected = {}
    for name, text in sorted(found.items()):
        (room / f"{name}.json").write_bytes(text)
        expected[name] = next_of(_read(text).instance, POLICY)
    shown = json.dumps({"rangeBytes": POLICY.range_bytes, "next": expected}, indent=2)
    (room / NEXT).write_text(shown + "\n", encoding="utf-8")
    return room


def next_of(transfer: Transfer, policy: Policy) -> dict[str, Any]:
    """What is done next about a transfer, once whatever it waits for has come."""
    return _shown(decide(transfer, moment_of(transfer), policy))


def moment_of(transfer: Transfer) -> datetime:
    """When the transfer may be gone on with."""
    return max(filter(None, (transfer.not_before, transfer.updated_at, transfer.plan.created_at)))


def _shown(action: Action) -> dict[str, Any]:
    facts: dict[str, Any] = {"action": named(action)}
    if isinstance(action, PutRange):
        facts |= {"offset": action.offset, "length": action.length}
    if isinstance(action, Wait):
        facts["until"] = action.until.isoformat()
    return facts


def _written(case: Case) -> Iterator[bytes]:
    """Every version of every checkpoint that the scenario writes, in order."""
    world, texts = World(case), []
    put = world.checkpoints._put  # noqa: SLF001 - behind the gate, where nothing breaks any more

    def kept(checkpoint: Checkpoint, etag: str | None) -> str:
        texts.append(codec.encode(_harmless(checkpoint)))
        return put(checkpoint, etag)

    world.checkpoints._put = kept  # type: ignore[method-assign]  # noqa: SLF001 - as above
    world.run()
    yield from texts


def _harmless(checkpoint: Checkpoint) -> Checkpoint:
    """The same with a session that nobody takes for a secret."""
    session = checkpoint.instance.session
    if session is None:
        return checkpoint
    session = replace(session, url="https://outlook.office.com/api/v2.0/AttachmentSessions('frozen')?authtoken=none")
    return replace(checkpoint, instance=replace(checkpoint.instance, session=session))


def _unrun() -> Iterator[Checkpoint]:
    """What intake makes and no scenario tells of: a refused file, and a target that has to be looked up."""
    failure = Failure(Code.METADATA_ENCODING, "`messageid` is 'AAMk%', it has a % without two hexadecimal digits.")
    yield Checkpoint(planning.refuse(SOURCE, failure, NOW), None, "run-1.0")
    for key in sorted(LOOKUPS):
        target = Target(MAILBOX, key, "<report@contoso.example>")
        transfer = planning.accept(SOURCE, target, ATTACHMENT, Route.SESSION, NOW)
        yield Checkpoint(transfer, lease("run-1", NOW), "run-1.0")


def _read(text: bytes) -> Checkpoint:
    return codec.decode(text, json.loads(text)["transfer"]["id"])


def _kind(transfer: Transfer) -> str:
    """A name that tells what is special about the checkpoint; one is kept of each."""
    facts = {
        transfer.plan.target.key.value if transfer.plan.target is not None else "": transfer.item_id is None,
        "announced": transfer.announced_at is not None,
        "landed": transfer.landed,
        "in-session": transfer.session is not None,
        "before-noted": transfer.before is not None,
        "to-fail": transfer.verdict is not None,
        "to-cancel": transfer.cancel_requested,
        "waiting": transfer.not_before is not None,
        "shrunk": transfer.range_bytes is not None,
    }
    if transfer.failure is not None:
        return f"{transfer.state.value}-{transfer.failure.code.value.lower().replace('_', '-')}"
    words = [transfer.state.value, transfer.route.value, *(word for word, holds in facts.items() if holds)]
    return "-".join(words)


def _stories() -> Iterator[Case]:
    """Single faults, other people's doings, and a sample of all that Graph may answer and of calls failing in a row."""
    final = calls_of(Case(ranges=1)).index("graph.PUT") + 1
    lost = Case(ranges=1, faults=((final, Fault.LOST_AFTER, 0),))
    slow = (
        replace(lost, sustained_faults=(SustainedFault("graph.GET", Fault.ANSWER, at, at, 503, "60"),))
        for at in range(final, final + 12)
    )
    few = (singles(Case(ranges=ranges), latenesses=(2,)) for ranges in (0, 1, 3))
    samples = (campaigns.other_people(), campaigns.unknown_answers(), campaigns.sustained_faults((0, 2)))
    return chain(*few, slow, *(islice(scenarios, 0, None, 17) for scenarios in samples))


if __name__ == "__main__":
    sys.stdout.write(f"{freeze(sys.argv[1], _stories())}\n")
