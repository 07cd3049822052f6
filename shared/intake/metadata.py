"""A blob's metadata, which anybody who may write blobs can set, as a target and an attachment.

Names are compared without case; values are percent-decoded. Metadata of other names belongs to other programs and is
left alone; where a name is nearly one of ours, that is said. Whatever the metadata holds, the answer is a value:
nothing here raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.core.errors import Code
from shared.core.model import Attachment, Failure, Target
from shared.intake import checks, hints
from shared.intake.checks import ATTACHMENT_FIELDS, TARGET_FIELDS, Fault, Faults, Field
from shared.intake.mailboxes import AllowedMailboxes
from shared.intake.names import name_from_blob
from shared.intake.percent import PercentError, decode

METADATA_KEYS: dict[Field, str] = {
    Field.MAILBOX: "mailbox",
    Field.MESSAGE_ID: "messageid",
    Field.EVENT_ID: "eventid",
    Field.INTERNET_MESSAGE_ID: "internetmessageid",
    Field.ICAL_UID: "icaluid",
    Field.NAME: "attachmentname",
    Field.CONTENT_TYPE: "contenttype",
    Field.IS_INLINE: "isinline",
    Field.CONTENT_ID: "contentid",
}


LONGEST_KEPT = 330
"""Characters of a value that a refused file's transfer keeps: a whole mailbox and its quotes. Chosen: all nine keys
together stay small enough for the summary of a listing."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for, checked. `slips` are keys that were passed over although ours are nearly called so."""

    target: Target
    attachment: Attachment
    slips: tuple[str, ...] = ()


def read_metadata(
    blob: str, metadata: Mapping[str, str | None], content_type: str | None, allowed: AllowedMailboxes
) -> Wanted | Failure:
    """What the metadata of `blob` asks for, or one failure that tells everything that is wrong with it.

    `blob` is the name inside the container; `content_type` the blob's own Content-Type.
    """
    target = read_target(metadata, allowed)
    attachment = read_attachment(blob, metadata, content_type)
    slips = read_slips(metadata)
    if isinstance(target, Target) and isinstance(attachment, Attachment):
        return Wanted(target, attachment, slips)
    faults = [fault for part in (target, attachment) if isinstance(part, tuple) for fault in part]
    faults += [Fault(Code.METADATA_KEY_UNKNOWN, None, slip) for slip in slips]
    return checks.failure(f"The metadata of {checks.shown(blob)} is unusable", faults)


def read_slips(metadata: Mapping[str, str | None]) -> tuple[str, ...]:
    """What to say of each key that is nearly one of ours; a key that may be anybody's is left out."""
    slips = hints.slips((key for key, value in metadata.items() if value), METADATA_KEYS.values())
    return tuple(
        f"the key {checks.shown(key)} is unknown and was passed over; is `{meant}` meant?"
        for key, meant in sorted(slips.items())
    )


def read_target(metadata: Mapping[str, str | None], allowed: AllowedMailboxes) -> Target | Faults:
    """The Outlook item that the metadata names, or everything that is wrong with that part of it."""
    given, unread = _fields(metadata, TARGET_FIELDS)
    return checks.check_target(given, METADATA_KEYS, allowed, unread)


def read_attachment(blob: str, metadata: Mapping[str, str | None], content_type: str | None) -> Attachment | Faults:
    """How the metadata wants the file to be shown, or everything that is wrong with that part of it."""
    given, unread = _fields(metadata, ATTACHMENT_FIELDS)
    return checks.check_attachment(given, METADATA_KEYS, name_from_blob(blob), content_type, unread)


def read_given(metadata: Mapping[str, str | None]) -> tuple[tuple[str, str], ...]:
    """What a refused file's transfer keeps: each key of ours that is there, decoded where it can be, else as it is."""
    given, faults = _fields(metadata, METADATA_KEYS)
    raw = {key.lower(): value.strip() for key, value in metadata.items() if value}
    unread = {fault.field: raw.get(METADATA_KEYS[fault.field], "") for fault in faults if fault.field is not None}
    values = {METADATA_KEYS[field]: (given | unread).get(field, "") for field in METADATA_KEYS}
    return tuple((key, value[:LONGEST_KEPT]) for key, value in values.items() if value)


def _fields(metadata: Mapping[str, str | None], fields: Iterable[Field]) -> tuple[dict[Field, str], Faults]:
    """The decoded values of the fields that are there, and the faults of those that cannot be read."""
    given: dict[Field, str] = {}
    faults: list[Fault] = []
    for field in fields:
        name = METADATA_KEYS[field]
        values = [value or "" for key, value in metadata.items() if key.lower() == name]  # listings have None for ""
        if len(values) > 1:
            faults.append(Fault(checks.INVALID[field], field, f"`{name}` is given {len(values)} times, in other case"))
        elif values:
            try:
                given[field] = decode(values[0].strip())
            except PercentError as error:
                problem = f"`{name}` is {checks.shown(values[0])}; it {error}"
                faults.append(Fault(Code.METADATA_ENCODING, field, problem))
    return given, tuple(faults)
