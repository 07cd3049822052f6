"""docs/deploy.md, typed: every block of commands that it shows is run as it stands, over the stand-ins.

From a repository without a tenant to the first attached file, and to the removal. What a reader has to fill in is
filled in; nothing else is changed.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from infra.deployer.__main__ import COMMANDS
from infra.deployer.container_roles import deployer_condition
from infra.deployer.deployment import Tenant
from tests.infra.az import rights
from tests.infra.az.world import group_id
from tests.infra.internet import internet
from tests.infra.playing_app import App, handler
from tests.infra.playing_prices import PriceServer
from tests.infra.reader import BEGINS, BLOCKS, INLINE, TEXT, Reader
from tests.infra.stand_in import GROUP, SUBSCRIPTION_ID, TENANT_ID, AzureStub

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl, which the document uses, is not on the PATH"),
    pytest.mark.xdist_group("infra-document"),
]


def test_every_block_is_run_here_or_in_test_transfers_or_test_fleet() -> None:
    assert len(BLOCKS) == len(BEGINS)
    for begin in BEGINS.values():
        assert len([one for one in BLOCKS if one.startswith(begin)]) == 1, begin


@pytest.fixture
def playing(nothing: AzureStub) -> App:
    """The app before the runbook was run: the mailbox is not reached yet."""
    app = App(nothing)
    app.fates["orders%40contoso.test"] = [("waiting", "ACCESS_DENIED")]
    return app


@pytest.fixture
def reader(nothing: AzureStub, playing: App) -> Iterator[Reader]:
    nothing.start_over()
    hosts = {"func-contoso.azurewebsites.net": handler(playing), "prices.azure.com": PriceServer}
    with internet(nothing.folder, hosts) as environment:
        yield Reader(nothing, environment)


def checks(printed: str) -> list[str]:
    return [line for line in printed.splitlines() if line.startswith(("  ok ", "  WRONG ", "  UNKNOWN "))]


def test_from_nothing_to_the_first_file_and_to_the_removal(reader: Reader, playing: App) -> None:
    assert "no fault" in reader.runs("describe")
    printed = reader.runs("deploy", typed="yes\n", code=1)
    assert "```\n" + "\n".join(checks(printed)) + "\n```" in TEXT, "the list that the document shows"
    for words, pattern in {
        "<app>": r"the app is (\S+),",
        "<app host>": r"at https://(\S+)",
        "<data account>": r"of the account (\S+)",
    }.items():
        (reader.filled[words],) = set(re.findall(pattern, printed))  # "`up` printed both names"
    assert (reader.azure.folder / "build" / "contoso-mailbox-access.ps1").is_file()

    playing.fates["orders%40contoso.test"] = [("waiting", "TARGET_NOT_FOUND")]
    assert [line[:8] for line in checks(reader.runs("verify"))] == ["  ok    "] * 9

    assert "Deploy this?" in reader.runs("in short", typed="yes\n")

    (reader.azure.folder / "quote.pdf").write_bytes(b"%PDF")
    reader.runs("drop")
    with reader.azure.group() as group:
        metadata = group["blobs"]["drop"]["quote.pdf"]["metadata"]
    assert metadata == {"mailbox": "orders@contoso.com", "messageid": "AAMk%2F%2B%3D%3D"}
    assert '"quote.pdf"' in reader.runs("watch")

    reader.runs("limit")
    with reader.azure.state() as data:
        (made,) = [one for one in data["subscriptions"][SUBSCRIPTION_ID]["assignments"] if "condition" in one]
    place: dict[str, object] = {"azureSubscriptionId": SUBSCRIPTION_ID, "resourceGroupName": GROUP}
    assert made["condition"] == deployer_condition(Tenant("contoso", place))

    outcome = {command: reader.types(command, "yes\n") for command in INLINE if " remove " not in command}
    assert {command: done.stderr for command, done in outcome.items() if done.returncode} == {}

    reader.azure.grant(rights.BLOB_READER, group_id(SUBSCRIPTION_ID, GROUP))
    done = reader.types("infra/deploy.sh remove contoso", "contoso\n")
    assert done.returncode == 0, done.stdout + done.stderr
    with reader.azure.state() as data:
        assert data["subscriptions"][SUBSCRIPTION_ID]["groups"] == {}


def test_with_azd(reader: Reader, playing: App) -> None:
    """Until the mailboxes are granted, the last step fails with the list."""
    reader.runs("describe")
    reader.types("az login --tenant <tenant id>")
    compiler = reader.azure.folder / ".azure" / "bin" / "bicep"
    compiler.parent.mkdir(parents=True)
    compiler.write_text("#!/bin/sh\necho 'Bicep CLI version 0.49.2 (0123456789)'\n", encoding="utf-8")
    compiler.chmod(0o755)
    printed = reader.runs("azd", code=1)
    (wrong,) = [line for line in checks(printed) if not line.startswith("  ok ")]
    assert wrong.startswith("  WRONG    reachableMailbox orders@contoso.test: access denied. Exchange needs 30 minutes")
    playing.fates["orders%40contoso.test"] = [("waiting", "TARGET_NOT_FOUND")]
    assert len(checks(reader.runs("verify"))) == 9


def test_with_github(reader: Reader) -> None:
    application: dict[str, Any] = {"appId": "cccccccc-0000-4000-8000-000000000001", "id": "d", "credentials": []}
    with reader.azure.state() as data:
        data["directories"][TENANT_ID]["apps"] = [application | {"displayName": "x", "signInAudience": "y"}]
    reader.environment["AZURE_CLIENT_ID"] = application["appId"]
    reader.types("az login --tenant <tenant id>")
    reader.runs("github")
    with reader.azure.state() as data:
        (made,) = data["directories"][TENANT_ID]["apps"][0]["credentials"]
    assert made["subject"] == "repo:contoso/attachments:environment:contoso"


def test_several_tenants_on_one_machine(reader: Reader) -> None:
    reader.azure.add_tenant("fabrikam")  # signed in last, in the default folder
    reader.runs("describe")
    reader.runs("two tenants", typed="yes\n", code=1)  # verify: the mailboxes are not granted yet
    with reader.azure.state() as data:
        assert [list(one["groups"]) for one in data["subscriptions"].values()] == [[GROUP], []]


def test_prices_are_fetched_from_microsofts_list(reader: Reader) -> None:
    assert "prices.json" in reader.runs("prices")


def test_every_command_is_among_the_ones_that_are_run() -> None:
    told = "\n".join([*BLOCKS, *INLINE])
    assert {name for name in COMMANDS if f"deploy.sh {name}" not in told} == {"tenants"}  # for the workflows
