"""`azd` as a program: a sign-in of its own, environments, and `up`: infrastructure and code between its hooks."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import yaml

from infra.deployer.tenant_file import read
from tests.infra.az import deploying
from tests.infra.az.errors import AzError
from tests.infra.az.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def run(folder: Path, words: Sequence[str], environment: Mapping[str, str], out: TextIO) -> int:
    """Play one call. `AzError` for a word that azd does not know."""
    match list(words):
        case ["auth", "login", *rest]:
            return _login(folder, rest, out)
        case ["env", "set", _, _]:
            return 0
        case ["env", "new", name]:
            with _state(folder) as data:
                data["azd"]["environment"] = name
            return 0
        case ["up"]:
            return _up(folder, environment)
        case _:
            raise AzError(f'unknown command "{" ".join(words)}" for "azd"')


@contextmanager
def _state(folder: Path) -> Iterator[dict[str, Any]]:
    file = folder / "azure.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    yield data
    file.write_text(json.dumps(data, indent=1), encoding="utf-8")


def _login(folder: Path, words: list[str], out: TextIO) -> int:
    with _state(folder) as data:
        if "--check-status" not in words:
            data["azd"]["status"] = "success"
        out.write(json.dumps({"status": data["azd"]["status"]}) + "\n")
    return 0


def _up(folder: Path, environment: Mapping[str, str]) -> int:
    """preup and preprovision, the template, the code, postdeploy: as azure.yaml names them."""
    with _state(folder) as data:
        name = data["azd"]["environment"]
    hooks = yaml.safe_load((folder / "azure.yaml").read_text(encoding="utf-8"))["hooks"]
    known = {**environment, "AZURE_ENV_NAME": name}
    for hook in ("preup", "preprovision"):
        if code := _hook(folder, hooks[hook], known):
            return code
    _provision(folder, environment)
    return _hook(folder, hooks["postdeploy"], known)


def _hook(folder: Path, hook: dict[str, Any], environment: Mapping[str, str]) -> int:
    return subprocess.run(["sh", hook["posix"]["run"]], cwd=folder, env=dict(environment), check=False).returncode


def _provision(folder: Path, environment: Mapping[str, str]) -> None:
    handed_over = (folder / "build" / "azd" / "main.bicepparam").read_text(encoding="utf-8")
    file = (folder / "build" / "azd" / handed_over.partition("extends '")[2].partition("'")[0]).resolve()
    config = Path(environment.get("AZURE_CONFIG_DIR") or f"{environment['HOME']}/.azure")
    with World.opened(folder / "azure.json", config) as world:
        account = world.account(None)
        name = read(file).values["resourceGroupName"]
        group = world.group(account, str(name))
        deploying.deploy_infrastructure(world, account, str(name), group, file, f"azd-{os.getpid()}")
        group["app"]["code"] = True
