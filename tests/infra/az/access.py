"""Role assignments, role definitions, and applications in Microsoft Entra."""

from __future__ import annotations

import json
from typing import Any

from tests.infra.az import documents, errors, rights
from tests.infra.az.registry import GRAPH, Asked, command, own, token, words
from tests.infra.az.world import World, assigned, group_id


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
    if ("--condition" in asked) != ("--condition-version" in asked):
        raise errors.AzError("Usage error: --condition and --condition-version go together.")
    who = asked.get("--assignee-object-id") or asked["--assignee"]
    made = assigned(who, asked.get("--assignee-principal-type", "User"), role, scope)
    made |= {"condition": asked["--condition"]} if "--condition" in asked else {}
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
