"""Whole deployments as Bicep's own compiler works them out: what Azure would be asked for, resource by resource."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.infra import compiler
from tests.infra.compiler import INFRA, PARAMETER_FILES, of_type, resources
from tests.infra.expressions import Call, value
from tests.infra.site import PUBLIC_CLOUD, account, app_settings

if TYPE_CHECKING:
    from pathlib import Path

TENANTS = list(PARAMETER_FILES)


@compiler.needed
@pytest.mark.parametrize("tenant", TENANTS)
def test_the_snapshot_is_what_the_templates_make(tenant: str) -> None:
    done = compiler.snapshot("validate", tenant)
    again = "python -m tests.infra.compiler writes it anew"
    assert done.returncode == 0, f"{again}\n{done.stdout}\n{done.stderr}"


@compiler.needed
def test_a_change_of_a_template_shows_as_a_difference(tmp_path: Path) -> None:
    shutil.copytree(INFRA, tmp_path / "infra")
    module = tmp_path / "infra" / "modules" / "data-storage.bicep"
    module.write_text(module.read_text(encoding="utf-8").replace("TLS1_2", "TLS1_3"), encoding="utf-8")
    arguments = ("--tenant-id", "11111111-1111-4111-8111-111111111111", "--subscription-id")
    place = ("22222222-2222-4222-8222-222222222222", "--resource-group", "rg-attachdrop-example")
    file = str(tmp_path / "infra" / "tenants" / "example.bicepparam")
    done = compiler.bicep("snapshot", file, "--mode", "validate", *arguments, *place, "--location", "westeurope")
    assert done.returncode != 0
    assert "minimumTlsVersion" in done.stdout + done.stderr


@compiler.needed
def test_the_linter_finds_nothing() -> None:
    for template in ("main.bicep", "subscription.bicep"):
        done = compiler.bicep("lint", str(INFRA / template))
        # use-recent-api-versions speaks as Info, and goes by today's date
        said = [line for line in (done.stdout + done.stderr).splitlines() if line and ": Info " not in line]
        assert (done.returncode, said) == (0, [])


@compiler.needed
def test_every_file_is_laid_out_as_the_formatter_does(tmp_path: Path) -> None:
    copy = tmp_path / "infra"
    shutil.copytree(INFRA, copy)
    for suffix in ("bicep", "bicepparam"):
        done = compiler.bicep("format", "--pattern", f"**/*.{suffix}", folder=copy)
        assert done.returncode == 0, done.stderr
    files = [path.relative_to(INFRA) for path in INFRA.rglob("*.bicep*")]
    assert files
    changed = [str(file) for file in files if (copy / file).read_bytes() != (INFRA / file).read_bytes()]
    assert changed == [], "bicep format lays these out otherwise"


@compiler.needed
def test_the_two_level_parameters_that_azd_gets_compile(tmp_path: Path) -> None:
    shutil.copytree(INFRA, tmp_path / "infra")
    file = tmp_path / "infra" / "main.bicepparam"
    file.write_text("using 'main.bicep'\nextends 'tenants/example.bicepparam'\n", encoding="utf-8")
    done = compiler.bicep("build-params", str(file), "--stdout")
    assert done.returncode == 0, done.stderr
    parameters = json.loads(json.loads(done.stdout)["parametersJson"])["parameters"]
    assert parameters["tenantName"]["value"] == "example"
    assert parameters["logRetentionDays"]["value"] == 30


@pytest.mark.parametrize("tenant", TENANTS)
def test_every_name_is_known_before_the_deployment_runs(tenant: str) -> None:
    """What-if leaves out a resource whose name only the deployment itself finds out. It knows the cloud, as all do."""
    names = [(one["type"], value(one["name"], PUBLIC_CLOUD)) for one in resources(tenant)]
    unknown = [(kind, name) for kind, name in names if not isinstance(name, str)]
    assert unknown == []


@pytest.mark.parametrize("tenant", TENANTS)
def test_http_functions_share_an_instance_as_far_as_it_has_threads(tenant: str) -> None:
    (site,) = of_type(tenant, "Microsoft.Web/sites")
    scale = value(site["properties"]["functionAppConfig"]["scaleAndConcurrency"])
    threads = app_settings(tenant)["PYTHON_THREADPOOL_THREAD_COUNT"]
    assert scale["triggers"] == {"http": {"perInstanceConcurrency": int(threads)}}


ROLE_IDS = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
}
"""Azure's built-in roles. Source: "Azure built-in roles"."""


def holders(tenant: str, scope: str) -> set[tuple[str, str]]:
    """Who holds a role on the resource whose id ends with `scope`: `(principal, role)`."""
    found = set()
    for one in of_type(tenant, "Microsoft.Authorization/roleAssignments"):
        if not one["id"].partition("/providers/Microsoft.Authorization/")[0].endswith(scope):
            continue
        principal = value(one["properties"]["principalId"])
        who = principal.arguments[0].rpartition("/")[2] if isinstance(principal, Call) else principal
        role = one["properties"]["roleDefinitionId"].rpartition("/")[2]
        found.add((who, ROLE_IDS.get(role, role)))
    return found


@pytest.mark.parametrize(
    ("tenant", "container", "role"),
    [
        ("example", "containers/drop", "Storage Blob Data Reader"),
        ("everything", "containers/incoming", "Storage Blob Data Contributor"),
    ],
)
def test_the_app_may_delete_dropped_files_only_where_it_is_to(tenant: str, container: str, role: str) -> None:
    assert (f"id-attachdrop-{tenant}", role) in holders(tenant, container)


def test_everything_turned_on_has_a_private_endpoint_for_each_service_in_use() -> None:
    endpoints = {one["name"].partition("-")[2] for one in of_type("everything", "Microsoft.Network/privateEndpoints")}
    host, data = account("everything", "sthost")["name"], account("everything", "stdrop")["name"]
    assert endpoints == {
        *(f"{host}-{service}" for service in ("blob", "queue", "table")),
        *(f"{data}-{service}" for service in ("blob", "queue")),
    }


@pytest.mark.parametrize(
    ("tenant", "access", "action"), [("example", "Enabled", "Allow"), ("everything", "Enabled", "Deny")]
)
def test_the_data_account_is_as_open_as_the_tenant_says(tenant: str, access: str, action: str) -> None:
    data = account(tenant, "stdrop")
    assert data["properties"]["publicNetworkAccess"] == access
    assert data["properties"]["networkAcls"]["defaultAction"] == action
    assert data["properties"]["networkAcls"]["bypass"] == "AzureServices"  # Event Grid's dead letters


def test_an_account_of_the_host_is_closed_with_a_private_network() -> None:
    assert account("everything", "sthost")["properties"]["publicNetworkAccess"] == "Disabled"


@pytest.mark.parametrize("tenant", TENANTS)
def test_no_lifecycle_rule_touches_checkpoints_or_the_host(tenant: str) -> None:
    (policy,) = of_type(tenant, "Microsoft.Storage/storageAccounts/managementPolicies")
    assert "stdrop" in policy["name"]
    rules = policy["properties"]["policy"]["rules"]
    touched = {prefix for rule in rules for prefix in rule["definition"]["filters"]["prefixMatch"]}
    assert touched == {"example": {"deadletters/"}, "everything": {"deadletters/", "incoming/"}}[tenant]


def test_a_budget_is_made_only_where_one_is_given() -> None:
    assert of_type("example", "Microsoft.Consumption/budgets") == []
    (budget,) = of_type("everything", "Microsoft.Consumption/budgets")
    assert budget["properties"]["amount"] == 50
