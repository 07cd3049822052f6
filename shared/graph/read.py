"""Answers as events. Pure, total and suspicious.

Whatever comes back means one defined event, and nothing but a 201 means "attached".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, assert_never

from shared.core.actions import (
    AskSession,
    CancelSession,
    CompareAttachment,
    FindItem,
    GraphCall,
    ListAttachments,
    OpenSession,
    PostAttachment,
    PutRange,
    SessionCall,
)
from shared.core.errors import CATALOGUE, Code
from shared.core.events import (
    AskRefused,
    AttachmentsListed,
    Committed,
    Event,
    FenceRefused,
    ItemMissing,
    ItemsFound,
    NotComparable,
    NotDone,
    OffsetKnown,
    OffsetRefused,
    PostTooLarge,
    RangeDenied,
    RangeTooLarge,
    Refused,
    RefusedBy,
    SessionFenced,
    SessionGone,
    SessionOpened,
    SessionTooSmall,
    Unsure,
)
from shared.core.model import Failure, GraphAnswer
from shared.graph import fields, refusals
from shared.graph.hosts import UploadHosts
from shared.graph.http import HttpAnswer
from shared.graph.refusals import Kind, Meaning

UNSTATED_LIFETIME = timedelta(hours=24)
"""A session whose expiry Graph did not state, or stated unreadably, is taken to live this long. By analogy: longer than
any lifetime ever seen (section 3)."""

LONG_AGO = timedelta(hours=1)
"""A session that states an expiry this far back states none: it was opened just now. Chosen: far beyond the difference
of clocks that `Policy.expiry_margin` allows for."""

LONGEST_LIFETIME = timedelta(days=7)
"""A session that states a longer life is taken to live this long, or one that cannot be deleted would be waited for
without end. By analogy: many times any lifetime ever seen (section 3)."""


def graph_event(call: GraphCall, answer: HttpAnswer, now: datetime, hosts: UploadHosts) -> Event:
    """What Graph's answer to `call` means. A CompareAttachment's 200 is read by whoever compares the bytes."""
    seen = fields.summary(answer)
    if isinstance(call, CompareAttachment) and answer.status in refusals.NO_BYTES:
        return NotComparable(graph=seen)
    if not answer.is_success:
        return _graph_refusal(call, answer, seen, now)
    body = answer.json()
    match call:
        case FindItem():
            items = fields.items(body)
            return _unexpected(seen) if items is None else ItemsFound(items, graph=seen)
        case ListAttachments():
            listed = fields.listing(body)
            return _unexpected(seen) if listed is None else AttachmentsListed(listed, graph=seen)
        case OpenSession():
            return _opened(body, seen, now, hosts)
        case PostAttachment():
            if answer.status != HTTPStatus.CREATED:
                return _unexpected(seen)
            return Committed(fields.text(body.get("id")), graph=seen)
        case CompareAttachment():
            return _unexpected(seen)
        case _:
            assert_never(call)


def session_event(call: SessionCall, answer: HttpAnswer, now: datetime) -> Event:
    """What the session's answer to `call` means."""
    seen = fields.summary(answer)
    if answer.status == refusals.THROTTLED:
        return NotDone(Code.GRAPH_THROTTLED, fields.retry_after(answer, now), graph=seen)
    named = _named_by_the_session(call, answer, seen, now)
    if named is not None:
        return named
    if refusals.is_service_fault(answer.status):
        return Unsure(Code.GRAPH_UNAVAILABLE, fields.retry_after(answer, now), graph=seen)
    if not isinstance(call, PutRange) and answer.status in refusals.CONFLICTS:
        return NotDone(Code.GRAPH_CONFLICT, fields.retry_after(answer, now), graph=seen)
    match call:
        case PutRange():
            return _range_event(answer, seen, now)
        case AskSession():
            return OffsetKnown(fields.next_offset(answer), graph=seen) if answer.is_success else AskRefused(graph=seen)
        case CancelSession():
            if answer.status in refusals.FENCED:
                return SessionFenced(graph=seen)
            if answer.status in refusals.NO_SESSION:
                return SessionGone(graph=seen)
            return FenceRefused(graph=seen)
        case _:
            assert_never(call)


def _named_by_the_session(call: SessionCall, answer: HttpAnswer, seen: GraphAnswer, now: datetime) -> Event | None:
    """What a code that is believed from an upload URL means; None where there is none."""
    known = refusals.by_code(fields.codes(answer)) if not answer.is_success else None
    if known is None or known[1].code not in refusals.ABOUT_THE_SESSION:
        return None
    word, meaning = known
    if meaning.kind in {Kind.THROTTLED, Kind.UNAVAILABLE}:
        return _later(meaning, answer, replace(seen, code=word), now)
    return _range_refused(meaning, answer, replace(seen, code=word), now) if isinstance(call, PutRange) else None


def _range_event(answer: HttpAnswer, seen: GraphAnswer, now: datetime) -> Event:
    status = answer.status
    if status == HTTPStatus.CREATED:
        return Committed(fields.attachment_id(answer), graph=seen)
    if answer.is_success:
        return OffsetKnown(fields.next_offset(answer), graph=seen)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return RangeTooLarge(graph=seen)
    if status in refusals.WRONG_OFFSET:
        return OffsetRefused(fields.next_offset(answer), graph=seen)
    if status == HTTPStatus.PRECONDITION_FAILED:
        return Unsure(Code.GRAPH_CONFLICT, fields.retry_after(answer, now), graph=seen)
    if status in refusals.DEAD_SESSION:
        return SessionGone(graph=seen)
    if status in refusals.DENIED_SESSION:
        return RangeDenied(Code.UPLOAD_DENIED, fields.retry_after(answer, now), graph=seen)
    return _range_refused(refusals.by_status(status), answer, seen, now)


