"""Somebody who calls the running app over HTTP, with its function key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests

from devkit.local.harness import MAILBOX, Harness

PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Caller:
    """The app's HTTP API as a client sees it. Paths are those below `/api`."""

    harness: Harness

    @property
    def key(self) -> str:
        """The host's function key."""
        return str(self.harness.stack.host.ready["keys"]["function"])

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """One request with the key."""
        headers = {"x-functions-key": self.key, **arguments.pop("headers", {})}
        return self.harness.stack.request(method, f"/api{path}", headers=headers, allow_redirects=False, **arguments)

    def get(self, path: str, **query: str | int) -> requests.Response:
        """One GET."""
        return self.call("GET", path, params=query)

    def dropped(self, name: str, data: bytes, **parts: Any) -> dict[str, Any]:
        """A file that no event tells of, and the body that asks for it."""
        self.harness.stack.drop(name, data, events=0)
        return {"blob": name, "target": {"mailbox": MAILBOX, "messageId": self.harness.item()}, **parts}

    def start(self, body: object) -> requests.Response:
        """POST /transfers."""
        return self.call("POST", "/transfers", json=body)

    def transfer(self, transfer_id: str) -> dict[str, Any]:
        """The transfer as it is now."""
        answer = self.get(f"/transfers/{transfer_id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def ended(self, transfer_id: str, timeout: float = 60.0) -> dict[str, Any]:
        """The transfer once it is over."""
        over = ("attached", "failed", "cancelled")

        def look() -> dict[str, Any] | None:
            shown = self.transfer(transfer_id)
            return shown if shown["state"] in over else None

        ended = self.harness.stack.wait_until(look, timeout, what="the transfer ends")
        assert ended is not None
        return ended

    def listed(self, **query: str | int) -> list[dict[str, Any]]:
        """Every transfer of a listing, over all its pages."""
        found: list[dict[str, Any]] = []
        continuation: str | None = None
        while True:
            given = {**query, **({"continuation": continuation} if continuation else {})}
            answer = self.get("/transfers", **given)
            assert answer.status_code == 200, answer.text
            found += answer.json()["transfers"]
            continuation = answer.json()["continuation"]
            if continuation is None:
                return found


def refused(answer: requests.Response, status: int, code: str) -> dict[str, Any]:
    """The problem, which is of the documented kind and says what to do."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM), answer.text
    problem: dict[str, Any] = answer.json()
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert problem["type"] == f"urn:outlook-attachment-drop:problem:{code}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["remedy"]
    return problem


def accepted(answer: requests.Response) -> dict[str, Any]:
    """The transfer of a 202, which says where and when to look."""
    assert answer.status_code == 202, answer.text
    shown: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == shown["links"]["self"] == f"/api/transfers/{shown['id']}"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    return shown
