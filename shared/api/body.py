"""A start's body, checked: first its form, by the models; then its values, by the checks that metadata goes through."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from shared.api.models import BLOB, LONGEST_BLOB, StartGiven
from shared.api.problems import Fault
from shared.core.errors import Code
from shared.core.model import Attachment, Target
from shared.intake import checks
from shared.intake.checks import ATTACHMENT_FIELDS, INVALID, TARGET_FIELDS, Field
from shared.intake.mailboxes import AllowedMailboxes
from shared.intake.names import has_control, name_from_blob

LARGEST_BODY = 64 * 1024
"""Bytes, inclusive: several times what the longest values come to."""

BODY_NAMES: dict[Field, str] = {
    Field.MAILBOX: "target.mailbox",
    Field.MESSAGE_ID: "target.messageId",
    Field.EVENT_ID: "target.eventId",
    Field.INTERNET_MESSAGE_ID: "target.internetMessageId",
    Field.ICAL_UID: "target.iCalUId",
    Field.NAME: "attachment.name",
    Field.CONTENT_TYPE: "attachment.contentType",
    Field.IS_INLINE: "attachment.isInline",
    Field.CONTENT_ID: "attachment.contentId",
}
EMPTY = (
    "the body is empty; one that is sent in chunks, without Content-Length, arrives empty, because the Functions host "
    "hands nothing of it on: send it with Content-Length"
)
"""Measured on the host, 4.1037. Whether it came in chunks the app cannot tell: not every proxy leaves the header."""

LONGEST_SHOWN = 60
"""Characters of an unknown member's name that an answer repeats."""

_FIELDS = {name: field for field, name in BODY_NAMES.items()}
_BLOB = re.compile(BLOB, re.DOTALL)


@dataclass(frozen=True, slots=True)
class Start:
    """What a start asks for. None where the file's metadata decides; `attachment` still lacks what the file tells."""

    blob: str
    target: Target | None
    attachment: Mapping[Field, str] | None


@dataclass(frozen=True, slots=True)
class Refused:
    """Everything that is wrong. `malformed`: the body is not of the described form; else only its values are wrong."""

    faults: tuple[Fault, ...]
    malformed: bool


def read_start(body: bytes, allowed: AllowedMailboxes) -> Start | Refused:
    """What the body asks for, or everything that is wrong with it at once."""
    if not body:
        return Refused((Fault(Code.REQUEST_INVALID, None, EMPTY),), malformed=True)
    try:
        given: Any = _adapter().validate_json(body)
        problems: list[ErrorDetails] = []
    except ValidationError as error:
        problems = error.errors(include_url=False)
        given = _parsed(body)
    if not isinstance(given, dict):
        return Refused((Fault(Code.REQUEST_INVALID, None, _not_an_object(problems)),), malformed=True)
    form = [fault_of(problem) for problem in problems]
    unread = tuple(
        checks.Fault(fault.code, _FIELDS[fault.field], fault.detail) for fault in form if fault.field in _FIELDS
    )
    faults = [fault for fault in form if fault.field not in _FIELDS]
    blob = given.get("blob")
    if isinstance(blob, str) and blob:
        faults += _blob_faults(blob)
    target = _target(given, unread, allowed)
    attachment = _attachment(given, unread)
    for part in (target, attachment):
        if isinstance(part, tuple):
            faults += [_renamed(fault) for fault in part]
    if faults or not isinstance(blob, str) or isinstance(target, tuple):
        return Refused(tuple(faults), malformed=bool(problems))
    asked = _given(given.get("attachment"), "attachment", ATTACHMENT_FIELDS)
    return Start(blob, target, None if attachment is None else asked)


def _target(given: dict[str, Any], unread: checks.Faults, allowed: AllowedMailboxes) -> Target | checks.Faults | None:
    """The target that the body names, or what is wrong with it; None where it names none, or nothing of that form."""
    part = given.get("target")
    if not isinstance(part, dict):
        return None
    found = tuple(fault for fault in unread if fault.field in TARGET_FIELDS)
    return checks.check_target(_given(part, "target", TARGET_FIELDS), BODY_NAMES, allowed, found)


