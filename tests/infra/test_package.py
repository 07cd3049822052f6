"""The package: what the rules say, the same bytes twice, and an app that indexes with requirements.txt alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from devkit.package_app import RULES, ignored, main, packaged, rules, write_package
from infra.deployer.deployment import FUNCTIONS
from tests.infra import bicep, site
from tests.infra.stand_in import ROOT

TRIGGERS = {
    "blob_dropped": "blobTrigger",
    "transfer_due": "queueTrigger",
    "sweep": "timerTrigger",
    "blob_poisoned": "queueTrigger",
    "transfer_poisoned": "queueTrigger",
}

INDEX = """
import json, sys
import function_app
functions = function_app.app.get_functions()
print(json.dumps({one.get_function_name(): one.get_trigger().type for one in functions}))
loaded = {name.partition('.')[0] for name in sys.modules}
assert not loaded & {"devkit", "tests", "infra", "pytest"}, loaded
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "package.zip"
    write_package(ROOT, rules(RULES), path)
    return path


def test_the_app_indexes_from_the_package_with_requirements_alone(package: Path, tmp_path: Path) -> None:
    app, environment = tmp_path / "app", tmp_path / "venv"
    with zipfile.ZipFile(package) as archive:
        archive.extractall(app)
    venv.create(environment)
    pip = (sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), "--disable-pip-version-check")
    install = ("install", "--quiet", "--no-compile", "--requirement", str(app / "requirements.txt"))
    subprocess.run([*pip, *install], check=True, cwd=app)
    settings = site.environment("example")
    done = subprocess.run(
        [str(environment / "bin" / "python"), "-c", INDEX],
        cwd=app,
        env={"PATH": "/usr/bin:/bin", **settings, "IDENTITY_ENDPOINT": "http://localhost/msi", "IDENTITY_HEADER": "x"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    triggers = json.loads(done.stdout)
    assert {name: triggers.get(name) for name in TRIGGERS} == TRIGGERS
    assert set(FUNCTIONS) == TRIGGERS.keys()  # what a deployment waits for


def test_only_what_runs_in_azure_is_in_it(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert tops <= {"function_app.py", "host.json", "requirements.txt", "shared", "LICENSE"}
    assert not [name for name in names if name.endswith(".pyc") or "__pycache__" in name or "settings.json" in name]
    assert {name for name in names if name.startswith("shared/")} == {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "shared").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_same_tree_gives_the_same_bytes_whenever_it_was_written(package: Path, tmp_path: Path) -> None:
    archives = []
    for number in (1, 2):
        tree = tmp_path / f"tree{number}"
        with zipfile.ZipFile(package) as archive:
            archive.extractall(tree)
        for path in tree.rglob("*"):
            os.utime(path, (number * 1_000_000_000, number * 1_000_000_000))
        archives.append(tmp_path / f"{number}.zip")
        write_package(tree, rules(RULES), archives[-1])
    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_the_size_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "package.zip"
    assert main("package", ["--output", str(output)]) == 0
    printed = capsys.readouterr().out
    assert f"{output.stat().st_size:,} bytes" in printed
    assert " files, " in printed
    assert "function_app.py, host.json, requirements.txt, shared" in printed


def test_the_rules_are_read_as_git_reads_them(tmp_path: Path) -> None:
    """The same files are left as git leaves with the same rules: an independent reader of the ignore language."""
    tree = tmp_path / "tree"
    for name in (
        "function_app.py",
        "host.json",
        "requirements.txt",
        "README.md",
        "local.settings.json",
        ".env",
        ".vscode/settings.json",
        "shared/a.py",
        "shared/build/b.py",
        "shared/docs.py",
        "shared/__pycache__/a.pyc",
        "shared/notes.md",
        "tests/test_a.py",
        "devkit/node_modules/x/index.js",
        "infra/main.bicep",
        "azure.yaml",
        "docs/a.txt",
    ):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("x", encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    command = ["git", "ls-files", "--others", f"--exclude-from={RULES}"]
    listed = subprocess.run(command, cwd=tree, check=True, text=True, capture_output=True).stdout.split()
    assert list(packaged(tree, rules(RULES))) == sorted(listed)


@pytest.mark.parametrize(
    ("path", "is_folder", "pattern", "expected"),
    [
        ("a/b/tests", True, "tests", True),
        ("a/b/tests", True, "/tests", False),
        ("tests", True, "/tests", True),
        ("tests", False, "tests/", False),
        ("a/tests", True, "tests/", True),
        ("a/b.pyc", False, "*.pyc", True),
        ("a/b", False, "a/*", True),
        ("a/b/c", False, "a/*", False),
        (".env", False, ".*", True),
        ("x.env", False, ".*", False),
    ],
)
def test_a_rule_means_what_it_means_to_git(path: str, is_folder: bool, pattern: str, expected: bool) -> None:
    assert ignored(path, is_folder=is_folder, patterns=[pattern]) is expected


@pytest.mark.parametrize("rule", ["!keep.py", "**/tests", "[ab].py", "a\\ b"])
def test_a_rule_beyond_the_reader_is_refused(tmp_path: Path, rule: str) -> None:
    file = tmp_path / ".funcignore"
    file.write_text(f"tests\n{rule}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="uses more than names"):
        rules(file)


def test_rules_that_leave_the_app_out_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"not in the package: function_app\.py"):
        write_package(ROOT, [*rules(RULES), "function_app.py"], tmp_path / "x.zip")


def test_the_python_of_azure_is_one_that_the_app_supports() -> None:
    runtime = bicep.module("function-app").resource("app").body["properties"]["functionAppConfig"]["runtime"]
    assert runtime["version"] == "3.13"
    assert 'requires-python = ">=3.11,<3.14"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert sys.version_info >= (3, 11)
