"""Waiting for a Functions host that stays up.

While the identity's roles are minutes old, storage answers 403 to some of the host's calls, and the host stops and
starts over: five times within two minutes, measured with the real host against a storage that refused it. In between it
answers well, so that one good answer shows nothing; a subscription made in such a moment is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .azure import NotYetError
from .azure_errors import NOT_STARTED

if TYPE_CHECKING:
    from .deployment import Deployed

STEADY_SECONDS = 60
"""Longer than the twenty seconds after which such a host stops, three times over."""

STEADY_LOOKS = 3
"""Good looks in a row: a host that starts over inside its process keeps the process's age."""

_HOST_API = "2024-11-01"


def wait_for_steady_host(site: Deployed) -> None:
    """Wait until the host has run without a stop, and say meanwhile how far it is, and why."""
    known = site.outputs
    url = (
        f"/subscriptions/{site.azure.subscription}/resourceGroups/{site.tenant.text('resourceGroupName')}"
        f"/providers/Microsoft.Web/sites/{known.app_name}/hostruntime/admin/host/status?api-version={_HOST_API}"
    )
    good = 0

    def attempt() -> None:
        nonlocal good
        good, before = 0, good
        found = site.azure.ask("rest", "--method", "get", "--url", url)
        facts = found if isinstance(found, dict) else {}
        state, seconds = facts.get("state"), int(facts.get("processUptime") or 0) / 1000
        if state != "Running" or facts.get("errors"):
            raise NotYetError(f"it is {state}{''.join(f'; {one}' for one in facts.get('errors') or ())}")
        if seconds < STEADY_SECONDS:
            raise NotYetError(
                f"it runs for {seconds:.0f} s of {STEADY_SECONDS}; while its roles are minutes old, storage refuses it "
                "and it stops again and again"
            )
        good = before + 1
        if good < STEADY_LOOKS:
            raise NotYetError(f"it runs for {seconds:.0f} s, and {good} of {STEADY_LOOKS} looks in a row were good")

    site.azure.patiently("a steady host", attempt, (*NOT_STARTED, "from host runtime"))