def _range_refused(meaning: Meaning, answer: HttpAnswer, seen: GraphAnswer, now: datetime) -> Event:
    if meaning.kind is Kind.FINAL:
        return _refused(meaning.code, seen)
    return RangeDenied(meaning.code, fields.retry_after(answer, now), graph=seen)


def _graph_refusal(call: GraphCall, answer: HttpAnswer, seen: GraphAnswer, now: datetime) -> Event:
    words = fields.codes(answer)
    if answer.status != refusals.THROTTLED and refusals.by_code(words) is None:
        said = {word.lower() for word in words}
        if isinstance(call, OpenSession) and refusals.TOO_SMALL_FOR_SESSION in said:
            return SessionTooSmall(graph=seen)
        if isinstance(call, PostAttachment) and _is_post_too_large(answer, said):
            return PostTooLarge(graph=seen)
        if answer.status < HTTPStatus.BAD_REQUEST and isinstance(call, PostAttachment):
            return _unexpected(seen)  # a redirect may come after the effect ("see other")
    return refusal_event(answer, seen, now)


def refusal_event(answer: HttpAnswer, seen: GraphAnswer, now: datetime) -> NotDone | Unsure | Refused | ItemMissing:
    """What an answer of Graph's that is no success means, whatever was asked."""
    status = answer.status
    if status == refusals.THROTTLED:
        return NotDone(Code.GRAPH_THROTTLED, fields.retry_after(answer, now), graph=seen)
    known = refusals.by_code(fields.codes(answer))
    if known is not None:
        word, meaning = known
        return _meant(meaning, answer, replace(seen, code=word), now)
    if status in refusals.CONFLICTS:
        return NotDone(Code.GRAPH_CONFLICT, fields.retry_after(answer, now), graph=seen)
    if refusals.is_service_fault(status):
        return Unsure(Code.GRAPH_UNAVAILABLE, fields.retry_after(answer, now), graph=seen)
    if status == HTTPStatus.NOT_FOUND:
        return ItemMissing(graph=seen)
    return _meant(refusals.by_status(status), answer, seen, now)


def _meant(meaning: Meaning, answer: HttpAnswer, seen: GraphAnswer, now: datetime) -> NotDone | Unsure | Refused:
    """A refusal as an event: final, or not done for now, or not known to be done."""
    match meaning.kind:
        case Kind.FINAL:
            return _refused(meaning.code, seen)
        case Kind.ACCESS | Kind.PASSING:
            return NotDone(meaning.code, fields.retry_after(answer, now), graph=seen)
        case Kind.THROTTLED | Kind.UNAVAILABLE:
            return _later(meaning, answer, seen, now)
        case _:
            assert_never(meaning.kind)


def _later(meaning: Meaning, answer: HttpAnswer, seen: GraphAnswer, now: datetime) -> NotDone | Unsure:
    """Its words say "later"; whether it had an effect, its status does not say where the service failed."""
    wait = fields.retry_after(answer, now)
    if meaning.kind is Kind.UNAVAILABLE or refusals.is_service_fault(answer.status):
        return Unsure(meaning.code, wait, graph=seen)
    return NotDone(meaning.code, wait, graph=seen)


def _is_post_too_large(answer: HttpAnswer, said: set[str]) -> bool:
    if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or said & refusals.TOO_LARGE_FOR_POST:
        return True
    says = fields.text(fields.error(answer.json()).get("message")) or ""
    return answer.status == HTTPStatus.BAD_REQUEST and refusals.TOO_LARGE_FOR_POST_MESSAGE in says.lower()


def _refused(code: Code, seen: GraphAnswer) -> Refused:
    detail = f"{CATALOGUE[code].title} Graph answered {seen.status} {seen.code or 'without a code'}."
    return Refused(Failure(code, detail, seen), RefusedBy.GRAPH)


def _unexpected(seen: GraphAnswer) -> Unsure:
    """An answer that does not carry what it should: its effect is unknown."""
    return Unsure(Code.GRAPH_ANSWER_UNEXPECTED, graph=seen)


def _opened(body: Mapping[str, Any], seen: GraphAnswer, now: datetime, hosts: UploadHosts) -> Event:
    url = fields.text(body.get("uploadurl"))
    if url is None:
        return _unexpected(seen)
    if not hosts.allow(url):
        detail = f"The upload session points to {fields.host_of(url)!r}, which GRAPH_UPLOAD_HOSTS does not list."
        return Refused(Failure(Code.UPLOAD_HOST_REFUSED, detail, seen), RefusedBy.GRAPH)
    stated = fields.instant(body.get("expirationdatetime"))
    if stated is None or stated < now - LONG_AGO:
        stated = now + UNSTATED_LIFETIME
    expires = min(stated, now + LONGEST_LIFETIME)
    offset = fields.lowest_start(body.get("nextexpectedranges"))
    return SessionOpened(url, expires, offset or 0, graph=seen)
