"""The bodies of commands, checked: of one for many transfers, and of an acknowledgement."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from shared.api.body import EMPTY, fault_of
from shared.api.models import AcknowledgementGiven, CancelManyGiven, RetryManyGiven
from shared.api.problems import Fault
from shared.api.query import read_filter
from shared.core.errors import Code
from shared.storage.operations import MOST_ROWS, Action
from shared.storage.places import Wanted


@dataclass(frozen=True, slots=True)
class Bulk:
    """What is chosen, and at most how many of it. `by` is who the caller says to be."""

    chosen: Wanted | tuple[str, ...]
    limit: int
    by: str | None


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What is said of a failure, and by whom the caller says."""

    note: str
    by: str | None


def read_bulk(body: bytes, action: Action) -> Bulk | tuple[Fault, ...]:
    """What the body asks for, or everything that is wrong with it."""
    given = _given(body, _many(action))
    if isinstance(given, tuple):
        return given
    has_filter, has_list = "filter" in given, "transfers" in given
    if has_filter == has_list:
        return (Fault(Code.REQUEST_INVALID, None, "exactly one of `filter` and `transfers` says which are meant"),)
    by = given.get("by")
    if has_list:
        return Bulk(tuple(given["transfers"]), MOST_ROWS, by)
    if "limit" not in given:
        return (Fault(Code.REQUEST_INVALID, "limit", "`limit` is missing: how many a filter may choose at most"),)
    members: dict[str, str] = given["filter"]
    if not any(members.values()):
        return (Fault(Code.REQUEST_INVALID, "filter", "`filter` is empty; it names at least one thing"),)
    wanted, faults = read_filter(members)
    if faults:
        return tuple(Fault(fault.code, f"filter.{fault.field}", fault.detail) for fault in faults)
    return Bulk(wanted, given["limit"], by)


def read_acknowledgement(body: bytes) -> Acknowledgement | tuple[Fault, ...]:
    """What the body says, or everything that is wrong with it."""
    given = _given(body, _acknowledgement())
    if isinstance(given, tuple):
        return given
    if not given["note"].strip():
        return (Fault(Code.REQUEST_INVALID, "note", "`note` is blank; it says how the failure was dealt with"),)
    return Acknowledgement(given["note"].strip(), (given.get("by") or "").strip() or None)


def _given(body: bytes, adapter: TypeAdapter[Any]) -> dict[str, Any] | tuple[Fault, ...]:
    """The body as a whole, or what is wrong with its form."""
    if not body:
        return (Fault(Code.REQUEST_INVALID, None, EMPTY),)
    try:
        given: dict[str, Any] = adapter.validate_json(body)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        if any(problem["type"] == "json_invalid" for problem in problems):
            return (Fault(Code.REQUEST_INVALID, None, "the body is not JSON in UTF-8"),)
        if any(not problem["loc"] for problem in problems):
            return (Fault(Code.REQUEST_INVALID, None, "the body must be a JSON object"),)
        return tuple(fault_of(problem) for problem in problems)
    return given


@cache
def _many(action: Action) -> TypeAdapter[Any]:
    return TypeAdapter(RetryManyGiven if action is Action.RETRY else CancelManyGiven)


@cache
def _acknowledgement() -> TypeAdapter[AcknowledgementGiven]:
    return TypeAdapter(AcknowledgementGiven)
