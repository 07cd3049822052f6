"""/send as Exchange does it: 202 at once, the move to Sent Items later. Until then it still looks like a draft."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from devkit.graph import search
from devkit.graph.call import Answer
from devkit.graph.errors import Refusal, method_not_allowed
from devkit.graph.folders import move, rename
from devkit.graph.items import item_of
from devkit.graph.mail import Outgoing, Submission

if TYPE_CHECKING:
    from datetime import datetime

    from devkit.graph.call import Call
    from devkit.graph.state import Item, State


def send(state: State, call: Call) -> Answer:
    """POST /send of a draft: 202, and the message has gone out; 400 and 403 leave everything as it was.

    Asked of a message that was submitted before, it does what the switch `second_send` says. The form that names the
    item through its folder is refused with 405 (davidmoten/odata-client).
    """
    item = item_of(state, call)
    if item.collection != "messages" or call.route.qualified:
        raise method_not_allowed()
    switches = state.switches
    if not switches.may_send:
        raise Refusal(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    if (item.mail.submission or not item.is_draft) and switches.second_send == "refuse":
        raise Refusal(400, "ErrorInvalidRequest", "The message has been submitted already.")
    if not item.mail.recipients:
        raise Refusal(400, "ErrorInvalidRecipients", "At least one recipient is not valid.")
    if item.total > (switches.send_limit or state.mailboxes[item.mailbox].message_limit):
        text = "The message exceeds the maximum supported size., Cannot submit the message."
        raise Refusal(400, "ErrorMessageSizeExceeded", text)
    submit(state, item, call.now, "app")
    headers = {"Retry-After": f"{switches.send_retry_after:g}"} if switches.send_retry_after else None
    return Answer(202, b"", headers)


def submit(state: State, item: Item, now: datetime, by: Literal["app", "person"]) -> None:
    """The message goes out as it is now; a draft will move once the time and the calls of the switches have passed."""
    mail = item.mail
    files = tuple((one.name, one.sent.sha256) for one in item.attachments.values())
    owner = state.mailboxes[item.mailbox].address
    out = Outgoing(owner, item.id, now, by, item.subject, mail.recipients, item.lookup, mail.properties, files)
    state.outgoing.append(out)
    state.submitted = True
    if item.is_draft and mail.submission is None:
        switches = state.switches
        submission = Submission(now + timedelta(seconds=switches.send_seconds), switches.send_calls)
        item.mail = replace(mail, submission=submission, folder=switches.submitted_folder)


def settle(state: State, now: datetime, *, calls: int = 0) -> None:
    """Move the submitted drafts whose time has come to Sent Items; so many more calls have been made since."""
    if not state.submitted:
        return
    state.submitted = False
    for item in [item for item in state.items.values() if item.mail.submission is not None]:
        submission = item.mail.submission
        assert submission is not None
        if submission.calls >= calls > 0:
            item.mail = replace(item.mail, submission=replace(submission, calls=submission.calls - calls))
            state.submitted = True
        elif submission.calls == 0 and now >= submission.leaves_at:
            leave(state, item, now)
        else:
            state.submitted = True


def leave(state: State, item: Item, now: datetime) -> None:
    """The store takes a submitted draft out of Drafts: to Sent Items, under the id that the switch says, or away."""
    switches = state.switches
    item.is_draft = False
    item.mail = replace(item.mail, submission=None, sent=now, folder="sentitems")
    item.hidden_calls = switches.propagation_calls
    item.visible_at = now + timedelta(seconds=switches.propagation_seconds)
    search.touched(item, switches, now)
    if switches.sent_copy == "none":
        del state.items[item.id]
    elif switches.sent_id == "moved":
        move(state, item, "sentitems")
    elif switches.sent_id == "replaced":
        item.stable = ""
        rename(state, item)
