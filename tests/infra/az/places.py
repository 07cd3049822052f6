"""Accounts, resource groups and deployments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.infra.az import documents, errors, rights
from tests.infra.az.deploying import deploy_infrastructure, deploy_subscription
from tests.infra.az.registry import Asked, Printed, command, group_of, own, tags, token, words
from tests.infra.az.world import World, group_id

INFRASTRUCTURE_MINUTES = 6
"""How long Azure takes: what a GitHub assertion of ten minutes has to outlive."""


@command("account show")
def account_show(world: World, asked: Asked) -> Any:
    hidden = {"tokens", "assertionUntil"}
    return {key: value for key, value in world.account(asked.get("--subscription")).items() if key not in hidden}


@command("login")
def login(world: World, asked: Asked) -> Any:
    """In a browser; the newest account becomes the default one."""
    known = next((one for one in world.data["logins"] if one["tenantId"] == asked.get("--tenant")), None)
    if known is None:
        raise errors.AzError(f"No subscriptions found for {asked.get('--tenant')}.")
    world.profile[:] = [{**one, "isDefault": False} for one in world.profile if one["id"] != known["id"]] + [known]
    return [known]


@command("account get-access-token")
def account_token(world: World, asked: Asked) -> Any:
    account = world.account(asked.get("--subscription"))
    token(world, account, asked["--resource"])
    entry = {"expiresOn": "2026-11-25 12:00:00.000000", "expires_on": 1795600000}
    return {"accessToken": "canary-token", "tenant": account["tenantId"], "tokenType": "Bearer", **entry}


@command("cloud show")
def cloud_show(world: World, asked: Asked) -> Any:
    return documents.cloud(world.data["cloud"])


@command("cloud set")
def cloud_set(world: World, asked: Asked) -> Any:
    world.data["cloud"] = asked["--name"]
    return None


@command("bicep upgrade")
def bicep_upgrade(world: World, asked: Asked) -> Any:
    world.data["bicep"] = "0.49.2"
    return None


@command("bicep version")
def bicep_version(world: World, asked: Asked) -> Any:
    return Printed(f"Bicep CLI version {world.data['bicep']} (0123456789)\n")


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


@command("identity show")
def identity_show(world: World, asked: Asked) -> Any:
    account, subscription, group, found = group_of(world, asked)
    kind = "Microsoft.ManagedIdentity/userAssignedIdentities"
    name = asked["--resource-name"]
    world.need(account, f"{kind}/read", group_id(subscription, group))
    if name not in found.get("identities", {}):
        raise errors.no_resource(kind, name, group)
    return documents.identity(subscription, group, name, found["identities"][name])


@command("eventgrid system-topic show")
def topic_show(world: World, asked: Asked) -> Any:
    account, subscription, group, found = group_of(world, asked)
    kind = "Microsoft.EventGrid/systemTopics"
    world.need(account, f"{kind}/read", group_id(subscription, group))
    if asked["--name"] not in found.get("identities", {}):
        raise errors.no_resource(kind, asked["--name"], group)
    return documents.system_topic(subscription, group, asked["--name"], found["identities"][asked["--name"]])
