"""The mailbox runbook: sound PowerShell with the deployment's ids, for the one group and no other mailbox."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import tree_sitter
import tree_sitter_powershell

from infra.deployer.azure import Azure, Pace
from infra.deployer.cloud import CLOUDS
from infra.deployer.deployment import Deployed, Outputs, Tenant
from infra.deployer.runbook import runbook as runbook_in
from tests.infra.stand_in import CLIENT_ID, PRINCIPAL_ID, ROOT, SUBSCRIPTION_ID, TENANT_ID

if TYPE_CHECKING:
    from tests.infra.stand_in import AzureStub

OTHER_TENANT = "bbbbbbbb-0000-4000-8000-000000000001"
APPLICATION = "bbbbbbbb-0000-4000-8000-000000000002"
_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))


def site(**changes: Any) -> Deployed:
    values = {
        "tenantName": "contoso",
        "azureTenantId": TENANT_ID,
        "mailboxScopeGroup": "drop@contoso.test",
        "reachableMailbox": "orders@contoso.test",
        "refusedMailbox": "director@contoso.test",
        **changes,
    }
    names = [f"x-{name}" for name in Outputs.__dataclass_fields__]
    known: dict[str, Any] = dict(zip(Outputs.__dataclass_fields__, names, strict=True))
    known |= {"identity_client_id": CLIENT_ID, "identity_principal_id": PRINCIPAL_ID, "container_role_assignments": ()}
    return Deployed(Azure(SUBSCRIPTION_ID, TENANT_ID, Pace()), Tenant("contoso", values), Outputs(**known))


def runbook(one: Deployed, cloud: str = "AzureCloud") -> str:
    return runbook_in(one, CLOUDS[cloud])


def faults(source: str) -> list[str]:
    """Lines that PowerShell's grammar does not know."""
    found: list[str] = []

    def look(node: tree_sitter.Node) -> None:
        if node.type == "ERROR" or node.is_missing:
            found.append(f"line {node.start_point.row + 1}: {source.splitlines()[node.start_point.row]}")
        for child in node.children:
            look(child)

    look(_PARSER.parse(source.encode()).root_node)
    return found


CASES = {
    "same tenant": site(),
    "other tenant": site(graphTenantId=OTHER_TENANT, graphAppId=APPLICATION),
    "no mailboxes to try": site(reachableMailbox="", refusedMailbox=""),
    "quotes in an address": site(mailboxScopeGroup="o'drop\u2019s@contoso.test"),
}


@pytest.mark.parametrize("one", CASES.values(), ids=CASES.keys())
def test_it_is_sound_powershell(one: Deployed) -> None:
    assert faults(runbook(one)) == []


@pytest.mark.parametrize("one", CASES.values(), ids=CASES.keys())
def test_nothing_is_left_to_fill_in(one: Deployed) -> None:
    assert "%%" not in runbook(one)


@pytest.mark.parametrize("script", ["deploy.ps1", "hooks/prepare.ps1", "hooks/finish.ps1"])
def test_the_powershell_twins_of_the_scripts_are_sound(script: str) -> None:
    assert faults((ROOT / "infra" / script).read_text(encoding="utf-8")) == []


def test_the_grammar_refuses_what_is_not_powershell() -> None:
    assert faults("if ($a -eq 1 { 'x' }")


def test_it_names_the_identity_by_its_two_ids() -> None:
    script = runbook(site())
    assert f"$ClientId = '{CLIENT_ID}'" in script
    assert f"$ObjectId = '{PRINCIPAL_ID}'" in script


def test_it_grants_exactly_the_two_scoped_roles() -> None:
    script = runbook(site())
    assert "$Roles = @('Application Mail.ReadWrite', 'Application Calendars.ReadWrite')" in script
    grants = re.findall(r"^\s*New-ManagementRoleAssignment (.*)$", script, re.MULTILINE)
    assert [grant for grant in grants if "-CustomResourceScope $ScopeName" in grant]
    assert all("-CustomResourceScope" in grant or "-RecipientAdministrativeUnitScope" in grant for grant in grants)


def test_it_never_grants_a_tenant_wide_role() -> None:
    script = runbook(site())
    assert "AppRoleAssignment" not in script
    assert "Do NOT grant Mail.ReadWrite or Calendars.ReadWrite of Microsoft Graph" in script


def test_it_tests_with_expected_answers_and_says_how_long_it_takes() -> None:
    script = runbook(site())
    assert "Test-ServicePrincipalAuthorization -Identity $ObjectId" in script
    assert "# Expected for orders@contoso.test: both roles with InScope True" in script
    assert "# Expected for director@contoso.test: both roles with InScope False" in script
    assert "30 minutes to 2 hours" in script


def test_whatever_it_makes_the_undo_block_takes_away() -> None:
    script = runbook(site())
    made = set(re.findall(r"\bNew-(ServicePrincipal|ManagementScope|ManagementRoleAssignment)\b", script))
    undone = set(re.findall(r"\bRemove-(ServicePrincipal|ManagementScope|ManagementRoleAssignment)\b", script))
    assert made == undone


def test_for_another_tenant_it_uses_the_application_and_asks_for_its_object_id_there() -> None:
    script = runbook(CASES["other tenant"])
    assert f"$ClientId = '{APPLICATION}'" in script
    assert "$ObjectId = Read-Host" in script
    assert f"https://login.microsoftonline.com/{OTHER_TENANT}/adminconsent?client_id={APPLICATION}" in script
    assert PRINCIPAL_ID not in script


def test_in_another_cloud_it_goes_to_that_clouds_exchange_and_sign_in() -> None:
    script = runbook(CASES["other tenant"], "AzureChinaCloud")
    assert "Connect-ExchangeOnline -ShowBanner:$false -ExchangeEnvironmentName O365China" in script
    assert f"https://login.chinacloudapi.cn/{OTHER_TENANT}/adminconsent" in script


def test_an_address_cannot_end_the_string_that_it_stands_in() -> None:
    script = runbook(CASES["quotes in an address"])
    assert "$ScopeGroup = 'o''drop\u2019\u2019s@contoso.test'" in script


def test_it_is_written_for_windows_powershell_too(azure: AzureStub) -> None:
    done = azure.run("runbook", "contoso")
    assert done.returncode == 0, done.stderr
    written = (azure.folder / "build" / "contoso-mailbox-access.ps1").read_bytes()
    assert written.startswith(b"\xef\xbb\xbf")
    assert PRINCIPAL_ID in written.decode("utf-8-sig")
