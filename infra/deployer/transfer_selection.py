"""Which transfers are meant, and the answers of the API about them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from .azure import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .probe import AppApi

DONE, REFUSED_VALUE, NONE_FOUND, NOT_ALL, GAVE_UP = 0, 2, 3, 4, 5
"""Exit codes; transfers.py tells them to people."""

UNFINISHED = ("queued", "sending", "waiting")

LARGEST_PAGE = 200
"""What the API hands out at once; shared/storage/places.py."""

_ID = re.compile(r"[0-9A-Za-z_-]{1,128}")
"""What may stand in a path. Whether it is an id, the app says."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Ids, or a filter; neither: everything."""

    ids: tuple[str, ...]
    filters: Mapping[str, str]
    limit: int


class AnswerError(DeployError):
    """The app refused the request; `code` is this command's exit code."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.code = {HTTPStatus.NOT_FOUND: NONE_FOUND, HTTPStatus.CONFLICT: NOT_ALL}.get(HTTPStatus(status), 1)
        if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}:
            self.code = REFUSED_VALUE
        told = [str(body.get(part) or "") for part in ("title", "detail", "remedy")]
        told += [f"{one.get('pointer') or ''} {one.get('detail') or ''}".strip() for one in body.get("errors") or ()]
        code = body.get("code")
        super().__init__(f"HTTP {status}{f' {code}' if code else ''}: {' '.join(filter(None, told))}".rstrip(": "))


def asked(answer: tuple[int, dict[str, Any]]) -> dict[str, Any]:
    """The body of a good answer; `AnswerError` for any other."""
    status, body = answer
    if status == HTTPStatus.UNAUTHORIZED:
        raise DeployError("The app refuses the function key that Azure gave out; was it changed a moment ago?")
    if status >= HTTPStatus.BAD_REQUEST:
        raise AnswerError(status, body)
    return body


def path_of(transfer_id: str) -> str:
    """The path of a transfer; an id that could not stand in one is none."""
    if not _ID.fullmatch(transfer_id):
        raise AnswerError(HTTPStatus.NOT_FOUND, {"detail": f"There is no transfer {transfer_id!r}."})
    return f"transfers/{transfer_id}"


def found(api: AppApi, wanted: Selection) -> Iterator[dict[str, Any]]:
    """The transfers that are meant, newest first, at most `limit`."""
    if wanted.ids:
        for one in wanted.ids:
            yield asked(api.get(path_of(one)))
        return
    left, continuation = wanted.limit, None
    while left > 0:
        query = dict(wanted.filters) | {"limit": str(min(left, LARGEST_PAGE))}
        if continuation:
            query["continuation"] = continuation
        page = asked(api.get(f"transfers?{urlencode(query)}"))
        yield from page["transfers"]
        left -= len(page["transfers"])
        continuation = page["continuation"]
        if not continuation:
            return
