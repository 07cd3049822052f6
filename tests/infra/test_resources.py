"""What the resources are: what the published types leave open, and what must not slip."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.infra import bicep
from tests.infra.bicep import BicepFile, Call, Choice, Expr, Resource

ACCOUNTS = "Microsoft.Storage/storageAccounts"
CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"

HARDENED = {
    "allowBlobPublicAccess": False,
    "allowCrossTenantReplication": False,
    "allowSharedKeyAccess": False,
    "defaultToOAuthAuthentication": True,
    "minimumTlsVersion": "TLS1_2",
    "supportsHttpsTrafficOnly": True,
}

PINNED = {
    "Microsoft.Consumption/budgets": "2026-06-01",
    "Microsoft.EventGrid/systemTopics": "2025-02-15",
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": "2025-02-15",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",
    "Microsoft.Insights/scheduledQueryRules": "2026-03-01",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "2024-11-30",
    "Microsoft.Network/privateDnsZones": "2024-06-01",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": "2024-06-01",
    "Microsoft.Network/privateEndpoints": "2025-07-01",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": "2025-07-01",
    "Microsoft.Network/virtualNetworks": "2025-07-01",
    "Microsoft.OperationalInsights/workspaces": "2025-07-01",
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.Authorization/roleDefinitions": "2022-04-01",
    "Microsoft.Storage/storageAccounts": "2025-08-01",
    "Microsoft.Web/serverfarms": "2025-03-01",
    "Microsoft.Web/sites": "2025-03-01",
}


def made(type_name: str) -> list[Resource]:
    return [one for file in bicep.all_files() for one in file.of_type(type_name)]


def site() -> dict[str, Any]:
    (app,) = made("Microsoft.Web/sites")
    return app.body


def test_a_type_has_one_api_version_everywhere() -> None:
    for file in bicep.all_files():
        for resource in file.resources:
            parent = resource.type if resource.type in PINNED else resource.type.split("/")[0] + "/"
            pinned = PINNED.get(resource.type) or next(
                version for name, version in PINNED.items() if resource.type.startswith(name)
            )
            assert resource.version == pinned, f"{file.path.name}: {resource.symbol} ({parent})"


def test_no_module_comes_from_a_registry() -> None:
    for file in bicep.all_files():
        for module in file.modules:
            assert (file.path.parent / module.path).is_file()


def test_every_module_gets_every_parameter_it_requires_and_no_other() -> None:
    for module in bicep.main().modules:
        declared = bicep.read(bicep.INFRA / module.path).parameters
        given = module.body["params"].keys()
        assert given <= declared.keys()
        assert {name for name, one in declared.items() if one.is_required} <= given


@pytest.mark.parametrize("account", made(ACCOUNTS), ids=lambda one: one.body["name"])
class TestStorageAccount:
    def test_takes_no_keys_no_anonymous_reader_and_no_old_tls(self, account: Resource) -> None:
        properties = account.body["properties"]
        assert {key: properties.get(key) for key in HARDENED} == HARDENED
        assert account.body["kind"] == "StorageV2"

    def test_lets_trusted_services_through_its_firewall(self, account: Resource) -> None:
        assert account.body["properties"]["networkAcls"]["bypass"] == "AzureServices"

    def test_is_closed_to_the_internet_where_the_network_is_private(self, account: Resource) -> None:
        access = account.body["properties"]["publicNetworkAccess"]
        assert isinstance(access, Choice)
        assert access.condition in {"isPrivate", "isPrivate && !hasAllowedIpRanges"}
        assert (access.yes, access.no) == ("Disabled", "Enabled")
        action = account.body["properties"]["networkAcls"]["defaultAction"]
        assert action.condition in {"isPrivate", "isPrivate || hasAllowedIpRanges"}
        assert (action.yes, action.no) == ("Deny", "Allow")


def test_there_are_two_accounts() -> None:
    assert len(made(ACCOUNTS)) == 2


def test_no_state_of_a_lease_or_key_is_kept_in_the_host_account() -> None:
    blobs = bicep.module("host-storage").resource("blobs").body["properties"]
    assert blobs == {"isVersioningEnabled": False}


def test_the_plan_is_flex_consumption_on_linux() -> None:
    (plan,) = made("Microsoft.Web/serverfarms")
    assert plan.body["sku"] == {"name": "FC1", "tier": "FlexConsumption"}
    assert plan.body["properties"]["reserved"] is True


def test_the_site_runs_python_313_from_the_package_container_by_identity() -> None:
    app = site()
    config = app["properties"]["functionAppConfig"]
    assert app["kind"] == "functionapp,linux"
    assert config["runtime"] == {"name": "python", "version": "3.13"}
    storage = config["deployment"]["storage"]
    assert storage["type"] == "blobContainer"
    assert storage["value"] == "https://${hostStorageName}.blob.${environment().suffixes.storage}/${packageContainer}"
    assert storage["authentication"] == {
        "type": "UserAssignedIdentity",
        "userAssignedIdentityResourceId": Expr("identity.id"),  # the resource id; settings want the client id
    }
    assert config["scaleAndConcurrency"].keys() == {
        "instanceMemoryMB",
        "maximumInstanceCount",
        "alwaysReady",
        "triggers",
    }


def test_the_site_has_the_one_user_assigned_identity() -> None:
    assert site()["identity"] == {"type": "UserAssigned", "userAssignedIdentities": {"${identity.id}": {}}}


def test_the_site_takes_https_and_new_tls_only() -> None:
    properties = site()["properties"]
    assert properties["httpsOnly"] is True
    assert properties["siteConfig"]["minTlsVersion"] == "1.2"
    assert properties["siteConfig"]["scmMinTlsVersion"] == "1.2"


def test_passwords_for_publishing_are_off() -> None:
    policies = made("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    assert {(one.body["name"], one.body["properties"]["allow"]) for one in policies} == {("ftp", False), ("scm", False)}


def test_event_grid_reaches_the_webhook_however_callers_are_restricted() -> None:
    app = bicep.module("function-app")
    (rule,) = app.variables["eventGridRule"]
    assert (rule["action"], rule["tag"], rule["ipAddress"]) == ("Allow", "ServiceTag", "AzureEventGrid")
    assert site()["properties"]["publicNetworkAccess"] == "Enabled"
    restrictions = site()["properties"]["siteConfig"]["ipSecurityRestrictions"]
    assert restrictions.yes == Call("concat", (Expr("eventGridRule"), Expr("callerRules")))


def test_code_is_deployed_only_after_the_roles() -> None:
    app = next(module for module in bicep.main().modules if module.symbol == "app")
    assert Expr("roles") in app.body["dependsOn"]


def test_a_private_networks_app_subnet_is_delegated_to_what_flex_runs_on() -> None:
    (network,) = made("Microsoft.Network/virtualNetworks")
    subnets = {one["name"]: one["properties"] for one in network.body["properties"]["subnets"]}
    (delegation,) = subnets["app"]["delegations"]
    assert delegation["properties"]["serviceName"] == "Microsoft.App/environments"


def test_every_service_that_the_app_uses_has_a_private_endpoint_and_a_zone() -> None:
    network = bicep.module("network")
    endpoints = {(str(one["account"]), one["service"]) for one in network.variables["endpoints"]}
    assert endpoints == {
        ("hostStorageName", "blob"),
        ("hostStorageName", "queue"),
        ("hostStorageName", "table"),
        ("dataStorageName", "blob"),
        ("dataStorageName", "queue"),
    }
    assert {service for _, service in endpoints} == set(network.variables["services"])


def test_telemetry_takes_entra_tokens_only() -> None:
    monitoring = bicep.module("monitoring")
    assert monitoring.resource("component").body["properties"]["DisableLocalAuth"] is True
    assert monitoring.resource("workspace").body["properties"]["features"] == {"disableLocalAuth": True}


def test_lifecycle_deletes_drops_and_dead_letters_and_nothing_else() -> None:
    lifecycle = bicep.module("lifecycle")
    rules = [lifecycle.variables["deadLetterRule"], lifecycle.variables["dropRule"]]
    prefixes = {prefix for rule in rules for prefix in rule["definition"]["filters"]["prefixMatch"]}
    assert prefixes == {"${deadLetterContainer}/", "${dropContainer}/"}
    policy = lifecycle.resource("policy").body["properties"]["policy"]["rules"]
    assert policy == Choice(
        "dropRetentionDays > 0", [Expr("deadLetterRule"), Expr("dropRule")], [Expr("deadLetterRule")]
    )


def test_checkpoints_and_the_package_are_in_no_lifecycle_rule() -> None:
    assert [one.symbol for one in made(f"{ACCOUNTS}/managementPolicies")] == ["policy"]
    lifecycle = bicep.module("lifecycle")
    assert not {"checkpointContainer", "packageContainer", "hostStorageName"} & lifecycle.parameters.keys()
    module = next(one for one in bicep.main().modules if one.symbol == "lifecycle")
    assert module.body["params"]["storageAccountName"] == Expr("names.dataStorage")


def test_the_queues_that_the_host_needs_exist_before_the_app_starts() -> None:
    module = next(one for one in bicep.main().modules if one.symbol == "dataStorage")
    always, optional = module.body["params"]["queues"].arguments
    assert always == [Expr("transferQueue"), Expr("${transferQueue}-poison"), "webjobs-blobtrigger-poison"]
    assert optional == Choice("empty(outcomeQueue)", [], [Expr("outcomeQueue")])


SECRET = re.compile(r"listKeys|listAccountSas|key\b|secret|password|connectionstring|sas\b", re.IGNORECASE)


@pytest.mark.parametrize("file", bicep.all_files(), ids=lambda file: file.path.name)
def test_no_output_or_parameter_is_a_secret(file: BicepFile) -> None:
    for name, value in file.outputs.items():
        assert not SECRET.search(f"{name} {value}"), name
    assert not [name for name, one in file.parameters.items() if "secure" in one.decorators]


def test_the_only_key_that_is_read_is_the_webhooks_and_inside_the_deployment() -> None:
    text = "".join(file.path.read_text(encoding="utf-8") for file in bicep.all_files())
    assert text.count("listKeys(") == 1
    subscription = bicep.read(bicep.INFRA / "subscription.bicep")
    assert (
        subscription.variables["key"] == "listKeys('${app.id}/host/default', '2025-03-01').systemKeys.blobs_extension"
    )
    assert "key" not in subscription.parameters


def test_a_deployment_to_another_place_than_the_files_own_is_refused() -> None:
    main = bicep.main()
    right_place = main.variables["isRightPlace"]
    for fact in ("subscription().tenantId", "subscription().subscriptionId", "resourceGroup().name"):
        assert fact in right_place
    place = main.variables["place"]
    assert place.condition == "isRightPlace"
    assert isinstance(place.no, Call)
    assert place.no.name == "fail"
    assert main.variables["token"] == Call("uniqueString", (Expr("place"), Expr("tenantName")))


def longest(text: str) -> int:
    """The longest that a name can get: the tenant's name has 20 characters, the token 13, its beginning 5."""
    text = text.replace("${stem}", "attachdrop-${tenantName}").replace("${tenantName}", "t" * 20)
    return len(text.replace("${take(token, 5)}", "t" * 5).replace("${token}", "t" * 13))


