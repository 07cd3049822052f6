"""What a test does with an emulated Graph, whether it runs in another process or in memory."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from devkit.graph.faults import Rule
from devkit.graph.state import MESSAGE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devkit.graph.wire import Reply, Request


class StoredAttachment(NamedTuple):
    """A file on an item: `size` as Graph reports it, `length` and `sha256` (hexadecimal) of the bytes it holds."""

    id: str
    name: str
    content_type: str
    size: int
    is_inline: bool
    content_id: str | None
    length: int
    sha256: str


class Operated:
    """The commands of `control.py` as methods. ValueError where the emulator refuses one."""

    graph_origin: str
    upload_origin: str
    identity_url: str
    identity_header: str

    def send(self, request: Request) -> Reply:
        """One request to any of the three origins; ConnectionLost where no answer comes."""
        raise NotImplementedError

    def advance(self, seconds: float) -> None:
        """Move the emulator's clock forward."""
        raise NotImplementedError

    def command(self, name: str, **arguments: object) -> Any:
        """One control command."""
        raise NotImplementedError

    @property
    def graph_url(self) -> str:
        """What GRAPH_BASE_URL is set to; `/beta` in place of `/v1.0` works too."""
        return f"{self.graph_origin}/v1.0"

    @property
    def upload_host(self) -> str:
        """`host:port` of upload URLs, for GRAPH_UPLOAD_HOSTS."""
        return self.upload_origin.partition("://")[2]

    @property
    def identity(self) -> dict[str, str]:
        """The environment that makes azure-identity ask this emulator for tokens."""
        return {"IDENTITY_ENDPOINT": self.identity_url, "IDENTITY_HEADER": self.identity_header}

    def add_mailbox(
        self,
        address: str,
        object_id: str | None = None,
        *,
        message_limit: int = MESSAGE_LIMIT,
        licensed: bool = True,
        accessible: bool = True,
    ) -> str:
        """A mailbox; returns its object id, a GUID that is made up unless given. The message limit is in bytes.

        Calls to an unlicensed one get 404 MailboxNotEnabledForRESTAPI, to an inaccessible one 403 ErrorAccessDenied.
        """
        made = self.command(
            "add-mailbox",
            address=address,
            object_id=object_id,
            message_limit=message_limit,
            licensed=licensed,
            accessible=accessible,
        )
        return cast("str", made["id"])

    def add_message(
        self,
        mailbox: str,
        id: str | None = None,  # noqa: A002 - Graph's own name
        internet_message_id: str | None = None,
        *,
        is_draft: bool = True,
    ) -> str:
        """A message; returns its id, which is made up unless given."""
        made = self.command(
            "add-message", mailbox=mailbox, item_id=id, internet_message_id=internet_message_id, is_draft=is_draft
        )
        return cast("str", made)

    def add_event(
        self,
        mailbox: str,
        id: str | None = None,  # noqa: A002 - Graph's own name
        ical_uid: str | None = None,
        attendees: tuple[str, ...] = (),
    ) -> str:
        """An event whose attendees have been invited; returns its id, which is made up unless given."""
        made = self.command("add-event", mailbox=mailbox, item_id=id, ical_uid=ical_uid, attendees=attendees)
        return cast("str", made)

    def remove_item(self, item_id: str) -> None:
        """Delete an item, or move it away."""
        self.command("remove-item", item_id=item_id)

    def move_item(self, item_id: str) -> str:
        """Move an item to another folder of its mailbox; returns its new id. Its immutable id stays."""
        return cast("str", self.command("move-item", item_id=item_id))

    def send_draft(self, item_id: str, **how: object) -> str:
        """A person sends a draft (`people.send_draft`); returns the id of its copy in Sent Items."""
        return cast("str", self.command("send-draft", item_id=item_id, **how))

    def edit_item(self, item_id: str, **changes: object) -> None:
        """A person edits a draft (`people.edit_item`)."""
        self.command("edit-item", item_id=item_id, **changes)

    def delete_item(self, item_id: str) -> str:
        """A person deletes a message; returns the id that it has in Deleted Items."""
        return cast("str", self.command("delete-item", item_id=item_id))

    def remove_attachment(self, item_id: str, attachment_id: str) -> None:
        """A person takes a file off an item."""
        self.command("remove-attachment", item_id=item_id, attachment_id=attachment_id)

    def outgoing(self) -> list[dict[str, Any]]:
        """Every message that went out, whoever sent it: the members of `mail.Outgoing`, time as ISO text."""
        return cast("list[dict[str, Any]]", self.command("outgoing"))

    def folder(self, mailbox: str, folder: str) -> list[str]:
        """Ids of the messages in a folder: drafts, outbox, sentitems, inbox, archive or deleteditems."""
        return cast("list[str]", self.command("folder", mailbox=mailbox, folder=folder))

    def copies(self, item_id: str) -> dict[str, dict[str, Any]]:
        """What each attendee of an event has: `mails` received about it, and the `files` of the last one."""
        return cast("dict[str, dict[str, Any]]", self.command("copies", item_id=item_id))

    def attachments(self, mailbox: str, item_id: str) -> list[StoredAttachment]:
        """What is on an item, whether a listing shows it yet or not."""
        found = self.command("attachments", mailbox=mailbox, item_id=item_id)
        return [StoredAttachment(*one) for one in found]

    def attachment_bytes(self, mailbox: str, item_id: str, attachment_id: str) -> bytes:
        """The bytes of one attachment."""
        found = self.command("attachment-bytes", mailbox=mailbox, item_id=item_id, attachment_id=attachment_id)
        return cast("bytes", found)

    def switch(self, **values: object) -> dict[str, Any]:
        """Set switches (`switches.py`); returns all that are in force now."""
        return cast("dict[str, Any]", self.command("switch", **values))

    def fault(self, rule: Rule | Mapping[str, object]) -> None:
        """Put a fault rule in force (`faults.py`)."""
        self.command("fault", **(asdict(rule) if isinstance(rule, Rule) else rule))

    def clear_faults(self) -> None:
        """Take every fault rule out of force."""
        self.command("clear-faults")

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """The log from entry `since` on: the fields of `service.Entry`, time as ISO text."""
        return cast("list[dict[str, Any]]", self.command("requests", since=since))

    def sessions(self) -> list[dict[str, Any]]:
        """Every session, oldest first; state is open, committed, cancelled or expired."""
        return cast("list[dict[str, Any]]", self.command("sessions"))

    def secrets(self) -> list[str]:
        """Every access token and authtoken handed out so far."""
        return cast("list[str]", self.command("secrets"))

    def expire_tokens(self) -> None:
        """Make every access token issued so far expired."""
        self.command("expire-tokens")

    def issue_token(self, resource: str | None = None) -> str:
        """An access token without asking the identity endpoint."""
        return cast("str", self.command("issue-token", resource=resource))

    def holding(self) -> int:
        """Requests that a `hold` rule keeps waiting at this moment."""
        return cast("int", self.command("holding"))

    def release(self) -> None:
        """Let every held request take effect; those whose callers are still there get their answers."""
        self.command("release")

    def reset(self) -> None:
        """No mailboxes, no sessions, no rules, an empty log, the switches of the start; issued tokens stay good."""
        self.command("reset")
