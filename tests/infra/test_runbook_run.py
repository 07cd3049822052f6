"""The mailbox runbook, run by PowerShell against a stand-in for Exchange: in the end the app alone has the rights."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.infra import powershell
from tests.infra.stand_in import CLIENT_ID, PRINCIPAL_ID
from tests.infra.test_runbook import APPLICATION, CASES, runbook, site

if TYPE_CHECKING:
    import subprocess

    from infra.deployer.deployment import Deployed

pytestmark = powershell.needed

MODULES = Path(__file__).with_name("exchange")
ROLES = {"Application Mail.ReadWrite", "Application Calendars.ReadWrite"}
NAME, SCOPE = "Outlook Attachment Drop (contoso)", "Attachment Drop contoso"
OLD_CLIENT, OLD_OBJECT = "cccccccc-0000-4000-8000-000000000001", "cccccccc-0000-4000-8000-000000000002"
REGISTRATION = "cccccccc-0000-4000-8000-000000000003"


@dataclass(frozen=True)
class Exchange:
    """One organization, kept in a file between runs."""

    folder: Path

    @property
    def state(self) -> dict[str, Any]:
        return json.loads((self.folder / "exchange.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]

    def change(self, **changes: Any) -> None:
        (self.folder / "exchange.json").write_text(json.dumps(self.state | changes), encoding="utf-8")

    def run(self, one: Deployed | None = None, text: str | None = None) -> subprocess.CompletedProcess[str]:
        script = self.folder / "runbook.ps1"
        script.write_text(text or runbook(one or site()), encoding="utf-8-sig")
        return powershell.run(
            script,
            environment={
                "PATH": os.environ["PATH"],
                "HOME": os.environ["HOME"],
                "PSModulePath": str(MODULES),
                "EXCHANGE_STATE": str(self.folder / "exchange.json"),
            },
        )

    def undo(self) -> subprocess.CompletedProcess[str]:
        """The undo block, as an administrator would: its lines in place of the steps."""
        text = runbook(site())
        (block,) = re.findall(r"<# Undo\.[^\n]*\n(.*?)#>", text, re.DOTALL)
        head, _, _ = text.partition("# Step 1. The group.")
        return self.run(text=f"{head}\n{block}")

    def rights(self) -> set[tuple[str, str]]:
        """Who may do what in the scope: `(object id, role)`."""
        held = [(one["ObjectId"], one["Role"]) for one in self.state["assignments"]]
        assert len(held) == len(set(held)), "an assignment stands twice"
        return set(held)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """The errors as one line: PowerShell breaks them where the console ends."""
    return " ".join(done.stderr.split())


def right(principal: str = PRINCIPAL_ID) -> set[tuple[str, str]]:
    return {(principal, role) for role in ROLES}


def assigned(client: str, principal: str) -> list[dict[str, str]]:
    return [
        {
            "Name": f"{role}-old",
            "Role": role,
            "CustomResourceScope": SCOPE,
            "ObjectId": principal,
            "AppId": client,
            "DisplayName": NAME,
        }
        for role in sorted(ROLES)
    ]


@pytest.fixture(params=["ObjectId", "AppId", "DisplayName"])
def holder(request: pytest.FixtureRequest) -> str:
    """Which of an application's names an assignment shows."""
    return str(request.param)


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    group = {
        "DisplayName": "Drop",
        "PrimarySmtpAddress": "drop@contoso.test",
        "RecipientTypeDetails": "MailUniversalSecurityGroup",
        "DistinguishedName": "CN=Drop,OU=contoso,DC=test",
    }
    (tmp_path / "exchange.json").write_text(
        json.dumps(
            {
                "groups": [group],
                "principals": [],
                "scopes": [],
                "assignments": [],
                "members": ["orders@contoso.test"],
                "holder": "ObjectId",
                "answers": "text",
                "calls": [],
            }
        ),
        encoding="utf-8",
    )
    return Exchange(tmp_path)


def test_the_steps_give_the_app_its_two_rights_inside_the_scope(exchange: Exchange, holder: str) -> None:
    exchange.change(holder=holder)
    done = exchange.run()
    assert done.returncode == 0, done.stderr
    assert exchange.rights() == right()
    assert exchange.state["scopes"] == [
        {"Name": SCOPE, "RecipientFilter": "MemberOfGroup -eq 'CN=Drop,OU=contoso,DC=test'"}
    ]
    assert "orders@contoso.test: right (InScope True)." in done.stdout
    assert "director@contoso.test: right (InScope False)." in done.stdout


def test_the_steps_twice_in_a_row_change_nothing_the_second_time(exchange: Exchange, holder: str) -> None:
    exchange.change(holder=holder)
    exchange.run()
    exchange.change(calls=[])
    done = exchange.run()
    assert done.returncode == 0, done.stderr
    assert exchange.state["calls"] == ["Connect-ExchangeOnline O365Default"]
    assert exchange.rights() == right()


@pytest.mark.parametrize("principals", ["still there", "gone"])
def test_after_a_new_deployment_the_new_identity_has_the_rights_and_the_old_one_none(
    exchange: Exchange, holder: str, principals: str
) -> None:
    old = [{"AppId": OLD_CLIENT, "ObjectId": OLD_OBJECT, "DisplayName": NAME}]
    exchange.change(
        holder=holder,
        principals=old if principals == "still there" else [],
        scopes=[{"Name": SCOPE, "RecipientFilter": "x"}],
        assignments=assigned(OLD_CLIENT, OLD_OBJECT),
    )
    done = exchange.run()
    if holder == "DisplayName" and principals == "gone":
        # the two cannot be told apart by what Exchange shows; the proof of step 5 says so
        assert done.returncode == 1
        assert "orders@contoso.test: InScope should be True for both roles." in said(done)
        return
    assert done.returncode == 0, done.stderr
    assert exchange.rights() == right()
    assert [one["ObjectId"] for one in exchange.state["principals"]] == [PRINCIPAL_ID]


