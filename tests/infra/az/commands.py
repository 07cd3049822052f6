"""The commands of the stand-in: each takes what was asked and returns the whole document, or raises `AzError`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.infra.az import documents, errors, rights
from tests.infra.az.deploying import deploy_infrastructure, deploy_subscription
from tests.infra.az.world import World, assigned, group_id

Asked = dict[str, Any]
"""Option -> its value; a list where several words follow, True for a flag."""

GRAPH = "graph"
APP_SERVICE = "https://appservice.azure.com"
STORAGE = "https://storage.azure.com"
Command = Callable[[World, Asked], Any]
COMMANDS: dict[str, Command] = {}

CODE_MINUTES, INFRASTRUCTURE_MINUTES = 4, 6
"""How long Azure takes: what a GitHub assertion of ten minutes has to outlive."""


def command(name: str) -> Callable[[Command], Command]:
    def added(function: Command) -> Command:
        COMMANDS[name] = function
        return function

    return added


def token(world: World, account: dict[str, Any], resource: str) -> None:
    """A token for `resource`, from the cache or with the assertion of the sign-in: that one dies in ten minutes."""
    kept = account.setdefault("tokens", [])
    if resource not in kept:
        if world.data["clock"] > account.get("assertionUntil", float("inf")):
            raise errors.AzError(errors.EXPIRED_ASSERTION)
        kept.append(resource)


def own(world: World, asked: Asked) -> tuple[dict[str, Any], str]:
    """The account of `--subscription` (or the default one), and its subscription's id."""
    account = world.account(asked.get("--subscription"))
    return account, account["id"]


def group_of(world: World, asked: Asked) -> tuple[dict[str, Any], str, str, dict[str, Any]]:
    account, subscription = own(world, asked)
    name = asked["--resource-group"]
    return account, subscription, name, world.group(account, name)


@command("account show")
def account_show(world: World, asked: Asked) -> Any:
    hidden = {"tokens", "assertionUntil"}
    return {key: value for key, value in world.account(asked.get("--subscription")).items() if key not in hidden}


@command("account get-access-token")
def account_token(world: World, asked: Asked) -> Any:
    account = world.account(asked.get("--subscription"))
    token(world, account, asked["--resource"])
    entry = {"expiresOn": "2026-11-25 12:00:00.000000", "expires_on": 1795600000}
    return {"accessToken": "canary-token", "tenant": account["tenantId"], "tokenType": "Bearer", **entry}


@command("cloud show")
def cloud_show(world: World, asked: Asked) -> Any:
    return documents.cloud(world.data["cloud"])


@command("bicep version")
def bicep_version(world: World, asked: Asked) -> Any:
    return Printed(f"Bicep CLI version {world.data['bicep']} (0123456789)\n")


class Printed(str):
    """What a command writes by itself: no `--query` and no `--output` changes it."""

    __slots__ = ()


@command("provider list")
def provider_list(world: World, asked: Asked) -> Any:
    account, subscription = own(world, asked)
    world.need(account, "Microsoft.Resources/subscriptions/providers/read", f"/subscriptions/{subscription}")
    found = world.subscription(account)["providers"]
    return [documents.provider(subscription, name, state) for name, state in found.items()]


@command("provider register")
def provider_register(world: World, asked: Asked) -> Any:
    account, subscription = own(world, asked)
    name = asked["--namespace"]
    world.need(account, f"{name}/register/action", f"/subscriptions/{subscription}")
    world.subscription(account)["providers"][name] = "Registered"
    return None


@command("group exists")
def group_exists(world: World, asked: Asked) -> Any:
    account, subscription = own(world, asked)
    name = asked["--resource-group"]
    place = group_id(subscription, name)
    if not world.may(account, "Microsoft.Resources/subscriptions/resourceGroups/read", place):
        # A HEAD request: the refusal has no body, so that its code is nowhere in the text.
        raise errors.AzError("Operation returned an invalid status 'Forbidden'")
    return any(known.lower() == name.lower() for known in world.subscription(account)["groups"])


@command("group show")
def group_show(world: World, asked: Asked) -> Any:
    account, subscription, name, group = group_of(world, asked)
    world.need(account, "Microsoft.Resources/subscriptions/resourceGroups/read", group_id(subscription, name))
    return documents.group(subscription, name, group)


@command("group create")
def group_create(world: World, asked: Asked) -> Any:
    account, subscription = own(world, asked)
    name = asked["--resource-group"]
    world.need(account, "Microsoft.Resources/subscriptions/resourceGroups/write", group_id(subscription, name))
    made = {"location": asked["--location"], "tags": tags(asked.get("--tags")), "deployments": {}, "resources": []}
    group = world.subscription(account)["groups"].setdefault(name, made)
    group["tags"] = made["tags"]
    return documents.group(subscription, name, group)


