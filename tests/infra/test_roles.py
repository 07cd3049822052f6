"""Role assignments are exactly the ones listed here, each with its reason."""

from __future__ import annotations

import re

import pytest

from infra.deployer.orphaned_roles import assignment_name
from tests.infra import bicep
from tests.infra.compiler import TENANTS, of_type
from tests.infra.roles import APP, EVENT_GRID, OWN_ROLE, UPLOADERS, VERIFIERS, assignments, everywhere

SERVICES = {
    (APP, "host account", "Storage Blob Data Owner"),
    (APP, "host account", "Storage Queue Data Contributor"),
    (APP, "host account", "Storage Table Data Contributor"),
    (APP, "checkpoint container", "Storage Blob Data Contributor"),
    (APP, "data account", "Storage Queue Data Contributor"),
    (APP, "Application Insights", "Monitoring Metrics Publisher"),
    (EVENT_GRID, "dead-letter container", "Storage Blob Data Contributor"),
}

# (who, where, role) of each tenant
EXPECTED = {
    # keeps its sources
    "example": {
        (APP, "drop container", "Storage Blob Data Reader"),
        (UPLOADERS, "drop container", OWN_ROLE),
    },
    # deletes its sources, and somebody runs verify
    "everything": {
        (APP, "drop container", "Storage Blob Data Contributor"),
        (UPLOADERS, "drop container", OWN_ROLE),
        (VERIFIERS, "drop container", "Storage Blob Data Contributor"),
    },
    # may make no role of its own
    "closed-and-long-name": {
        (APP, "drop container", "Storage Blob Data Reader"),
        (UPLOADERS, "drop container", "Storage Blob Data Contributor"),
    },
}


@pytest.mark.parametrize("tenant", TENANTS)
def test_the_assignments_are_exactly_these(tenant: str) -> None:
    assert {(one.who, one.where, one.role) for one in assignments(tenant)} == SERVICES | EXPECTED[tenant]


def test_each_person_on_the_list_gets_one() -> None:
    counts = {tenant: sum(one.who == UPLOADERS for one in assignments(tenant)) for tenant in TENANTS}
    assert counts == {"example": 1, "everything": 2, "closed-and-long-name": 1}


@pytest.mark.parametrize(("tenant", "count"), [("example", 1), ("everything", 1), ("closed-and-long-name", 0)])
def test_a_role_is_made_only_where_it_is_given(tenant: str, count: int) -> None:
    assert len(of_type(tenant, "Microsoft.Authorization/roleDefinitions")) == count


def test_every_assignment_says_why_in_azure_too() -> None:
    reasons: dict[str, set[tuple[str, str]]] = {}
    for one in everywhere():
        reasons.setdefault(one.why, set()).add((one.who, one.where))
    assert all(why.endswith(".") for why in reasons)
    assert [why for why, places in reasons.items() if len(places) > 1] == []


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_rerun_finds_its_own_assignments(tenant: str) -> None:
    """A person's go by the object id; what-if knows the name of the resource that has the identity before it exists."""
    for one in assignments(tenant):
        assert one.name == assignment_name(one.scope, one.principal, one.role_id)


def test_a_principal_that_is_minutes_old_is_found() -> None:
    kinds = {one.who: one.kind for one in everywhere()}
    assert (kinds[APP], kinds[EVENT_GRID]) == ("ServicePrincipal", "ServicePrincipal")
    people = {one.kind for one in assignments("everything") if one.who == UPLOADERS}
    assert people == {"Group", "ServicePrincipal"}


def test_every_assignment_on_a_container_is_told_to_the_deployer() -> None:
    """What is not told would be taken back after the deployment. A module's outputs are in no snapshot."""
    file = bicep.module("roles")
    made = file.of_type("Microsoft.Authorization/roleAssignments")
    on_containers = {one.symbol for one in made if one.body["scope"] in {"drops", "checkpoints", "deadLetters"}}
    told = re.findall(r"(\w+)(?:\[index\])?\.id", str(file.outputs))
    assert on_containers == set(told)
    told_by_main = str(bicep.main().outputs["containerRoleAssignments"])
    assert [name for name in file.outputs if f"roles.outputs.{name}" not in told_by_main] == []
