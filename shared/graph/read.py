"""Answers as events. Pure, total and suspicious.

Whatever comes back means one defined event, and nothing but a 201 means "attached".
"""

from __future__ import annotations

from collections.abc import Mapping
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
    FenceRefused,
    Happening,
    ItemMissing,
    ItemsFound,
    NotComparable,
    NotDone,
    OffsetKnown,
    OffsetRefused,
    PostTooLarge,
    RangeTooLarge,
    Refused,
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

UNSTATED_LIFETIME = timedelta(hours=24)
"""A session whose expiry Graph did not state, or stated unreadably, is taken to live this long. By analogy: longer than
any lifetime ever seen (section 3)."""

LONG_AGO = timedelta(hours=1)
"""A session that states an expiry this far back states none: it was opened just now. Chosen: far beyond the difference
of clocks that `Policy.expiry_margin` allows for."""

LONGEST_LIFETIME = timedelta(days=7)
"""A session that states a longer life is taken to live this long, or one that cannot be deleted would be waited for
without end. By analogy: many times any lifetime ever seen (section 3)."""


def graph_event(call: GraphCall, answer: HttpAnswer, now: datetime, hosts: UploadHosts) -> Happening:
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


def session_event(call: SessionCall, answer: HttpAnswer, now: datetime) -> Happening:
    """What the session's answer to `call` means."""
    seen = fields.summary(answer)
    if answer.status == refusals.THROTTLED:
        return NotDone(Code.GRAPH_THROTTLED, fields.retry_after(answer, now), graph=seen)
    word = refusals.BY_CODE.get((seen.code or "").lower())
    if isinstance(call, PutRange) and word in refusals.ABOUT_THE_SESSION:
        return _refused(word, seen)
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


def _range_event(answer: HttpAnswer, seen: GraphAnswer, now: datetime) -> Happening:
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
    return _refused(refusals.BY_STATUS.get(status, _unnamed(status)), seen)


def _graph_refusal(call: GraphCall, answer: HttpAnswer, seen: GraphAnswer, now: datetime) -> Happening:
    status, word = answer.status, (seen.code or "").lower()
    if status == refusals.THROTTLED:
        return NotDone(Code.GRAPH_THROTTLED, fields.retry_after(answer, now), graph=seen)
    if word in refusals.BY_CODE:
        return _refused(refusals.BY_CODE[word], seen)
    if isinstance(call, OpenSession) and word == refusals.TOO_SMALL_FOR_SESSION:
        return SessionTooSmall(graph=seen)
    if isinstance(call, PostAttachment) and _is_post_too_large(answer, word):
        return PostTooLarge(graph=seen)
    if status in refusals.CONFLICTS:
        return NotDone(Code.GRAPH_CONFLICT, fields.retry_after(answer, now), graph=seen)
    if refusals.is_service_fault(status):
        return Unsure(Code.GRAPH_UNAVAILABLE, fields.retry_after(answer, now), graph=seen)
    if status == HTTPStatus.NOT_FOUND:
        return ItemMissing(graph=seen)
    if status == HTTPStatus.UNAUTHORIZED and isinstance(call, PostAttachment):
        return NotDone(Code.TOKEN_REJECTED, fields.retry_after(answer, now), graph=seen)  # the client did not repeat it
    if status < HTTPStatus.BAD_REQUEST and isinstance(call, PostAttachment):
        return _unexpected(seen)  # a redirect may come after the effect ("see other")
    return _refused(refusals.BY_STATUS.get(status, _unnamed(status)), seen)


def _is_post_too_large(answer: HttpAnswer, word: str) -> bool:
    if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or word in refusals.TOO_LARGE_FOR_POST:
        return True
    says = fields.text(fields.error(answer.json()).get("message")) or ""
    return answer.status == HTTPStatus.BAD_REQUEST and refusals.TOO_LARGE_FOR_POST_MESSAGE in says.lower()


def _unnamed(status: int) -> Code:
    """The last resort: a client error that nobody has named is a refusal; a redirect is no answer at all."""
    return Code.GRAPH_REFUSED if status >= HTTPStatus.BAD_REQUEST else Code.GRAPH_ANSWER_UNEXPECTED


def _refused(code: Code, seen: GraphAnswer) -> Refused:
    detail = f"{CATALOGUE[code].title} Graph answered {seen.status} {seen.code or 'without a code'}."
    return Refused(Failure(code, detail, seen))


def _unexpected(seen: GraphAnswer) -> Unsure:
    """An answer that does not carry what it should: its effect is unknown."""
    return Unsure(Code.GRAPH_ANSWER_UNEXPECTED, graph=seen)


def _opened(body: Mapping[str, Any], seen: GraphAnswer, now: datetime, hosts: UploadHosts) -> Happening:
    url = fields.text(body.get("uploadurl"))
    if url is None:
        return _unexpected(seen)
    if not hosts.allow(url):
        detail = f"The upload session points to {fields.host_of(url)!r}, which GRAPH_UPLOAD_HOSTS does not list."
        return Refused(Failure(Code.UPLOAD_HOST_REFUSED, detail, seen))
    stated = fields.instant(body.get("expirationdatetime"))
    if stated is None or stated < now - LONG_AGO:
        stated = now + UNSTATED_LIFETIME
    expires = min(stated, now + LONGEST_LIFETIME)
    offset = fields.lowest_start(body.get("nextexpectedranges"))
    return SessionOpened(url, expires, offset or 0, graph=seen)
