"""A copy of the deployer in a folder of its own, with tenants, and programs in place of `az` and `azd`.

The programs are `tests/infra/az`: Azure with a memory. `answers` puts a rule in front of them; an answer is a whole
document as azure-cli returns it, and `--query` is evaluated on it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jmespath
import yaml

from tests.infra.az import deploying, documents, rights
from tests.infra.az.world import World, assigned, group_id, new_subscription

ROOT = Path(__file__).resolve().parents[2]
TENANT_ID = "aaaaaaaa-0000-4000-8000-000000000001"
SUBSCRIPTION_ID = "aaaaaaaa-0000-4000-8000-000000000002"
CLIENT_ID = "aaaaaaaa-0000-4000-8000-000000000003"
PRINCIPAL_ID = deploying.APP_PRINCIPAL
OPERATOR = "operator@contoso.test"
OPERATOR_ID = "aaaaaaaa-0000-4000-8000-00000000000a"
GROUP = "rg-attachdrop-contoso"
FUNCTION_KEY = "canary-function-key"
TAGS = {"product": "outlook-attachment-drop", "tenant": "contoso", "owner": "messaging-platform"}

TENANT = """using '../main.bicep'
extends 'shared.bicepparam'
param tenantName = '{name}'
param azureTenantId = '{digit}-0000-4000-8000-000000000001'
param azureSubscriptionId = '{digit}-0000-4000-8000-000000000002'
param resourceGroupName = 'rg-attachdrop-{name}'
param location = 'westeurope'
param mailboxScopeGroup = 'attachment-drop@{name}.test'
param reachableMailbox = 'orders@{name}.test'
param refusedMailbox = 'director@{name}.test'
param alertEmails = ['operations@{name}.test']
"""
DIGITS = {"contoso": "aaaaaaaa", "fabrikam": "bbbbbbbb"}

PACKAGED = ("devkit/__init__.py", "devkit/package_app.py", ".funcignore", "azure.yaml", "host.json", "requirements.txt")

PROGRAM = """#!{python} -IS
import os, pathlib, sys
sys.path[:0] = {path!r}
from tests.infra.az.program import main
words = [pathlib.Path(sys.argv[0]).name, *sys.argv[1:]]
sys.exit(main(pathlib.Path({folder!r}), words, os.environ, sys.stdout, sys.stderr))
"""


def tenant_file(name: str, *lines: str) -> str:
    return TENANT.format(name=name, digit=DIGITS[name]) + "".join(f"{line}\n" for line in lines)


def subscription(host: str = "func-contoso.azurewebsites.net", **changes: Any) -> dict[str, Any]:
    """The event subscription as `az` shows it."""
    found = {
        "endpoint": f"https://{host}/runtime/webhooks/blobs",
        "watches": "/blobServices/default/containers/drop/blobs/",
        "state": "Succeeded",
    }
    return documents.event_subscription("/topics/evgt-contoso", found | changes)


def account_of(person: str, tenant: str, subscription_id: str) -> dict[str, Any]:
    """As azureProfile.json has it, the default one."""
    return {
        "environmentName": "AzureCloud",
        "homeTenantId": tenant,
        "id": subscription_id,
        "isDefault": True,
        "managedByTenants": [],
        "name": f"Subscription of {person}",
        "state": "Enabled",
        "tenantId": tenant,
        "user": {"name": person, "type": "user"},
    }


class AzureStub:
    """One folder with the deployer, its tenants, and Azure.

    Attributes:
        folder: where everything is; it is the home directory of whoever runs the deployer, too.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def make(cls, folder: Path) -> AzureStub:
        """Nothing deployed; `contoso` has a file, and its operator owns the subscription and is signed in."""
        made = cls(folder)
        shutil.copytree(ROOT / "infra", folder / "infra", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "devkit").mkdir()
        (folder / "shared").mkdir()
        for name in PACKAGED:
            (folder / name).write_bytes((ROOT / name).read_bytes())
        (folder / "function_app.py").write_text("# stands in for the app\n", encoding="utf-8")
        path = [str(ROOT), *{str(Path(str(one.__file__)).parents[1]) for one in (jmespath, yaml)}]
        for name in ("az", "azd"):
            program = folder / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(PROGRAM.format(python=sys.executable, path=path, folder=str(folder)), encoding="utf-8")
            program.chmod(0o755)
        empty: dict[str, Any] = {"people": {}, "subscriptions": {}, "directories": {}, "rules": [], "logins": []}
        empty |= {"calls": 0, "clock": 0, "cloud": "AzureCloud", "bicep": "0.49.2", "azd": {"status": "success"}}
        (folder / "azure.json").write_text(json.dumps(empty), encoding="utf-8")
        made.add_tenant("contoso")
        return made

    def add_tenant(self, name: str) -> None:
        """A second customer of the same operator's: another Entra tenant, subscription and file."""
        tenant, subscription_id = (f"{DIGITS[name]}-0000-4000-8000-00000000000{digit}" for digit in (1, 2))
        self.write_tenant(name)
        person = f"operator@{name}.test"
        object_id = OPERATOR_ID.replace("aaaaaaaa", DIGITS[name])
        with self.state() as data:
            data["people"][person] = {"objectId": object_id, "directory": ["read", "applications"]}
            data["directories"][tenant] = {"apps": [], "servicePrincipals": {}}
            data["subscriptions"][subscription_id] = new_subscription(tenant)
            data["logins"].append(account_of(person, tenant, subscription_id))
        self.grant(rights.OWNER, f"/subscriptions/{subscription_id}", person)
        self.sign_in(person, tenant, subscription_id)

    def start_over(self) -> None:
        """As on a machine where nobody signed in yet, and with a repository that has no tenant."""
        shutil.rmtree(self.folder / ".azure", ignore_errors=True)
        (self.folder / "infra" / "tenants" / "contoso.bicepparam").unlink()

    def write_tenant(self, name: str, *lines: str) -> None:
        file = self.folder / "infra" / "tenants" / f"{name}.bicepparam"
        object_id = OPERATOR_ID.replace("aaaaaaaa", DIGITS[name])
        verifier = f"{{ principalId: '{object_id}', principalType: 'User' }}"
        file.write_text(tenant_file(name, f"param verifiers = [{verifier}]", *lines), encoding="utf-8")

    def sign_in(self, person: str, tenant: str, subscription_id: str, *, config: str = ".azure", **more: Any) -> None:
        """`az login`: the newest account becomes the default one."""
        file = self.folder / config / "azureProfile.json"
        file.parent.mkdir(exist_ok=True)
        profile = json.loads(file.read_text(encoding="utf-8"))["subscriptions"] if file.exists() else []
        profile = [{**one, "isDefault": False} for one in profile if one["id"] != subscription_id]
        account = account_of(person, tenant, subscription_id)
        file.write_text(json.dumps({"subscriptions": [*profile, account | more]}), encoding="utf-8")

    def grant(self, role: str, scope: str, person: str = OPERATOR) -> None:
        subscription_id = scope.split("/")[2]
        with self.state() as data:
            made = assigned(data["people"][person]["objectId"], "User", role, scope)
            data["subscriptions"][subscription_id]["assignments"].append(made)

    def only(self, *roles: str, scope: str = group_id(SUBSCRIPTION_ID, GROUP), person: str = OPERATOR) -> None:
        """The person has these roles on `scope`, and nothing else anywhere."""
        with self.state() as data:
            mine = data["people"][person]["objectId"]
            known = data["subscriptions"][scope.split("/")[2]]
            known["assignments"] = [one for one in known["assignments"] if one["principalId"] != mine]
        for role in roles:
            self.grant(role, scope, person)

    def deploy(self, name: str = "contoso") -> None:
        """As after an `up`: infrastructure, code and subscription are there."""
        tenant, subscription_id = (f"{DIGITS[name]}-0000-4000-8000-00000000000{digit}" for digit in (1, 2))
        group_name = f"rg-attachdrop-{name}"
        with self.state() as data:
            account = {"id": subscription_id, "tenantId": tenant, "user": {"name": f"operator@{name}.test"}}
            world = World(data, [{**account, "name": name, "isDefault": True}])
            group: dict[str, Any] = {"location": "westeurope", "tags": TAGS | {"tenant": name}, "deployments": {}}
            world.subscription(account)["groups"][group_name] = group
            file = self.folder / "infra" / "tenants" / f"{name}.bicepparam"
            deploying.deploy_infrastructure(world, account, group_name, group, file, "attachdrop-infrastructure")
            group["app"]["code"] = True
            template = self.folder / "infra" / "subscription.bicep"
            given = [
                f"{one}={group['deployments']['attachdrop-infrastructure']['outputs'][one]['value']}" for one in PASSED
            ]
            asked = {"--name": "attachdrop-subscription", "--template-file": template, "--parameters": given}
            deploying.deploy_subscription(world, account, group, asked)

    @contextmanager
    def state(self) -> Iterator[dict[str, Any]]:
        """What there is in Azure; changes are kept."""
        file = self.folder / "azure.json"
        data = json.loads(file.read_text(encoding="utf-8"))
        yield data
        file.write_text(json.dumps(data, indent=1), encoding="utf-8")

    @contextmanager
    def group(self, name: str = "contoso") -> Iterator[dict[str, Any]]:
        with self.state() as data:
            yield data["subscriptions"][f"{DIGITS[name]}-0000-4000-8000-000000000002"]["groups"][
                f"rg-attachdrop-{name}"
            ]

    def answers(self, command: str, *answers: Any, having: tuple[str, ...] = (), once: bool = False) -> None:
        """Answers of `command` in turn, in place of Azure's own; `once`: after them Azure answers for itself again.

        A value is the whole document, an exception's text the error.
        """
        played = [{"error": str(one)} if isinstance(one, Exception) else {"value": one} for one in answers]
        if once:
            played.append({"pass": True})
        with self.state() as data:
            data["rules"].insert(0, {"words": command.split(), "having": list(having), "answers": played})

    def run(
        self, *arguments: str, typed: str = "", script: str = "infra/deploy.sh", quick: bool = True, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the deployer, with quick waits and Azure inside its process; not `quick`: the real script in POSIX sh."""
        command, environment = self._command(arguments, script, quick=quick, more=more)
        return subprocess.run(
            command,
            env=environment,
            input=typed,
            text=True,
            capture_output=True,
            check=False,
            cwd=self.folder,
            timeout=120,
        )

    @contextmanager
    def many(self) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
        """`run` for hundreds of runs: one process plays them all, one after the other."""
        _, environment = self._command((), "infra/deploy.sh", quick=True, more={})
        command = [sys.executable, "-m", "tests.infra.az.inside", str(self.folder)]
        environment["PYTHONPATH"] = str(ROOT)
        pipe = subprocess.PIPE
        with subprocess.Popen(command, env=environment, text=True, stdin=pipe, stdout=pipe, cwd=self.folder) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            words, answers = process.stdin, process.stdout

            def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
                waits = ("--poll-seconds", "0", "--patience-seconds", "60")
                asked = {"arguments": [*arguments[:2], *waits, *arguments[2:]], "environment": more}
                words.write(json.dumps(asked) + "\n")
                words.flush()
                return subprocess.CompletedProcess(list(arguments), **json.loads(answers.readline()))

            yield run
            words.close()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The deployer in a process that a test can interrupt."""
        command, environment = self._command(arguments, "infra/deploy.sh", quick=True, more={})
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, text=True, stdout=pipe, stderr=pipe, cwd=self.folder)

    def _command(
        self, arguments: tuple[str, ...], script: str, *, quick: bool, more: dict[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        waits = (
            ("--poll-seconds", "0", "--patience-seconds", "60") if script.endswith("deploy.sh") and arguments else ()
        )
        path = os.pathsep.join([str(self.folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {"PATH": path, "HOME": str(self.folder), **more}
        command = ["sh", str(self.folder / script)]
        if quick and script.endswith("deploy.sh") and arguments:
            command = [sys.executable, "-m", "tests.infra.az.inside", str(self.folder)]
            environment["PYTHONPATH"] = str(ROOT)
        return [*command, *arguments[:2], *waits, *arguments[2:]], environment

    def calls(self, *words: str) -> list[list[str]]:
        """The calls that began with these words, program first; all of them without words."""
        file = self.folder / "calls"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        calls: list[list[str]] = [json.loads(line) for line in lines]
        return [call for call in calls if call[: len(words)] == list(words)]

    def order(self, *commands: str) -> list[int]:
        """For each command (words after `az`), the position of its last call."""
        calls = self.calls()
        return [max(at for at, call in enumerate(calls) if call[1:][: len(c.split())] == c.split()) for c in commands]


PASSED = ("appName", "topicName", "dataStorageName", "dropContainer", "deadLetterContainer")
