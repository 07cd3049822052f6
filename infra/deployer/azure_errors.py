"""What is known of Azure's errors: which ones pass by waiting, and what cures the ones that do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .azure import CommandError

NOT_PROPAGATED = (
    *("PrincipalNotFound", "RoleDefinitionDoesNotExist", "AuthorizationPermissionMismatch"),
    *("InaccessibleStorage", "403"),
)
BUSY = ("DeploymentActive", "AnotherOperationInProgress", "RetryableError", "InternalServerError", "TooManyRequests")
NOT_STARTED = ("ServiceUnavailable", "Service Unavailable", "Site Unavailable", "Bad Gateway", "503", "502")
UPLOADED_ALREADY = ("ongoing deployment",)
REFUSED_HANDSHAKE = ("handshake", "validate the provided endpoint", "blobs_extension", "dead letter")
"""Phrases of errors that pass. Sources: the issue trackers of azure-functions-host, azure-functions-core-tools,
functions-action and azure-cli, where users met each of them in deployments that were right."""

UPLOADED_AFTER_ALL = ("appears to be unhealthy", "Failed to fetch host key", "Failed to fetch host url")
"""Errors that azure-cli raises after the upload succeeded, when it looks at the host a minute later: on a first
deployment the roles are minutes old, and the host has not started. Source: `check_flex_app_after_deployment` of
azure-cli 2.91."""

OTHER_PRINCIPAL = "RoleAssignmentUpdateNotPermitted"
"""A role assignment of that name is there already, and belongs to another principal."""

NOT_ALLOWED = (
    "AuthorizationFailed",
    "does not have authorization",
    "status 'Forbidden'",
    "AuthorizationPermissionMismatch",
)
"""A right is missing. A HEAD request is refused without a body, so that the code is not in the text."""


@dataclass(frozen=True, slots=True)
class Cure:
    """An error that waiting does not cure.

    Attributes:
        phrases: any of them in the error's text, ignoring case, tells it.
        what: what a person does about it.
    """

    phrases: tuple[str, ...]
    what: str


CURES = (
    Cure(
        ("roleDefinitions/write",),
        "The signed-in account may not make the uploaders' own role. docs/deploy.md says which right that takes. "
        "Without it, put param uploaderRole = 'contributor' into the tenant's file: uploaders can then read, overwrite "
        "and delete each other's files.",
    ),
    Cure(
        ("AADSTS700024",),
        "The proof of identity that the pipeline signed in with is dead after ten minutes: sign in again "
        "(azure/login), then run this again.",
    ),
    Cure(
        ("AuthorizationFailed", "does not have authorization"),
        "The signed-in account lacks a right; the message above names it. docs/deploy.md begins with who needs which.",
    ),
    Cure(
        (OTHER_PRINCIPAL,),
        "A role assignment belongs to an identity that was deleted and made again, and none of them was found under "
        "the names that this deployment gives. Where the portal shows 'Identity not found':\n"
        "  az role assignment list --all --query "
        "\"[?principalName=='' && contains(scope, '/resourceGroups/<resource group>/')].id\" --output tsv\n"
        "Delete them (az role assignment delete --ids ...), then run this again.",
    ),
    Cure(
        ("RoleAssignmentExists",),
        "Someone granted one of the roles by hand. Remove that assignment, then run this again: the deployment makes "
        "its own.",
    ),
    Cure(
        ("one system topic", "system topic already exists"),
        "The data account already has a system topic under another name, and an account takes one only. Find it with "
        "az eventgrid system-topic list, delete it, then run this again.",
    ),
    Cure(
        ("OverQuota", "QuotaExceeded"),
        "The region has no quota left for this subscription: ask for more, or choose another location.",
    ),
    Cure(
        ("RequestDisallowedByPolicy",),
        "An Azure Policy of the subscription forbids a resource; the message above names both.",
    ),
    Cure(
        ("LocationNotAvailableForResourceType",),
        "The region lacks a service. az functionapp list-flexconsumption-locations shows where Flex Consumption is.",
    ),
    Cure(
        ("these parameters belong to resource group",),
        "The CLI points at another place than the tenant file: check azureTenantId, azureSubscriptionId and "
        "resourceGroupName.",
    ),
)


def is_refusal(error: CommandError) -> bool:
    """Whether a right is missing."""
    return any(phrase in error.text for phrase in NOT_ALLOWED)


def cure_for(error: CommandError) -> str | None:
    """What cures the error, or None where nothing is known: then it may pass, or it is news."""
    text = error.text.lower()
    return next((cure.what for cure in CURES if any(phrase.lower() in text for phrase in cure.phrases)), None)
