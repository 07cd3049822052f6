"""Graph as every scenario finds it: one mailbox with one message, and what other people attach to that."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from http import HTTPStatus

from devkit.graph.service import GraphService, Request

MAILBOX = "ann@example.com"
NAME = "report.pdf"
LOOKUP = "<report@example.com>"
"""The message's internetMessageId."""


@dataclass(frozen=True)
class Furnished:
    """A service with a message, its id, and a token that is good for it."""

    service: GraphService
    item: str
    token: str

    def attach(self, content: bytes, now: datetime) -> None:
        """Somebody else attaches a file of our name, at `now` by Graph's clock."""
        url = f"{self.service.origins.graph}/v1.0/users/{MAILBOX}/messages/{self.item}/attachments"
        text = b64encode(content).decode()
        body = json.dumps({"@odata.type": "#microsoft.graph.fileAttachment", "name": NAME, "contentBytes": text})
        headers = {"authorization": f"Bearer {self.token}"}
        reply = self.service.handle(Request("POST", url, headers, body.encode()), now)
        if reply.status != HTTPStatus.CREATED:
            raise AssertionError(reply)


def furnished(content: bytes, now: datetime, skew: float, *, bare: bool = False) -> Furnished:
    """The message has two attachments already: one just like ours, one of our name; or, `bare`, none.

    Graph is `skew` seconds ahead.
    """
    first = _first(content, now, skew, bare=bare)
    return Furnished(first.service.copy(), first.item, first.token)


@lru_cache(maxsize=64)
def _first(content: bytes, now: datetime, skew: float, *, bare: bool) -> Furnished:
    """Made once, because thousands of scenarios begin with the same; each then changes a copy."""
    service = GraphService()
    service.switch(min_session_size=1, log_requests=False)
    service.add_mailbox(MAILBOX)
    item = service.add_message(MAILBOX, internet_message_id=LOOKUP)
    made = Furnished(service, item, service.issue_token(now + timedelta(days=365)))
    for one in () if bare else (content, bytes(len(content))):
        made.attach(one, now + timedelta(seconds=skew))
    return made