@command("tag update")
def tag_update(world: World, asked: Asked) -> Any:
    account, _ = own(world, asked)
    place = asked["--resource-id"]
    world.need(account, "Microsoft.Resources/tags/write", place)
    group = world.group(account, place.rpartition("/")[2])
    assert asked["--operation"].lower() == "merge"
    group["tags"] = {**(group["tags"] or {}), **tags(asked["--tags"])}
    return {"properties": {"tags": group["tags"]}}


@command("group delete")
def group_delete(world: World, asked: Asked) -> Any:
    account, subscription, name, group = group_of(world, asked)
    place = group_id(subscription, name)
    world.need(account, "Microsoft.Resources/subscriptions/resourceGroups/delete", place)
    assert asked.get("--yes") is True, "it would ask"
    if group.get("locked"):
        return None  # az waits, and Azure answers the lock as an error of the deletion; some regions only later
    known = world.subscription(account)
    del known["groups"][name]
    known["assignments"] = [one for one in known["assignments"] if not rights.covers(place, one["scope"]) or keeps(one)]
    return None


def keeps(one: dict[str, str]) -> bool:
    """A person's own rights on a group's name; the tests would have to grant them again for every new group."""
    return one["scope"].count("/") == 4


@command("resource list")
def resource_list(world: World, asked: Asked) -> Any:
    account, subscription, name, group = group_of(world, asked)
    world.need(account, "Microsoft.Resources/subscriptions/resources/read", group_id(subscription, name))
    return [documents.resource(subscription, name, *one) for one in group["resources"]]


@command("deployment group what-if")
def what_if(world: World, asked: Asked) -> Any:
    account, subscription, name, _ = group_of(world, asked)
    world.need(account, "Microsoft.Resources/deployments/whatIf/action", group_id(subscription, name))
    return Printed("Resource changes: 1 to create.\n")


@command("deployment group create")
def deployment_create(world: World, asked: Asked) -> Any:
    account, subscription, name, group = group_of(world, asked)
    world.need(account, "Microsoft.Resources/deployments/write", group_id(subscription, name))
    if "--template-file" in asked:
        deploy_subscription(world, account, group, asked)
    else:
        world.data["clock"] += INFRASTRUCTURE_MINUTES
        deploy_infrastructure(world, account, name, group, Path(words(asked["--parameters"])[0]), asked["--name"])
    return documents.deployment(subscription, name, group["deployments"][asked["--name"]])


@command("deployment group list")
def deployment_list(world: World, asked: Asked) -> Any:
    account, subscription, name, group = group_of(world, asked)
    world.need(account, "Microsoft.Resources/deployments/read", group_id(subscription, name))
    return [documents.deployment(subscription, name, one) for one in group["deployments"].values()]


def app_of(world: World, asked: Asked, action: str) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    account, subscription, name, group = group_of(world, asked)
    app = group.get("app")
    if not app or app["name"] != asked["--name"]:
        raise errors.no_resource("Microsoft.Web/sites", asked["--name"], name)
    world.need(account, action, f"{group_id(subscription, name)}/providers/Microsoft.Web/sites/{app['name']}")
    return subscription, name, group, app


@command("functionapp show")
def app_show(world: World, asked: Asked) -> Any:
    subscription, name, _, app = app_of(world, asked, "Microsoft.Web/sites/read")
    return documents.flex_app(subscription, name, app)


@command("functionapp deployment source config-zip")
def config_zip(world: World, asked: Asked) -> Any:
    _, _, _, app = app_of(world, asked, "Microsoft.Web/sites/read")
    uploader = world.account(None)  # the token for the scm site is the DEFAULT account's, whatever --subscription says
    token(world, uploader, APP_SERVICE)
    world.data["clock"] += CODE_MINUTES
    if uploader["tenantId"] != world.account(asked.get("--subscription"))["tenantId"]:
        raise errors.AzError("An error occured during deployment. Status Code: 401, Details: ")
    assert Path(asked["--src"]).is_file()
    app["code"] = True
    if app["afterUpload"]:
        raise errors.AzError(app["afterUpload"].pop(0))
    return Printed("Deployment was successful.\n")


@command("functionapp function list")
def function_list(world: World, asked: Asked) -> Any:
    subscription, name, _, app = app_of(world, asked, "Microsoft.Web/sites/functions/read")
    known = app["functions"] if app["code"] else []
    return [documents.function(subscription, name, app["name"], one) for one in known]


