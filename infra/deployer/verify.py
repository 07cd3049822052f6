"""`verify`: is the deployment what it should be? Every check is made, whatever the ones before it said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import steps
from .azure import CommandError, DeployError, say
from .cloud import current_cloud
from .container_roles import left_over, missing
from .mailbox_probe import reached, refused, send_probe, take_away_abandoned
from .probe import AppApi

if TYPE_CHECKING:
    from collections.abc import Callable

    from .deployment import Deployed
    from .mailbox_probe import Verdict

    Look = Callable[[], Verdict]

GRAPH_MAIL_ROLES = {
    "e2a3a72e-5f79-4c64-b1b1-878b674786c9": "Mail.ReadWrite",
    "ef54d2bf-783f-4e0f-bca1-3210c0444d99": "Calendars.ReadWrite",
}
"""Application roles of Microsoft Graph that reach every mailbox of a tenant. Source: Graph permissions reference."""

_OK = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: what was looked at.
        is_good: False when a person has to do something; None when it could not be looked at.
        detail: what was found, and what to do when it is not good.
    """

    check: str
    is_good: bool | None
    detail: str

    def __str__(self) -> str:
        """The line that is printed."""
        mark = {True: "ok     ", False: "WRONG  ", None: "UNKNOWN"}[self.is_good]
        return f"  {mark}  {self.check}: {self.detail}"


def verify(site: Deployed, app_root: str | None = None) -> bool:
    """Make every check and print its line. True when all are good: one that could not be made is not.

    Args:
        site: the deployment.
        app_root: where the app is reached, when not at its own host name (a gateway, a custom domain).
    """
    root = app_root or f"https://{site.outputs.host_name}"
    checks: list[tuple[str, Look]] = [
        ("app runs", lambda: _app_runs(site)),
        ("functions are indexed", lambda: _waited(steps.wait_for_functions, site)),
        ("the webhook's key is there", lambda: _waited(steps.wait_for_key, site)),
        ("subscription is in force", lambda: _subscription(site)),
        ("rights on the containers", lambda: _container_rights(site)),
        ("no tenant-wide mailbox roles", lambda: _no_mail_roles(site)),
        ("app is healthy", lambda: _healthy(site, AppApi.of(site, root))),
        (_probed(site, "reachableMailbox"), lambda: _mailbox(site, root, "reachableMailbox")),
        (_probed(site, "refusedMailbox"), lambda: _mailbox(site, root, "refusedMailbox")),
    ]
    take_away_abandoned(site)
    findings = []
    for check, look in checks:
        findings.append(_made(check, look))
        say(str(findings[-1]))
    return all(finding.is_good for finding in findings)


def _made(check: str, look: Look) -> Finding:
    try:
        return Finding(check, *look())
    except DeployError as error:
        return Finding(check, None, " ".join(str(error).split()))


def _app_runs(site: Deployed) -> Verdict:
    # Of a Flex Consumption app the CLI shows what Azure sent, everything under `properties`; of others it does not.
    state = site.azure.ask("functionapp", "show", *site.app, "--query", "properties.state || state")
    return state == "Running", f"state {state}"


def _waited(step: Callable[[Deployed], None], site: Deployed) -> Verdict:
    try:
        step(site)
    except CommandError:
        raise
    except DeployError as error:
        return False, str(error)
    return True, "yes"


def _subscription(site: Deployed) -> Verdict:
    found = site.azure.ask(
        *("eventgrid", "system-topic", "event-subscription", "show", "--name", "blob-dropped", *site.group),
        *("--system-topic-name", site.outputs.topic_name),
    )
    facts: dict[str, Any] = found if isinstance(found, dict) else {}
    state = facts.get("provisioningState")
    called = str((facts.get("destination") or {}).get("endpointBaseUrl") or "")
    watched = (facts.get("filter") or {}).get("subjectBeginsWith")
    wanted = f"/blobServices/default/containers/{site.outputs.drop_container}/blobs/"
    again = f"infra/deploy.sh connect {site.tenant.name}"
    if state != "Succeeded":
        return False, f"state {state}: {again}"
    if site.outputs.host_name not in called:
        return False, f"it calls {called}, not {site.outputs.host_name}: {again}"
    if watched != wanted:
        return False, f"it watches {watched}, not {wanted}: {again}"
    return True, f"it watches {site.outputs.drop_container} and calls {site.outputs.host_name}"


def _container_rights(site: Deployed) -> Verdict:
    again = f"infra/deploy.sh up {site.tenant.name}"
    if others := left_over(site):
        listing = ", ".join(f"{one['principalType']} {one['principalId']}" for one in others)
        return False, f"somebody has more than the tenant's file says: {listing}: {again}"
    if gone := missing(site):
        return False, f"{len(gone)} of the deployment's own were taken away: {again}"
    return True, "exactly the ones of the tenant's file"


def _no_mail_roles(site: Deployed) -> Verdict:
    """Exchange takes the union of Entra roles and its own assignments: one tenant-wide role, and no scope is left."""
    if site.tenant.text("graphAppId"):
        return True, "not this tenant's matter: the mailboxes are in another one (look at the application there)"
    principal = site.outputs.identity_principal_id
    url = f"{current_cloud().graph}/v1.0/servicePrincipals/{principal}/appRoleAssignments"
    ids = ("--query", "value[].appRoleId", "--output", "tsv")
    answer = site.azure.run_as_default("rest", "--method", "get", "--url", url, *ids)
    held = [name for role, name in GRAPH_MAIL_ROLES.items() if role in answer]
    if held:
        return False, f"the identity holds {', '.join(held)} for ALL mailboxes: take it away, Exchange's scope is void"
    return True, "none"


def _healthy(site: Deployed, api: AppApi) -> Verdict:
    status, body = site.azure.patiently("the app's answer", lambda: api.get("health/details"), ())
    return status == _OK, f"HTTP {status}" + ("" if status == _OK else f" {body}")


def _probed(site: Deployed, parameter: str) -> str:
    return f"{parameter} {site.tenant.text(parameter)}".rstrip()


def _mailbox(site: Deployed, root: str, parameter: str) -> Verdict:
    mailbox = site.tenant.text(parameter)
    if not mailbox:
        return None, "the tenant file gives no address"
    judge = reached if parameter == "reachableMailbox" else refused
    return send_probe(site, AppApi.of(site, root), mailbox, judge)
