"""What the resources of whole deployments are, by their snapshots: what must not slip, whatever the templates say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra import bicep
from tests.infra.api_versions import pinned
from tests.infra.compiler import TENANTS, of_type, resources
from tests.infra.expressions import value
from tests.infra.site import OTHER_CLOUD, PUBLIC_CLOUD, account

ACCOUNTS = "Microsoft.Storage/storageAccounts"

HARDENED = {
    "allowBlobPublicAccess": False,
    "allowCrossTenantReplication": False,
    "allowSharedKeyAccess": False,
    "defaultToOAuthAuthentication": True,
    "minimumTlsVersion": "TLS1_2",
    "supportsHttpsTrafficOnly": True,
}

pytestmark = pytest.mark.parametrize("tenant", TENANTS)


def site(tenant: str) -> dict[str, Any]:
    (app,) = of_type(tenant, "Microsoft.Web/sites")
    return app


def identity_id(tenant: str) -> str:
    (identity,) = of_type(tenant, "Microsoft.ManagedIdentity/userAssignedIdentities")
    return str(identity["id"])


def test_a_type_has_the_api_version_that_was_looked_at(tenant: str) -> None:
    for one in resources(tenant):
        assert one["apiVersion"] == pinned(one["type"]), one["id"]


class TestStorageAccounts:
    def test_are_two(self, tenant: str) -> None:
        assert {one["name"][:6] for one in of_type(tenant, ACCOUNTS)} == {"sthost", "stdrop"}
        assert len(of_type(tenant, ACCOUNTS)) == 2

    def test_take_no_keys_no_anonymous_reader_and_no_old_tls(self, tenant: str) -> None:
        for one in of_type(tenant, ACCOUNTS):
            assert {key: one["properties"].get(key) for key in HARDENED} == HARDENED
            assert one["kind"] == "StorageV2"

    def test_let_trusted_services_through_their_firewall(self, tenant: str) -> None:
        for one in of_type(tenant, ACCOUNTS):
            assert one["properties"]["networkAcls"]["bypass"] == "AzureServices"

    def test_are_open_only_as_far_as_the_tenant_says(self, tenant: str) -> None:
        found = {
            one["name"][:6]: (one["properties"]["publicNetworkAccess"], one["properties"]["networkAcls"])
            for one in of_type(tenant, ACCOUNTS)
        }
        opened = ("Enabled", "Allow")
        closed = ("Disabled", "Deny")
        wanted = {
            "example": {"sthost": opened, "stdrop": opened},
            # private, and one range of addresses may drop files all the same
            "everything": {"sthost": closed, "stdrop": ("Enabled", "Deny")},
            "closed-and-long-name": {"sthost": closed, "stdrop": closed},
        }
        assert {name: (access, rules["defaultAction"]) for name, (access, rules) in found.items()} == wanted[tenant]
        ranges = {"everything": [{"value": "203.0.113.0/24", "action": "Allow"}]}
        assert found["stdrop"][1].get("ipRules", []) == ranges.get(tenant, [])

    def test_keep_no_old_state_of_a_lease_or_key(self, tenant: str) -> None:
        host = account(tenant, "sthost")["name"]
        services = [one for one in of_type(tenant, f"{ACCOUNTS}/blobServices") if one["name"].startswith(host)]
        assert [one["properties"] for one in services] == [{"isVersioningEnabled": False}]


def test_the_plan_is_flex_consumption_on_linux(tenant: str) -> None:
    (plan,) = of_type(tenant, "Microsoft.Web/serverfarms")
    assert plan["sku"] == {"name": "FC1", "tier": "FlexConsumption"}
    assert plan["properties"]["reserved"] is True


@pytest.mark.parametrize("cloud", [PUBLIC_CLOUD, OTHER_CLOUD], ids=["public cloud", "another cloud"])
def test_the_site_runs_python_313_from_the_package_container_by_identity(tenant: str, cloud: dict[str, str]) -> None:
    app = site(tenant)
    config = app["properties"]["functionAppConfig"]
    assert app["kind"] == "functionapp,linux"
    assert config["runtime"] == {"name": "python", "version": "3.13"}
    storage = config["deployment"]["storage"]
    assert storage["type"] == "blobContainer"
    suffix = cloud["environment().suffixes.storage"]
    host = account(tenant, "sthost")["name"]
    assert value(storage["value"], cloud) == f"https://{host}.blob.{suffix}/packages"
    assert f"{host}/default/packages" in [one["name"] for one in of_type(tenant, f"{ACCOUNTS}/blobServices/containers")]
    assert storage["authentication"] == {
        "type": "UserAssignedIdentity",
        "userAssignedIdentityResourceId": identity_id(tenant),  # the resource id; settings want the client id
    }
    wanted = {"instanceMemoryMB", "maximumInstanceCount", "alwaysReady", "triggers"}
    assert config["scaleAndConcurrency"].keys() == wanted


def test_the_site_has_the_one_user_assigned_identity(tenant: str) -> None:
    wanted = {"type": "UserAssigned", "userAssignedIdentities": {identity_id(tenant): {}}}
    assert site(tenant)["identity"] == wanted


def test_the_site_takes_https_and_new_tls_only(tenant: str) -> None:
    properties = site(tenant)["properties"]
    assert properties["httpsOnly"] is True
    assert properties["siteConfig"]["minTlsVersion"] == "1.2"
    assert properties["siteConfig"]["scmMinTlsVersion"] == "1.2"


def test_passwords_for_publishing_are_off(tenant: str) -> None:
    policies = of_type(tenant, "Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    found = {(one["name"].rpartition("/")[2], one["properties"]["allow"]) for one in policies}
    assert found == {("ftp", False), ("scm", False)}


def test_event_grid_reaches_the_webhook_however_callers_are_restricted(tenant: str) -> None:
    properties = site(tenant)["properties"]
    assert properties["publicNetworkAccess"] == "Enabled"
    restrictions = value(properties["siteConfig"]["ipSecurityRestrictions"])
    default = value(properties["siteConfig"]["ipSecurityRestrictionsDefaultAction"])
    if tenant != "everything":
        assert (restrictions, default) == ([], "Allow")
        return
    first, *callers = restrictions
    assert (first["action"], first["tag"], first["ipAddress"]) == ("Allow", "ServiceTag", "AzureEventGrid")
    assert callers
    assert all(one["action"] == "Allow" and one["priority"] > first["priority"] for one in callers)
    assert default == "Deny"


def test_a_private_networks_app_subnet_is_delegated_to_what_flex_runs_on(tenant: str) -> None:
    networks = of_type(tenant, "Microsoft.Network/virtualNetworks")
    assert len(networks) == (tenant != "example")
    for network in networks:
        subnets = {one["name"]: one["properties"] for one in network["properties"]["subnets"]}
        (delegation,) = subnets["app"]["delegations"]
        assert delegation["properties"]["serviceName"] == "Microsoft.App/environments"


def test_every_private_endpoint_has_its_zone(tenant: str) -> None:
    zones = {value(one["name"], PUBLIC_CLOUD) for one in of_type(tenant, "Microsoft.Network/privateDnsZones")}
    endpoints = [one["name"] for one in of_type(tenant, "Microsoft.Network/privateEndpoints")]
    services = {name.rpartition("-")[2] for name in endpoints}
    assert zones == {f"privatelink.{service}.core.windows.net" for service in services}
    groups = {one["name"] for one in of_type(tenant, "Microsoft.Network/privateEndpoints/privateDnsZoneGroups")}
    assert groups == {f"{name}/default" for name in endpoints}


def test_telemetry_takes_entra_tokens_only(tenant: str) -> None:
    (component,) = of_type(tenant, "Microsoft.Insights/components")
    (workspace,) = of_type(tenant, "Microsoft.OperationalInsights/workspaces")
    assert component["properties"]["DisableLocalAuth"] is True
    assert workspace["properties"]["features"] == {"disableLocalAuth": True}


def test_the_queues_that_the_host_needs_exist_before_the_app_starts(tenant: str) -> None:
    queues = {one["name"].rpartition("/")[2] for one in of_type(tenant, f"{ACCOUNTS}/queueServices/queues")}
    wanted = {"everything": {"work", "work-poison", "webjobs-blobtrigger-poison", "outcomes"}}
    assert queues == wanted.get(tenant, {"transfers", "transfers-poison", "webjobs-blobtrigger-poison"})


def test_every_resource_that_can_carries_the_tags(tenant: str) -> None:
    untagged = {"Microsoft.Authorization", "Microsoft.Consumption", "Microsoft.Insights/diagnosticSettings"}
    children = {f"{ACCOUNTS}/", "Microsoft.Web/sites/", "Microsoft.Network/privateEndpoints/"}
    wanted = {"product": "outlook-attachment-drop", "tenant": tenant, "azd-env-name": tenant}
    for one in resources(tenant):
        if not one["type"].startswith((*untagged, *children)):
            assert wanted.items() <= one["tags"].items(), one["id"]


def test_watching_is_wired_for_the_app_the_storage_and_the_topic(tenant: str) -> None:
    (topic,) = of_type(tenant, "Microsoft.EventGrid/systemTopics")
    data = account(tenant, "stdrop")["id"]
    watched = {
        one["id"].partition("/providers/Microsoft.Insights/")[0]: {log["category"] for log in one["properties"]["logs"]}
        for one in of_type(tenant, "Microsoft.Insights/diagnosticSettings")
    }
    assert watched == {
        site(tenant)["id"]: {"FunctionAppLogs"},
        f"{data}/blobServices/default": {"StorageWrite", "StorageDelete"},
        f"{data}/queueServices/default": {"StorageWrite"},
        topic["id"]: {"DeliveryFailures"},
    }


# Most characters of each kind of name. Source: "Naming rules and restrictions for Azure resources".
LONGEST = {
    "Microsoft.Authorization/roleAssignments": 36,
    "Microsoft.Authorization/roleDefinitions": 36,
    "Microsoft.Consumption/budgets": 63,
    "Microsoft.EventGrid/systemTopics": 50,
    "Microsoft.Insights/actionGroups": 260,
    "Microsoft.Insights/components": 260,
    "Microsoft.Insights/diagnosticSettings": 260,
    "Microsoft.Insights/scheduledQueryRules": 260,
    "Microsoft.ManagedIdentity/userAssignedIdentities": 128,
    "Microsoft.Network/privateDnsZones": 63,
    "Microsoft.Network/privateEndpoints": 64,
    "Microsoft.Network/virtualNetworks": 64,
    "Microsoft.OperationalInsights/workspaces": 63,
    "Microsoft.Storage/storageAccounts": 24,
    "Microsoft.Web/serverfarms": 60,
    "Microsoft.Web/sites": 60,
}


def test_every_name_fits_also_the_longest_tenants(tenant: str) -> None:
    for one in resources(tenant):
        if one["type"].count("/") == 1:  # children have names of their own, or their parent's before them
            name = value(one["name"], PUBLIC_CLOUD)
            assert len(name) <= LONGEST[one["type"]], name
    assert max(map(len, TENANTS)) == bicep.main().parameters["tenantName"].decorators["maxLength"] == 20
