"""Whether a caller of an anonymous function has a function key.

The host checks keys before a function runs and tells the function nothing about it; the keys themselves are the host's
secret. So the app asks its own host: a request with the caller's key to a function that needs one.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from urllib.parse import urlsplit

import requests

from shared.api.http import Call
from shared.settings.forms import is_loopback
from shared.views import ROUTE_PREFIX, under

ROUTE = "/openapi.json"
"""A function that needs a key and costs little."""

PATIENCE = 3.0
"""Seconds for the host's answer; without one the caller counts as anonymous."""


class KeyCheck:
    """Asks the host that this process belongs to, and no other. `prefix` is what it puts before every route."""

    def __init__(self, prefix: str = ROUTE_PREFIX) -> None:
        self._path = under(prefix) + ROUTE

    def is_right(self, call: Call) -> bool:
        """True where the call came with a key that opens this app's functions."""
        origin = _own_origin(call.url)
        if call.key is None or origin is None:
            return False
        headers = {"x-functions-key": call.key}
        with requests.Session() as session:
            session.trust_env = False  # no .netrc adds anything, and loopback needs no proxy
            try:
                answer = session.get(origin + self._path, headers=headers, timeout=PATIENCE, allow_redirects=False)
            except (requests.RequestException, ValueError):  # a key that fits no header is none
                return False
        return answer.status_code == HTTPStatus.OK


def _own_origin(url: str) -> str | None:
    """This app's origin: as the platform names it, or where the request came in on loopback; else None.

    The request's own host is not trusted elsewhere: whoever names another one must not get the key sent there.
    """
    named = os.environ.get("WEBSITE_HOSTNAME")  # set by App Service, and by Core Tools with a port
    netloc = named or urlsplit(url).netloc
    host = urlsplit(f"//{netloc}").hostname or ""
    if is_loopback(host):
        return f"http://{netloc}"
    return f"https://{named}" if named else None
