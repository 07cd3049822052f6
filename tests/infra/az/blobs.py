"""Blobs of the data account, which only Microsoft Entra opens."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.infra.az import documents, errors, rights
from tests.infra.az.registry import STORAGE, Asked, command, own, tags, token
from tests.infra.az.world import World, group_id


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