@command("functionapp keys list")
def keys_list(world: World, asked: Asked) -> Any:
    _, _, _, app = app_of(world, asked, "Microsoft.Web/sites/host/listkeys/action")
    system = {"blobs_extension": app["key"]} if app["code"] else {}
    default = {"default": "canary-function-key"} if app["code"] else {}
    return {"functionKeys": default, "masterKey": "canary-master-key", "systemKeys": system}


@command("functionapp keys set")
def keys_set(world: World, asked: Asked) -> Any:
    _, _, _, app = app_of(world, asked, "Microsoft.Web/sites/host/systemkeys/write")
    app["key"] = "canary-new-key"
    return {"name": asked["--key-name"], "value": None}


@command("eventgrid system-topic event-subscription show")
def subscription_show(world: World, asked: Asked) -> Any:
    account, subscription, name, group = group_of(world, asked)
    topic = f"{group_id(subscription, name)}/providers/Microsoft.EventGrid/systemTopics/{asked['--system-topic-name']}"
    world.need(account, "Microsoft.EventGrid/systemTopics/eventSubscriptions/read", topic)
    if not group.get("subscription"):
        raise errors.no_resource("Microsoft.EventGrid/systemTopics/eventSubscriptions", "blob-dropped", name)
    return documents.event_subscription(topic, group["subscription"])


@command("rest")
def rest(world: World, asked: Asked) -> Any:
    url: str = asked["--uri"]
    assert asked.get("--method", "get").lower() == "get"
    if "/hostruntime/" in url:
        subscription, group = url.split("/")[2], url.split("/")[4]
        account = world.account(subscription)  # an address of Azure Resource Manager: its own subscription's account
        app = world.group(account, group)["app"]
        world.need(account, "Microsoft.Web/sites/hostruntime/host/action", group_id(subscription, group))
        looks = app["host_looks"]
        look = looks.pop(0) if len(looks) > 1 else looks[0]
        app["uptime"] = look.get("processUptime", 0)
        if "error" in look:
            raise errors.AzError(look["error"])
        return {"id": app["name"], "state": "Running", "version": "4.1048.200", "instanceId": "a", **look}
    account = world.account(None)  # everything else: the DEFAULT account
    token(world, account, GRAPH)
    directory = world.directory(account)
    principal = url.split("/servicePrincipals/")[1].split("/", maxsplit=1)[0]
    if principal not in directory["servicePrincipals"]:
        body = {"error": {"code": "Request_ResourceNotFound", "message": f"Resource '{principal}' does not exist"}}
        raise errors.AzError(f"Not Found({json.dumps(body)})")
    return {"value": [{"appRoleId": role} for role in directory["servicePrincipals"][principal]]}


def container(world: World, asked: Asked, action: str) -> tuple[dict[str, Any], str]:
    account, subscription = own(world, asked)
    assert asked.get("--auth-mode") == "login", "account keys are off"
    token(world, account, STORAGE)
    for name, group in world.subscription(account)["groups"].items():
        if group.get("dataStorage") == asked["--account-name"]:
            found = asked["--container-name"]
            world.need(account, f"{rights.BLOBS}/{action}", container_id(subscription, name, group, found), data=True)
            return group["blobs"].setdefault(found, {}), found
    raise errors.AzError(f"Failed to resolve {asked['--account-name']}.blob.core.windows.net")


def container_id(subscription: str, group: str, found: dict[str, Any], name: str) -> str:
    account = f"{group_id(subscription, group)}/providers/Microsoft.Storage/storageAccounts/{found['dataStorage']}"
    return f"{account}/blobServices/default/containers/{name}"


@command("storage blob upload")
def blob_upload(world: World, asked: Asked) -> Any:
    blobs, name = container(world, asked, "add/action")
    if asked["--name"] in blobs:
        raise errors.AzError(errors.BLOB_THERE)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    blobs[asked["--name"]] = {"container": name, "metadata": tags(asked.get("--metadata")), "lastModified": now}
    assert Path(asked["--file"]).is_file()
    return {"etag": '"0x1"', "lastModified": "2026-11-25T10:00:00+00:00"}


@command("storage blob delete")
def blob_delete(world: World, asked: Asked) -> Any:
    blobs, _ = container(world, asked, "delete")
    if asked["--name"] not in blobs:
        raise errors.AzError(errors.NO_BLOB)
    del blobs[asked["--name"]]
    return None


@command("storage blob list")
def blob_list(world: World, asked: Asked) -> Any:
    blobs, _ = container(world, asked, "read")
    names = [name for name in sorted(blobs) if name.startswith(asked.get("--prefix", ""))]
    return [documents.blob(name, blobs[name]) for name in names[: int(asked.get("--num-results", 5000))]]


