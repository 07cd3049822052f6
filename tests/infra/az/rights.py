"""Azure's own decision: does a person have an action at a scope? Roles as "Azure built-in roles" defines them."""

from __future__ import annotations

import fnmatch
from typing import Any

BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
ACCESS_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
QUEUE_CONTRIBUTOR = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
TABLE_CONTRIBUTOR = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"
METRICS_PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"

ROLES: dict[str, dict[str, Any]] = {
    OWNER: {"name": "Owner", "actions": ["*"]},
    CONTRIBUTOR: {
        "name": "Contributor",
        "actions": ["*"],
        "notActions": ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"],
    },
    READER: {"name": "Reader", "actions": ["*/read"]},
    ACCESS_ADMINISTRATOR: {
        "name": "Role Based Access Control Administrator",
        "actions": [
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
        ],
    },
    BLOB_OWNER: {"name": "Storage Blob Data Owner", "dataActions": [f"{BLOBS}/*"]},
    BLOB_CONTRIBUTOR: {
        "name": "Storage Blob Data Contributor",
        "dataActions": [f"{BLOBS}/{one}" for one in ("delete", "read", "write", "move/action", "add/action")],
    },
    QUEUE_CONTRIBUTOR: {"name": "Storage Queue Data Contributor"},
    TABLE_CONTRIBUTOR: {"name": "Storage Table Data Contributor"},
    METRICS_PUBLISHER: {"name": "Monitoring Metrics Publisher"},
    BLOB_READER: {"name": "Storage Blob Data Reader", "dataActions": [f"{BLOBS}/read"]},
}
DEFINITION_WRITER = "11111111-1111-4111-8111-00000000d0de"
"""A custom role, as docs/deploy.md tells an owner to make one where the deployer may not write role definitions."""

ROLES[DEFINITION_WRITER] = {
    "name": "Attachment Drop role definitions",
    "actions": [f"Microsoft.Authorization/roleDefinitions/{one}" for one in ("read", "write", "delete")],
}


def permits(role: dict[str, Any], action: str, *, data: bool) -> bool:
    kind = "dataActions" if data else "actions"
    wanted = action.lower()
    granted = any(fnmatch.fnmatchcase(wanted, one.lower()) for one in role.get(kind, ()))
    taken = any(fnmatch.fnmatchcase(wanted, one.lower()) for one in role.get(f"not{kind[0].upper()}{kind[1:]}", ()))
    return granted and not taken


def covers(scope: str, place: str) -> bool:
    """Whether an assignment at `scope` counts at `place`."""
    return f"{place.lower()}/".startswith(f"{scope.lower().rstrip('/')}/")