# Most characters of each kind of name. Source: "Naming rules and restrictions for Azure resources".
LONGEST = {
    "identity": 128,
    "workspace": 63,
    "component": 260,
    "hostStorage": 24,
    "dataStorage": 24,
    "topic": 50,
    "network": 64,
    "plan": 60,
    "app": 60,
    "budget": 63,
    "packageContainer": 63,
    "deadLetterContainer": 63,
}


def test_every_name_is_made_in_one_place_and_fits() -> None:
    names = bicep.main().variables["names"]
    assert {name: longest(text) <= LONGEST[name] for name, text in names.items()} == dict.fromkeys(LONGEST, True)
    assert bicep.main().parameters["tenantName"].decorators["maxLength"] == 20


def test_every_resource_that_can_carries_the_tags() -> None:
    untagged = {"Microsoft.Authorization", "Microsoft.Consumption", "Microsoft.Insights/diagnosticSettings"}
    children = {
        ACCOUNTS,
        "Microsoft.Web/sites",
        "Microsoft.EventGrid/systemTopics",
        "Microsoft.Network/privateEndpoints",
    }
    for file in bicep.all_files():
        for one in file.resources:
            is_child = any(one.type.startswith(f"{parent}/") for parent in children)
            if one.is_existing or is_child or any(one.type.startswith(name) for name in untagged):
                continue
            assert "tags" in one.body, f"{file.path.name}: {one.symbol}"


def test_watching_is_wired_for_the_app_the_storage_and_the_topic() -> None:
    watched = {
        str(one.body["scope"]): {log["category"] for log in one.body["properties"]["logs"]}
        for one in made("Microsoft.Insights/diagnosticSettings")
    }
    assert watched == {
        "app": {"FunctionAppLogs"},
        "dataBlobs": {"StorageWrite", "StorageDelete"},
        "dataQueues": {"StorageWrite"},
        "topic": {"DeliveryFailures"},
    }
