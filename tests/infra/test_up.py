"""`deploy.sh up`: one command, in order, again at any point, and patient with what is known to need time."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from infra.deployer.azure import CommandError
from infra.deployer.azure_errors import cure_for
from tests.infra.stand_in import GROUP, SUBSCRIPTION_ID, TAGS

if TYPE_CHECKING:
    from tests.infra.stand_in import AzureStub

UP = ("up", "contoso", "--yes", "--skip-verify")
INFRASTRUCTURE = "deployment group create --resource-group rg-attachdrop-contoso --name attachdrop-infrastructure"
SUBSCRIPTION = "deployment group create --resource-group rg-attachdrop-contoso --name attachdrop-subscription"
CODE = "functionapp deployment source config-zip"
KEY = "functionapp keys list"


def deployed_names(azure: AzureStub) -> list[str]:
    return [call[call.index("--name") + 1] for call in azure.calls("az", "deployment", "group", "create")]


def test_infrastructure_code_key_and_subscription_follow_one_another(azure: AzureStub) -> None:
    done = azure.run(*UP, quick=False)
    assert done.returncode == 0, done.stderr
    order = azure.order(INFRASTRUCTURE, CODE, "functionapp function list", KEY, SUBSCRIPTION)
    assert order == sorted(order)


def test_every_call_names_the_tenants_own_subscription(azure: AzureStub) -> None:
    azure.run(*UP)
    local = {"bicep", "cloud", "account"}  # these ask nothing of Azure
    calls = [call for call in azure.calls("az") if call[1] not in local]
    assert calls
    for call in calls:
        assert call[call.index("--subscription") + 1] == "aaaaaaaa-0000-4000-8000-000000000002"


def test_the_package_that_is_deployed_holds_the_app(azure: AzureStub) -> None:
    azure.run(*UP, quick=False)
    (call,) = azure.calls("az", *CODE.split())
    assert call[call.index("--build-remote") + 1] == "true"
    with zipfile.ZipFile(call[call.index("--src") + 1]) as package:
        assert {"function_app.py", "host.json", "requirements.txt"} <= set(package.namelist())


def test_no_call_carries_a_key(azure: AzureStub) -> None:
    azure.run(*UP)
    for call in azure.calls():
        assert not [word for word in call if "code=" in word or "canary" in word]


def test_the_same_command_again_ends_the_same_way(azure: AzureStub) -> None:
    assert azure.run(*UP).returncode == 0
    first = len(azure.calls())
    assert azure.run(*UP).returncode == 0
    assert len(azure.calls()) == 2 * first


def test_an_empty_group_of_somebody_else_is_taken_over(nothing: AzureStub) -> None:
    with nothing.state() as data:
        groups = data["subscriptions"][SUBSCRIPTION_ID]["groups"]
        groups[GROUP] = {"location": "westeurope", "tags": {"costs": "4711"}, "deployments": {}, "resources": []}
    assert nothing.run(*UP).returncode == 0
    with nothing.group() as group:
        assert group["tags"] == TAGS | {"costs": "4711"}


@pytest.mark.parametrize(
    ("tags", "resources"), [(None, 3), ({"product": "outlook-attachment-drop", "tenant": "fabrikam"}, 0)]
)
def test_a_group_that_belongs_to_others_is_refused_before_anything_is_asked(
    azure: AzureStub, tags: object, resources: int
) -> None:
    with azure.group() as group:
        group["tags"] = tags
        group["resources"] = [("Microsoft.Web/sites", f"other{number}") for number in range(resources)]
    done = azure.run("up", "contoso")
    assert done.returncode == 1
    assert "is not empty and not the group of tenant contoso" in done.stderr
    assert "Type yes" not in done.stdout
    assert azure.calls("az", "deployment") == []


def test_missing_resource_providers_are_registered(azure: AzureStub) -> None:
    with azure.state() as data:
        for name in ("EventGrid", "ManagedIdentity", "OperationalInsights"):
            data["subscriptions"][SUBSCRIPTION_ID]["providers"][f"Microsoft.{name}"] = "NotRegistered"
    azure.run(*UP)
    assert [call[4] for call in azure.calls("az", "provider", "register")] == [
        "Microsoft.EventGrid",
        "Microsoft.ManagedIdentity",
        "Microsoft.OperationalInsights",
    ]


def test_an_old_compiler_is_named(azure: AzureStub) -> None:
    with azure.state() as data:
        data["bicep"] = "0.36.1"
    done = azure.run(*UP)
    assert done.returncode == 1
    assert "Bicep 0.36.1 is too old" in done.stderr


def test_a_fault_in_the_tenants_file_stops_before_azure_is_asked(azure: AzureStub) -> None:
    file = azure.folder / "infra" / "tenants" / "contoso.bicepparam"
    file.write_text(file.read_text().replace("'westeurope'", "'West Europe'"))
    done = azure.run(*UP)
    assert done.returncode == 1
    assert "location: 'West Europe' is not a region's short name" in done.stderr
    assert azure.calls() == []


def test_the_change_is_shown_and_asked_about(azure: AzureStub) -> None:
    done = azure.run("up", "contoso", "--skip-verify", typed="no\n")
    assert done.returncode == 1
    assert "Resource changes: 1 to create." in done.stdout
    assert "Nothing was deployed." in done.stderr
    changing = {"create", "delete", "update", "register", "config-zip", "upload", "set"}
    assert not [call for call in azure.calls() if changing & set(call)]
    assert azure.run("up", "contoso", "--skip-verify", typed="yes\n").returncode == 0


class TestWaits:
    """The failures that users of such deployments met, each played once or twice."""

    def test_for_an_identity_that_is_not_known_everywhere_yet(self, azure: AzureStub) -> None:
        azure.answers("deployment group create", RuntimeError("PrincipalNotFound: Principal x"), once=True)
        assert azure.run(*UP).returncode == 0
        assert deployed_names(azure) == ["attachdrop-infrastructure"] * 2 + ["attachdrop-subscription"]

    def test_for_a_role_that_is_not_known_everywhere_yet(self, azure: AzureStub) -> None:
        azure.answers("deployment group create", RuntimeError("RoleDefinitionDoesNotExist: ..."), once=True)
        assert azure.run(*UP).returncode == 0

    def test_for_the_role_on_the_package_container(self, azure: AzureStub) -> None:
        denied = RuntimeError("InaccessibleStorageException: Failed to access storage account: 403 (Forbidden)")
        azure.answers(CODE, denied, denied, once=True)
        done = azure.run(*UP)
        assert done.returncode == 0, done.stderr
        assert len(azure.calls("az", *CODE.split())) == 3
        assert "waiting for the code to be accepted: InaccessibleStorage" in done.stdout

    def test_for_the_scm_site_to_come_up(self, azure: AzureStub) -> None:
        azure.answers(CODE, RuntimeError("Site Unavailable (503)"), RuntimeError("502 Bad Gateway"), once=True)
        assert azure.run(*UP).returncode == 0

    def test_for_functions_that_are_not_indexed_yet(self, azure: AzureStub) -> None:
        azure.answers("functionapp function list", [], [{"name": "func-contoso/blob_dropped"}], once=True)
        done = azure.run(*UP)
        assert done.returncode == 0, done.stderr
        assert "not indexed yet: transfer_due, sweep, blob_poisoned, transfer_poisoned" in done.stdout

    def test_for_a_key_that_is_empty_at_first(self, azure: AzureStub) -> None:
        refused = RuntimeError("Encountered an error (ServiceUnavailable) from host runtime.")
        no_key = {"functionKeys": {}, "masterKey": "m", "systemKeys": {}}
        azure.answers(KEY, refused, no_key, no_key | {"systemKeys": {"blobs_extension": ""}}, once=True)
        done = azure.run(*UP)
        assert done.returncode == 0, done.stderr
        assert "the system key blobs_extension is still empty" in done.stdout
        assert deployed_names(azure)[-1] == "attachdrop-subscription"
        key, subscription = azure.order(KEY, SUBSCRIPTION)
        assert key < subscription

    def test_for_a_handshake_that_is_refused_once(self, azure: AzureStub) -> None:
        handshake = RuntimeError(
            "Webhook validation handshake failed for https://func-contoso.azurewebsites.net/runtime/webhooks/blobs"
            "?functionName=Host.Functions.blob_dropped&code=canary-webhook-key. Http POST request failed with 500."
        )
        azure.answers(SUBSCRIPTION, handshake, once=True)
        done = azure.run(*UP)
        assert done.returncode == 0, done.stderr
        assert deployed_names(azure) == ["attachdrop-infrastructure", *["attachdrop-subscription"] * 2]
        assert "canary" not in done.stdout + done.stderr

    def test_for_the_dead_letter_role(self, azure: AzureStub) -> None:
        denied = RuntimeError("The managed identity may not write to the dead letter destination")
        azure.answers(SUBSCRIPTION, denied, once=True)
        assert azure.run(*UP).returncode == 0


class TestGivesUp:
    """What waiting does not cure ends with what does."""

    def test_when_the_key_never_comes(self, azure: AzureStub) -> None:
        azure.answers(KEY, {"functionKeys": {}, "masterKey": "m", "systemKeys": {}})
        done = azure.run(*UP, "--patience-seconds", "0.2")
        assert done.returncode == 1
        assert "Gave up waiting for the webhook's key" in done.stderr
        assert "attachdrop-subscription" not in deployed_names(azure)

    def test_when_the_handshake_never_succeeds_and_tells_no_key(self, azure: AzureStub) -> None:
        azure.answers(SUBSCRIPTION, RuntimeError("Url validation handshake failed: https://x?code=canary-webhook-key"))
        done = azure.run(*UP, "--patience-seconds", "0.2")
        assert done.returncode == 1
        assert "Gave up waiting for Event Grid's handshake" in done.stderr
        assert "code=..." in done.stderr
        assert "canary" not in done.stdout + done.stderr

    def test_when_waiting_does_not_help_and_says_what_does(self, azure: AzureStub) -> None:
        azure.answers("deployment group create", RuntimeError("RoleAssignmentExists: ... (409) Conflict. 503"))
        done = azure.run(*UP)
        assert done.returncode == 1
        assert "RoleAssignmentExists" in done.stderr
        assert "Someone granted one of the roles by hand" in done.stderr
        assert len(azure.calls("az", "deployment", "group", "create")) == 1

    @pytest.mark.parametrize(
        ("error", "cure"),
        [
            (
                "AuthorizationFailed: The client does not have authorization",
                "docs/deploy.md begins with who needs which",
            ),
            ("RoleAssignmentUpdateNotPermitted: ...", "an identity that was deleted and made again"),
            ("RoleAssignmentUpdateNotPermitted: ...", "az role assignment delete --ids"),
            ("Only one system topic is allowed per source.", "az eventgrid system-topic list"),
            ("QuotaExceeded: ...", "choose another location"),
            ("RequestDisallowedByPolicy: ...", "An Azure Policy of the subscription"),
            ("LocationNotAvailableForResourceType: ...", "list-flexconsumption-locations"),
            ("These parameters belong to resource group x", "check azureTenantId"),
        ],
    )
    def test_with_the_cure_of_every_error_that_is_known(self, error: str, cure: str) -> None:
        assert cure in str(cure_for(CommandError("deployment group create", error)))

    def test_at_once_on_news_with_azures_own_words(self, azure: AzureStub) -> None:
        azure.answers("deployment group create", RuntimeError("SomethingNew: nobody met this before"))
        done = azure.run(*UP)
        assert done.returncode == 1
        assert "SomethingNew: nobody met this before" in done.stderr
        assert len(azure.calls("az", "deployment", "group", "create")) == 1

    def test_at_once_where_a_number_is_only_part_of_an_id(self, azure: AzureStub) -> None:
        azure.answers("deployment group create", RuntimeError("InvalidTemplate. Tracking id a503b1c2-4031-4502-9403-1"))
        assert azure.run(*UP).returncode == 1
        assert len(azure.calls("az", "deployment", "group", "create")) == 1

    def test_when_az_is_not_installed(self, azure: AzureStub) -> None:
        (azure.folder / "bin" / "az").unlink()
        done = azure.run(*UP, quick=False)
        assert done.returncode == 1
        assert "az is not on the PATH" in done.stderr


class TestConnect:
    def test_repeats_only_what_follows_the_code(self, azure: AzureStub) -> None:
        assert azure.run("connect", "contoso").returncode == 0
        assert deployed_names(azure) == ["attachdrop-subscription"]
        assert azure.calls("az", *CODE.split()) == []

    def test_tells_the_subscription_the_names_that_the_first_pass_returned(self, azure: AzureStub) -> None:
        azure.run("connect", "contoso")
        (call,) = azure.calls("az", "deployment", "group", "create")
        assert call[call.index("--parameters") + 1 :][:5] == [
            "appName=func-contoso",
            "topicName=evgt-attachdrop-contoso",
            "dataStorageName=stdropcontoso",
            "dropContainer=drop",
            "deadLetterContainer=deadletters",
        ]

    def test_before_the_first_deployment_says_what_comes_first(self, azure: AzureStub) -> None:
        azure.answers("deployment group list", [])
        done = azure.run("connect", "contoso")
        assert done.returncode == 1
        assert "run `infra/deploy.sh up contoso` first" in done.stderr

    def test_a_new_key_is_told_to_event_grid(self, azure: AzureStub) -> None:
        assert azure.run("rotate", "contoso").returncode == 0
        rotated, key, subscription = azure.order("functionapp keys set", KEY, SUBSCRIPTION)
        assert rotated < key < subscription


def test_what_if_says_what_it_does_not_see(azure: AzureStub) -> None:
    done = azure.run("what-if", "contoso")
    _, _, told = done.stdout.partition("What-if does not see")
    for part in ("rights on the containers", "the code", "infra/subscription.bicep", "Diagnostics (Unsupported)"):
        assert part in told


def test_what_if_changes_nothing(azure: AzureStub) -> None:
    done = azure.run("what-if", "contoso")
    assert done.returncode == 0, done.stderr
    assert "Resource changes" in done.stdout
    changing = {"create", "delete", "update", "register", "config-zip", "upload", "set"}
    assert not [call for call in azure.calls() if changing & set(call)]


def test_without_arguments_every_command_is_listed(azure: AzureStub) -> None:
    done = azure.run()
    assert done.returncode == 0
    for command in (
        "validate",
        "what-if",
        "up",
        "connect",
        "verify",
        "runbook",
        "federate",
        "rotate",
        "remove",
        "condition",
        "cost",
    ):
        assert f"\n  {command} " in done.stdout


class TestAzdHooks:
    def test_before_provisioning_the_tenants_parameters_are_handed_over(self, azure: AzureStub) -> None:
        done = azure.run(script="infra/hooks/prepare.sh", AZURE_ENV_NAME="contoso")
        assert done.returncode == 0, done.stderr
        written = (azure.folder / "build" / "azd" / "main.bicepparam").read_text(encoding="utf-8")
        assert "using '../../infra/main.bicep'\nextends '../../infra/tenants/contoso.bicepparam'" in written
        assert [call[3:5] for call in azure.calls("azd", "env", "set")] == [
            ["AZURE_SUBSCRIPTION_ID", "aaaaaaaa-0000-4000-8000-000000000002"],
            ["AZURE_RESOURCE_GROUP", "rg-attachdrop-contoso"],
            ["AZURE_LOCATION", "westeurope"],
        ]
        assert azure.calls("az", "deployment") == []

    def test_after_deploying_the_subscription_is_made_and_trouble_is_an_error(self, azure: AzureStub) -> None:
        with azure.group() as group:
            group["app"]["state"] = "Stopped"
        azure.answers(KEY, {"functionKeys": {}, "masterKey": "m", "systemKeys": {}}, having=("functionKeys.default",))
        done = azure.run(script="infra/hooks/finish.sh", AZURE_ENV_NAME="contoso")
        assert deployed_names(azure) == ["attachdrop-subscription"]
        assert "WRONG    app runs: state Stopped" in done.stdout
        assert done.returncode == 1

    def test_azds_own_sign_in_is_asked_for_before_anything_is_made(self, nothing: AzureStub) -> None:
        with nothing.state() as data:
            data["azd"]["status"] = "unauthenticated"
        done = nothing.run(script="infra/hooks/prepare.sh", AZURE_ENV_NAME="contoso")
        assert done.returncode == 1
        assert "azd is not signed in (az login does not count for it): azd auth login" in done.stderr
        assert nothing.calls("az", "group", "create") == []

    @pytest.mark.parametrize(
        ("version", "told"),
        [
            ("0.41.2", "azd would compile with Bicep 0.41.2"),
            ("0.44.1", ""),
            (None, "azd will download a Bicep of its own"),
        ],
    )
    def test_the_compiler_that_azd_would_use_is_new_enough(
        self, azure: AzureStub, version: str | None, told: str
    ) -> None:
        compiler = azure.folder / "azd-config" / "bin" / "bicep"
        if version:
            compiler.parent.mkdir(parents=True)
            compiler.write_text(f"#!/bin/sh\necho 'Bicep CLI version {version} (0123456789)'\n", encoding="utf-8")
            compiler.chmod(0o755)
        config = str(azure.folder / "azd-config")
        done = azure.run(script="infra/hooks/prepare.sh", AZURE_ENV_NAME="contoso", AZD_CONFIG_DIR=config)
        assert done.returncode == (1 if version == "0.41.2" else 0)
        assert told in done.stdout + done.stderr

    def test_without_an_environment_the_hook_says_so(self, azure: AzureStub) -> None:
        done = azure.run(script="infra/hooks/prepare.sh")
        assert done.returncode == 1
        assert "azd env new <tenant>" in done.stderr
