"""What tests and simulations set up in an emulated Graph, and what they look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from devkit.graph import folders
from devkit.graph.faults import Faults, Rule
from devkit.graph.mail import Mail
from devkit.graph.names import Names
from devkit.graph.state import MESSAGE_LIMIT, Attachment, Collection, Item, Mailbox, Session, State
from devkit.graph.switches import Switches
from devkit.graph.throttle import Throttle
from devkit.graph.tokens import SYSTEM_ASSIGNED, Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devkit.graph.log import Entry
    from devkit.graph.wire import Request

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Origins:
    """Scheme, host and port of the three servers. Each path is served by its own origin only."""

    graph: str = "https://graph.microsoft.com"
    upload: str = "https://outlook.office.com"
    identity: str = "http://127.0.0.1:41000"


class Setup:
    """Mailboxes, items, sessions, tokens, rules, limits and the log of one emulated Graph. Not thread-safe."""

    def __init__(
        self,
        origins: Origins | None = None,
        switches: Switches | None = None,
        *,
        seed: int = 0,
        identity_header: str = "identity-header",
    ) -> None:
        self.origins = origins or Origins()
        self._first_switches = switches or Switches()
        self._seed = seed
        self.state = State(Names(seed), self._first_switches, self.origins.graph, self.origins.upload)
        self.tokens = Tokens(identity_header, self.origins.graph)
        self.throttle = Throttle()
        self.open_commits: dict[str, int] = {}
        """By item: open requests that are about to change it."""
        self.reset()

    def reset(self) -> None:
        """No mailboxes, no sessions, no rules, an empty log, the first switches.

        Ids go on from where they are and issued tokens stay good, so that a caller who lives on neither loses its
        token nor reaches what is made later. Requests that are open now stay open.
        """
        self.state = State(self.state.names, self._first_switches, self.origins.graph, self.origins.upload)
        self.faults = Faults()
        self.throttle.forget()
        self.log: list[Entry] = []
        self.late: list[tuple[int, Request]] = []
        """Requests that a `late` rule keeps back, each with the number of requests it waits for."""
        self.holding: list[Request] = []
        """Requests that a `hold` rule keeps back until they are released."""

    def copy(self) -> Self:
        """An independent twin in the same state, with an empty log and no request open."""
        twin = type(self)(self.origins, self._first_switches, seed=self._seed, identity_header=self.tokens.header)
        twin.state = self.state.copy()
        twin.tokens = self.tokens.copy()
        twin.faults = self.faults.copy()
        twin.throttle = self.throttle.copy()
        twin.late = self.late.copy()
        twin.holding = self.holding.copy()
        return twin

    @property
    def items(self) -> dict[str, Item]:
        """Items by id."""
        return self.state.items

    @property
    def sessions(self) -> list[Session]:
        """All sessions ever created, oldest first."""
        return list(self.state.sessions.values())

    @property
    def switches(self) -> Switches:
        """The switches in force."""
        return self.state.switches

    def switch(self, **values: object) -> None:
        """Set switches from now on; ValueError names what is wrong, and then nothing is set."""
        self.state.switches = self.state.switches.changed(values)

    def add_mailbox(
        self,
        address: str,
        *,
        object_id: str | None = None,
        message_limit: int = MESSAGE_LIMIT,
        licensed: bool = True,
        accessible: bool = True,
        now: datetime = EPOCH,
    ) -> Mailbox:
        """A mailbox, reachable by address and by object id (a GUID, made when not given), after `access_seconds`."""
        identifier = (object_id or self.state.names.guid()).lower()
        from_then = now + timedelta(seconds=self.state.switches.access_seconds)
        mailbox = Mailbox(identifier, address, message_limit, licensed, accessible, from_then)
        self.state.mailboxes[identifier] = self.state.mailboxes[address.lower()] = mailbox
        return mailbox

    def add_item(  # noqa: PLR0913 - what can be said of an item
        self,
        mailbox: str,
        collection: Collection,
        *,
        item_id: str | None = None,
        lookup: str | None = None,
        is_draft: bool = True,
        subject: str = "",
        attendees: tuple[str, ...] = (),
        now: datetime = EPOCH,
    ) -> str:
        """A message or event in a mailbox; returns its id. It may stay unseen for a while (switches propagation_*)."""
        switches = self.state.switches
        owner = self.state.mailboxes[mailbox.lower()]
        identifier = item_id or self.state.names.outlook_id()
        if identifier in self.state.items:
            raise ValueError(f"there is an item {identifier!r} already; ids are unique over all mailboxes")
        made_up = f"<{self.state.names.guid()}@emulator>" if collection == "messages" else self.state.names.guid()
        self.state.items[identifier] = item = Item(
            identifier,
            owner.id,
            collection,
            made_up if lookup is None else lookup,
            is_draft,
            subject,
            now,
            now + timedelta(seconds=switches.propagation_seconds),
            switches.propagation_calls,
        )
        item.mail = Mail("drafts" if is_draft else "inbox", conversation=self.state.names.outlook_id())
        for address in attendees:
            item.meeting = item.meeting.invited(address, ())
        return identifier

    def add_message(
        self,
        mailbox: str,
        *,
        item_id: str | None = None,
        internet_message_id: str | None = None,
        is_draft: bool = True,
        now: datetime = EPOCH,
    ) -> str:
        """A message; see `add_item`."""
        return self.add_item(
            mailbox, "messages", item_id=item_id, lookup=internet_message_id, is_draft=is_draft, now=now
        )

    def add_event(
        self,
        mailbox: str,
        *,
        item_id: str | None = None,
        ical_uid: str | None = None,
        attendees: tuple[str, ...] = (),
        now: datetime = EPOCH,
    ) -> str:
        """An event whose attendees have been invited; see `add_item`."""
        lookup = ical_uid
        return self.add_item(
            mailbox, "events", item_id=item_id, lookup=lookup, is_draft=False, attendees=tuple(attendees), now=now
        )

    def remove_item(self, item_id: str) -> None:
        """Delete an item, or move it away: its id and its sessions no longer work."""
        del self.state.items[item_id]

    def move_item(self, item_id: str) -> str:
        """Move an item to another folder: it gets another id, which is returned; its immutable id and sessions stay."""
        return folders.move(self.state, self.state.items[item_id], "archive")

    def attachments(self, mailbox: str, item_id: str) -> list[Attachment]:
        """What is on an item, in the order it came, whether it can be listed yet or not."""
        item = self.state.items[item_id]
        if item.mailbox != self.state.mailboxes[mailbox.lower()].id:
            raise KeyError(item_id)
        return list(item.attachments.values())

    def issue_token(self, now: datetime, resource: str | None = None, client_id: str = SYSTEM_ASSIGNED) -> str:
        """An access token without asking the identity endpoint; for Graph unless another resource is named."""
        expires = now + timedelta(seconds=self.switches.token_lifetime_seconds)
        return self.tokens.issue(self.state.names, resource or self.origins.graph, client_id, expires)

    def fault(self, rule: Rule | Mapping[str, object]) -> None:
        """Put a fault rule in force."""
        self.faults.add(rule if isinstance(rule, Rule) else Rule.read(rule))

    def clear_faults(self) -> None:
        """Take every fault rule out of force."""
        self.faults.clear()
