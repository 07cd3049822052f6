"""Events with attendees: a PATCH of some properties mails every attendee a copy, with the files that are on it then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from devkit.graph.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devkit.graph.state import Item, State

_KNOWN = frozenset(
    (
        "subject", "body", "location", "start", "end", "importance", "categories", "isReminderOn", "isDraft",
        "attendees", "reminderMinutesBeforeStart", "sensitivity", "showAs", "singleValueExtendedProperties",
        "hideAttendees",
    )
)  # fmt: skip


_ELSEWHERE = frozenset(("attendees", "singleValueExtendedProperties"))


def update(state: State, item: Item, members: Mapping[str, Any]) -> None:
    """Take the new values; attendees who are new are invited, those who are gone lose their copy (event-update).

    Everybody else hears of it where the switch `update_mails` names one of the properties.
    """
    names = [name for name in members if not name.startswith("@")]
    for name in names:
        if name not in _KNOWN:
            text = f"The property '{name}' does not exist on type 'microsoft.graph.event'."
            raise Refusal(400, "RequestBodyRead", text)
    wanted = _attendees(members["attendees"]) if "attendees" in names else tuple(item.meeting.copies)
    switches = state.switches
    now = {"subject": item.subject, **item.meeting.values}
    mailing = [name for name in names if name in switches.update_mails]
    changed = [name for name in mailing if switches.update_mails_same or now.get(name) != members[name]]
    if isinstance(members.get("subject"), str):
        item.subject = members["subject"]
    values = {**item.meeting.values, **{name: members[name] for name in names if name not in _ELSEWHERE}}
    kept = {who: copy for who, copy in item.meeting.copies.items() if who in wanted}
    meeting = replace(item.meeting, copies=kept, values=values)
    files = files_of(state, item)
    if changed:
        meeting = meeting.mailed(files)
    for who in wanted:
        if who not in kept:
            meeting = meeting.invited(who, files)
    item.meeting = meeting


def files_of(state: State, item: Item) -> tuple[str, ...]:
    """Names of the files that a mail to the attendees would carry now."""
    names = tuple(one.name for one in item.attachments.values())
    return names[: max(0, len(names) - state.switches.copies_lag)]


def _attendees(given: object) -> tuple[str, ...]:
    try:
        return tuple(str(one["emailAddress"]["address"]) for one in given)  # type: ignore[attr-defined]
    except (KeyError, TypeError):
        raise Refusal(400, "RequestBodyRead", "The property 'attendees' has a value of the wrong type.") from None
