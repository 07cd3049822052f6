"""Whole lives of deployments, for two tenants in one home directory: up, up again, up after every stop, remove."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.deployer.container_roles import ARM_NAMESPACE
from tests.infra.az import errors, rights
from tests.infra.az.world import ARM_NAMESPACE as STAND_INS_NAMESPACE
from tests.infra.az.world import arm_guid, group_id
from tests.infra.playing_app import App, handler, serving
from tests.infra.stand_in import GROUP, OPERATOR, OPERATOR_ID, SUBSCRIPTION_ID, TAGS, TENANT_ID, AzureStub

if TYPE_CHECKING:
    import subprocess

UP = ("up", "contoso", "--yes", "--skip-verify")
CODE = "functionapp deployment source config-zip"
UPLOADER = "cccccccc-0000-4000-8000-000000000001"
OTHER_UPLOADER = "cccccccc-0000-4000-8000-000000000002"
PLACE = group_id(SUBSCRIPTION_ID, GROUP)
DROPS = f"{PLACE}/providers/Microsoft.Storage/storageAccounts/stdropcontoso/blobServices/default/containers/drop"
OWN_ROLE = arm_guid(PLACE, "drop-writer")
FABRIKAM = ("bbbbbbbb-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002")


def uploaders(*principals: str) -> str:
    return (
        "param uploaders = ["
        + "".join(f"{{ principalId: '{one}', principalType: 'User' }}\n" for one in principals)
        + "]"
    )


def deployed(azure: AzureStub) -> dict[str, Any]:
    """What there is, without how often it was asked about."""
    with azure.state() as data:
        found = json.loads(json.dumps(data["subscriptions"]))
    for subscription in found.values():
        subscription["assignments"].sort(key=lambda one: (one["scope"], one["name"]))
        for group in subscription["groups"].values():
            group.get("app", {}).pop("uptime", None)
            # a probe that a stop kept from being taken away goes with a later verify: test_verify.py
            group["blobs"] = {name: sorted(all_but_probes(blobs)) for name, blobs in group.get("blobs", {}).items()}
            for one in group["deployments"].values():
                one.pop("timestamp")
    return found  # type: ignore[no-any-return]


def all_but_probes(blobs: dict[str, Any]) -> list[str]:
    return [name for name in blobs if not name.startswith("verify/")]


CHANGING = {"create", "update", "delete", "config-zip", "register", "upload", "set"}


def stops(calls: list[list[str]]) -> list[tuple[int, bool]]:
    """Every call, stopped before it does anything; and after it, where it changes something: its answer is lost."""
    before = [(number, False) for number in range(1, len(calls) + 1)]
    return before + [(number, True) for number, call in enumerate(calls, 1) if CHANGING & set(call[1:6])]


def held(azure: AzureStub, scope: str = DROPS) -> set[tuple[str, str]]:
    """`(principal, role)` on the drop container, without the app's and the operator's own."""
    with azure.state() as data:
        found = data["subscriptions"][SUBSCRIPTION_ID]["assignments"]
    return {
        (one["principalId"], one["role"])
        for one in found
        if one["scope"] == scope and one["principalId"] not in {OPERATOR_ID, "aaaaaaaa-0000-4000-8000-000000000004"}
    }


def good(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    assert done.returncode == 0, done.stdout + done.stderr
    return done


class TestFromNothing:
    def test_everything_is_there_in_the_end_and_a_second_time_changes_nothing(self, nothing: AzureStub) -> None:
        good(nothing.run(*UP))
        first = deployed(nothing)
        (group,) = first[SUBSCRIPTION_ID]["groups"].values()
        assert group["tags"] == TAGS  # the tenant file's own ones, too
        assert group["app"]["code"]
        assert group["subscription"]["state"] == "Succeeded"
        good(nothing.run(*UP))
        assert deployed(nothing) == first

    def test_nothing_is_made_before_the_question(self, nothing: AzureStub) -> None:
        before = deployed(nothing)
        done = nothing.run("up", "contoso", typed="no\n")
        assert done.returncode == 1
        assert "rg-attachdrop-contoso does not exist yet: everything in infra/main.bicep would be new." in done.stdout
        assert deployed(nothing) == before

    def test_nobody_to_ask_is_said(self, nothing: AzureStub) -> None:
        done = nothing.run("up", "contoso")
        assert "There is nobody to ask: add --yes. Nothing was deployed." in done.stderr

    def test_what_if_before_the_group_is_no_failure(self, nothing: AzureStub) -> None:
        done = good(nothing.run("what-if", "contoso"))
        assert "does not exist yet" in done.stdout

    def test_what_if_of_a_group_that_may_not_be_seen_is_none_either(self, nothing: AzureStub) -> None:
        """A pull request for a tenant that nobody deployed yet, looked at by an identity with rights on its group."""
        nothing.only(rights.READER, scope=f"{PLACE}-of-somebody-else")
        done = good(nothing.run("what-if", "contoso"))
        assert "does not exist yet, or may not be seen" in done.stdout


class TestRights:
    def test_whoever_deploys_needs_no_right_on_the_subscription(self, azure: AzureStub) -> None:
        azure.only(rights.CONTRIBUTOR, rights.ACCESS_ADMINISTRATOR, rights.DEFINITION_WRITER)
        done = good(azure.run(*UP))
        assert "cannot check providers" in done.stdout
        assert "Microsoft.EventGrid" in done.stdout

    def test_a_group_that_only_an_owner_can_make_is_named_with_its_command(self, nothing: AzureStub) -> None:
        nothing.only(rights.CONTRIBUTOR, rights.ACCESS_ADMINISTRATOR, scope=f"{PLACE}-of-somebody-else")
        done = nothing.run(*UP)
        assert done.returncode == 1
        assert "An owner of the subscription does it once:" in done.stderr
        tags = "--tags owner=messaging-platform product=outlook-attachment-drop tenant=contoso"
        assert (
            f"az group create --subscription {SUBSCRIPTION_ID} --name {GROUP} --location westeurope {tags}"
            in done.stderr
        )

    def test_without_the_right_to_make_a_role_the_way_out_is_named_and_works(self, azure: AzureStub) -> None:
        azure.only(rights.CONTRIBUTOR, rights.ACCESS_ADMINISTRATOR)
        done = azure.run(*UP)
        assert done.returncode == 1
        assert "param uploaderRole = 'contributor'" in done.stderr
        azure.write_tenant("contoso", "param uploaderRole = 'contributor'", uploaders(UPLOADER))
        good(azure.run(*UP))
        assert held(azure) == {(UPLOADER, rights.BLOB_CONTRIBUTOR)}

    def test_the_condition_names_the_deployments_own_role(self, azure: AzureStub) -> None:
        done = good(azure.run("condition", "contoso"))
        assert done.stdout.count(OWN_ROLE) == 2
        assert "{uploaderRole}" not in done.stdout
        assert ARM_NAMESPACE == STAND_INS_NAMESPACE


class TestUploaders:
    def test_they_may_add_and_write_and_nothing_else(self, azure: AzureStub) -> None:
        azure.write_tenant("contoso", uploaders(UPLOADER))
        good(azure.run(*UP))
        assert held(azure) == {(UPLOADER, OWN_ROLE)}
        with azure.state() as data:
            (role,) = data["subscriptions"][SUBSCRIPTION_ID]["roleDefinitions"]
        (permission,) = role["permissions"]
        assert [one.rpartition("blobs/")[2] for one in permission["dataActions"]] == ["add/action", "write"]

    def test_one_who_is_taken_off_the_list_loses_the_right(self, azure: AzureStub) -> None:
        azure.write_tenant("contoso", uploaders(UPLOADER, OTHER_UPLOADER))
        good(azure.run(*UP))
        azure.write_tenant("contoso", uploaders(OTHER_UPLOADER))
        done = good(azure.run(*UP))
        assert held(azure) == {(OTHER_UPLOADER, OWN_ROLE)}
        assert f"took Attachment Drop uploader (contoso) on drop from User {UPLOADER}" in done.stdout

    def test_going_back_to_keep_takes_the_apps_right_to_delete(self, azure: AzureStub) -> None:
        azure.write_tenant("contoso", "param sourceOnSuccess = 'delete'")
        good(azure.run(*UP))
        azure.write_tenant("contoso")
        good(azure.run(*UP))
        with azure.state() as data:
            found = data["subscriptions"][SUBSCRIPTION_ID]["assignments"]
        app = {one["role"] for one in found if one["scope"] == DROPS and one["principalId"].endswith("4")}
        assert app == {rights.BLOB_READER}

    def test_a_right_that_somebody_gave_by_hand_is_taken_back(self, azure: AzureStub) -> None:
        with azure.state() as data:
            data["people"]["guest"] = {"objectId": UPLOADER, "directory": []}
        azure.grant(rights.BLOB_OWNER, DROPS, "guest")
        good(azure.run(*UP))
        assert held(azure) == set()

    def test_what_may_not_be_taken_back_is_said_and_stops_nothing(self, azure: AzureStub) -> None:
        azure.write_tenant("contoso", uploaders(UPLOADER))
        good(azure.run(*UP))
        azure.write_tenant("contoso")
        azure.answers("role assignment delete", errors.denied(OPERATOR, OPERATOR_ID, "x/delete", DROPS))
        done = good(azure.run(*UP))
        assert "could not take Attachment Drop uploader (contoso) on drop" in done.stdout


class TestTwoTenants:
    """A was signed in to first, B last: B's account is the default one."""

    @pytest.fixture
    def both(self, nothing: AzureStub) -> AzureStub:
        nothing.add_tenant("fabrikam")
        return nothing

    @pytest.mark.parametrize("command", ["up", "federate", "verify", "remove"])
    def test_a_command_for_the_tenant_that_is_not_the_default_does_nothing(self, both: AzureStub, command: str) -> None:
        both.deploy()
        before = deployed(both)
        done = both.run(command, "contoso", *(("--yes",) if command == "up" else ()))
        assert done.returncode == 1
        assert f"az's default account is in tenant {FABRIKAM[0]}" in done.stderr
        assert f"az account set --subscription {SUBSCRIPTION_ID}" in done.stderr
        assert deployed(both) == before
        with both.state() as data:
            assert [one["apps"] for one in data["directories"].values()] == [[], []]

    def test_a_default_that_changes_under_way_is_noticed_before_the_code_goes_up(self, both: AzureStub) -> None:
        both.sign_in(OPERATOR, TENANT_ID, SUBSCRIPTION_ID)
        answer = [{"tenantId": TENANT_ID}] * 3 + [{"tenantId": FABRIKAM[0]}]
        both.answers("account show", *answer)
        done = both.run(*UP)
        assert "az's default account is in tenant bbbbbbbb" in done.stderr
        assert both.calls("az", *CODE.split()) == []

    def test_each_in_a_folder_of_its_own_both_live_and_end(self, both: AzureStub) -> None:
        configs = folders(both)
        for name in ("contoso", "fabrikam"):
            good(both.run("up", name, "--yes", "--skip-verify", **configs[name]))
            good(both.run("federate", name, **configs[name]))
        with both.state() as data:
            names = [[app["displayName"] for app in one["apps"]] for one in data["directories"].values()]
            assert names == [["Outlook Attachment Drop (contoso)"], ["Outlook Attachment Drop (fabrikam)"]]
            assert [list(one["groups"]) for one in data["subscriptions"].values()] == [
                [GROUP],
                ["rg-attachdrop-fabrikam"],
            ]
        both.grant(rights.BLOB_READER, PLACE)
        good(both.run("remove", "contoso", "--confirm", "contoso", **configs["contoso"]))
        with both.state() as data:
            assert [list(one["groups"]) for one in data["subscriptions"].values()] == [[], ["rg-attachdrop-fabrikam"]]
            assert [len(one["roleDefinitions"]) for one in data["subscriptions"].values()] == [0, 1]

    @pytest.mark.parametrize(("name", "other"), [("contoso", "fabrikam"), ("fabrikam", "contoso")])
    def test_after_a_stop_at_every_call_up_ends_as_if_it_had_not_stopped(
        self, both: AzureStub, name: str, other: str
    ) -> None:
        configs = folders(both)
        both.deploy(other)
        up = ("up", name, "--yes", "--skip-verify")
        every_stop_is_mended(both, up, other, configs[name], least=25)

    def test_so_it_does_when_it_verifies_as_well(self, both: AzureStub) -> None:
        configs = folders(both)
        both.deploy("fabrikam")
        app = App(both)
        app.fates["orders%40contoso.test"] = [("waiting", "TARGET_NOT_FOUND")]
        with serving(handler(app)) as root:
            up = ("up", "contoso", "--yes", "--app-root", root)
            every_stop_is_mended(both, up, "fabrikam", configs["contoso"], least=50)

    @pytest.mark.parametrize(("name", "other"), [("contoso", "fabrikam"), ("fabrikam", "contoso")])
    def test_after_a_stop_at_every_call_remove_ends_as_if_it_had_not_stopped(
        self, both: AzureStub, name: str, other: str
    ) -> None:
        configs = folders(both)
        for one in (name, other):
            both.deploy(one)
        place = group_id(FABRIKAM[1], "rg-attachdrop-fabrikam") if name == "fabrikam" else PLACE
        both.grant(rights.BLOB_READER, place, f"operator@{name}.test")
        remove = ("remove", name, "--confirm", name)
        every_stop_is_mended(both, remove, other, configs[name], least=12)


