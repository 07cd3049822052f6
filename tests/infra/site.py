"""What the snapshots say of a tenant's site and accounts, in the form that the tests ask for."""

from __future__ import annotations

from typing import Any

from tests.infra.compiler import of_type
from tests.infra.expressions import Call, value

PUBLIC_CLOUD = {"environment().name": "AzureCloud", "environment().suffixes.storage": "core.windows.net"}
OTHER_CLOUD = {"environment().name": "AzureChinaCloud", "environment().suffixes.storage": "core.chinacloudapi.cn"}
CLIENT_ID = "44444444-4444-4444-8444-444444444444"
CONNECTION = "InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=https://example.invalid/"


def app_settings(tenant: str, cloud: dict[str, str] = PUBLIC_CLOUD) -> dict[str, Any]:
    """The site's settings by name; what only Azure can answer stays a Call."""
    (site,) = of_type(tenant, "Microsoft.Web/sites")
    entries = value(site["properties"]["siteConfig"]["appSettings"], cloud)
    assert len({entry["name"] for entry in entries}) == len(entries), "a setting is set twice"
    return {entry["name"]: entry["value"] for entry in entries}


def account(tenant: str, prefix: str) -> dict[str, Any]:
    """The tenant's one storage account whose name begins so."""
    (found,) = [one for one in of_type(tenant, "Microsoft.Storage/storageAccounts") if one["name"].startswith(prefix)]
    return found


def environment(tenant: str) -> dict[str, str]:
    """What the app finds in its environment once Azure has answered."""
    answers: dict[tuple[str, ...], str] = {("clientId",): CLIENT_ID, ("ConnectionString",): CONNECTION}

    def answered(one: Any) -> str:
        if not isinstance(one, Call):
            return str(one)
        if one.name == "format":
            return str(one.arguments[0]).replace("{0}", answered(one.arguments[1]))
        return answers.get(one.properties, "sthost")

    return {name: answered(one) for name, one in app_settings(tenant).items()}
