"""What a target and an attachment have to be, whoever asks for them: a blob's metadata, or a request's body.

Both doors hand over plain decoded text by field, and what each field is called on their side; both get every fault at
once. An empty text counts as not given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from shared.core.errors import Code
from shared.core.model import Attachment, Failure, Target, TargetKey
from shared.intake.mailboxes import AllowedMailboxes, is_mailbox
from shared.intake.media import OCTETS, is_media_type, tidy, type_of_name
from shared.intake.names import LONGEST_NAME, clean_name, has_control

LONGEST_ID = 1024
"""Characters, inclusive: several times what Graph hands out, and short enough for every URL on the way."""

LONGEST_CONTENT_ID = 255
LONGEST_GIVEN_CONTENT_ID = LONGEST_CONTENT_ID + len("cid:<>")
"""Characters, inclusive: of the id itself, and of it with what is around it in headers and HTML."""

_LONGEST_SHOWN = 60


class Field(Enum):
    """What can be said of a transfer. Each door has its own names for these."""

    MAILBOX = auto()
    MESSAGE_ID = auto()
    EVENT_ID = auto()
    INTERNET_MESSAGE_ID = auto()
    ICAL_UID = auto()
    NAME = auto()
    CONTENT_TYPE = auto()
    IS_INLINE = auto()
    CONTENT_ID = auto()


TARGET_KEYS: dict[Field, TargetKey] = {
    Field.MESSAGE_ID: TargetKey.MESSAGE_ID,
    Field.EVENT_ID: TargetKey.EVENT_ID,
    Field.INTERNET_MESSAGE_ID: TargetKey.INTERNET_MESSAGE_ID,
    Field.ICAL_UID: TargetKey.ICAL_UID,
}
TARGET_FIELDS = (Field.MAILBOX, *TARGET_KEYS)
ATTACHMENT_FIELDS = (Field.NAME, Field.CONTENT_TYPE, Field.IS_INLINE, Field.CONTENT_ID)

INVALID: dict[Field, Code] = {
    Field.MAILBOX: Code.MAILBOX_INVALID,
    **dict.fromkeys(TARGET_KEYS, Code.TARGET_INVALID),
    Field.NAME: Code.ATTACHMENT_NAME_INVALID,
    Field.CONTENT_TYPE: Code.CONTENT_TYPE_INVALID,
    Field.IS_INLINE: Code.INLINE_INVALID,
    Field.CONTENT_ID: Code.CONTENT_ID_INVALID,
}

Names = Mapping[Field, str]
Given = Mapping[Field, str]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `field` is None where several fields are; `detail` names them as the asker does."""

    code: Code
    field: Field | None
    detail: str


Faults = tuple[Fault, ...]


def check_target(given: Given, names: Names, allowed: AllowedMailboxes, found: Faults = ()) -> Target | Faults:
    """The Outlook item that the fields name, or everything that is wrong with them.

    `found` holds faults of fields that could not even be read; those fields count as given, and are not judged again.
    """
    unread = {fault.field for fault in found}
    mailbox, faults = given.get(Field.MAILBOX, ""), list(found)
    if Field.MAILBOX not in unread:
        faults += _mailbox_faults(mailbox, names[Field.MAILBOX], allowed)
    ids = {field: given.get(field, "") for field in TARGET_KEYS if given.get(field) or field in unread}
    if len(ids) != 1:
        code = Code.TARGET_CONTRADICTORY if ids else Code.TARGET_MISSING
        present = " and ".join(f"`{names[field]}`" for field in ids) if ids else "none"
        wanted = ", ".join(f"`{names[field]}`" for field in TARGET_KEYS)
        faults.append(Fault(code, None, f"exactly one of {wanted} is needed; {present} given"))
    for field, value in ids.items():
        problem = None if field in unread else _id_problem(field, value)
        if problem:
            faults.append(Fault(Code.TARGET_INVALID, field, f"`{names[field]}` {problem}"))
    if faults:
        return tuple(faults)
    [(field, value)] = ids.items()
    return Target(mailbox, TARGET_KEYS[field], value)


