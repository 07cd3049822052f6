"""Whole deployments as Bicep's own compiler works them out: what Azure would be asked for, resource by resource."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.infra import compiler
from tests.infra.compiler import INFRA, PARAMETER_FILES, TENANTS, of_type, resources
from tests.infra.expressions import value
from tests.infra.site import PUBLIC_CLOUD, account, app_settings

if TYPE_CHECKING:
    from pathlib import Path


@compiler.needed
@pytest.mark.parametrize("tenant", PARAMETER_FILES)
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
@pytest.mark.parametrize("file", PARAMETER_FILES.values(), ids=PARAMETER_FILES)
def test_so_it_does_with_the_parameter_files_of_the_tests(file: Path) -> None:
    done = compiler.bicep("format", str(file), "--stdout")
    assert done.stdout == file.read_text(encoding="utf-8")


@compiler.needed
@pytest.mark.parametrize("option", ["--tenant-id", "--subscription-id", "--resource-group"])
def test_a_deployment_to_another_place_than_the_files_own_is_refused(option: str, tmp_path: Path) -> None:
    shutil.copytree(INFRA, tmp_path / "infra")
    file = str(tmp_path / "infra" / "tenants" / "example.bicepparam")
    place = {
        "--tenant-id": "11111111-1111-4111-8111-111111111111",
        "--subscription-id": "22222222-2222-4222-8222-222222222222",
        "--resource-group": "rg-attachdrop-example",
    }
    place[option] = place[option][:-1] + "f"
    words = [word for pair in place.items() for word in pair]
    done = compiler.bicep("snapshot", file, "--mode", "overwrite", *words, "--location", "westeurope")
    assert done.returncode != 0
    assert "These parameters belong to resource group rg-attachdrop-example" in done.stdout + done.stderr


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


@pytest.mark.parametrize("tenant", ["everything", "closed-and-long-name"])
def test_a_private_network_has_an_endpoint_for_each_service_in_use(tenant: str) -> None:
    endpoints = {one["name"].partition("-")[2] for one in of_type(tenant, "Microsoft.Network/privateEndpoints")}
    host, data = account(tenant, "sthost")["name"], account(tenant, "stdrop")["name"]
    assert endpoints == {
        *(f"{host}-{service}" for service in ("blob", "queue", "table")),
        *(f"{data}-{service}" for service in ("blob", "queue")),
    }


@pytest.mark.parametrize("tenant", TENANTS)
def test_what_grows_old_is_deleted_only_where_it_is_meant_and_checkpoints_never(tenant: str) -> None:
    (policy,) = of_type(tenant, "Microsoft.Storage/storageAccounts/managementPolicies")
    assert policy["name"] == f"{account(tenant, 'stdrop')['name']}/default"
    deleted = {}
    for rule in policy["properties"]["policy"]["rules"]:
        (prefix,) = rule["definition"]["filters"]["prefixMatch"]
        ((action, after),) = rule["definition"]["actions"]["baseBlob"].items()
        deleted[prefix] = (action, *after.values())
    # dropped files only where their days are given
    wanted = {"everything": {"deadletters/": ("delete", 90), "incoming/": ("delete", 60)}}
    assert deleted == wanted.get(tenant, {"deadletters/": ("delete", 30)})


def test_a_budget_is_made_only_where_one_is_given() -> None:
    assert of_type("example", "Microsoft.Consumption/budgets") == []
    (budget,) = of_type("everything", "Microsoft.Consumption/budgets")
    assert budget["properties"]["amount"] == 50
