"""The workflows: sound for GitHub, safe, and one tenant at a time."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra import toolchain
from tests.infra.stand_in import ROOT

# one process waits for the installation, not two
pytestmark = pytest.mark.xdist_group("infra npm")

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BIN = Path(sys.executable).parent


def loaded(name: str) -> dict[Any, Any]:
    return yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def jobs() -> list[tuple[str, dict[str, Any]]]:
    return [(f"{path.stem}/{name}", job) for path in WORKFLOWS for name, job in loaded(path.stem)["jobs"].items()]


def checked(*files: Path) -> dict[str, list[str]]:
    command = ["node", str(toolchain.HERE / "workflows.mjs"), str(toolchain.node_modules()), *map(str, files)]
    done = subprocess.run(command, text=True, capture_output=True, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_githubs_own_language_service_finds_no_fault() -> None:
    assert checked(*WORKFLOWS) == {str(path): [] for path in WORKFLOWS}


def test_the_language_service_finds_faults_where_there_are_some(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yml"
    bad.write_text("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: a\n        shel: sh\n")
    assert checked(bad)[str(bad)]


def test_zizmor_finds_nothing_unsafe() -> None:
    command = [str(BIN / "zizmor"), "--offline", "--no-progress", "--persona", "pedantic", str(WORKFLOWS[0].parent)]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_action_is_pinned_to_a_commit() -> None:
    for path in WORKFLOWS:
        for used in re.findall(r"uses: (.*)", path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used


def scripts() -> list[tuple[str, str]]:
    return [
        (f"{name}: {step.get('name', step['run'].splitlines()[0])}", step["run"])
        for name, job in jobs()
        for step in job["steps"]
        if "run" in step and step.get("shell") != "pwsh"
    ]


@pytest.mark.parametrize(("name", "script"), scripts(), ids=[name for name, _ in scripts()])
def test_a_step_is_sound_shell_without_github_expressions(name: str, script: str) -> None:
    assert "${{" not in script, name  # values come in as environment variables: text cannot become code
    command = [str(BIN / "shellcheck"), "--shell=bash", "-"]
    done = subprocess.run(command, input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_tests_run_on_every_python_that_the_app_supports() -> None:
    assert loaded("test")["jobs"]["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]


def test_the_tests_find_the_compiler_and_powershell_and_so_skip_nothing() -> None:
    steps = [step["run"] for step in loaded("test")["jobs"]["test"]["steps"] if "run" in step]
    (installed,) = [at for at, run in enumerate(steps) if "az bicep install" in run]
    assert 'echo "$HOME/.azure/bin" >> "$GITHUB_PATH"' in steps[installed]
    assert steps.index("bicep --version\npwsh --version\n") == installed + 1  # fails the job where one is missing
    assert steps.index("python3 dev.py test") > installed + 1


def test_the_real_compiler_builds_and_lints_the_templates_and_every_tenant() -> None:
    steps = "\n".join(script for name, script in scripts() if name.startswith("test/bicep"))
    for command in ("az bicep lint", "az bicep build ", "az bicep build-params"):
        assert command in steps


def test_tenants_are_deployed_one_at_a_time_and_never_cancelled_half_way() -> None:
    workflow = loaded("deploy")
    assert "concurrency" not in workflow  # one group for all tenants: a third run would cancel the second one's wait
    job = workflow["jobs"]["deploy"]
    assert job["concurrency"] == {"group": "deploy-${{ matrix.tenant }}", "cancel-in-progress": False}
    strategy = job["strategy"]
    assert (strategy["max-parallel"], strategy["fail-fast"]) == (1, False)


@pytest.mark.parametrize(
    ("workflow", "environment"), [("deploy", "${{ matrix.tenant }}"), ("what-if", "${{ matrix.tenant }}-what-if")]
)
def test_azure_is_reached_by_oidc_from_the_tenants_environment(workflow: str, environment: str) -> None:
    job = loaded(workflow)["jobs"][workflow]
    assert job["environment"] == environment
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    assert "secrets." not in (ROOT / ".github" / "workflows" / f"{workflow}.yml").read_text(encoding="utf-8")


def test_the_login_is_renewed_before_verifying() -> None:
    steps = loaded("deploy")["jobs"]["deploy"]["steps"]
    kinds = ["login" if "azure/login" in step.get("uses", "") else step.get("name", "") for step in steps]
    assert kinds[2:6] == ["login", "Infrastructure, code, subscription", "login", "Verify"]


def test_only_jobs_that_need_azure_may_ask_for_a_token() -> None:
    allowed = [name for name, job in jobs() if "id-token" in (job.get("permissions") or {})]
    assert allowed == ["deploy/deploy", "what-if/what-if"]
    assert all(loaded(path.stem)["permissions"] == {"contents": "read"} for path in WORKFLOWS)


def test_every_job_ends_by_itself() -> None:
    assert [name for name, job in jobs() if "timeout-minutes" not in job] == []


def test_azd_finds_everything_that_its_file_names() -> None:
    project = yaml.safe_load((ROOT / "azure.yaml").read_text(encoding="utf-8"))
    assert project["infra"] == {"provider": "bicep", "path": "build/azd", "module": "main"}
    assert project["services"]["app"] == {"project": ".", "host": "function", "language": "python"}
    assert project["hooks"].keys() == {"preup", "preprovision", "postdeploy"}
    for hook in project["hooks"].values():
        for system, shell in (("posix", "sh"), ("windows", "pwsh")):
            assert hook[system]["shell"] == shell
            assert hook[system]["continueOnError"] is False
            assert (ROOT / hook[system]["run"]).is_file()


@pytest.mark.parametrize(("hook", "step"), [("prepare", "azd-prepare"), ("finish", "azd-finish")])
def test_a_hook_and_its_powershell_twin_take_the_same_step(hook: str, step: str) -> None:
    hooks = ROOT / "infra" / "hooks"
    assert f'/../deploy.sh" {step}\n' in (hooks / f"{hook}.sh").read_text(encoding="utf-8")
    assert f'/../deploy.ps1" {step}\n' in (hooks / f"{hook}.ps1").read_text(encoding="utf-8")


SHELL = [ROOT / "infra" / "deploy.sh", *sorted((ROOT / "infra" / "hooks").glob("*.sh"))]


@pytest.mark.parametrize("script", SHELL, ids=lambda path: path.name)
def test_a_script_is_sound_posix_shell(script: Path) -> None:
    for command in ([str(BIN / "shellcheck"), "--shell=sh", str(script)], ["sh", "-n", str(script)]):
        done = subprocess.run(command, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert script.stat().st_mode & 0o111