def folders(azure: AzureStub) -> dict[str, dict[str, Any]]:
    """Each tenant signed in to in a configuration of its own, in one home directory."""
    azure.sign_in(OPERATOR, TENANT_ID, SUBSCRIPTION_ID, config=".azure-contoso")
    azure.sign_in("operator@fabrikam.test", *FABRIKAM, config=".azure-fabrikam")
    return {one: {"AZURE_CONFIG_DIR": str(azure.folder / f".azure-{one}")} for one in ("contoso", "fabrikam")}


def every_stop_is_mended(
    azure: AzureStub, command: tuple[str, ...], other: str, config: dict[str, Any], *, least: int
) -> None:
    """Stop the command at each of its calls, run it again: what there is in the end is as without the stop.

    The other tenant's Azure is looked at after each stop as well: nothing of it may have moved.
    """
    file, calls = azure.folder / "azure.json", azure.folder / "calls"
    calls.unlink(missing_ok=True)
    begin = file.read_text(encoding="utf-8")
    others = deployed(azure)[subscription_of(other)]
    with azure.many() as run:
        good(run(*command, **config))
        wanted = deployed(azure)
        every = stops(azure.calls("az"))
        assert len(every) > least
        for call, after in every:
            file.write_text(json.dumps(json.loads(begin) | {"stopAt": {"call": call, "after": after}}), "utf-8")
            calls.unlink()
            stopped = run(*command, **config)
            assert stopped.returncode in {0, 1}, stopped.stderr
            assert deployed(azure)[subscription_of(other)] == others
            good(run(*command, **config))
            assert deployed(azure) == wanted, f"after a stop at call {call}"


