"""The role assignments of the templates, with the roles' names."""

from __future__ import annotations

from tests.infra import bicep
from tests.infra.bicep import Call, Choice, Expr

# Ids of Azure's built-in roles. Source: "Azure built-in roles".
ROLES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
}

OWN_ROLE = "Attachment Drop uploader: add and write, nothing else"
"""The one role that the deployment makes itself."""

FILE = bicep.module("roles")
ASSIGNMENTS = FILE.of_type("Microsoft.Authorization/roleAssignments")


def role_name(variable: str) -> str:
    """The name of the role that a variable holds the id of."""
    value = FILE.variables[variable]
    if value == Call("guid", (Expr("resourceGroup().id"), "drop-writer")):
        return OWN_ROLE
    if isinstance(value, Choice) and value.condition == "hasOwnUploaderRole":
        return f"{role_name(value.yes)}, or {role_name(value.no)} (`uploaderRole`)"
    if isinstance(value, Choice):
        assert value.condition == "appDeletesSources"
        return f"{role_name(value.yes)} if it deletes sources, else {role_name(value.no)}"
    return ROLES[value]
