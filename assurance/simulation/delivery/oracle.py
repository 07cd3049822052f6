"""The verdict on a scenario, by what went out, and by what attendees got; never by what the delivery says of itself."""

from __future__ import annotations

from dataclasses import dataclass

from assurance.simulation.delivery.case import PersonAction
from assurance.simulation.delivery.world import World
from shared.core.codes import Code
from shared.core.delivery.model import State
from shared.graph.delivery_requests import NAME_PROPERTY

_MARK = NAME_PROPERTY.replace(NAME_PROPERTY[8:44], NAME_PROPERTY[8:44].lower())
DOUBT = frozenset({Code.SEND_IN_DOUBT, Code.ALREADY_SENT})


@dataclass(frozen=True)
class Verdict:
    """How it ended: its state and code, how often it went out, and what broke a promise."""

    state: str
    code: str
    sent: int
    broken: tuple[str, ...]


def judge(world: World) -> Verdict:
    """0 sent twice, 0 sent incomplete, 0 silent."""
    delivery = world.delivery
    if delivery is None:
        return Verdict("none", "", 0, ("D3: a file came and left no delivery",) if world.files else ())
    code = delivery.failure.code if delivery.failure else None
    sent, by_app, broken = _events(world) if world.case.is_event else _messages(world)
    broken += world.witness.broken
    is_waiting = delivery.state is State.COLLECTING and len(delivery.counted) < world.case.files
    if not (delivery.is_over or delivery.state is State.BLOCKED or is_waiting):
        broken.append(f"D3: it stands still as {delivery.state.value}")
    if delivery.state is State.FAILED and code is None:
        broken.append("D3: it failed without a code")
    is_said = delivery.state in {State.SENT, State.UPDATED}
    if is_said and sent == 0:
        broken.append("D4: it says that it was sent, and nothing went out")
    if by_app > 0 and not is_said and code not in DOUBT:
        broken.append(f"D4: it went out, and the delivery is {delivery.state.value} {code or ''}")
    is_alone = world.case.workers == 1  # with several, one may be held up until its lease has lapsed
    is_calm = is_alone and not world.case.faults and not world.case.people and world.case.engine == "product"
    if is_calm and not is_said and world.case.switches.get("sent_copy") != "none":
        broken.append(f"D5: nothing happened, and it ended {delivery.state.value} {code or ''}")
    return Verdict(delivery.state.value, code.value if code else "", sent, tuple(broken))


def _messages(world: World) -> tuple[int, int, list[str]]:
    gone = [one for one in world.graph.state.outgoing if _MARK in one.properties]
    ours = [one for one in gone if one.by == "app"]
    broken = []
    if len(ours) > 1 or (len(gone) > 1 and not _was_sent_in_flight(world)):
        broken.append(f"D1: sent {len(gone)} times, {len(ours)} of them by the app")
    wanted = {f"{number}.pdf" for number in range(1, world.case.files + 1)}
    for one in ours:
        lacking = wanted - {name for name, _ in one.files}
        if lacking and not _was_taken_off_in_flight(world):
            broken.append(f"D2: sent without {', '.join(sorted(lacking))}")
    return len(gone), len(ours), broken


def _was_sent_in_flight(world: World) -> bool:
    """A person sent it after the last look, its id stayed the same, and Graph takes /send for what is sent already.

    Where an id changes with the folder, or a second /send is refused, it does not go out twice.
    """
    switches = world.graph.switches
    return world.witness.sent_since_look and switches.sent_id == "kept" and switches.second_send == "accept"


def _was_taken_off_in_flight(world: World) -> bool:
    """A person took a file off after the last look: nothing can be asked of Graph that would keep it on."""
    return world.witness.taken_since_look and any(what is PersonAction.TAKE_OFF for _, what in world.case.people)


def _events(world: World) -> tuple[int, int, list[str]]:
    """Attendees have the invitation, and at most one mail more."""
    item = next((one for one in world.graph.items.values() if one.collection == "events"), None)
    if item is None:
        return -1, -1, []  # the attendees' copies are theirs, and not modelled without it
    broken = []
    most = max(copy.mails for copy in item.meeting.copies.values()) - 1
    if most > 1:
        broken.append(f"D1: the attendees were mailed {most} times")
    for who, copy in item.meeting.copies.items():
        if most and len(copy.files) < world.case.files and not world.witness.taken_since_look:
            broken.append(f"D2: {who} got {len(copy.files)} of {world.case.files} files")
    return most, most, broken
