"""`remove`: shows what is still inside, has a person type the tenant's name, and only then deletes.

Everything of the deployment is in one resource group that carries its tags; the group goes as a whole. What lies
outside (Exchange's assignments, the GitHub environment) is named at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .azure import CommandError, DeployError, say
from .azure_errors import is_refusal
from .container_roles import drop_own_role, uploader_role_id
from .deployment import PRODUCT, deployed

if TYPE_CHECKING:
    from collections.abc import Callable

    from .azure import Azure
    from .deployment import Deployed, Tenant

_MOST_COUNTED = 5000
"""Blobs listed to be counted: one page of the service."""


def remove(azure: Azure, tenant: Tenant, ask: Callable[[str], str], *, abandon: bool) -> None:
    """Remove the deployment.

    Args:
        azure: the CLI.
        tenant: whose deployment.
        ask: shows a question to the operator and returns the answer.
        abandon: go on although transfers are unfinished. They would never end.
    """
    group = tenant.text("resourceGroupName")
    if azure.ask("group", "exists", "--name", group) is not True:
        say(f"{group} does not exist: nothing to remove in Azure.")
        _say_what_is_left(tenant)
        return
    tags = azure.ask("group", "show", "--name", group, "--query", "tags")
    tags = tags if isinstance(tags, dict) else {}
    if (tags.get("product"), tags.get("tenant")) != (PRODUCT, tenant.name):
        raise DeployError(f"{group} does not carry the tags of tenant {tenant.name}: nothing was removed.")
    site = _deployed(azure, tenant)
    unfinished = _describe(azure, site, group)
    if unfinished != "0" and not abandon:
        raise DeployError(
            f"Unfinished transfers: {unfinished}. Let them end, or cancel them, and run this again; "
            "or add --abandon-unfinished. Nothing was removed."
        )
    if ask(f"Type {tenant.name} to delete {group} and everything in it: ").strip() != tenant.name:
        raise DeployError("That is not the tenant's name: nothing was removed.")
    left = _drop_own_role(azure, tenant, site)
    say(f"Deleting {group} (some minutes)")
    azure.run("group", "delete", "--name", group, "--yes")
    if azure.ask("group", "exists", "--name", group) is not False:
        raise DeployError(f"{group} is still there: look at its locks, then run this again.")
    say(f"{group} is gone.")
    _say_what_is_left(tenant, left)


def _deployed(azure: Azure, tenant: Tenant) -> Deployed | None:
    """None where the first deployment never finished."""
    try:
        return deployed(azure, tenant)
    except CommandError:
        raise
    except DeployError:
        return None


def _drop_own_role(azure: Azure, tenant: Tenant, site: Deployed | None) -> str:
    """What is left of the uploaders' own role: it would outlive the resource group. Empty when it is gone.

    Only a missing right leaves it there, or an assignment elsewhere. Any other error ends here, before the group goes:
    a second `remove` finds the role by its group.
    """
    try:
        drop_own_role(azure, tenant, site)
    except DeployError as error:
        if isinstance(error, CommandError) and not is_refusal(error):
            raise
        say(f"  {error}")
        return f"  Azure: the role definition {uploader_role_id(tenant)} (az role definition delete --name)"
    return ""


def _describe(azure: Azure, site: Deployed | None, group: str) -> str:
    """Print what would be lost; the number of unfinished transfers, or "unknown"."""
    resources = azure.ask("resource", "list", "--resource-group", group, "--query", "length(@)")
    say(f"{group}: {resources} resources")
    if site is None:
        say("  the first deployment never finished; there are no transfers")
        return "0"
    known = site.outputs
    say(f"  identity {known.identity_principal_id}: mailbox rights granted to it become worthless")
    unfinished = _count(site, known.checkpoint_container, "unfinished/")
    say(f"  unfinished transfers: {unfinished}")
    say(f"  dropped files: {_count(site, known.drop_container, '')}")
    say(f"  records of what was attached: {_count(site, known.checkpoint_container, 'transfers/')}")
    return unfinished


def _count(site: Deployed, container: str, prefix: str) -> str:
    where = ("--account-name", site.outputs.data_storage_name, "--container-name", container)
    limits = (*(("--prefix", prefix) if prefix else ()), "--num-results", str(_MOST_COUNTED))
    try:
        count = site.azure.ask(
            *("storage", "blob", "list", *where, *limits, "--auth-mode", "login", "--query", "length(@)")
        )
    except CommandError:
        return "unknown (it takes the role Storage Blob Data Reader, and a network path)"
    return f"{count} or more" if count == _MOST_COUNTED else str(count)


def _say_what_is_left(tenant: Tenant, left: str = "") -> None:
    say("Outside the resource group, by hand:")
    if left:
        say(left)
    say("  Exchange: the section Undo of the mailbox runbook")
    say(f"  GitHub: the environment {tenant.name} and its federated credential")
    if application := tenant.text("graphAppId"):
        say(f"  Entra: the application {application} and its consent in tenant {tenant.text('graphTenantId')}")
    say("The Log Analytics workspace can be brought back for 14 days; nothing else is kept.")
