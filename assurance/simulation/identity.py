"""The app's identity as every story finds it: tokens that lapse, claims challenges, and caches that know better.

The product's own `GraphToken` stands before a credential that keeps its token, as azure-identity does; and that before
a platform that keeps one per resource for hours (managed identities), whatever Graph says of it. Only claims that are
passed on get past both (microsoft-authentication-library-for-python 725).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from azure.core.credentials import AccessToken

from devkit.graph.service import GraphService
from shared.graph.token import GraphToken

KEPT = timedelta(hours=1)
"""How long the platform goes on giving out a token that Graph rejects. Chosen: well within the two hours for which
identities were refused (msgraph-sdk-dotnet-core 222)."""

CLAIMS = '{"access_token": {"nbf": {"essential": true, "value": "1772438400"}}}'
"""What Graph asks for, where the switch `claims` has it ask."""


class Identity:
    """Issues tokens for a service; `now` is its clock."""

    def __init__(self, service: GraphService, now: Callable[[], datetime]) -> None:
        self._service = service
        self._now = now
        self._kept: str | None = None
        self._refreshed_at: datetime | None = None
        self.asked: list[str | None] = []

    def source(self) -> GraphToken:
        """What a process has of it."""
        return GraphToken("https://graph.microsoft.com/.default", lambda: _Credential(self._token))

    def lapse(self) -> None:
        """Graph accepts the tokens given out so far no more; the platform does not know."""
        if self._kept is not None:
            issued = self._service.tokens.issued[self._kept]
            issued.expires = min(issued.expires, self._now())
            self._refreshed_at = self._now() + KEPT

    def _token(self, claims: str | None) -> str:
        self.asked.append(claims)
        is_due = self._refreshed_at is not None and self._now() >= self._refreshed_at
        if self._kept is None or claims is not None or is_due:
            self._refreshed_at = None
            self._kept = self._service.issue_token(self._now() + timedelta(days=365))
        return self._kept


class _Credential:
    """Implements azure-core's `TokenCredential`."""

    def __init__(self, ask: Callable[[str | None], str]) -> None:
        self._ask = ask
        self._held: str | None = None

    def get_token(self, *_scopes: str, claims: str | None = None, **_: Any) -> AccessToken:
        """See `TokenCredential.get_token`: its own cache is passed over for claims."""
        if self._held is None or claims is not None:
            self._held = self._ask(claims)
        return AccessToken(self._held, 2**31)
