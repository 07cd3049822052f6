"""Who may do what in the data account's containers: exactly what the tenant's file says, and nothing left over.

A template that no longer names somebody takes nothing away from them: Azure keeps every assignment that was ever made.
So after each deployment what is there is compared with what the deployment made, and the rest is taken back.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from .azure import CommandError, say
from .deployment import INFRA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .azure import Azure
    from .deployment import Deployed, Tenant

ARM_NAMESPACE = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
"""Of the template function guid(): a version 5 UUID of its arguments, joined by hyphens. A test asks the
compiler."""

_HAS_ASSIGNMENTS = ("RoleDefinitionHasAssignments",)


def uploader_role_id(tenant: Tenant) -> str:
    """The id of the uploaders' own role; main.bicep works it out in the same way."""
    return str(uuid.uuid5(ARM_NAMESPACE, f"{group_id(tenant)}-drop-writer"))


def deployer_condition(tenant: Tenant) -> str:
    """The condition that keeps whoever deploys from granting any role but the ones of this deployment."""
    text = (INFRA / "deployer-condition.txt").read_text(encoding="utf-8")
    return text.replace("{uploaderRole}", uploader_role_id(tenant)).strip()


def reconcile(site: Deployed) -> bool:
    """Take back every assignment on a container that the deployment did not make. True when none is left over."""
    is_exact = True
    for assignment in left_over(site):
        who = f"{assignment['principalType']} {assignment['principalId']}"
        what = f"{assignment.get('roleDefinitionName') or 'a role'} on {_container(assignment)}"
        try:
            site.azure.run("role", "assignment", "delete", "--ids", assignment["id"], "--output", "none")
        except CommandError as error:
            is_exact = False
            say(f"  could not take {what} from {who}: {error}")
        else:
            say(f"  took {what} from {who}: the tenant's file does not name it")
    return is_exact


def left_over(site: Deployed) -> list[dict[str, Any]]:
    """The assignments on the containers themselves that are not the deployment's. Inherited ones are not looked at."""
    made = {one.lower() for one in site.outputs.container_role_assignments}
    return [one for one in _assigned(site) if str(one["id"]).lower() not in made]


def missing(site: Deployed) -> list[str]:
    """The deployment's own assignments that somebody took away; ids."""
    found = {str(one["id"]).lower() for one in _assigned(site)}
    return [one for one in site.outputs.container_role_assignments if one.lower() not in found]


def drop_own_role(azure: Azure, tenant: Tenant, site: Deployed | None) -> None:
    """Delete the uploaders' own role, which would outlive the resource group, and the assignments that hold it.

    Args:
        azure: the CLI.
        tenant: whose role.
        site: None where the first deployment never finished: then nobody was given the role yet.
    """
    role, scope = uploader_role_id(tenant), group_id(tenant)

    def attempt() -> None:
        azure.run("role", "definition", "delete", "--name", role, "--scope", scope, "--output", "none")

    if site is None:
        attempt()
        return
    held = [str(one["id"]) for one in _assigned(site) if str(one["roleDefinitionId"]).lower().endswith(role)]
    if held:
        azure.run("role", "assignment", "delete", "--ids", *held, "--output", "none")
    azure.patiently("the uploaders' role to be free", attempt, _HAS_ASSIGNMENTS)


def _assigned(site: Deployed) -> Iterator[dict[str, Any]]:
    known = site.outputs
    account = f"{group_id(site.tenant)}/providers/Microsoft.Storage/storageAccounts/{known.data_storage_name}"
    for container in (known.drop_container, known.checkpoint_container, known.dead_letter_container):
        scope = f"{account}/blobServices/default/containers/{container}"
        # Names of people would be asked of Microsoft Entra, and of the default account's tenant.
        found = site.azure.ask("role", "assignment", "list", "--scope", scope, "--fill-principal-name", "false")
        yield from found if isinstance(found, list) else ()


def group_id(tenant: Tenant) -> str:
    """The resource group's id, spelt as the tenant's file spells it."""
    return f"/subscriptions/{tenant.text('azureSubscriptionId')}/resourceGroups/{tenant.text('resourceGroupName')}"


def _container(assignment: dict[str, Any]) -> str:
    return str(assignment["scope"]).rpartition("/")[2]
