"""What there is in Azure, as one JSON file that every call of the stand-in reads and writes."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.infra.az import errors, rights

if TYPE_CHECKING:
    from collections.abc import Iterator

PROVIDERS = ("EventGrid", "Insights", "ManagedIdentity", "OperationalInsights", "Storage", "Web", "App", "Network")
ARM_NAMESPACE = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
"""Of the template function guid(): a version 5 UUID of its arguments, joined by hyphens."""


def arm_guid(*parts: str) -> str:
    return str(uuid.uuid5(ARM_NAMESPACE, "-".join(parts)))


class World:
    """The state, and who is asking.

    Attributes:
        data: `people`, `subscriptions`, `directories` and `calls`; see `empty`.
        profile: the accounts of one configuration directory, as azureProfile.json has them.
    """

    def __init__(self, data: dict[str, Any], profile: list[dict[str, Any]]) -> None:
        self.data = data
        self.profile = profile

    @classmethod
    @contextmanager
    def opened(cls, file: Path, config: Path) -> Iterator[World]:
        data = json.loads(file.read_text(encoding="utf-8"))
        accounts = config / "azureProfile.json"
        profile = json.loads(accounts.read_text(encoding="utf-8"))["subscriptions"] if accounts.exists() else []
        world = cls(data, profile)
        try:
            yield world
        finally:
            partial = file.with_suffix(".new")
            partial.write_text(json.dumps(data, indent=1), encoding="utf-8")
            partial.replace(file)
            if profile:
                config.mkdir(exist_ok=True)
                accounts.write_text(json.dumps({"subscriptions": profile}), encoding="utf-8")

    def account(self, subscription: str | None) -> dict[str, Any]:
        """The account that a call is judged by: the one of `--subscription`, or the default one."""
        if not self.profile:
            raise errors.AzError(errors.NOT_SIGNED_IN)
        for one in self.profile:
            named = subscription and subscription.lower() in {one["id"].lower(), one["name"].lower()}
            if named or (not subscription and one["isDefault"]):
                return one
        raise errors.AzError(errors.NO_SUCH_SUBSCRIPTION.format(subscription))

    def person(self, account: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.data["people"][account["user"]["name"]]
        return found

    def subscription(self, account: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.data["subscriptions"][account["id"]]
        return found

    def directory(self, account: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.data["directories"][account["tenantId"]]
        return found

    def need(self, account: dict[str, Any], action: str, scope: str, *, data: bool = False) -> None:
        """Refuse, as Azure would, unless the account's person has the action there."""
        if not self.may(account, action, scope, data=data):
            if data:
                raise errors.AzError(errors.NO_BLOB_RIGHT)
            raise errors.denied(account["user"]["name"], self.person(account)["objectId"], action, scope)

    def may(self, account: dict[str, Any], action: str, scope: str, *, data: bool = False) -> bool:
        person = self.person(account)
        principals = {person["objectId"], *person.get("groups", ())}
        subscription = self.subscription(account)
        defined = rights.ROLES | {one["name"]: _permissions(one) for one in subscription["roleDefinitions"]}
        return any(
            rights.permits(defined[one["role"]], action, data=data)
            for one in subscription["assignments"]
            if one["principalId"] in principals and rights.covers(one["scope"], scope)
        )

    def group(self, account: dict[str, Any], name: str) -> dict[str, Any]:
        for known, group in self.subscription(account)["groups"].items():
            if known.lower() == name.lower():
                found: dict[str, Any] = group
                return found
        raise errors.no_group(name)


def _permissions(definition: dict[str, Any]) -> dict[str, Any]:
    (permission,) = definition["permissions"]
    return {"name": definition["roleName"], **permission}


def group_id(subscription: str, group: str) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def new_subscription(tenant: str) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "providers": {f"Microsoft.{name}": "Registered" for name in PROVIDERS},
        "groups": {},
        "assignments": [],
        "roleDefinitions": [],
    }


def assigned(principal: str, kind: str, role: str, scope: str, name: str = "") -> dict[str, str]:
    name = name or arm_guid(scope, principal, role)
    return {"name": name, "principalId": principal, "principalType": kind, "role": role, "scope": scope}
