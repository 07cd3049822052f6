"""Documents as azure-cli 2.91 returns them: made with its own SDK models, offline, and copied here field by field.

What reads oddly is the real thing: a Flex Consumption app comes as Azure Resource Manager sent it (everything under
`properties`), every other resource flattened; a deployment keeps its `properties`; functions are named `app/function`.
"""

from __future__ import annotations

from typing import Any

from tests.infra.az.world import group_id


def account(one: dict[str, Any]) -> dict[str, Any]:
    return dict(one)


def cloud(name: str) -> dict[str, Any]:
    china = name == "AzureChinaCloud"
    graph = "https://microsoftgraph.chinacloudapi.cn" if china else "https://graph.microsoft.com/"
    service = "https://management.core.chinacloudapi.cn/" if china else "https://appservice.azure.com"
    return {
        "endpoints": {
            "activeDirectory": "https://login.chinacloudapi.cn" if china else "https://login.microsoftonline.com",
            "appServiceResourceId": service,
            "microsoftGraphResourceId": graph,
            "resourceManager": "https://management.chinacloudapi.cn" if china else "https://management.azure.com/",
        },
        "isActive": True,
        "name": name,
        "profile": "latest",
        "suffixes": {"storageEndpoint": "core.chinacloudapi.cn" if china else "core.windows.net"},
    }


def provider(subscription: str, namespace: str, state: str) -> dict[str, Any]:
    return {
        "additionalProperties": {},
        "id": f"/subscriptions/{subscription}/providers/{namespace}",
        "namespace": namespace,
        "providerAuthorizationConsentState": None,
        "registrationPolicy": "RegistrationRequired",
        "registrationState": state,
        "resourceTypes": [],
    }


def group(subscription: str, name: str, found: dict[str, Any]) -> dict[str, Any]:
    return {
        "additionalProperties": {},
        "id": group_id(subscription, name),
        "location": found["location"],
        "managedBy": None,
        "name": name,
        "properties": {"additionalProperties": {}, "provisioningState": "Succeeded"},
        "tags": found["tags"],
        "type": "Microsoft.Resources/resourceGroups",
    }


def deployment(subscription: str, group: str, found: dict[str, Any]) -> dict[str, Any]:
    return {
        "additionalProperties": {},
        "id": f"{group_id(subscription, group)}/providers/Microsoft.Resources/deployments/{found['name']}",
        "location": None,
        "name": found["name"],
        "properties": {
            "additionalProperties": {},
            "error": None,
            "mode": "Incremental",
            "outputs": found["outputs"],
            "outputResources": [],
            "parameters": {},
            "provisioningState": found["state"],
            "timestamp": found["timestamp"],
        },
        "tags": None,
        "type": "Microsoft.Resources/deployments",
    }


def resource(subscription: str, group: str, kind: str, name: str) -> dict[str, Any]:
    return {
        "additionalProperties": {},
        "id": f"{group_id(subscription, group)}/providers/{kind}/{name}",
        "identity": None,
        "kind": None,
        "location": "westeurope",
        "name": name,
        "properties": None,
        "resourceGroup": group,
        "sku": None,
        "tags": {},
        "type": kind,
    }


def flex_app(subscription: str, group: str, app: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{group_id(subscription, group)}/providers/Microsoft.Web/sites/{app['name']}",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {}},
        "kind": "functionapp,linux",
        "location": "West Europe",
        "name": app["name"],
        "properties": {
            "defaultHostName": app["host"],
            "enabled": True,
            "enabledHostNames": [app["host"], app["host"].replace(".", ".scm.", 1)],
            "functionAppConfig": {"runtime": {"name": "python", "version": "3.13"}},
            "httpsOnly": True,
            "name": app["name"],
            "sku": "FlexConsumption",
            "state": app["state"],
        },
        "tags": {},
        "type": "Microsoft.Web/sites",
    }


