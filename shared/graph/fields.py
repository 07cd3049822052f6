"""The pieces of an answer that events are read from. Each reader is total: what it cannot read is None."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

from shared.core.events import FoundItem
from shared.core.identifiers import is_item_id
from shared.core.model import GraphAnswer, Listed
from shared.graph.http import HttpAnswer
from shared.settings.forms import is_host

_ATTACHMENT_IN_LOCATION = re.compile(r"/attachments(?:\('([^']+)'\)|/([^/?]+))", re.IGNORECASE)
_ENCODED_KEY = re.compile(r"%2[789]")  # ( ) and '
_REFERENCE = ".referenceattachment"  # the end of its @odata.type
_CLAIMS = re.compile(r'\bclaims="([A-Za-z0-9+/_=\-]{1,4096})"', re.IGNORECASE)
_HALF_PAIR = re.compile("[\ud800-\udfff]")
LONGEST_RETRY_AFTER = timedelta(days=1)
"""A longer wait is taken as this long, or no transfer would ever end. Chosen: far beyond Outlook's own windows of 5 and
10 minutes (graph/throttling-limits)."""

_RANGE = re.compile(r"\s*(\d{1,18})\s*(?:-\s*(?:\d{1,18}\s*)?)?", re.ASCII)
_LIMIT = re.compile(r"over its ([A-Za-z]{1,64}) limit")  # of a 429's message


def host_of(url: str) -> str:
    """The host of a URL that is not trusted, for a message: never its path or query, which are secrets.

    Empty where it is no host's name, because a malformed URL may have anything in its place.
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return host if is_host(host) else ""


def next_offset(answer: HttpAnswer) -> int | None:
    """The lowest byte the session still wants; None where the answer does not say."""
    return lowest_start(answer.json().get("nextexpectedranges"))


def lowest_start(ranges: object) -> int | None:
    """The lowest start among `N`, `N-` and `N-M` (bytes, inclusive); None where one of them is none of these.

    Several ranges are several gaps (outlook-large-attachments); bytes go in order, so the lowest is next.
    """
    if not isinstance(ranges, Sequence) or isinstance(ranges, str | bytes) or not ranges:
        return None
    matches = [_RANGE.fullmatch(str(entry)) if isinstance(entry, str | int) else None for entry in ranges]
    return min(int(match[1]) for match in matches if match) if all(matches) else None


def retry_after(answer: HttpAnswer, now: datetime) -> float | None:
    """Seconds to wait: the header counts seconds, or names a date (RFC 9110 10.2.3); None where it says neither.

    A date is read against the answer's own `Date`, because our clock may differ; without one against `now`. Never
    longer than LONGEST_RETRY_AFTER.
    """
    value = answer.headers.get("retry-after", "").strip()
    longest = LONGEST_RETRY_AFTER.total_seconds()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        return min(float(value), longest)
    at = _date(value)
    if at is None:
        return None
    sent_at = _date(answer.headers.get("date", "")) or now
    return min(max(0.0, (at - sent_at).total_seconds()), longest)


def _date(value: str) -> datetime | None:
    """A date in the form of RFC 9110; None for anything else."""
    try:
        at = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def summary(answer: HttpAnswer) -> GraphAnswer:
    """What is kept of an answer: never its message, which may quote what we sent."""
    said = error(answer.json()) if not answer.is_success else {}
    inner = said.get("innererror")
    inner = inner if isinstance(inner, dict) else {}
    request_id = answer.headers.get("request-id") or text(inner.get("request-id")) or text(inner.get("requestid"))
    return GraphAnswer(answer.status, _word(text(said.get("code"))), _word(request_id), _limit(answer.status, said))


def _limit(status: int, said: Mapping[str, Any]) -> str | None:
    """The limit that a 429 says was exceeded: "Application is over its MailboxConcurrency limit." (seen live)."""
    found = _LIMIT.search(text(said.get("message")) or "") if status == HTTPStatus.TOO_MANY_REQUESTS else None
    return found[1] if found else None


