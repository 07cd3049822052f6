"""The app's token for Microsoft Graph, from azure-identity, for Graph's scope only.

Where `IDENTITY_ENDPOINT` is set (Azure, and the local stack) the credential is the managed identity; elsewhere it is
azure-identity's developer chain. With `tenant_id` and `app_id` the mailboxes are in another tenant: the identity's
token is then the federated credential of that app (infra reference, section 7).

What azure-identity and msal say of a failure may quote the endpoint's whole answer, a token in a torn one included. So
none of it goes on, not even as a cause: one line in the log tells the kind of the error, and Entra's own codes.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from typing import Any, Protocol

import azure.identity
from azure.core.credentials import TokenCredential

from shared import log
from shared.core.errors import Code
from shared.graph.http import NotSent

FEDERATION_SCOPE = "api://AzureADTokenExchange/.default"
"""The audience that a federated credential asks of the identity (entra workload-id, federated managed identity)."""

PATIENCE: dict[str, Any] = {"connection_timeout": 10, "read_timeout": 30}
"""Seconds, for the endpoints that give tokens; azure-core's own default of 300 would outlast a run. Chosen: they answer
within a second or two."""

_ENTRA_CODE = re.compile(r"AADSTS[0-9]{3,9}")


class TokenSource(Protocol):
    """What the client needs: a token, and a way to say that one was rejected."""

    def token(self) -> str:
        """A bearer token. Raises NotSent where there is none."""
        ...

    def forget(self, claims: str | None = None) -> None:
        """The last token was rejected: the next one must be fresh, and meet the claims that Graph asked for."""
        ...


class GraphToken:
    """Tokens for one scope. Safe to share between threads; azure-identity caches the token until it is due."""

    def __init__(self, scope: str, credential: Callable[[], TokenCredential]) -> None:
        self._scope = scope
        self._make = credential
        self._credential: TokenCredential | None = None
        self._claims: str | None = None
        self._lock = threading.Lock()

    def token(self) -> str:
        """A bearer token; raises NotSent with IDENTITY_UNAVAILABLE where the identity gives none."""
        try:
            with self._lock:
                credential = self._credential = self._credential or self._make()
                claims = self._claims
            return self._got(credential, claims)
        except Exception as error:  # noqa: BLE001 - beside AzureError, whatever msal makes of an odd answer comes out
            log.write(logging.ERROR, **_told(error))  # not its message, and no traceback, which ends with it
            raise NotSent(Code.IDENTITY_UNAVAILABLE) from None

    def _got(self, credential: TokenCredential, claims: str | None) -> str:
        """A token that meets the claims. They are asked for until one was given; then azure-identity has it cached."""
        if claims is None:
            return credential.get_token(self._scope).token
        token = credential.get_token(self._scope, claims=claims).token
        with self._lock:
            if self._claims == claims:
                self._claims = None
        return token

    def forget(self, claims: str | None = None) -> None:
        """Have the next token asked for anew.

        With a claims challenge azure-identity passes over its cache by itself, and tells Entra what Graph wants.
        Without one the credential is dropped with its cache: there is no other way to pass over a cached token.
        """
        with self._lock:
            self._claims = claims
            if claims is None:
                self._credential = None


def _told(error: Exception) -> dict[str, object]:
    """What may be said of it."""
    codes = list(dict.fromkeys(_ENTRA_CODE.findall(str(error))))
    return {"event": "identity_unavailable", "error": type(error).__name__, "entraCodes": codes}


def credential_for(
    *, managed: bool, client_id: str | None, tenant_id: str | None, app_id: str | None
) -> Callable[[], TokenCredential]:
    """How to make the credential that the settings describe."""

    def own() -> TokenCredential:
        if managed:
            return azure.identity.ManagedIdentityCredential(client_id=client_id, **PATIENCE)
        return azure.identity.DefaultAzureCredential(exclude_managed_identity_credential=True, **PATIENCE)

    def federated() -> TokenCredential:
        identity = own()
        return azure.identity.ClientAssertionCredential(
            str(tenant_id), str(app_id), lambda: identity.get_token(FEDERATION_SCOPE).token, **PATIENCE
        )

    return federated if tenant_id and app_id else own
