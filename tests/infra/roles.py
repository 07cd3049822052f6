"""The role assignments of whole deployments, as the snapshots have them, in the words of docs/deploy.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.deployer.tenant_file import read
from tests.infra.compiler import PARAMETER_FILES, TENANTS, of_type
from tests.infra.expressions import Call, value

if TYPE_CHECKING:
    from collections.abc import Iterator

# Ids of Azure's built-in roles. Source: "Azure built-in roles".
ROLES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
}

OWN_ROLE = "Attachment Drop uploader (add and write, nothing else)"
"""The one role that the deployment makes itself."""

APP, EVENT_GRID, UPLOADERS, VERIFIERS = "the app", "Event Grid", "each of `uploaders`", "each of `verifiers`"


@dataclass(frozen=True)
class Assignment:
    """One of a tenant's; `principal` is an object id, or the name of the resource that has the identity."""

    name: str
    scope: str
    who: str
    principal: str
    kind: str
    where: str
    role_id: str
    why: str

    @property
    def role(self) -> str:
        return ROLES.get(self.role_id, OWN_ROLE)


def assignments(tenant: str) -> Iterator[Assignment]:
    values = read(PARAMETER_FILES[tenant]).values
    for one in of_type(tenant, "Microsoft.Authorization/roleAssignments"):
        properties = one["properties"]
        principal = value(properties["principalId"])
        scope = one["id"].partition("/providers/Microsoft.Authorization/")[0]
        name = principal.arguments[0].rpartition("/")[2] if isinstance(principal, Call) else principal
        yield Assignment(
            name=one["name"],
            scope=scope,
            who=_who(values, principal, name),
            principal=name,
            kind=properties["principalType"],
            where=_where(values, scope),
            role_id=properties["roleDefinitionId"].rpartition("/")[2],
            why=properties["description"],
        )


def everywhere() -> list[Assignment]:
    return [one for tenant in TENANTS for one in assignments(tenant)]


def _who(values: dict[str, Any], principal: Any, name: str) -> str:
    if isinstance(principal, Call):
        return {"id": APP, "evgt": EVENT_GRID}[name.partition("-")[0]]
    listed = {one["principalId"] for one in values.get("verifiers", [])}
    return VERIFIERS if principal in listed else UPLOADERS


def _where(values: dict[str, Any], scope: str) -> str:
    account, _, container = scope.partition("/blobServices/default/containers/")
    name = account.rpartition("/")[2]
    if container:
        return {
            values.get("dropContainer", "drop"): "drop container",
            values.get("checkpointContainer", "checkpoints"): "checkpoint container",
            "deadletters": "dead-letter container",
        }[container]
    kinds = {"sthost": "host account", "stdrop": "data account", "appi-a": "Application Insights"}
    return kinds[name[:6]]