def test_a_principal_entered_with_the_registrations_object_id_is_said_and_replaced(
    exchange: Exchange, holder: str
) -> None:
    exchange.change(
        holder=holder,
        principals=[{"AppId": CLIENT_ID, "ObjectId": REGISTRATION, "DisplayName": NAME}],
        scopes=[{"Name": SCOPE, "RecipientFilter": "x"}],
        assignments=assigned(CLIENT_ID, REGISTRATION),
    )
    done = exchange.run()
    assert done.returncode == 0, done.stderr
    assert f"Replaced: {NAME}, client id {CLIENT_ID}, object id {REGISTRATION}." in done.stdout
    assert exchange.rights() == right()


def test_other_applications_of_the_organization_keep_what_they_have(exchange: Exchange) -> None:
    other = [{"AppId": OLD_CLIENT, "ObjectId": OLD_OBJECT, "DisplayName": "Another app"}]
    theirs = [one | {"CustomResourceScope": "Another scope"} for one in assigned(OLD_CLIENT, OLD_OBJECT)]
    exchange.change(principals=other, scopes=[{"Name": "Another scope", "RecipientFilter": "x"}], assignments=theirs)
    assert exchange.run().returncode == 0
    assert exchange.rights() == right() | right(OLD_OBJECT)
    assert len(exchange.state["principals"]) == 2


@pytest.mark.parametrize("answers", ["text", "boolean"])
@pytest.mark.parametrize(
    ("members", "wrong"),
    [
        ([], "orders@contoso.test: InScope should be True for both roles."),
        (
            ["orders@contoso.test", "director@contoso.test"],
            "director@contoso.test: InScope should be False for both roles.",
        ),
    ],
)
def test_a_failed_proof_ends_with_an_exit_code(
    exchange: Exchange, members: list[str], wrong: str, answers: str
) -> None:
    exchange.change(members=members, answers=answers)
    done = exchange.run()
    assert done.returncode == 1
    assert wrong in said(done)
    assert "Do not go on." in said(done)


def test_a_right_proof_is_right_whatever_form_the_answers_have(exchange: Exchange) -> None:
    exchange.change(answers="boolean")
    assert exchange.run().returncode == 0


def test_a_group_whose_name_holds_an_apostrophe_makes_a_sound_filter(exchange: Exchange) -> None:
    group = exchange.state["groups"][0] | {"DistinguishedName": "CN=O'Neill drops,DC=test"}
    exchange.change(groups=[group])
    done = exchange.run()
    assert done.returncode == 0, done.stderr
    assert exchange.state["scopes"][0]["RecipientFilter"] == "MemberOfGroup -eq 'CN=O''Neill drops,DC=test'"


WRONG_GROUPS = {
    "no such group": ([], "couldn't be found"),
    "a distribution list": (
        [{"RecipientTypeDetails": "MailUniversalDistributionGroup"}],
        "not a mail-enabled",
    ),
    "two groups": ([{}, {"DisplayName": "Drop too"}], "names 2 groups"),
}


@pytest.mark.parametrize(("groups", "why"), WRONG_GROUPS.values(), ids=WRONG_GROUPS.keys())
def test_a_wrong_group_stops_before_anything_is_changed(
    exchange: Exchange, groups: list[dict[str, str]], why: str
) -> None:
    given = exchange.state["groups"][0]
    exchange.change(groups=[given | group for group in groups])
    done = exchange.run()
    assert done.returncode == 1
    assert why in said(done)
    assert exchange.state["calls"] == ["Connect-ExchangeOnline O365Default"]


def test_every_id_that_has_to_be_compared_is_shown_whole(exchange: Exchange) -> None:
    printed = exchange.run().stdout
    for whole in (CLIENT_ID, PRINCIPAL_ID, "MemberOfGroup -eq 'CN=Drop,OU=contoso,DC=test'", *ROLES):
        assert whole in printed


def test_undoing_takes_everything_away_and_may_be_repeated(exchange: Exchange) -> None:
    exchange.run()
    for _ in range(2):
        done = exchange.undo()
        assert done.returncode == 0, done.stderr
        assert [exchange.state[kind] for kind in ("assignments", "scopes", "principals")] == [[], [], []]
    assert exchange.run().returncode == 0
    assert exchange.rights() == right()


def test_for_another_tenant_an_object_id_that_is_none_changes_nothing(exchange: Exchange) -> None:
    text = runbook(CASES["other tenant"])
    asked = "$ObjectId = Read-Host 'Object id of the enterprise application in this tenant'"
    assert asked in text
    done = exchange.run(text=text.replace(asked, "$ObjectId = 'orders'"))
    assert done.returncode == 1
    assert "That is not an object id: nothing was changed." in said(done)
    done = exchange.run(text=text.replace(asked, f"$ObjectId = '{OLD_OBJECT}'"))
    assert done.returncode == 0, done.stderr
    assert exchange.rights() == right(OLD_OBJECT)
    assert [one["AppId"] for one in exchange.state["principals"]] == [APPLICATION]
