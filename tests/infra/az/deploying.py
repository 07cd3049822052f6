"""What the two templates do to the stand-in's Azure. `test_stand_in.py` holds it to what the real compiler says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from infra.deployer.tenant_file import read
from tests.infra.az import errors, rights
from tests.infra.az.world import World, arm_guid, assigned, group_id

APP_PRINCIPAL = "aaaaaaaa-0000-4000-8000-000000000004"
TOPIC_PRINCIPAL = "aaaaaaaa-0000-4000-8000-000000000005"
FUNCTIONS = ["blob_dropped", "transfer_due", "sweep", "blob_poisoned", "transfer_poisoned", "health"]
STEADY_MILLISECONDS = 60_000
RESOURCES = (
    ("Microsoft.Web/sites", "func-"),
    ("Microsoft.Storage/storageAccounts", "stdrop"),
    ("Microsoft.Storage/storageAccounts", "sthost"),
    ("microsoft.insights/components", "appi-attachdrop-"),  # in lower case, as Azure lists it
    ("Microsoft.ManagedIdentity/userAssignedIdentities", "id-attachdrop-"),
    ("Microsoft.EventGrid/systemTopics", "evgt-attachdrop-"),
)
APP, TOPIC = "id-attachdrop-{}", "evgt-attachdrop-{}"
"""Names of the two resources that have an identity."""


def deploy_infrastructure(
    world: World, account: dict[str, Any], name: str, group: dict[str, Any], file: Path, deployment: str
) -> None:
    values = read(file).values
    place = (values["azureTenantId"], values["azureSubscriptionId"], values["resourceGroupName"])
    if place != (account["tenantId"], account["id"], name):
        raise errors.AzError("InvalidTemplate: These parameters belong to resource group ...; nothing was deployed.")
    tenant = str(values["tenantName"])
    here = group_id(account["id"], name)
    group["dataStorage"] = f"stdrop{tenant}"
    group.setdefault("blobs", {})
    group["resources"] = [(kind, f"{stem}{tenant}") for kind, stem in RESOURCES]
    group.setdefault("app", new_app(tenant))
    identities(world, account, group, tenant)
    known = world.subscription(account)
    uploader = rights.BLOB_CONTRIBUTOR
    if values.get("uploaderRole", "addAndWrite") == "addAndWrite":
        uploader = arm_guid(here, "drop-writer")
        world.need(account, "Microsoft.Authorization/roleDefinitions/write", here)
        definition = {
            "name": uploader,
            "roleName": f"Attachment Drop uploader ({tenant})",
            "permissions": [
                {"actions": [], "dataActions": [f"{rights.BLOBS}/add/action", f"{rights.BLOBS}/write"]},
            ],
            "scopes": [here],
        }
        known["roleDefinitions"] = [one for one in known["roleDefinitions"] if one["name"] != uploader] + [definition]
    wanted = assignments(values, here, group["identities"], uploader, data=f"stdrop{tenant}", host=f"sthost{tenant}")
    for one in wanted:
        world.need(account, "Microsoft.Authorization/roleAssignments/write", one["scope"])
        there = next((other for other in known["assignments"] if same_place(one, other)), None)
        if there is None:
            known["assignments"].append(one)
        elif there["principalId"] != one["principalId"]:
            raise errors.AzError(errors.OTHER_PRINCIPAL)
    group["deployments"][deployment] = {
        "name": deployment,
        "state": "Succeeded",
        "timestamp": f"2026-11-25T10:{len(group['deployments']):02}:00+00:00",
        "outputs": outputs(tenant, values, wanted, group["identities"]),
    }


def identities(world: World, account: dict[str, Any], group: dict[str, Any], tenant: str) -> None:
    """Make the identities that are not there: another principal each time, as Microsoft Entra does."""
    there = group.setdefault("identities", {})
    for name, like in ((APP.format(tenant), APP_PRINCIPAL), (TOPIC.format(tenant), TOPIC_PRINCIPAL)):
        if name not in there:
            made = group.setdefault("identitiesMade", {})
            made[name] = made.get(name, 0) + 1
            there[name] = principal(tenant, like).replace("-4000-", f"-{3999 + made[name]}-")
            world.directory(account)["servicePrincipals"].setdefault(there[name], [])


def principal(tenant: str, like: str) -> str:
    """The tests know the first tenant's ids by heart; another tenant's are its own."""
    return like if tenant == "contoso" else like.replace("aaaaaaaa", "bbbbbbbb")


def same_place(one: dict[str, str], other: dict[str, str]) -> bool:
    return (one["scope"], one["name"]) == (other["scope"], other["name"])


def assignments(
    values: dict[str, object], here: str, principals: dict[str, str], uploader: str, *, data: str, host: str
) -> list[dict[str, str]]:
    """What the templates assign, with the names that they give: after the resource that has the identity."""
    tenant = str(values["tenantName"])
    accounts = f"{here}/providers/Microsoft.Storage/storageAccounts"
    base = f"{accounts}/{data}/blobServices/default/containers"
    drops = f"{base}/{values.get('dropContainer', 'drop')}"
    checkpoints = f"{base}/{values.get('checkpointContainer', 'checkpoints')}"
    component = f"{here}/providers/Microsoft.Insights/components/appi-attachdrop-{tenant}"
    app, topic = APP.format(tenant), TOPIC.format(tenant)
    deletes = values.get("sourceOnSuccess") == "delete"
    held = [
        (app, rights.BLOB_OWNER, f"{accounts}/{host}"),
        (app, rights.QUEUE_CONTRIBUTOR, f"{accounts}/{host}"),
        (app, rights.TABLE_CONTRIBUTOR, f"{accounts}/{host}"),
        (app, rights.BLOB_CONTRIBUTOR if deletes else rights.BLOB_READER, drops),
        (app, rights.BLOB_CONTRIBUTOR, checkpoints),
        (app, rights.QUEUE_CONTRIBUTOR, f"{accounts}/{data}"),
        (app, rights.METRICS_PUBLISHER, component),
        (topic, rights.BLOB_CONTRIBUTOR, f"{base}/deadletters"),
    ]
    found = [
        assigned(principals[holder], "ServicePrincipal", role, scope, arm_guid(scope, holder, role))
        for holder, role, scope in held
    ]
    for parameter, role in (("uploaders", uploader), ("verifiers", rights.BLOB_CONTRIBUTOR)):
        listed: Any = values.get(parameter, [])
        found += [assigned(one["principalId"], one["principalType"], role, drops) for one in listed]
    return found


def new_app(tenant: str) -> dict[str, Any]:
    return {
        "name": f"func-{tenant}",
        "host": f"func-{tenant}.azurewebsites.net",
        "state": "Running",
        "code": False,
        "key": "canary-webhook-key",
        "functions": list(FUNCTIONS),
        "afterUpload": [],
        "host_looks": [{"processUptime": 3 * STEADY_MILLISECONDS}],
        "uptime": 0,
    }


def outputs(
    tenant: str, values: dict[str, object], wanted: list[dict[str, str]], principals: dict[str, str]
) -> dict[str, Any]:
    texts = {
        "appName": f"func-{tenant}",
        "hostName": f"func-{tenant}.azurewebsites.net",
        "topicName": TOPIC.format(tenant),
        "dataStorageName": f"stdrop{tenant}",
        "hostStorageName": f"sthost{tenant}",
        "dropContainer": values.get("dropContainer", "drop"),
        "checkpointContainer": values.get("checkpointContainer", "checkpoints"),
        "deadLetterContainer": "deadletters",
        "identityClientId": principal(tenant, "aaaaaaaa-0000-4000-8000-000000000003"),
        "identityPrincipalId": principals[APP.format(tenant)],
    }
    on_containers = [one for one in wanted if "/containers/" in one["scope"]]
    ids = [f"{one['scope']}/providers/Microsoft.Authorization/roleAssignments/{one['name']}" for one in on_containers]
    made = {name: {"type": "String", "value": value} for name, value in texts.items()}
    return {**made, "containerRoleAssignments": {"type": "Array", "value": ids}}


def deploy_subscription(world: World, account: dict[str, Any], group: dict[str, Any], asked: dict[str, Any]) -> None:
    given = dict(word.split("=", 1) for word in asked["--parameters"])
    app = group.get("app")
    template = Path(asked["--template-file"]).read_text(encoding="utf-8")
    assert given.keys() == set(re.findall(r"^param (\w+)", template, re.MULTILINE))
    if not app or not app["code"] or not app["key"]:
        raise errors.AzError("InvalidTemplate: the language expression property 'blobs_extension' doesn't exist")
    if app["host_looks"][0].get("processUptime", 0) < STEADY_MILLISECONDS:
        raise errors.AzError(
            f"Webhook validation handshake failed for https://{app['host']}/runtime/webhooks/blobs?functionName="
            "Host.Functions.blob_dropped&code=canary-webhook-key. Http POST request failed with response code 503."
        )
    group["subscription"] = {
        "endpoint": f"https://{app['host']}/runtime/webhooks/blobs",
        "watches": f"/blobServices/default/containers/{given['dropContainer']}/blobs/",
        "state": "Succeeded",
        "key": app["key"],
    }
    group["deployments"][asked["--name"]] = {
        "name": asked["--name"],
        "state": "Succeeded",
        "timestamp": "2026-11-25T11:00:00+00:00",
        "outputs": {},
    }
