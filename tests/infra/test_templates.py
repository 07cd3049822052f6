"""The templates' own text, for what no deployment's snapshot shows: order, modules, what is only referred to."""

from __future__ import annotations

import re

import pytest

from tests.infra import bicep
from tests.infra.api_versions import pinned
from tests.infra.bicep import BicepFile, Call, Expr

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


@pytest.mark.parametrize("file", bicep.all_files(), ids=lambda file: file.path.name)
def test_no_output_or_parameter_is_a_secret(file: BicepFile) -> None:
    for name, value in file.outputs.items():
        assert not SECRET.search(f"{name} {value}"), name
    assert not [name for name, one in file.parameters.items() if "secure" in one.decorators]


def test_the_only_key_that_is_read_is_the_webhooks_and_inside_the_deployment() -> None:
    """Which one it is, and where it goes: test_subscription.py, by the snapshot."""
    text = {file.path.name: file.path.read_text(encoding="utf-8").count("listKeys(") for file in bicep.all_files()}
    assert {name: count for name, count in text.items() if count} == {"subscription.bicep": 1}


def test_the_place_of_a_deployment_is_looked_at_before_anything_is_named() -> None:
    main = bicep.main()
    right_place = main.variables["isRightPlace"]
    for fact in ("subscription().tenantId", "subscription().subscriptionId", "resourceGroup().name"):
        assert fact in right_place
    place = main.variables["place"]
    assert place.condition == "isRightPlace"
    assert isinstance(place.no, Call)
    assert place.no.name == "fail"
    assert main.variables["token"] == Call("uniqueString", (Expr("place"), Expr("tenantName")))