def _attachment(given: dict[str, Any], unread: checks.Faults) -> Attachment | checks.Faults | None:
    part, blob = given.get("attachment"), given.get("blob")
    if not isinstance(part, dict):
        return None
    found = tuple(fault for fault in unread if fault.field in ATTACHMENT_FIELDS)
    default_name = name_from_blob(blob if isinstance(blob, str) else "")
    return checks.check_attachment(_given(part, "attachment", ATTACHMENT_FIELDS), BODY_NAMES, default_name, None, found)


def _given(part: Any, under: str, fields: tuple[Field, ...]) -> dict[Field, str]:
    """The part's texts by field; a truth value as the text that metadata would have for it."""
    given: dict[Field, str] = {}
    for field in fields:
        value = part.get(BODY_NAMES[field].removeprefix(f"{under}.")) if isinstance(part, dict) else None
        if isinstance(value, bool) and field is Field.IS_INLINE:
            given[field] = str(value).lower()
        elif isinstance(value, str) and field is not Field.IS_INLINE:
            given[field] = value
    return given


def _blob_faults(blob: str) -> list[Fault]:
    if len(blob) > LONGEST_BLOB:
        problem = f"`blob` has {len(blob)} characters; a file's name has at most {LONGEST_BLOB}"
        return [Fault(Code.REQUEST_INVALID, "blob", problem)]
    if not _BLOB.fullmatch(blob) or has_control(blob):
        allowed = "it has no control characters, and no folder is `.` or `..`"
        return [Fault(Code.REQUEST_INVALID, "blob", f"`blob` is {checks.shown(blob)}, no file's name; {allowed}")]
    return []


def _renamed(fault: checks.Fault) -> Fault:
    return Fault(fault.code, BODY_NAMES[fault.field] if fault.field is not None else None, fault.detail)


def fault_of(problem: ErrorDetails) -> Fault:
    """One error of the model in the API's words. What was given is not repeated: it may be anything."""
    where = ".".join(map(str, problem["loc"]))
    field = _FIELDS.get(where)
    code = INVALID[field] if field is not None else Code.REQUEST_INVALID
    match problem["type"]:
        case "missing":
            code = Code.MAILBOX_MISSING if field is Field.MAILBOX else code
            return Fault(code, where, f"`{where}` is missing")
        case "extra_forbidden":
            return Fault(code, where[:LONGEST_SHOWN], f"{checks.shown(where)} is not known here")
        case "string_too_short":
            return Fault(code, where, f"`{where}` is empty")
        case "string_type" | "string_unicode":
            return Fault(code, where, f"`{where}` must be text")
        case "bool_type":
            return Fault(code, where, f"`{where}` must be true or false")
        case "int_type" | "int_parsing":
            return Fault(code, where, f"`{where}` must be a whole number")
        case "literal_error":
            return Fault(code, where, f"`{where}` must be {problem.get('ctx', {}).get('expected', 'another value')}")
        case "list_type":
            return Fault(code, where, f"`{where}` must be a list")
        case "dict_type" | "typed_dict_type":
            return Fault(code, where, f"`{where}` must be an object")
        case other:
            return Fault(code, where or None, f"`{where}` is not of the documented form ({other})")


def _parsed(body: bytes) -> object:
    """The body as it is, for the parts of it that are of the documented form."""
    try:
        return _anything().validate_json(body)
    except ValidationError:
        return None


def _not_an_object(problems: list[ErrorDetails]) -> str:
    is_json = not any(problem["type"] == "json_invalid" for problem in problems)
    return "the body must be a JSON object" if is_json else "the body is not JSON in UTF-8"


@cache
def _adapter() -> TypeAdapter[StartGiven]:
    return TypeAdapter(StartGiven)


@cache
def _anything() -> TypeAdapter[Any]:
    return TypeAdapter(Any)
