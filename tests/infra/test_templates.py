"""The templates' own text, for what no deployment's snapshot shows: order, conditions, secrets, longest names."""

from __future__ import annotations

import re

import pytest

from tests.infra import bicep
from tests.infra.api_versions import pinned
from tests.infra.bicep import BicepFile, Call, Choice, Expr

SECRET = re.compile(r"listKeys|listAccountSas|key\b|secret|password|connectionstring|sas\b", re.IGNORECASE)


def test_a_type_has_one_api_version_everywhere_also_where_a_resource_is_only_referred_to() -> None:
    for file in bicep.all_files():
        for resource in file.resources:
            assert resource.version == pinned(resource.type), f"{file.path.name}: {resource.symbol}"


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


def test_code_is_deployed_only_after_the_roles() -> None:
    app = next(module for module in bicep.main().modules if module.symbol == "app")
    assert Expr("roles") in app.body["dependsOn"]


@pytest.mark.parametrize("name", ["host-storage", "data-storage"])
def test_an_account_is_closed_to_the_internet_where_the_network_is_private(name: str) -> None:
    """The snapshots show a tenant without private network, and one that lets some addresses in all the same."""
    (account,) = bicep.module(name).of_type("Microsoft.Storage/storageAccounts")
    access = account.body["properties"]["publicNetworkAccess"]
    assert isinstance(access, Choice)
    assert access.condition in {"isPrivate", "isPrivate && !hasAllowedIpRanges"}
    assert (access.yes, access.no) == ("Disabled", "Enabled")
    action = account.body["properties"]["networkAcls"]["defaultAction"]
    assert action.condition in {"isPrivate", "isPrivate || hasAllowedIpRanges"}
    assert (action.yes, action.no) == ("Deny", "Allow")


def test_dropped_files_are_deleted_only_where_their_days_are_given() -> None:
    policy = bicep.module("lifecycle").resource("policy").body["properties"]["policy"]["rules"]
    assert policy == Choice(
        "dropRetentionDays > 0", [Expr("deadLetterRule"), Expr("dropRule")], [Expr("deadLetterRule")]
    )


def test_checkpoints_and_the_package_are_in_no_lifecycle_rule() -> None:
    assert [
        one for one in bicep.all_files() if one.of_type("Microsoft.Storage/storageAccounts/managementPolicies")
    ] == [bicep.module("lifecycle")]
    lifecycle = bicep.module("lifecycle")
    assert not {"checkpointContainer", "packageContainer", "hostStorageName"} & lifecycle.parameters.keys()
    module = next(one for one in bicep.main().modules if one.symbol == "lifecycle")
    assert module.body["params"]["storageAccountName"] == Expr("names.dataStorage")


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
