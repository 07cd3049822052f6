"""The function app, its host, and the event subscription that calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.infra.az import documents, errors
from tests.infra.az.registry import APP_SERVICE, GRAPH, Asked, Printed, command, group_of, token
from tests.infra.az.world import World, group_id

CODE_MINUTES = 4
"""How long the build takes."""


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
