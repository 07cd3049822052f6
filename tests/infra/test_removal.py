"""`deploy.sh remove`: shows, asks, and deletes only what carries the tenant's tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.infra.az import rights
from tests.infra.az.world import group_id
from tests.infra.stand_in import GROUP, SUBSCRIPTION_ID

if TYPE_CHECKING:
    from tests.infra.stand_in import AzureStub

REMOVE = ("remove", "contoso")


def blobs(count: int, prefix: str) -> dict[str, Any]:
    return {f"{prefix}{number}": {"container": "", "metadata": {}} for number in range(count)}


@pytest.fixture(autouse=True)
def reads_blobs(azure: AzureStub) -> None:
    """Whoever removes may count what is lost."""
    azure.grant(rights.BLOB_READER, group_id(SUBSCRIPTION_ID, GROUP))


def test_the_tenants_name_has_to_be_typed(azure: AzureStub) -> None:
    done = azure.run(*REMOVE, typed="contoso\n")
    assert done.returncode == 0, done.stderr
    assert "Type contoso to delete rg-attachdrop-contoso and everything in it" in done.stdout
    (call,) = azure.calls("az", "group", "delete")
    assert "--yes" in call


@pytest.mark.parametrize("typed", ["\n", "yes\n", "fabrikam\n", "Contoso\n"])
def test_any_other_answer_removes_nothing(azure: AzureStub, typed: str) -> None:
    done = azure.run(*REMOVE, typed=typed)
    assert done.returncode == 1
    assert "nothing was removed" in done.stderr
    assert azure.calls("az", "group", "delete") == []


def test_a_script_answers_with_the_tenants_name(azure: AzureStub) -> None:
    assert azure.run(*REMOVE, "--confirm", "contoso").returncode == 0


def test_a_script_cannot_answer_with_a_mere_yes(azure: AzureStub) -> None:
    assert azure.run(*REMOVE, "--confirm", "yes").returncode == 1
    assert azure.calls("az", "group", "delete") == []


def test_what_would_be_lost_is_shown_first(azure: AzureStub) -> None:
    with azure.group() as group:
        group["resources"] = [("Microsoft.Web/sites", f"n{number}") for number in range(23)]
        group["blobs"]["drop"] = blobs(12, "")
        group["blobs"]["checkpoints"] = blobs(5001, "transfers/")
    done = azure.run(*REMOVE, typed="no\n")
    for line in ("23 resources", "unfinished transfers: 0", "dropped files: 12", "what was attached: 5000 or more"):
        assert line in done.stdout


def test_unfinished_transfers_stop_it(azure: AzureStub) -> None:
    with azure.group() as group:
        group["blobs"]["checkpoints"] = blobs(3, "unfinished/")
    done = azure.run(*REMOVE, typed="contoso\n")
    assert done.returncode == 1
    assert "Unfinished transfers: 3" in done.stderr
    assert azure.calls("az", "group", "delete") == []


def test_transfers_that_cannot_be_counted_stop_it_as_well(azure: AzureStub) -> None:
    azure.only(rights.OWNER)
    done = azure.run(*REMOVE, typed="contoso\n")
    assert done.returncode == 1
    assert "Unfinished transfers: unknown (it takes the role Storage Blob Data Reader" in done.stderr


def test_unfinished_transfers_can_be_abandoned_by_saying_so(azure: AzureStub) -> None:
    with azure.group() as group:
        group["blobs"]["checkpoints"] = blobs(3, "unfinished/")
    assert azure.run(*REMOVE, "--abandon-unfinished", typed="contoso\n").returncode == 0


@pytest.mark.parametrize(
    "tags", [None, {"product": "outlook-attachment-drop", "tenant": "fabrikam"}, {"tenant": "contoso"}]
)
def test_a_group_without_the_tenants_tags_is_left_alone(azure: AzureStub, tags: dict[str, str] | None) -> None:
    with azure.group() as group:
        group["tags"] = tags
    done = azure.run(*REMOVE, typed="contoso\n")
    assert done.returncode == 1
    assert "does not carry the tags of tenant contoso" in done.stderr
    assert azure.calls("az", "group", "delete") == []


def test_a_lock_that_keeps_the_group_is_noticed(azure: AzureStub) -> None:
    with azure.group() as group:
        group["locked"] = True
    done = azure.run(*REMOVE, typed="contoso\n")
    assert done.returncode == 1
    assert "is still there: look at its locks" in done.stderr


def test_a_second_removal_finds_nothing_and_is_no_error(azure: AzureStub) -> None:
    assert azure.run(*REMOVE, typed="contoso\n").returncode == 0
    done = azure.run(*REMOVE)
    assert done.returncode == 0
    assert "does not exist: nothing to remove" in done.stdout
    assert "Outside the resource group, by hand:" in done.stdout


def test_a_deployment_that_never_finished_can_be_removed(azure: AzureStub) -> None:
    azure.answers("deployment group list", [])
    assert azure.run(*REMOVE, typed="contoso\n").returncode == 0
