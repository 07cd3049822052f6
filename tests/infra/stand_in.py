"""Stand-ins for `az` and `azd` that write down how they were called and play the answers they were given.

A rule names the words that a command begins with, and its answers in order; the last one stays. The deployer under test
is a copy of the repository's own, in a folder of its own, with one valid tenant.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TENANT_ID = "aaaaaaaa-0000-4000-8000-000000000001"
SUBSCRIPTION_ID = "aaaaaaaa-0000-4000-8000-000000000002"
CLIENT_ID = "aaaaaaaa-0000-4000-8000-000000000003"
PRINCIPAL_ID = "aaaaaaaa-0000-4000-8000-000000000004"
FUNCTIONS = ["blob_dropped", "transfer_due", "sweep", "blob_poisoned", "transfer_poisoned", "health"]
FUNCTION_KEY = "canary-function-key"

TENANT = f"""using '../main.bicep'
extends 'shared.bicepparam'
param tenantName = 'contoso'
param azureTenantId = '{TENANT_ID}'
param azureSubscriptionId = '{SUBSCRIPTION_ID}'
param resourceGroupName = 'rg-attachdrop-contoso'
param location = 'westeurope'
param mailboxScopeGroup = 'attachment-drop@contoso.test'
param reachableMailbox = 'orders@contoso.test'
param refusedMailbox = 'director@contoso.test'
param alertEmails = ['operations@contoso.test']
"""

PROGRAM = """#!{python} -IS
import json, os, pathlib, sys
folder = pathlib.Path({folder!r})
program = pathlib.Path(sys.argv[0]).name
arguments = sys.argv[1:]
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([program, *arguments]) + "\\n")
rules = json.loads((folder / "rules.json").read_text())
for index, rule in enumerate(rules):
    words = rule["words"]
    if [program, *arguments][: len(words)] == words and all(part in " ".join(arguments) for part in rule["having"]):
        break
else:
    sys.stderr.write("the stand-in has no answer to: " + " ".join([program, *arguments]))
    sys.exit(99)
count = folder / f"count-{{index}}"
turn = int(count.read_text()) if count.exists() else 0
count.write_text(str(turn + 1))
answer = rule["answers"][min(turn, len(rule["answers"]) - 1)]
if "error" in answer:
    sys.stderr.write("ERROR: " + answer["error"])
    sys.exit(1)
value = answer["value"]
sys.stdout.write(value if isinstance(value, str) and rule["plain"] else json.dumps(value))
"""


def outputs(host: str = "func-contoso.azurewebsites.net") -> dict[str, Any]:
    values = {
        "appName": "func-contoso",
        "hostName": host,
        "topicName": "evgt-contoso",
        "dataStorageName": "stdropcontoso",
        "hostStorageName": "sthostcontoso",
        "dropContainer": "drop",
        "checkpointContainer": "checkpoints",
        "deadLetterContainer": "deadletters",
        "identityClientId": CLIENT_ID,
        "identityPrincipalId": PRINCIPAL_ID,
    }
    return {name: {"type": "String", "value": value} for name, value in values.items()}


def subscription(host: str = "func-contoso.azurewebsites.net") -> dict[str, Any]:
    return {
        "provisioningState": "Succeeded",
        "destination": {"endpointBaseUrl": f"https://{host}/runtime/webhooks/blobs"},
        "filter": {"subjectBeginsWith": "/blobServices/default/containers/drop/blobs/"},
    }


@dataclass
class StandIn:
    """One folder with the deployer, one tenant, and programs that play Azure."""

    folder: Path
    rules: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def make(cls, folder: Path) -> StandIn:
        made = cls(folder)
        shutil.copytree(ROOT / "infra", folder / "infra", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "infra" / "tenants" / "contoso.bicepparam").write_text(TENANT, encoding="utf-8")
        (folder / "devkit").mkdir()
        (folder / "shared").mkdir()
        for name in ("devkit/__init__.py", "devkit/package_app.py", ".funcignore", "host.json", "requirements.txt"):
            (folder / name).write_bytes((ROOT / name).read_bytes())
        (folder / "function_app.py").write_text("# stands in for the app\n", encoding="utf-8")
        for name in ("az", "azd"):
            program = folder / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(PROGRAM.format(python=sys.executable, folder=str(folder)), encoding="utf-8")
            program.chmod(0o755)
        made.rules = everything_well()
        return made

    def answers(self, command: str, *answers: Any, having: tuple[str, ...] = (), plain: bool = False) -> None:
        """Answers of `command`, before the rules there are. A value answers; an Exception's text is the error."""
        self.rules.insert(0, rule(command, *answers, having=having, plain=plain))

    def run(
        self, *arguments: str, typed: str = "", script: str = "infra/deploy.sh", **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the real script in POSIX sh, with quick waits."""
        (self.folder / "rules.json").write_text(json.dumps(self.rules), encoding="utf-8")
        waits = (
            ("--poll-seconds", "0", "--patience-seconds", "60") if script.endswith("deploy.sh") and arguments else ()
        )
        path = os.pathsep.join([str(self.folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {"PATH": path, "HOME": str(self.folder), **more}
        return subprocess.run(
            ["sh", str(self.folder / script), *arguments[:2], *waits, *arguments[2:]],
            env=environment,
            input=typed,
            text=True,
            capture_output=True,
            check=False,
            cwd=self.folder,
            timeout=120,
        )

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


def rule(command: str, *answers: Any, having: tuple[str, ...] = (), plain: bool = False) -> dict[str, Any]:
    played = [{"error": str(one)} if isinstance(one, Exception) else {"value": one} for one in answers]
    words = command.split()
    program = [] if words[0] == "azd" else ["az"]
    return {"words": [*program, *words], "having": list(having), "answers": played, "plain": plain}


def everything_well() -> list[dict[str, Any]]:
    providers = ["EventGrid", "Insights", "ManagedIdentity", "OperationalInsights", "Storage", "Web", "App", "Network"]
    return [
        rule("account show", {"tenantId": TENANT_ID}),
        rule("cloud show", "AzureCloud"),
        rule("bicep version", "Bicep CLI version 0.46.61 (abc)", plain=True),
        rule("provider list", [f"Microsoft.{name}" for name in providers]),
        rule("group exists", True),
        rule("group show", {"product": "outlook-attachment-drop", "tenant": "contoso"}),
        rule("deployment group what-if", "Resource changes: 1 to create.", plain=True),
        rule("deployment group create", "", plain=True),
        rule("deployment group list", outputs()),
        rule("functionapp deployment source config-zip", "", plain=True),
        rule("functionapp function list", [f"func-contoso/{name}" for name in FUNCTIONS]),
        rule("functionapp keys list", 56, having=("length(systemKeys.blobs_extension",)),
        rule("functionapp keys list", FUNCTION_KEY, having=("functionKeys.default",)),
        rule("functionapp keys set", "", plain=True),
        rule("functionapp show", "Running"),
        rule("eventgrid system-topic event-subscription show", subscription()),
        rule("rest", "", plain=True),
        rule("storage blob upload", "", plain=True),
        rule("storage blob delete", "", plain=True),
        rule("storage blob list", 0),
        rule("resource list", 0),
        rule("group delete", "", plain=True),
        rule("group create", "", plain=True),
        rule("group update", "", plain=True),
        rule("azd env set", "", plain=True),
    ]