def function(subscription: str, group: str, app: str, name: str) -> dict[str, Any]:
    return {
        "config": {"name": name},
        "id": f"{group_id(subscription, group)}/providers/Microsoft.Web/sites/{app}/functions/{name}",
        "isDisabled": False,
        "kind": None,
        "language": "python",
        "name": f"{app}/{name}",
        "resourceGroup": group,
        "type": "Microsoft.Web/sites/functions",
    }


def event_subscription(topic: str, found: dict[str, Any]) -> dict[str, Any]:
    return {
        "additionalProperties": {},
        "deadLetterDestination": None,
        "deadLetterWithResourceIdentity": {"identity": {"type": "SystemAssigned"}},
        "deliveryWithResourceIdentity": None,
        "destination": {
            "additionalProperties": {},
            "deliveryAttributeMappings": None,
            "endpointBaseUrl": found["endpoint"],
            "endpointType": "WebHook",
            "endpointUrl": None,
            "maxEventsPerBatch": 1,
        },
        "eventDeliverySchema": "EventGridSchema",
        "filter": {
            "additionalProperties": {},
            "advancedFilters": [],
            "includedEventTypes": ["Microsoft.Storage.BlobCreated"],
            "isSubjectCaseSensitive": True,
            "subjectBeginsWith": found["watches"],
        },
        "id": f"{topic}/eventSubscriptions/blob-dropped",
        "name": "blob-dropped",
        "provisioningState": found["state"],
        "topic": topic,
        "type": "Microsoft.EventGrid/systemTopics/eventSubscriptions",
    }


def role_assignment(subscription: str, found: dict[str, str], role_name: str) -> dict[str, Any]:
    roles = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions"
    return {
        "createdBy": "",
        "createdOn": "2026-11-25T10:00:00+00:00",
        "id": f"{found['scope']}/providers/Microsoft.Authorization/roleAssignments/{found['name']}",
        "name": found["name"],
        "principalId": found["principalId"],
        "principalType": found["principalType"],
        "roleDefinitionId": f"{roles}/{found['role']}",
        "roleDefinitionName": role_name,
        "scope": found["scope"],
        "type": "Microsoft.Authorization/roleAssignments",
    }


def blob(name: str, found: dict[str, Any]) -> dict[str, Any]:
    return {
        "container": found["container"],
        "deleted": None,
        "metadata": found["metadata"] or None,
        "name": name,
        "properties": {
            "blobType": "BlockBlob",
            "contentLength": 32,
            "lastModified": found.get("lastModified", "2026-11-25T10:00:00+00:00"),
        },
        "tags": None,
    }


def application(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "appId": found["appId"],
        "displayName": found["displayName"],
        "id": found["id"],
        "signInAudience": found["signInAudience"],
    }


def identity(subscription: str, group: str, name: str, principal: str) -> dict[str, Any]:
    return {
        "additionalProperties": {},
        "clientId": "aaaaaaaa-0000-4000-8000-000000000003",
        "id": f"/subscriptions/{subscription}/resourcegroups/{group}/providers/"
        f"Microsoft.ManagedIdentity/userAssignedIdentities/{name}",
        "isolationScope": None,
        "location": "westeurope",
        "name": name,
        "principalId": principal,
        "resourceGroup": group,
        "tags": {},
        "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
    }


def system_topic(subscription: str, group: str, name: str, principal: str) -> dict[str, Any]:
    place = f"/subscriptions/{subscription}/resourceGroups/{group}/providers"
    return {
        "additionalProperties": {},
        "id": f"{place}/Microsoft.EventGrid/systemTopics/{name}",
        "identity": {"principalId": principal, "type": "SystemAssigned", "userAssignedIdentities": None},
        "location": "westeurope",
        "name": name,
        "provisioningState": "Succeeded",
        "resourceGroup": group,
        "topicType": "Microsoft.Storage.StorageAccounts",
        "type": "Microsoft.EventGrid/systemTopics",
    }
