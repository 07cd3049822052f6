"""Role assignments of an identity that was deleted and made anew.

The templates name an assignment after its scope, the resource that has the identity, and the role. An identity that
was made anew is another principal under the same name, and Azure changes the principal of no assignment
(RoleAssignmentUpdateNotPermitted): the one of before has to go first. Only what bears one of the deployment's own
names, and belongs to another principal than the identity that is there now, is taken away.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from .azure import say
from .container_roles import ARM_NAMESPACE, group_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .azure import Azure
    from .deployment import Tenant

ACCOUNTS = "Microsoft.Storage/storageAccounts"
COMPONENTS = "Microsoft.Insights/components"
TOPICS = "Microsoft.EventGrid/systemTopics"
IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"

DEAD_LETTERS = "deadletters"
"""Event Grid's container; main.bicep names it so for every tenant."""


def assignment_name(scope: str, holder: str, role: str) -> str:
    """The name that roles.bicep gives an assignment of `holder`, the name of the resource that has the identity."""
    return str(uuid.uuid5(ARM_NAMESPACE, f"{scope}-{holder}-{role}"))


def take_away_orphaned(azure: Azure, tenant: Tenant) -> int:
    """Delete the assignments of identities that are gone, and say so; how many there were.

    It takes what is in the resource group for the truth, not an earlier deployment's outputs: the first one may never
    have finished. `CommandError` where one may not be listed or deleted.
    """
    there = _resources(azure, tenant)
    principals = _principals(azure, tenant, there)
    orphaned = [one for scope in _scopes(tenant, there) for one in _orphans(azure, scope, principals)]
    for _, one in orphaned:
        role = one.get("roleDefinitionName") or "a role"
        say(f"  taking {role} on {one['scope'].rpartition('/')[2]} from {one['principalId']}, an identity that is gone")
        azure.run("role", "assignment", "delete", "--ids", one["id"], "--output", "none")
    if _identity(tenant) in {holder for holder, _ in orphaned}:
        say("  the app's identity was made anew, and mailbox rights belong to the old one: once this is done, give the")
        say("  runbook to the Exchange administrator again")
    return len(orphaned)


def _identity(tenant: Tenant) -> str:
    return f"id-attachdrop-{tenant.name}"


def _resources(azure: Azure, tenant: Tenant) -> list[tuple[str, str]]:
    """`(type, name)` of what is in the resource group; Azure spells types as it likes."""
    group = ("--resource-group", tenant.text("resourceGroupName"))
    found = azure.ask("resource", "list", *group, "--query", "[].[type, name]")
    known = {one.lower(): one for one in (ACCOUNTS, COMPONENTS, TOPICS, IDENTITIES)}
    listed = found if isinstance(found, list) else []
    return [(known[kind.lower()], name) for kind, name in listed if kind.lower() in known]


def _principals(azure: Azure, tenant: Tenant, there: list[tuple[str, str]]) -> dict[str, str]:
    """Name of each resource that is to have an identity -> the principal that it is now; "" where there is none."""
    group = ("--resource-group", tenant.text("resourceGroupName"))
    identity, topic = _identity(tenant), f"evgt-attachdrop-{tenant.name}"
    found: dict[str, object] = {identity: "", topic: ""}
    if (IDENTITIES, identity) in there:
        found[identity] = azure.ask("identity", "show", *group, "--name", identity, "--query", "principalId")
    if (TOPICS, topic) in there:
        shown = ("eventgrid", "system-topic", "show", *group, "--name", topic)
        found[topic] = azure.ask(*shown, "--query", "identity.principalId")
    return {name: str(principal or "") for name, principal in found.items()}


def _scopes(tenant: Tenant, there: list[tuple[str, str]]) -> Iterator[str]:
    """Where the templates assign roles: both accounts, the data account's containers, Application Insights."""
    containers = (
        tenant.text("dropContainer", "drop"),
        tenant.text("checkpointContainer", "checkpoints"),
        DEAD_LETTERS,
    )
    for kind, name in there:
        if kind in {ACCOUNTS, COMPONENTS}:
            scope = f"{group_id(tenant)}/providers/{kind}/{name}"
            yield scope
            if name.startswith("stdrop"):
                yield from (f"{scope}/blobServices/default/containers/{one}" for one in containers)


def _orphans(azure: Azure, scope: str, principals: dict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """`(name of the resource that has the identity, assignment)`."""
    found = azure.ask("role", "assignment", "list", "--scope", scope, "--fill-principal-name", "false")
    for one in found if isinstance(found, list) else ():
        role = str(one["roleDefinitionId"]).rpartition("/")[2]
        for holder, principal in principals.items():
            if assignment_name(scope, holder, role) == one["name"] and one["principalId"] != principal:
                yield holder, one
