"""The judge and the watch notice every promise that is broken: a world is told well, then spoilt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from assurance.simulation.case import Case
from assurance.simulation.mailbox import MAILBOX
from assurance.simulation.oracle import absorbs, judge
from assurance.simulation.watch import Watch
from assurance.simulation.world import World
from shared.core.errors import Code
from shared.core.model import Failure, Session, State, Transfer
from shared.graph.http import GraphRequest, HttpAnswer, HttpRequest, UploadRequest
from shared.storage.ports import Checkpoint
from tests.unit.core.shapes import NOW, URL, session, transfer


def ended() -> World:
    """A world in which all went well."""
    world = World(Case(ranges=2))
    world.run()
    assert judge(world).broken == ()
    return world


def rewritten(world: World, change: Callable[[Transfer], Transfer]) -> None:
    """Change what the checkpoint says."""
    with world.outside():
        stored = world.checkpoints.peek(world.transfer.id)
        assert stored is not None
        changed = change(stored.checkpoint.instance)
        world.checkpoints.save(replace(stored.checkpoint, instance=changed), stored.etag)


def ours(world: World) -> str:
    """The id of our attachment."""
    return next(one.id for one in world.graph.attachments(MAILBOX, world.item) if one.id not in world.strangers)


def failed(present: Transfer) -> Transfer:
    return replace(present, state=State.FAILED, failure=Failure(Code.GRAPH_REFUSED, "No."), attachment_id=None)


SPOILT: list[tuple[str, Callable[[World], object]]] = [
    ("I1: attached 2 times", lambda world: world.attach(world.content)),
    ("I2: the attachment's bytes are no file's", lambda world: world.attach(b"else")),
    ("I2: attached, says", lambda world: world.graph.items[world.item].attachments.pop(ours(world))),
    ("I2: failed, and attached all the same", lambda world: rewritten(world, failed)),
    ("I2: somebody else's attachment", lambda world: world.strangers.add(ours(world))),
    ("I3: the outcome was told to nobody", lambda world: world.outcomes.notified.clear()),
    ("I3: the mark of an unfinished", lambda world: world.checkpoints.add_unfinished_entry(world.transfer.id)),
    ("I14: the outcome changed", lambda world: rewritten(world, failed)),
]


@pytest.mark.parametrize(("promise", "spoil"), SPOILT)
def test_the_oracle_notices(promise: str, spoil: Callable[[World], object]) -> None:
    world = ended()
    with world.outside():
        spoil(world)
    assert any(line.startswith(promise) for line in judge(world).broken)


def test_the_oracle_notices_a_transfer_that_never_ended() -> None:
    world = World(Case(ranges=2))
    with world.outside():
        world.runs.accept(world.transfer)
    assert "I3: a transfer is still planned" in judge(world).broken


def test_the_oracle_notices_work_on_what_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    world = ended()
    assert absorbs(world) == []
    requested = world.watch
    monkeypatch.setattr(world.runs, "resume", lambda _: setattr(requested, "requests", 99))
    assert absorbs(world) == ["I14: a transfer that was over was worked on"]


CONTENT = bytes(range(20))


class AtService:
    """A session as the service has it."""

    def __init__(self) -> None:
        self.expires, self.received, self.size = NOW + timedelta(hours=1), 8, 20


def watch() -> Watch:
    return Watch({'"0x1"': CONTENT}, heeds_waits=True)


def put(first: int, content: bytes) -> HttpRequest:
    span = f"bytes {first}-{first + len(content) - 1}/20"
    return UploadRequest("PUT", URL, {"Content-Range": span}, content)


def saved(one: Watch, state: State, held: Session | None, **fields: Any) -> None:
    changed = transfer(state, session=held, **fields)
    one.saved(Checkpoint(changed, None, "w"), b"{}", AtService() if held else None)


OPEN = GraphRequest("POST", "https://g/attachments/createUploadSession", {}, b'{"AttachmentItem": {"size": 20}}')
LIST = GraphRequest("GET", "https://g/attachments?$select=id", {})
DELETE = UploadRequest("DELETE", URL, {})
GET = UploadRequest("GET", URL, {})


def test_the_watch_notices_a_range_to_a_session_that_is_not_durable() -> None:
    one = watch()
    one.sending(put(0, CONTENT[:8]), NOW, {})
    assert one.broken[0].startswith("I4")


def test_the_watch_notices_a_final_range_without_an_announcement() -> None:
    one = watch()
    saved(one, State.SENDING, session(8))
    one.sending(put(8, CONTENT[8:16]), NOW, {})
    assert one.broken == []
    one.sending(put(8, CONTENT[8:]), NOW, {})
    assert one.broken == ["I5: a final range was sent without a durable announcement"]


def test_the_watch_notices_a_post_without_an_announcement() -> None:
    one = watch()
    one.sending(GraphRequest("POST", "https://g/attachments", {}, b"{}"), NOW, {})
    assert one.broken[0].startswith("I5")


def test_the_watch_notices_wrong_bytes() -> None:
    one = watch()
    saved(one, State.SENDING, session(8))
    one.sending(put(8, CONTENT[:8]), NOW, {})
    assert one.broken == ["I10: bytes 8-15 were not the file's"]


@pytest.mark.parametrize(
    ("between", "kept"),
    [([DELETE, LIST], True), ([LIST, DELETE], False), ([LIST], False), ([DELETE], False), ([], False)],
)
def test_the_watch_notices_a_new_session_before_fence_and_look(between: list[HttpRequest], *, kept: bool) -> None:
    one = watch()
    saved(one, State.COMMITTING, session(8), announced_at=NOW)
    one.sending(put(8, CONTENT[8:]), NOW, {})
    for request in between:
        one.sending(request, NOW, {})
        one.answered(request, HttpAnswer(204 if request is DELETE else 200, {}), NOW)
    one.sending(OPEN, NOW, {URL: AtService()})
    assert (one.broken == []) is kept


@pytest.mark.parametrize(
    ("seconds", "kept"),
    [((0,), False), ((0, 5, 30), False), ((0, 5, 30, 89), False), ((0, 5, 30, 90), True)],
)
def test_the_watch_takes_a_404_for_a_fence_once_it_has_lasted(seconds: tuple[int, ...], *, kept: bool) -> None:
    one = watch()
    saved(one, State.COMMITTING, session(8), announced_at=NOW)
    one.sending(put(8, CONTENT[8:]), NOW, {})
    for moment in seconds:
        one.answered(DELETE, HttpAnswer(404, {}), NOW + timedelta(seconds=moment))
        one.answered(LIST, HttpAnswer(200, {}), NOW + timedelta(seconds=moment))
    one.sending(OPEN, NOW, {URL: AtService()})
    assert (one.broken == []) is kept


@pytest.mark.parametrize(("hours", "kept"), [(2, True), (0.5, False)])
def test_the_watch_takes_an_expiry_for_a_fence_once_it_has_passed(hours: float, *, kept: bool) -> None:
    one, later = watch(), NOW + timedelta(hours=hours)
    saved(one, State.COMMITTING, session(8), announced_at=NOW)
    one.sending(put(8, CONTENT[8:]), NOW, {})
    one.answered(LIST, HttpAnswer(200, {}), later)
    one.sending(OPEN, later, {URL: AtService()})
    assert (one.broken == []) is kept


def test_the_watch_notices_an_offset_that_the_service_never_confirmed() -> None:
    one = watch()
    saved(one, State.SENDING, session(12))
    assert one.broken == ["I9: offset 12 is durable, the service has 8"]


def test_the_watch_notices_progress_that_goes_back() -> None:
    one = watch()
    saved(one, State.SENDING, session(8))
    saved(one, State.SENDING, session(4))
    assert one.broken == ["I9: progress went back from 8 to 4"]


def test_the_watch_notices_a_secret_in_an_ended_transfer() -> None:
    one = watch()
    one.saved(Checkpoint(transfer(State.ATTACHED), None, "w"), b'"authtoken=x"', None)
    assert one.broken[0].startswith("I19")


@pytest.mark.parametrize("value", ["41", "Mon, 02 Mar 2026 08:00:41 GMT"])
def test_the_watch_notices_a_request_that_graph_did_not_allow_yet(value: str) -> None:
    one = watch()
    one.answered(GET, HttpAnswer(429, {"retry-after": value}), NOW)
    one.sending(GET, NOW + timedelta(seconds=40), {})
    assert one.broken == ["I15: GET 1 seconds before Graph allowed it"]


def test_the_watch_notices_sleep_past_the_deadline() -> None:
    one = watch()
    one.slept(NOW, NOW)
    assert one.broken == []
    one.slept(NOW + timedelta(seconds=3), NOW)
    assert one.broken == ["I15: slept 3 seconds past the deadline"]
