"""Access tokens, and the App Service identity endpoint that issues them (MI, api-version 2019-08-01)."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from devkit.graph.call import Answer, document
from devkit.graph.errors import Refusal
from devkit.graph.routes import query_values

if TYPE_CHECKING:
    from datetime import datetime

    from devkit.graph.call import Call
    from devkit.graph.names import Names
    from devkit.graph.switches import Switches

API_VERSION = "2019-08-01"
# The client id that a system-assigned identity reports here.
SYSTEM_ASSIGNED = "00000000-0000-0000-0000-00000000a991"
# Graph's roots (section 1.4) and its application id; a loopback origin stands for the emulator itself, or for a proxy
# in front of it, because the scope is made from the base URL.
_GRAPH = re.compile(
    r"https://(graph|dod-graph)\.microsoft\.(com|us)|https://microsoftgraph\.chinacloudapi\.cn"
    r"|00000003-0000-0000-c000-000000000000|https?://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?"
)


@dataclass(slots=True)
class Token:
    """One issued token; `uses` counts the Graph calls made with it."""

    resource: str
    client_id: str
    expires: datetime
    uses: int = 0


class Tokens:
    """All issued tokens. A token serves one resource only."""

    __slots__ = ("graph_origin", "header", "issued")

    def __init__(self, header: str, graph_origin: str) -> None:
        self.header = header
        """The secret that callers of the identity endpoint send as X-IDENTITY-HEADER."""
        self.graph_origin = graph_origin
        self.issued: dict[str, Token] = {}

    def copy(self) -> Tokens:
        """An independent twin."""
        twin = Tokens(self.header, self.graph_origin)
        twin.issued = {
            text: Token(one.resource, one.client_id, one.expires, one.uses) for text, one in self.issued.items()
        }
        return twin

    def issue(self, names: Names, resource: str, client_id: str, expires: datetime) -> str:
        """A new token for one resource."""
        text = names.secret()
        self.issued[text] = Token(resource, client_id, expires)
        return text

    def expire(self, now: datetime) -> None:
        """Make every token issued so far expired."""
        for token in self.issued.values():
            token.expires = min(token.expires, now)

    def client_of(self, authorization: str | None, now: datetime, switches: Switches) -> str:
        """The client id behind an Authorization header; Refusal 401 where Graph would not accept it."""
        scheme, _, text = (authorization or "").partition(" ")
        if not text or scheme.lower() != "bearer":
            if switches.check_tokens:
                raise _unauthorised("Access token is empty.")
            return ""
        token = self.issued.get(text)
        if not switches.check_tokens:
            return token.client_id if token else text
        if token is None:
            raise _unauthorised("Access token validation failure. Invalid signature.")
        if not self._for_graph(token.resource):
            raise _unauthorised("Access token validation failure. Invalid audience.")
        token.uses += 1
        if now >= token.expires or (switches.token_uses and token.uses > switches.token_uses):
            raise _unauthorised("Lifetime validation failed, the token is expired.", switches.claims)
        return token.client_id

    def _for_graph(self, resource: str) -> bool:
        resource = resource.rstrip("/")
        return resource == self.graph_origin or _GRAPH.fullmatch(resource) is not None


def _unauthorised(message: str, claims: str = "") -> Refusal:
    challenge = 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
    if claims:
        challenge += f', error="insufficient_claims", claims="{b64encode(claims.encode()).decode()}"'
    return Refusal(401, "InvalidAuthenticationToken", message, {"WWW-Authenticate": challenge})


def token(tokens: Tokens, names: Names, switches: Switches, call: Call) -> Answer:
    """GET of the identity endpoint: a token for `resource`, or why there is none."""
    options = query_values(call.route.query)
    if call.method != "GET":
        return _error(405, "Only GET is served.")
    if call.headers.get("x-identity-header") != tokens.header:
        return _error(401, "The X-IDENTITY-HEADER is missing or wrong.")
    if options.get("api-version") != API_VERSION:
        return _error(400, f"api-version must be {API_VERSION}.")
    resource = options.get("resource", "")
    if not resource:
        return _error(400, "The resource is missing.")
    client_id = options.get("client_id") or options.get("object_id") or options.get("mi_res_id") or SYSTEM_ASSIGNED
    if client_id != SYSTEM_ASSIGNED and switches.client_ids and client_id not in switches.client_ids:
        return _error(400, "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId.")
    expires = call.now + timedelta(seconds=switches.token_lifetime_seconds)
    content = {
        "access_token": tokens.issue(names, resource, client_id, expires),
        "expires_on": str(int(expires.timestamp())),
        "not_before": str(int(call.now.timestamp())),
        "resource": resource,
        "token_type": "Bearer",
        "client_id": client_id,
    }
    return document(200, content)


def _error(status: int, message: str) -> Answer:
    return document(status, {"statusCode": status, "message": message})