MOST_INNER = 8
"""Errors inside of errors that are read. Chosen: deeper than any that was seen (graph/errors has two)."""


def codes(answer: HttpAnswer) -> tuple[str, ...]:
    """Every code of a refusal, the innermost, which is the most exact, first."""
    found: list[str] = []
    said: object = error(answer.json())
    for _ in range(MOST_INNER):
        if not isinstance(said, dict):
            break
        word = _word(text(said.get("code")))
        found += [word] if word is not None else []
        said = said.get("innererror")
    return tuple(reversed(found))


def claims(challenge: str) -> str | None:
    """The claims that a 401 asks for, as JSON text; None where it asks for none that can be read.

    They stand in `WWW-Authenticate` as base64 (Entra, claims challenges: Bearer ..., error="insufficient_claims",
    claims="..."). What is not JSON in base64 is not passed on.
    """
    found = _CLAIMS.search(challenge)
    if found is None:
        return None
    try:
        packed = found[1].replace("-", "+").replace("_", "/")
        told = base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True).decode()
        return told if isinstance(json.loads(told), dict) else None
    except (ValueError, RecursionError):
        return None


def next_link(answer: HttpAnswer) -> str | None:
    """The URL of the next page of a listing; None on the last."""
    return text(answer.json().get("@odata.nextlink"))


def error(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The `error` object of a refusal; empty where there is none."""
    said = body.get("error")
    return said if isinstance(said, dict) else {}


def _word(value: str | None) -> str | None:
    """An identifier out of an answer, kept only where it looks like one: it goes into logs and pages."""
    return value if value is not None and re.fullmatch(r"[A-Za-z0-9_.:\-]{1,128}", value) else None


def items(body: Mapping[str, Any]) -> tuple[FoundItem, ...] | None:
    """What a lookup found; None where the answer is not a list of items with ids that can stand in a path."""
    found = objects(body.get("value"))
    if found is None or not all(is_item_id(text(item.get("id")) or "") for item in found):
        return None
    return tuple(FoundItem(str(item["id"]), item.get("isdraft") is True) for item in found)


def listing(body: Mapping[str, Any]) -> tuple[Listed, ...] | None:
    """What is attached; None where the answer is not a list of attachments with ids.

    Nothing else is insisted on: one entry without a size, a name or a type must not hide the others.
    """
    found = objects(body.get("value"))
    if found is None or any(text(entry.get("id")) is None for entry in found):
        return None
    return tuple(_listed(entry) for entry in found)


def _listed(entry: Mapping[str, Any]) -> Listed:
    size = entry.get("size")
    kind = (text(entry.get("@odata.type")) or "").lower()
    return Listed(
        entry["id"], text(entry.get("name")) or "", size if _is_size(size) else None, kind.endswith(_REFERENCE)
    )


def objects(value: object) -> list[dict[str, Any]] | None:
    """A list of objects, with keys in lower case; None where it is none."""
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        return None
    return [{str(key).lower(): inner for key, inner in entry.items()} for entry in value]


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def attachment_id(answer: HttpAnswer) -> str | None:
    """The id in `Location`: the last match, any case, percent-decoded (outlook-large-attachments).

    The parentheses and quotes around it may come percent-encoded too.
    """
    plain = _ENCODED_KEY.sub(lambda found: unquote(found[0]), answer.headers.get("location", ""))
    matches = _ATTACHMENT_IN_LOCATION.findall(plain)
    return unquote(matches[-1][0] or matches[-1][1]) if matches else None


def text(value: object) -> str | None:
    """A string that is not empty, and that can be stored; None for everything else.

    JSON can hold halves of surrogate pairs (RFC 8259, section 8.2), which no UTF-8 can, and so no checkpoint.
    """
    return value if isinstance(value, str) and value and not _HALF_PAIR.search(value) else None


def instant(value: object) -> datetime | None:
    """An ISO 8601 instant in UTC, seven fractional digits and `Z` included; None where it is none."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