@command("role assignment list")
def assignment_list(world: World, asked: Asked) -> Any:
    account, subscription = own(world, asked)
    scope = asked["--scope"]
    world.need(account, "Microsoft.Authorization/roleAssignments/read", scope)
    known = world.subscription(account)
    names = {role: one["name"] for role, one in rights.ROLES.items()}
    names |= {one["name"]: one["roleName"] for one in known["roleDefinitions"]}
    return [
        documents.role_assignment(subscription, one, names[one["role"]])
        for one in known["assignments"]
        if one["scope"].lower() == scope.lower()
    ]


@command("role assignment delete")
def assignment_delete(world: World, asked: Asked) -> Any:
    account, _ = own(world, asked)
    known = world.subscription(account)
    for wanted in words(asked["--ids"]):
        place, _, name = wanted.partition("/providers/Microsoft.Authorization/roleAssignments/")
        world.need(account, "Microsoft.Authorization/roleAssignments/delete", place)
        known["assignments"] = [one for one in known["assignments"] if (one["scope"], one["name"]) != (place, name)]
    return None


@command("role assignment create")
def assignment_create(world: World, asked: Asked) -> Any:
    account, subscription = own(world, asked)
    scope = asked["--scope"]
    world.need(account, "Microsoft.Authorization/roleAssignments/write", scope)
    role = next(key for key, one in rights.ROLES.items() if asked["--role"] in {key, one["name"]})
    made = assigned(asked["--assignee-object-id"], asked["--assignee-principal-type"], role, scope)
    world.subscription(account)["assignments"].append(made)
    return documents.role_assignment(subscription, made, rights.ROLES[role]["name"])


@command("role definition delete")
def definition_delete(world: World, asked: Asked) -> Any:
    account, subscription = own(world, asked)
    known = world.subscription(account)
    place = asked.get("--scope") or group_id(subscription, asked["--resource-group"])
    for one in [one for one in known["roleDefinitions"] if asked["--name"] in {one["name"], one["roleName"]}]:
        world.need(account, "Microsoft.Authorization/roleDefinitions/delete", place)
        if any(assignment["role"] == one["name"] for assignment in known["assignments"]):
            raise errors.AzError(
                "(RoleDefinitionHasAssignments) There are existing role assignments referencing role (code: "
                "RoleDefinitionHasAssignments)\nCode: RoleDefinitionHasAssignments"
            )
        known["roleDefinitions"].remove(one)
    return None


def graph(world: World, right: str) -> dict[str, Any]:
    """The directory of the DEFAULT account, as every `az ad` command takes it."""
    account = world.account(None)
    token(world, account, GRAPH)
    if right not in world.person(account)["directory"]:
        raise errors.AzError("Insufficient privileges to complete the operation.")
    return world.directory(account)


@command("ad app list")
def app_list(world: World, asked: Asked) -> Any:
    name = asked["--filter"].partition("displayName eq '")[2].rstrip("'")
    apps = graph(world, "read")["apps"]
    return [documents.application(one) for one in apps if one["displayName"] == name]


@command("ad app create")
def app_create(world: World, asked: Asked) -> Any:
    apps = graph(world, "applications")["apps"]
    made = {
        "appId": f"cccccccc-0000-4000-8000-00000000000{len(apps) + 1}",
        "displayName": asked["--display-name"],
        "id": f"dddddddd-0000-4000-8000-00000000000{len(apps) + 1}",
        "signInAudience": asked["--sign-in-audience"],
        "credentials": [],
    }
    apps.append(made)
    return documents.application(made)


def application(world: World, asked: Asked, right: str) -> dict[str, Any]:
    for one in graph(world, right)["apps"]:
        if asked["--id"] in {one["appId"], one["id"]}:
            found: dict[str, Any] = one
            return found
    raise errors.AzError(f"Resource '{asked['--id']}' does not exist or one of its queried reference-property objects")


@command("ad app federated-credential list")
def credential_list(world: World, asked: Asked) -> Any:
    return application(world, asked, "read")["credentials"]


@command("ad app federated-credential create")
def credential_create(world: World, asked: Asked) -> Any:
    made = {"id": "1", "description": None, **json.loads(asked["--parameters"])}
    application(world, asked, "applications")["credentials"].append(made)
    return made


@command("ad app federated-credential update")
def credential_update(world: World, asked: Asked) -> Any:
    for one in application(world, asked, "applications")["credentials"]:
        if one["id"] == asked["--federated-credential-id"]:
            one.update(json.loads(asked["--parameters"]))
    return None


def tags(words_: Sequence[str] | str | None) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words(words_))


def words(value: Sequence[str] | str | bool | None) -> list[str]:
    """What follows an option, however many words."""
    if not value or value is True:
        return []
    return [value] if isinstance(value, str) else list(value)
