"""What Azure Resource Manager is handed: the compiled templates, by rules that Microsoft's template test toolkit names.

The toolkit itself (PowerShell, on no package index) is not run. Rules of its that the compiler's linter has are checked
by the linter; the ones here are asserted on the compiled JSON.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from tests.infra import compiler
from tests.infra.bicep import walk
from tests.infra.compiler import INFRA

pytestmark = [compiler.needed, pytest.mark.parametrize("template", ["main", "subscription"])]

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"


@cache
def compiled(template: str) -> dict[str, Any]:
    done = compiler.bicep("build", str(INFRA / f"{template}.bicep"), "--stdout")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def templates(template: str) -> list[dict[str, Any]]:
    """The template and the ones nested in it, a module each."""
    whole = compiled(template)
    return [whole, *(inner for key, inner in walk(whole) if key == "template" and isinstance(inner, dict))]


def parameters(template: str) -> list[tuple[str, dict[str, Any]]]:
    return [pair for one in templates(template) for pair in one.get("parameters", {}).items()]


def test_a_number_with_a_least_has_a_most_and_both_are_numbers(template: str) -> None:
    for name, one in parameters(template):
        bounds = [one[key] for key in ("minValue", "maxValue") if key in one]
        assert len(bounds) in {0, 2}, name
        assert all(type(bound) is int for bound in bounds), name


def test_every_parameter_that_the_outermost_template_declares_is_used(template: str) -> None:
    whole = compiled(template)
    text = json.dumps({key: value for key, value in whole.items() if key != "parameters"})
    unused = [name for name in whole["parameters"] if f"parameters('{name}')" not in text]
    assert unused == []


def test_it_is_of_the_schema_for_a_resource_group(template: str) -> None:
    assert {one["$schema"] for one in templates(template)} == {SCHEMA}


def test_no_link_leads_out_of_the_template(template: str) -> None:
    assert not [key for key, _ in walk(compiled(template)) if key in {"templateLink", "parametersLink"}]


def test_a_nested_deployment_evaluates_its_own_expressions_and_tells_no_details(template: str) -> None:
    for key, resources in walk(compiled(template)):
        if key != "resources":
            continue
        for one in resources.values() if isinstance(resources, dict) else resources:
            if one["type"] == "Microsoft.Resources/deployments":
                assert one["properties"]["expressionEvaluationOptions"] == {"scope": "inner"}
                assert "debugSetting" not in one["properties"]


def test_no_parameter_is_a_secret_with_a_default(template: str) -> None:
    assert not [name for name, one in parameters(template) if one.get("type", "").lower().startswith("secure")]


def test_nothing_is_blank_that_is_given_at_all(template: str) -> None:
    """A name, an id or a value that is an empty text is a slip, but for the defaults that mean 'none'."""
    blank = [key for key, value in walk(compiled(template)) if value == "" and key != "defaultValue"]
    assert blank == []