def subscription_of(name: str) -> str:
    return SUBSCRIPTION_ID if name == "contoso" else FABRIKAM[1]


class TestPipeline:
    def sign_in(self, azure: AzureStub) -> None:
        """With an assertion that is good for ten minutes; infrastructure and code take longer."""
        azure.sign_in(OPERATOR, TENANT_ID, SUBSCRIPTION_ID, assertionUntil=5)

    def test_the_code_goes_up_although_the_assertion_is_dead_by_then(self, azure: AzureStub) -> None:
        self.sign_in(azure)
        good(azure.run(*UP))

    def test_so_it_does_with_verify_in_the_same_step(self, azure: AzureStub) -> None:
        self.sign_in(azure)
        azure.run("up", "contoso", "--yes", "--patience-seconds", "0")
        resources = [call[4] for call in azure.calls("az", "account", "get-access-token")]
        assert resources == [
            "https://appservice.azure.com",
            "https://graph.microsoft.com/",
            "https://storage.azure.com",
        ]

    def test_an_assertion_that_is_dead_at_the_beginning_says_what_to_do(self, azure: AzureStub) -> None:
        self.sign_in(azure)
        with azure.state() as data:
            data["clock"] = 20
        done = azure.run(*UP)
        assert "AADSTS700024" in done.stderr
        assert azure.calls("az", "deployment", "group", "create") == []

    def test_no_token_is_printed(self, azure: AzureStub) -> None:
        done = azure.run(*UP)
        assert "canary-token" not in done.stdout + done.stderr


