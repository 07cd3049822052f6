"""Storage endpoints that are another service's, or another account's, than the setting they stand in.

Only Azure's own host names tell: `<account>[.<zone>].<service>.<suffix>`, with or without `privatelink` (storage
account overview, endpoints). A custom domain, an emulator's address or a proxy says nothing, and is taken as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

SERVICES = ("blob", "queue", "dfs", "file", "table", "web")
_SUFFIXES = (".core.", ".storage.azure.")
_SECONDARY = "-secondary"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a host name of Azure's says: whose account, which service."""

    account: str
    service: str


def endpoint_of(uri: str) -> Endpoint | None:
    """What the URI's host says; None where it is not one of Azure's names for an endpoint."""
    try:
        host = (urlsplit(uri).hostname or "").lower()
    except ValueError:
        return None
    labels = host.split(".")
    service = next((label for label in labels[1:4] if label in SERVICES), None)
    if service is None or not any(suffix in f"{host}." for suffix in _SUFFIXES):
        return None
    return Endpoint(labels[0], service)


def endpoint_problem(uri: str, wanted: str) -> str | None:
    """Why an endpoint cannot be the one of the `wanted` service (`blob` or `queue`), or None."""
    found = endpoint_of(uri)
    if found is None:
        return None
    if found.service != wanted:
        hint = ": give the same account's blob endpoint, which serves these files too" if found.service == "dfs" else ""
        return f"names the {found.service} service, and must name the {wanted} service{hint}"
    if found.account.endswith(_SECONDARY):
        return "names the account's secondary endpoint, which nobody can write to"
    if urlsplit(uri).path.strip("/"):
        return "must name the service alone, without a container or queue behind it"
    return None


def accounts_differ(*accounts: str | None) -> bool:
    """True where two names of accounts are known that are not the same."""
    return len({account.lower() for account in accounts if account}) > 1
