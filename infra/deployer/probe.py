"""Asking the deployed app itself, over its own HTTP functions: is it well, and what became of a probe file?"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .azure import DeployError, NotYetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .deployment import Deployed

_SECONDS = 30
"""For one answer; a cold start takes part of it."""

_UNAUTHORIZED = 401

_PAGE = 100
_MOST_PAGES = 20
"""Two thousand files newer than the probe, while it is looked for every few seconds."""


@dataclass(frozen=True, slots=True)
class AppApi:
    """The app's HTTP functions.

    Attributes:
        root: `https://<host>`, without a slash at the end.
        key: function key; it travels in a header, so that no log of addresses keeps it.
    """

    root: str
    key: str

    @classmethod
    def of(cls, site: Deployed, root: str | None = None) -> AppApi:
        """The app of a deployment, with the function key that Azure gives out. `root`: if not at its own host name."""
        key = site.azure.ask("functionapp", "keys", "list", *site.app, "--query", "functionKeys.default")
        if not isinstance(key, str) or not key:
            raise DeployError("the app has no default function key yet")
        return cls((root or f"https://{site.outputs.host_name}").rstrip("/"), key)

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON body of `GET /api/<path>`. `NotYetError` when the app does not answer."""
        return self.call("GET", path)

    def delete(self, path: str) -> int:
        """Status of `DELETE /api/<path>`."""
        return self.call("DELETE", path)[0]

    def post(self, path: str, body: Mapping[str, object] | None) -> tuple[int, dict[str, Any]]:
        """Status and JSON body of `POST /api/<path>`; None: without a body."""
        return self.call("POST", path, body)

    def transfer_of(self, blob: str) -> dict[str, Any]:
        """The transfer of that blob; `NotYetError` until there is one.

        The listing begins with the newest file; on a busy tenant the probe is soon on a later page.
        """
        continuation = ""
        for _ in range(_MOST_PAGES):
            status, page = self.get(f"transfers?limit={_PAGE}{continuation}")
            if status == _UNAUTHORIZED:
                raise DeployError("The app refuses the function key that Azure gave out; was it changed a moment ago?")
            for transfer in page.get("transfers", []):
                if transfer.get("source", {}).get("blob") == blob:
                    return self.get(f"transfers/{transfer['id']}")[1]
            if not page.get("continuation"):
                break
            continuation = f"&continuation={quote(page['continuation'], safe='')}"
        raise NotYetError("there is no transfer of the probe file yet")

    def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> tuple[int, dict[str, Any]]:
        """Status and JSON body of any method. `NotYetError` when the app does not answer."""
        headers = {"x-functions-key": self.key, "Accept": "application/json"}
        data = b"" if method == "POST" else None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        url = f"{self.root}/api/{path}"
        request = urllib.request.Request(url, data=data, method=method, headers=headers)  # noqa: S310 - ours
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - the root is ours
                return answer.status, _json(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _json(error.read())
        except OSError as error:
            raise NotYetError(f"the app does not answer ({error.__class__.__name__})") from error


def _json(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