class TestYoungHost:
    @pytest.mark.parametrize(
        "told",
        [
            "Deployment was successful but the app appears to be unhealthy. Please check the app logs.",
            "Failed to fetch host key to check for function app status",
        ],
    )
    def test_what_az_says_of_a_first_start_is_no_failure(self, nothing: AzureStub, told: str) -> None:
        nothing.deploy()
        with nothing.group() as group:
            group["app"]["afterUpload"] = [told]
        done = good(nothing.run(*UP))
        assert "the code is there; az adds" in done.stdout
        assert len(nothing.calls("az", *CODE.split())) == 1

    def test_the_subscription_waits_for_a_host_that_stays_up_and_says_why(self, azure: AzureStub) -> None:
        young = [{"processUptime": seconds * 1000} for seconds in (4, 14, 3, 13, 2)]
        down = {"error": "Encountered an error (ServiceUnavailable) from host runtime."}
        ill = {"state": "Error", "errors": ["403 from storage"], "processUptime": 90_000}
        steady = {"processUptime": 70_000}
        with azure.group() as group:
            group["app"]["host_looks"] = [*young, down, steady, ill, *[steady] * 3]
        done = good(azure.run(*UP))
        assert (
            "waiting for a steady host: it runs for 4 s of 60; while its roles are minutes old, storage" in done.stdout
        )
        assert "waiting for a steady host: it is Error; 403 from storage" in done.stdout
        looks = [index for index, call in enumerate(azure.calls()) if "/hostruntime/" in " ".join(call)]
        subscription = azure.order("deployment group create")[0]
        assert len(looks) == 11
        assert max(looks) < subscription


