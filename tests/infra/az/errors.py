"""What the real azure-cli says when it refuses; the texts that the deployer has to understand."""

from __future__ import annotations


class AzError(Exception):
    """Written to standard error after `ERROR: `; `code` is the exit code."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def denied(person: str, object_id: str, action: str, scope: str) -> AzError:
    return AzError(
        f"(AuthorizationFailed) The client '{person}' with object id '{object_id}' does not have authorization to "
        f"perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, "
        "please refresh your credentials.\nCode: AuthorizationFailed"
    )


def no_group(name: str) -> AzError:
    return AzError(
        f"(ResourceGroupNotFound) Resource group '{name}' could not be found.\nCode: ResourceGroupNotFound", 3
    )


def no_resource(kind: str, name: str, group: str) -> AzError:
    return AzError(
        f"(ResourceNotFound) The Resource '{kind}/{name}' under resource group '{group}' was not found. For more "
        "details please go to https://aka.ms/ARMResourceNotFoundFix\nCode: ResourceNotFound",
        3,
    )


OTHER_PRINCIPAL = (
    '{"code": "InvalidTemplateDeployment", "details": [{"code": "RoleAssignmentUpdateNotPermitted", "message": "Tenant '
    'ID, application ID, principal ID, and scope are not allowed to be updated."}]}'
)
NOT_SIGNED_IN = "Please run 'az login' to setup account."
NO_SUCH_SUBSCRIPTION = "Subscription '{}' not found. Check the spelling and casing and try again."
EXPIRED_ASSERTION = (
    "AADSTS700024: Client assertion is not within its valid time range. Current time: 2026-11-25T10:20:00Z, assertion "
    "valid from 2026-11-25T10:00:00Z, expiry time of assertion 2026-11-25T10:10:00Z."
)
NO_BLOB_RIGHT = (
    "\nYou do not have the required permissions needed to perform this operation.\nDepending on your operation, you "
    'may need to be assigned one of the following roles:\n    "Storage Blob Data Owner"\n    "Storage Blob Data '
    'Contributor"\n    "Storage Blob Data Reader"\n'
)
NO_BLOB = "The specified blob does not exist.\nRequestId:11111111-1111-4111-8111-111111111111\nErrorCode:BlobNotFound"
BLOB_THERE = (
    "The specified blob already exists.\nRequestId:11111111-1111-4111-8111-111111111111\nErrorCode:BlobAlreadyExists"
)
