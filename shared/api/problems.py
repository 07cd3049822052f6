"""What went wrong, as RFC 9457 problem details with the catalogue's codes and remedies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar

from shared.api.http import Answer, Call, json_answer
from shared.core.errors import CATALOGUE, Code
from shared.storage.ports import CheckpointUnreadable, StorageRefused, StorageUnavailable

PROBLEM = "application/problem+json"
TYPE = "urn:outlook-attachment-drop:problem:"
"""Before the code: an identifier, not an address. The codes are described in docs/errors.md."""

RETRY_SECONDS = 5
"""After which a caller may ask again. Chosen: a few seconds are a transfer's usual time."""

STATUS: Mapping[Code, HTTPStatus] = {
    Code.MAILBOX_NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    Code.REQUEST_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.BLOB_NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.SOURCE_INCOMPLETE: HTTPStatus.CONFLICT,
    Code.TRANSFER_NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.TRANSFER_NOT_OVER: HTTPStatus.CONFLICT,
    Code.TRANSFER_ATTACHED: HTTPStatus.CONFLICT,
    Code.TRANSFER_FAILED: HTTPStatus.CONFLICT,
    Code.RETRY_POINTLESS: HTTPStatus.CONFLICT,
    Code.TRANSFER_NOT_FAILED: HTTPStatus.CONFLICT,
    Code.TRANSFER_CHANGED: HTTPStatus.CONFLICT,
    Code.OPERATION_NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.STORAGE_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.IDENTITY_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.STORAGE_ACCESS_DENIED: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.STORAGE_DISABLED: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.STORAGE_IMMUTABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.STORAGE_LEASED: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.STORAGE_ARCHIVED: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.STORAGE_ENCRYPTED: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.STORAGE_REFUSED: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.SOURCE_ARCHIVED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.SOURCE_ENCRYPTED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.CHECKPOINT_UNREADABLE: HTTPStatus.INTERNAL_SERVER_ERROR,
    Code.CHECKPOINT_NEWER: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Every other code is about what the request says: 400."""

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request. `field` is where, as the caller names it; None: several, or all of it."""

    code: Code
    field: str | None
    detail: str


def problem(
    code: Code, detail: str, *, status: int | None = None, headers: Mapping[str, str] | None = None, **members: Any
) -> Answer:
    """One problem. `members` go beside the standard ones."""
    entry = CATALOGUE[code]
    status = status or STATUS.get(code, HTTPStatus.BAD_REQUEST)
    body = {
        "type": f"{TYPE}{code.value}",
        "title": entry.title,
        "status": int(status),
        "detail": detail,
        "code": code.value,
        "remedy": entry.remedy,
        **members,
    }
    return json_answer(body, status, headers, PROBLEM)


def faulty(faults: Sequence[Fault], *, malformed: bool) -> Answer:
    """All faults of a request in one problem, which has the first one's code.

    400 where the request is not of the described form, 422 where its values, or the file's metadata, are unusable, and
    403 where nothing else is wrong than the mailbox.
    """
    status = HTTPStatus.BAD_REQUEST if malformed else HTTPStatus.UNPROCESSABLE_ENTITY
    if all(fault.code is Code.MAILBOX_NOT_ALLOWED for fault in faults):
        status = HTTPStatus.FORBIDDEN
    listed = [
        {
            "code": fault.code.value,
            "field": fault.field,
            "detail": fault.detail,
            "remedy": CATALOGUE[fault.code].remedy,
        }
        for fault in faults
    ]
    detail = "; ".join(fault.detail for fault in faults)
    return problem(faults[0].code, f"{detail}.", status=status, faults=listed)


def guarded(handler: Callable[[C, Call], Answer]) -> Callable[[C, Call], Answer]:
    """A handler whose storage may be down, or refuse: that is a problem too, and no fault of the request.

    There is a `Retry-After` only where asking again can help before a person did something.
    """

    @wraps(handler)
    def answered(self: C, call: Call) -> Answer:
        try:
            return handler(self, call)
        except StorageUnavailable as down:
            return problem(down.code, f"{down}.", headers={"Retry-After": str(RETRY_SECONDS)})
        except StorageRefused as refused:
            return problem(refused.code, f"{refused.detail}.")
        except CheckpointUnreadable as unreadable:
            return problem(unreadable.code, unreadable.detail)

    return answered
