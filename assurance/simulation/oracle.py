"""What must hold when a scenario is over, judged by what is attached and told, not by what the code believes."""

from __future__ import annotations

from dataclasses import dataclass

from assurance.simulation.mailbox import MAILBOX
from assurance.simulation.world import World
from devkit.graph.state import Attachment
from shared.core.errors import Code
from shared.core.model import State, Transfer
from shared.run.commands import Accepted


@dataclass(frozen=True)
class Verdict:
    """How a scenario ended, and every promise it broke.

    Attributes:
        state, code: of the first transfer.
        attached: how often its file is attached.
        calls: to the world; `requests`: of them, to Graph.
        invocations: deliveries of a message.
    """

    state: str
    code: str
    attached: int
    broken: tuple[str, ...]
    calls: int
    invocations: int
    requests: int


def judge(world: World) -> Verdict:
    """Judge a world whose scenario is over."""
    broken = list(world.watch.broken)
    transfers = world.transfers()
    attachments = _ours(world)
    known = set(world.contents.values())
    if attachments is not None:
        broken += ["I2: the attachment's bytes are no file's" for one in attachments if one.sent.data not in known]
    broken += _of_twins(transfers)
    counts = {transfer.id: _judge_one(world, transfer, attachments, broken) for transfer in transfers}
    if world.case.heals and any(transfer.state is not State.ATTACHED for transfer in transfers):
        broken.append("I28: what heals by itself needed a person")
    broken += _wishes_kept(world)
    broken += _sessions_left(world)
    if world.checkpoints.marks:
        broken.append("I3: the mark of an unfinished transfer is left")
    first = next((transfer for transfer in transfers if transfer.id == world.transfer.id), None)
    failure = first.failure if first else None
    return Verdict(
        first.state.value if first else "none",
        failure.code.value if failure else "",
        counts[first.id] if first else 0,
        tuple(broken),
        world.gate.calls,
        world.host.invocations,
        world.watch.requests,
    )


def absorbs(world: World) -> list[str]:
    """I14: whatever is delivered after the end asks nothing of Graph and changes nothing."""
    before = world.checkpoints.blobs.copy()
    requests = world.watch.requests
    with world.outside():
        for transfer in world.transfers():
            world.runs.start(transfer)
            world.runs.resume(transfer.id)
            world.runs.accept(transfer)
    unchanged = world.checkpoints.blobs == before and world.watch.requests == requests
    return [] if unchanged else ["I14: a transfer that was over was worked on"]


def _judge_one(world: World, transfer: Transfer, attachments: list[Attachment] | None, broken: list[str]) -> int:
    """Judge one transfer; the count of its attachments."""
    if not transfer.is_over:
        broken.append(f"I3: a transfer is still {transfer.state.value}")
        return 0
    told = [one.instance.state for one in world.outcomes.notified if one.instance.id == transfer.id]
    if not told:
        broken.append("I3: the outcome was told to nobody")
    if set(told) - {transfer.state} and not transfer.retries:
        broken.append("I14: the outcome changed after it was told")
    if attachments is None:
        return 0
    broken += _of_what_is_there(world, transfer, attachments)
    content = world.contents[transfer.plan.source.etag]
    return sum(one.sent.data == content for one in attachments)


def _of_what_is_there(world: World, transfer: Transfer, attachments: list[Attachment]) -> list[str]:
    """What the message shows against what the transfer says. Several transfers may be of the same bytes."""
    content = world.contents[transfer.plan.source.etag]
    count = sum(one.sent.data == content for one in attachments)
    twins = sum(world.contents[one.plan.source.etag] == content for one in world.transfers())
    attached = _attached_twins(world, content)
    broken = [f"I1: attached {count} times"] if count > twins else []
    if transfer.state is State.ATTACHED:
        if count == 0:
            broken.append("I2: attached, says the transfer; the message has nothing new")
        elif count < attached:
            broken.append("I2: more transfers say that they are attached than the message has attachments")
        if transfer.attachment_id in world.strangers:
            broken.append("I2: somebody else's attachment was taken for ours")
    elif count > attached and not _is_in_doubt(transfer):
        broken.append(f"I2: {transfer.state.value}, and attached all the same")
    return broken


def _is_in_doubt(transfer: Transfer) -> bool:
    return transfer.failure is not None and transfer.failure.code is Code.COMMIT_IN_DOUBT


def _attached_twins(world: World, content: bytes) -> int:
    """How many transfers of these bytes say that they are attached."""
    attached = (one for one in world.transfers() if one.state is State.ATTACHED)
    return sum(world.contents[one.plan.source.etag] == content for one in attached)


def _of_twins(transfers: list[Transfer]) -> list[str]:
    """Two transfers never name one attachment."""
    named = [one.attachment_id for one in transfers if one.state is State.ATTACHED and one.attachment_id is not None]
    return ["I2: two transfers name one attachment"] if len(named) != len(set(named)) else []


def _wishes_kept(world: World) -> list[str]:
    """I30: a wish that was granted is carried out, unless a commit won the race, or another wish came after it."""
    granted = [name for name, reply in world.replies if isinstance(reply, Accepted)]
    transfer = next((one for one in world.transfers() if one.id == world.transfer.id), None)
    if transfer is None or not granted:
        return []
    broken = []
    if "retry" in granted and transfer.retries == 0:
        broken.append("I30: a retry was granted, and lost")
    ended_otherwise = transfer.state not in {State.CANCELLED, State.ATTACHED} and not _is_in_doubt(transfer)
    if granted == ["cancel"] and ended_otherwise and transfer.retries == 0:
        broken.append(f"I30: a cancellation was granted, and the transfer is {transfer.state.value}")
    return broken


def _sessions_left(world: World) -> list[str]:
    """No upload session stays open where every answer arrived: whoever opened one used it, or cancelled it."""
    if not world.case.is_undisturbed:
        return []
    left = sum(session.state == "open" for session in world.graph.state.sessions.values())
    return [f"I6: {left} upload sessions are left open"] if left else []


def _ours(world: World) -> list[Attachment] | None:
    """What is new on the message and nobody else's doing; None where the message is gone."""
    if world.item not in world.graph.items:
        return None
    return [one for one in world.graph.attachments(MAILBOX, world.item) if one.id not in world.strangers]
