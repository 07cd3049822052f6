"""An identity that was deleted and made anew: `up` takes the old one's role assignments away, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.deployer.orphaned_roles import DEAD_LETTERS
from tests.infra.az import deploying, errors, rights
from tests.infra.az.world import group_id
from tests.infra.compiler import TENANTS, of_type
from tests.infra.roles import APP, EVENT_GRID, assignments
from tests.infra.stand_in import GROUP, OPERATOR, OPERATOR_ID, PRINCIPAL_ID, SUBSCRIPTION_ID

if TYPE_CHECKING:
    from tests.infra.stand_in import AzureStub

UP = ("up", "contoso", "--yes", "--skip-verify")
PLACE = group_id(SUBSCRIPTION_ID, GROUP)
IDENTITY, TOPIC = deploying.APP.format("contoso"), deploying.TOPIC.format("contoso")


def deleted(azure: AzureStub, name: str) -> None:
    """By hand, in the portal: what held roles is gone, and its assignments stay."""
    with azure.group() as group:
        del group["identities"][name]
        group["resources"] = [one for one in group["resources"] if one[1] != name]


def held_by(azure: AzureStub, principal: str) -> list[str]:
    with azure.state() as data:
        assignments = data["subscriptions"][SUBSCRIPTION_ID]["assignments"]
    return [one["scope"].removeprefix(PLACE) for one in assignments if one["principalId"] == principal]


@pytest.mark.parametrize(("name", "old", "count"), [(IDENTITY, PRINCIPAL_ID, 7), (TOPIC, deploying.TOPIC_PRINCIPAL, 1)])
def test_up_goes_through_after_an_identity_was_made_anew(azure: AzureStub, name: str, old: str, count: int) -> None:
    assert len(held_by(azure, old)) == count
    deleted(azure, name)
    done = azure.run(*UP)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(f"from {old}, an identity that is gone") == count
    with azure.group() as group:
        new = group["identities"][name]
    assert new != old
    assert held_by(azure, old) == []
    assert len(held_by(azure, new)) == count


def test_a_first_deployment_that_stopped_half_way_is_mended_as_well(azure: AzureStub) -> None:
    deleted(azure, IDENTITY)
    with azure.group() as group:
        group["deployments"].clear()
    assert azure.run(*UP).returncode == 0
    assert held_by(azure, PRINCIPAL_ID) == []


@pytest.mark.parametrize(("name", "is_called_for"), [(IDENTITY, True), (TOPIC, False)])
def test_the_runbook_is_called_for_again_where_the_mailbox_rights_are_gone(
    azure: AzureStub, name: str, is_called_for: bool
) -> None:
    deleted(azure, name)
    done = azure.run(*UP)
    assert ("give the\n  runbook to the Exchange administrator again" in done.stdout) == is_called_for


def test_what_others_gave_on_the_same_resources_stays(azure: AzureStub) -> None:
    with azure.state() as data:
        data["people"]["guest"] = {"objectId": "cccccccc-0000-4000-8000-000000000001", "directory": []}
    host = f"{PLACE}/providers/Microsoft.Storage/storageAccounts/sthostcontoso"
    azure.grant(rights.BLOB_READER, host, "guest")
    deleted(azure, IDENTITY)
    assert azure.run(*UP).returncode == 0
    assert held_by(azure, "cccccccc-0000-4000-8000-000000000001") == [host.removeprefix(PLACE)]


def test_without_the_right_to_take_them_away_the_way_out_is_named(azure: AzureStub) -> None:
    deleted(azure, IDENTITY)
    azure.answers("role assignment delete", errors.denied(OPERATOR, OPERATOR_ID, "x/delete", PLACE))
    done = azure.run(*UP)
    assert done.returncode == 1
    assert "The signed-in account lacks a right" in done.stderr


def test_an_assignment_that_is_found_nowhere_is_left_to_a_person(azure: AzureStub) -> None:
    azure.answers("deployment group create", RuntimeError("RoleAssignmentUpdateNotPermitted: ..."))
    done = azure.run(*UP)
    assert done.returncode == 1
    assert "none of them was found" in done.stderr
    assert "az role assignment delete --ids" in done.stderr


def test_azd_finds_them_gone_before_it_deploys(azure: AzureStub) -> None:
    deleted(azure, IDENTITY)
    done = azure.run(script="infra/hooks/prepare.sh", AZURE_ENV_NAME="contoso")
    assert done.returncode == 0, done.stderr
    assert held_by(azure, PRINCIPAL_ID) == []
    assert len(held_by(azure, deploying.TOPIC_PRINCIPAL)) == 1


@pytest.mark.parametrize("tenant", TENANTS)
def test_the_names_that_it_looks_for_are_the_templates_own(tenant: str) -> None:
    containers = [one["name"] for one in of_type(tenant, "Microsoft.Storage/storageAccounts/blobServices/containers")]
    assert [name for name in containers if name.endswith(f"/{DEAD_LETTERS}")]
    holders = {one.who: one.principal for one in assignments(tenant)}
    assert (holders[APP], holders[EVENT_GRID]) == (f"id-attachdrop-{tenant}", f"evgt-attachdrop-{tenant}")
