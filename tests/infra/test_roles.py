"""Role assignments are exactly the ones listed here, each with its reason."""

from __future__ import annotations

import re

from tests.infra import bicep
from tests.infra.bicep import Expr
from tests.infra.roles import ASSIGNMENTS, FILE, OWN_ROLE, role_name

# (who, where) -> role
EXPECTED = {
    ("appIdentity.properties.principalId", "hostStorage", "Storage Blob Data Owner"),
    ("appIdentity.properties.principalId", "hostStorage", "Storage Queue Data Contributor"),
    ("appIdentity.properties.principalId", "hostStorage", "Storage Table Data Contributor"),
    (
        "appIdentity.properties.principalId",
        "drops",
        "Storage Blob Data Contributor if it deletes sources, else Storage Blob Data Reader",
    ),
    ("appIdentity.properties.principalId", "checkpoints", "Storage Blob Data Contributor"),
    ("appIdentity.properties.principalId", "dataStorage", "Storage Queue Data Contributor"),
    ("appIdentity.properties.principalId", "component", "Monitoring Metrics Publisher"),
    ("topic.identity.principalId", "deadLetters", "Storage Blob Data Contributor"),
    ("uploader.principalId", "drops", f"{OWN_ROLE}, or Storage Blob Data Contributor (`uploaderRole`)"),
    ("verifier.principalId", "drops", "Storage Blob Data Contributor"),
}


# what-if knows the name of the resource that has the identity before the identity exists
NAMED_BY = {"appIdentity.properties.principalId": "appIdentityName", "topic.identity.principalId": "topicName"}


def test_the_assignments_are_exactly_these() -> None:
    found = {
        (
            str(one.body["properties"]["principalId"]),
            str(one.body["scope"]),
            role_name(one.body["properties"]["roleDefinitionId"].arguments[1]),
        )
        for one in ASSIGNMENTS
    }
    assert found == EXPECTED
    assert len(ASSIGNMENTS) == len(EXPECTED)


def test_no_other_file_assigns_a_role() -> None:
    others = [file.path.name for file in bicep.all_files() if file.of_type("Microsoft.Authorization/roleAssignments")]
    assert others == ["roles.bicep"]


def test_every_assignment_says_why() -> None:
    reasons = [one.description for one in ASSIGNMENTS]
    assert all(reason and reason.endswith(".") for reason in reasons)
    assert len(set(reasons)) == len(reasons)


def test_a_rerun_finds_its_own_assignments() -> None:
    for one in ASSIGNMENTS:
        name, properties = one.body["name"], one.body["properties"]
        assert name.name == "guid"
        scope, principal, role = name.arguments
        assert scope == f"{one.body['scope']}.id"
        assert principal == NAMED_BY.get(properties["principalId"], properties["principalId"])
        assert role == properties["roleDefinitionId"].arguments[1]


def test_a_principal_that_is_minutes_old_is_found() -> None:
    for one in ASSIGNMENTS:
        who = str(one.body["properties"]["principalId"]).partition(".")[0]
        wanted = Expr(f"{who}.principalType") if one.is_loop else "ServicePrincipal"
        assert one.body["properties"]["principalType"] == wanted


def test_every_assignment_on_a_container_is_told_to_the_deployer() -> None:
    """What is not told would be taken back after the deployment."""
    on_containers = {one.symbol for one in ASSIGNMENTS if one.body["scope"] in {"drops", "checkpoints", "deadLetters"}}
    told = re.findall(r"(\w+)(?:\[index\])?\.id", str(FILE.outputs))
    assert on_containers == set(told)
    told_by_main = str(bicep.main().outputs["containerRoleAssignments"])
    assert [name for name in FILE.outputs if f"roles.outputs.{name}" not in told_by_main] == []