def check_attachment(
    given: Given, names: Names, default_name: str, default_type: str | None, found: Faults = ()
) -> Attachment | Faults:
    """How the file is to be shown, or everything that is wrong with the fields.

    `default_name` has been cleaned (`names.name_from_blob`). `default_type` is the blob's own Content-Type: nobody
    wrote it for Outlook, so where it is unusable, or the SDKs' default, the shown name decides (`media.type_of_name`).
    `found` is as in `check_target`.
    """
    unread, faults = {fault.field for fault in found}, list(found)

    def refuse(field: Field, code: Code, problem: str) -> None:
        faults.append(Fault(code, field, f"`{names[field]}` {problem}"))

    name, shown_name = given.get(Field.NAME, ""), default_name
    if name:
        shown_name = clean_name(name) or ""
        if not shown_name:
            allowed = f"1 to {LONGEST_NAME} characters, without control characters or changes of writing direction"
            refuse(Field.NAME, Code.ATTACHMENT_NAME_INVALID, f"is {shown(name)}; a name has {allowed}")
    content_type = tidy(given.get(Field.CONTENT_TYPE, ""))
    if content_type and not is_media_type(content_type):
        refuse(Field.CONTENT_TYPE, Code.CONTENT_TYPE_INVALID, f"is {shown(content_type)}, not a media type")
    if not content_type:
        content_type = _blobs_own(default_type) or type_of_name(shown_name)
    inline = given.get(Field.IS_INLINE, "").lower() or "false"
    if inline not in {"true", "false"}:
        refuse(Field.IS_INLINE, Code.INLINE_INVALID, f"is {shown(given[Field.IS_INLINE])}, not true or false")
    asked_id = given.get(Field.CONTENT_ID, "")
    content_id = _bare(asked_id) if asked_id else None
    if content_id is not None and not (_is_content_id(content_id) and len(asked_id) <= LONGEST_GIVEN_CONTENT_ID):
        allowed = f"1 to {LONGEST_CONTENT_ID} characters, without blanks or control characters"
        refuse(Field.CONTENT_ID, Code.CONTENT_ID_INVALID, f"is {shown(asked_id)}; it has {allowed}")
    if content_id is None and inline == "true" and Field.CONTENT_ID not in unread:
        refuse(Field.CONTENT_ID, Code.CONTENT_ID_MISSING, f"is needed where `{names[Field.IS_INLINE]}` is true")
    return tuple(faults) or Attachment(shown_name, content_type, inline == "true", content_id)


def failure(subject: str, faults: Iterable[Fault]) -> Failure:
    """One failure for a transfer: the first fault's code, and all of them told. `subject` is where they were found."""
    faults = tuple(faults)
    return Failure(faults[0].code, f"{subject}: {'; '.join(fault.detail for fault in faults)}.")


def shown(value: str) -> str:
    """The value as a message may repeat it: escaped, and cut after 60 characters."""
    return repr(value) if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]!r}... ({len(value)} characters)"


def _mailbox_faults(mailbox: str, name: str, allowed: AllowedMailboxes) -> Faults:
    if not mailbox:
        return (Fault(Code.MAILBOX_MISSING, Field.MAILBOX, f"`{name}` is missing"),)
    if not is_mailbox(mailbox):
        problem = f"`{name}` is {shown(mailbox)}, neither an address nor an object id"
        return (Fault(Code.MAILBOX_INVALID, Field.MAILBOX, problem),)
    if not allowed.allow(mailbox):
        problem = f"`{name}` is {shown(mailbox)}, which ALLOWED_MAILBOXES does not list"
        return (Fault(Code.MAILBOX_NOT_ALLOWED, Field.MAILBOX, problem),)
    return ()


def _id_problem(field: Field, value: str) -> str | None:
    """What is wrong with an id. Graph's own ids go into a path: printable ASCII, and never a path's `.` or `..`."""
    if len(value) > LONGEST_ID:
        return f"has {len(value)} characters; an id has at most {LONGEST_ID}"
    if has_control(value):
        return f"is {shown(value)}; an id has no control characters"
    if field in {Field.MESSAGE_ID, Field.EVENT_ID}:
        if not re.fullmatch(r"[!-~]+", value):
            return f"is {shown(value)}; Graph's ids are ASCII without blanks (a + may have become a blank on the way)"
        if not value.strip("."):
            return f"is {shown(value)}, which is a step in a path and no id"
    if not value.strip():
        return "is blank"
    return None


def _blobs_own(content_type: str | None) -> str | None:
    """The blob's Content-Type where it says something: in order, and not what SDKs give a file of any kind."""
    own = tidy(content_type or "")
    return own if is_media_type(own) and own.lower() != OCTETS else None


def _bare(content_id: str) -> str:
    """The content id as Graph wants it, from the forms that mail headers (`<id>`) and HTML (`cid:id`) have it in."""
    for _ in range(2):  # either may be around the other
        content_id = content_id.strip(" ")
        if content_id[: len("cid:")].lower() == "cid:":
            content_id = content_id[len("cid:") :]
        elif content_id.startswith("<") and content_id.endswith(">"):
            content_id = content_id[1:-1]
    return content_id.strip(" ")


def _is_content_id(text: str) -> bool:
    return 0 < len(text) <= LONGEST_CONTENT_ID and not has_control(text) and not any(map(str.isspace, text))
