"""O365, the best known Python library for Outlook, as its documentation uses it: the file whole, then `attachments`.

It takes files from disk or memory, never from a blob, so the blob is downloaded first, in one streaming GET. Runs in an
environment of its own (`bench/requirements.txt`).
"""

from __future__ import annotations

import time
from functools import cache
from io import BytesIO
from typing import Any

import requests
from O365 import Message, MSGraphProtocol
from O365.connection import Connection
from O365.utils import BaseTokenBackend


def send(job: dict[str, Any]) -> dict[str, float]:
    """Download, attach to the draft, save. The token is handed over: signing in is not what is measured."""
    with _http().get(job["blob_url"], timeout=100) as answer:
        answer.raise_for_status()
        content = BytesIO(answer.content)
    connection = Connection(("app", "secret"), token_backend=BaseTokenBackend())
    connection.session = connection.get_session()
    connection.session.headers["Authorization"] = f"Bearer {job['token']}"
    puts = _Puts(connection)
    message = Message(con=connection, protocol=_protocol(job["graph"]), main_resource=f"users/{job['mailbox']}")
    message.object_id = job["message"]
    message.attachments.add([(content, job["blob"])])
    if not message.attachments._update_attachments_to_cloud():  # noqa: SLF001 - what save_draft() calls, alone
        raise RuntimeError("O365 reports a failure")
    return puts.marks


class _Puts:
    """Notes when the first PUT began and the last one ended."""

    def __init__(self, connection: Any) -> None:
        self.marks: dict[str, float] = {}
        self._send = connection.naive_request
        connection.naive_request = self._watched

    def _watched(self, *arguments: Any, **named: Any) -> Any:
        self.marks.setdefault("first_put", time.perf_counter())
        answer = self._send(*arguments, **named)
        self.marks["last_put"] = time.perf_counter()
        return answer


@cache
def _http() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


def _protocol(graph: str) -> Any:
    protocol = MSGraphProtocol()
    protocol.service_url = f"{graph}/"
    return protocol