class TestRemove:
    @pytest.fixture(autouse=True)
    def counts(self, azure: AzureStub) -> None:
        azure.grant(rights.BLOB_READER, PLACE)

    def test_the_uploaders_role_goes_with_the_group(self, azure: AzureStub) -> None:
        azure.write_tenant("contoso", uploaders(UPLOADER))
        good(azure.run(*UP))
        good(azure.run("remove", "contoso", "--confirm", "contoso"))
        with azure.state() as data:
            assert data["subscriptions"][SUBSCRIPTION_ID]["roleDefinitions"] == []
            assert data["subscriptions"][SUBSCRIPTION_ID]["groups"] == {}

    def test_a_role_that_may_not_be_deleted_is_left_and_named(self, azure: AzureStub) -> None:
        azure.only(rights.CONTRIBUTOR, rights.ACCESS_ADMINISTRATOR, rights.BLOB_READER)
        done = good(azure.run("remove", "contoso", "--confirm", "contoso"))
        assert f"Azure: the role definition {OWN_ROLE}" in done.stdout

    def test_up_after_remove_is_as_up_from_nothing(self, azure: AzureStub) -> None:
        good(azure.run("remove", "contoso", "--confirm", "contoso"))
        good(azure.run(*UP))
        with azure.group() as group:
            assert group["app"]["code"]
