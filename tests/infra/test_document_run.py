"""docs/deploy.md, typed: every block of commands that it shows is run as it stands, over the stand-ins.

From a repository without a tenant to the first attached file, and to the removal. What a reader has to fill in is
filled in; nothing else is changed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from infra.deployer.__main__ import COMMANDS
from infra.deployer.container_roles import deployer_condition
from infra.deployer.deployment import Tenant
from tests.infra.az import rights
from tests.infra.az.world import group_id
from tests.infra.documents import DOCUMENT
from tests.infra.internet import internet
from tests.infra.playing_app import App, handler
from tests.infra.playing_prices import PriceServer
from tests.infra.stand_in import GROUP, OPERATOR_ID, SUBSCRIPTION_ID, TENANT_ID, AzureStub, tenant_file

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = DOCUMENT.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
INLINE = sorted(set(re.findall(r"`(infra/deploy\.sh [a-z-]+(?: [a-z0-9]+)*)`", TEXT)))
"""Whole commands within the text."""

BEGINS = {
    "in short": "infra/deploy.sh up contoso\n",
    "limit": 'az role assignment create --scope "$GROUP_ID"',
    "describe": "cp infra/tenants/example.bicepparam",
    "deploy": "az login --tenant <tenant id>",
    "verify": "infra/deploy.sh verify contoso\n",
    "drop": "az storage blob upload",
    "watch": "KEY=$(az functionapp keys list",
    "azd": "azd auth login",
    "github": "az ad app federated-credential create",
    "two tenants": "export AZURE_CONFIG_DIR=~/.azure-contoso",
    "prices": "infra/deploy.sh prices westeurope",
}
"""Each block by its first words: a block that is new has to be run here as well."""

SITE = """import time
time.sleep = lambda seconds, sleep=time.sleep: sleep(min(seconds, 0.01))
"""
"""A sitecustomize for the reader's Python: waits are as long as they are, and pass at once."""

pytestmark = [
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl, which the document uses, is not on the PATH"),
    pytest.mark.xdist_group("infra-document"),
]


def test_every_block_is_run_here() -> None:
    assert len(BLOCKS) == len(BEGINS)
    for begin in BEGINS.values():
        assert len([one for one in BLOCKS if one.startswith(begin)]) == 1, begin


class Reader:
    """Somebody at a shell in the repository's folder."""

    def __init__(self, azure: AzureStub, more: dict[str, str]) -> None:
        self.azure = azure
        home = azure.folder
        (home / "site").mkdir()
        (home / "site" / "sitecustomize.py").write_text(SITE, encoding="utf-8")
        editor = home / "bin" / "editor"
        editor.write_text(f"#!/bin/sh\ncat > \"$1\" <<'END'\n{self.tenant()}END\n", encoding="utf-8")
        editor.chmod(0o755)
        place = group_id(SUBSCRIPTION_ID, GROUP)
        path = f"{home / 'bin'}:{sys.prefix}/bin:/usr/bin:/bin"
        known = {"PATH": path, "HOME": str(home), "PYTHONPATH": str(home / "site"), "EDITOR": str(editor)}
        ids = {"GROUP_ID": place, "DEPLOYER": "cccccccc-0000-4000-8000-00000000000d", "MESSAGE_ID": "AAMk/+=="}
        self.environment = known | ids | more
        self.filled = {"<tenant id>": TENANT_ID, "<owner>/<repository>": "contoso/attachments"}

    def tenant(self) -> str:
        verifier = f"{{ principalId: '{OPERATOR_ID}', principalType: 'User' }}"
        return tenant_file("contoso", f"param verifiers = [{verifier}]")

    def types(self, text: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        for words, value in self.filled.items():
            text = text.replace(words, value)
        assert not re.search(r"<[a-z ]+>", text), text
        command = ["sh", "-c", text]
        return subprocess.run(
            command,
            env=self.environment,
            input=typed,
            text=True,
            capture_output=True,
            check=False,
            cwd=self.azure.folder,
            timeout=300,
        )

    def runs(self, name: str, typed: str = "", code: int = 0) -> str:
        """What the block printed."""
        (block,) = [one for one in BLOCKS if one.startswith(BEGINS[name])]
        done = self.types(block, typed)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout


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
