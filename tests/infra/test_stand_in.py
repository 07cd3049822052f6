"""The stand-in for `az` is as strict as azure-cli 2.91, and deploys what the compiler says the templates make."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.deployer.container_roles import group_id, uploader_role_id
from infra.deployer.deployment import Tenant
from infra.deployer.tenant_file import read
from tests.infra.az import deploying, rights
from tests.infra.az.commands import COMMANDS
from tests.infra.compiler import PARAMETER_FILES, TENANTS, of_type
from tests.infra.expressions import Call, value
from tests.infra.site import account
from tests.infra.stand_in import GROUP, SUBSCRIPTION_ID, AzureStub


def az(azure: AzureStub, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": str(azure.folder), "PATH": "/usr/bin:/bin"}
    program = str(azure.folder / "bin" / "az")
    return subprocess.run([program, *words], env=environment, text=True, capture_output=True, check=False)


APP = ("--resource-group", GROUP, "--name", "func-contoso")


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        pytest.param(("functionapp", "show", *APP, "--query", "state"), "", id="a Flex app has no state of its own"),
        pytest.param(("functionapp", "show", *APP, "--query", "properties.state"), '"Running"\n', id="but properties"),
        pytest.param(("group", "exists", "-n", "other"), "false\n", id="false is printed"),
        pytest.param(("group", "show", "-g", GROUP, "--query", "tags.nothing"), "", id="null is not"),
        pytest.param(("account", "show", "--query", "isDefault", "-o", "tsv"), "true\n", id="tsv"),
    ],
)
def test_it_prints_what_the_real_one_prints(azure: AzureStub, words: tuple[str, ...], printed: str) -> None:
    done = az(azure, *words)
    assert (done.returncode, done.stdout) == (0, printed), done.stderr


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("group", "show"), 2, "the following arguments are required: --name"),
        (("group", "exists", "--name", "x", "--nme", "y"), 2, "unrecognized arguments: --nme"),
        (("group", "exist", "--name", "x"), 2, "is misspelled or not recognized by the system"),
        (("ad", "app", "list", "--subscription", SUBSCRIPTION_ID), 2, "unrecognized arguments: --subscription"),
        (("group", "show", "-n", GROUP, "--query", "tags["), 2, "argument --query: invalid jmespath_type value"),
        (("group", "show", "-n", GROUP, "--query", "length(tags.x)"), 1, "Invalid jmespath query supplied"),
        (("account", "show", "--subscription", "x"), 1, "Subscription 'x' not found. Check the spelling and casing"),
        (("group", "show", "--name", "other"), 3, "(ResourceGroupNotFound) Resource group 'other'"),
    ],
)
def test_it_refuses_what_the_real_one_refuses(azure: AzureStub, words: tuple[str, ...], code: int, told: str) -> None:
    done = az(azure, *words)
    assert done.returncode == code
    assert told in done.stderr


@pytest.mark.parametrize(
    ("roles", "words", "told"),
    [
        ((rights.CONTRIBUTOR,), ("provider", "list"), "'Microsoft.Resources/subscriptions/providers/read'"),
        ((rights.CONTRIBUTOR,), ("group", "exists", "-n", "other"), "Operation returned an invalid status 'Forbidden'"),
        ((rights.READER,), ("functionapp", "keys", "list", *APP), "'Microsoft.Web/sites/host/listkeys/action'"),
    ],
)
def test_it_knows_which_right_a_call_needs(
    azure: AzureStub, roles: tuple[str, ...], words: tuple[str, ...], told: str
) -> None:
    azure.only(*roles)
    done = az(azure, *words)
    assert done.returncode == 1
    assert told in done.stderr


def test_a_call_for_microsoft_entra_goes_to_the_default_account(azure: AzureStub) -> None:
    azure.add_tenant("fabrikam")
    done = az(azure, "ad", "app", "create", "--display-name", "x", "--sign-in-audience", "AzureADMyOrg")
    assert done.returncode == 0, done.stderr
    with azure.state() as data:
        apps = {tenant[:8]: len(one["apps"]) for tenant, one in data["directories"].items()}
    assert apps == {"aaaaaaaa": 0, "bbbbbbbb": 1}


def compiled(tenant: str) -> set[tuple[str, str, str, str]]:
    """`(scope, name, principal, role)` of the snapshot's assignments."""
    found = set()
    for one in of_type(tenant, "Microsoft.Authorization/roleAssignments"):
        principal: Any = value(one["properties"]["principalId"])
        if isinstance(principal, Call):
            is_app = "identities" in str(principal.arguments[0]).lower()
            principal = deploying.APP_PRINCIPAL if is_app else deploying.TOPIC_PRINCIPAL
        scope, _, name = one["id"].partition("/providers/Microsoft.Authorization/roleAssignments/")
        found.add((scope, name, principal, one["properties"]["roleDefinitionId"].rpartition("/")[2]))
    return found


@pytest.mark.parametrize("tenant", TENANTS)
def test_it_assigns_what_the_compiler_says_the_templates_assign(tenant: str) -> None:
    """Under the same names, too: by them a second deployment finds the assignments of the first."""
    values = read(PARAMETER_FILES[tenant]).values
    known = Tenant(tenant, values)
    app, topic = (stem.format(tenant) for stem in (deploying.APP, deploying.TOPIC))
    uploader = rights.BLOB_CONTRIBUTOR if values.get("uploaderRole") == "contributor" else uploader_role_id(known)
    principals = {app: deploying.APP_PRINCIPAL, topic: deploying.TOPIC_PRINCIPAL}
    names = {one: account(tenant, f"st{one}")["name"] for one in ("drop", "host")}
    made = deploying.assignments(
        *(values, group_id(known), principals, uploader), data=names["drop"], host=names["host"]
    )
    services = {one for one in compiled(tenant) if one[2] in principals.values()}
    assert {(one["scope"], one["name"], one["principalId"], one["role"]) for one in made[:8]} == services
    assert {(one["scope"], one["principalId"], one["role"]) for one in made} == {
        (scope, principal, role) for scope, _, principal, role in compiled(tenant)
    }


@pytest.mark.parametrize("tenant", ["example", "everything"])
def test_the_uploaders_role_has_the_id_that_the_deployer_works_out(tenant: str) -> None:
    """guid() of the templates, worked out again in Python: the compiler's own result stands in the snapshot."""
    (definition,) = of_type(tenant, "Microsoft.Authorization/roleDefinitions")
    assert definition["name"] == uploader_role_id(Tenant(tenant, read(PARAMETER_FILES[tenant]).values))
    (permission,) = definition["properties"]["permissions"]
    blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
    assert permission == {
        "actions": [],
        "notActions": [],
        "dataActions": [f"{blobs}/add/action", f"{blobs}/write"],
        "notDataActions": [],
    }


def test_every_command_that_it_plays_was_read_from_azure_cli() -> None:
    known = json.loads(Path(__file__).with_name("az").joinpath("commands.json").read_text(encoding="utf-8"))
    assert known["azure-cli"] == "2.91.0"
    assert COMMANDS.keys() <= known["commands"].keys()
