"""Reads from the real azure-cli which options its commands take, into `commands.json`.

    python -m tests.infra.az.signatures PATH-TO-AZ      (azure-cli in a virtual environment of its own; it asks nobody)

The stand-in refuses what the real one would refuse: an option that a command does not know, a required one that is
missing.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

COMMANDS = Path(__file__).with_name("commands.json")

USED = (
    *("account show", "account list", "account set", "account get-access-token", "cloud show", "bicep version"),
    *("provider list", "provider register", "group exists", "group show", "group create", "group update"),
    *("group delete", "tag update", "resource list", "deployment group what-if", "deployment group create"),
    *("deployment group list", "functionapp deployment source config-zip", "functionapp function list"),
    *("functionapp keys list", "functionapp keys set", "functionapp show", "rest"),
    *("eventgrid system-topic event-subscription show", "storage blob upload", "storage blob delete"),
    *("identity show", "eventgrid system-topic show", "login", "cloud set", "bicep upgrade", "bicep build"),
    "functionapp list-flexconsumption-locations",
    *("storage blob list", "role assignment list", "role assignment delete", "role assignment create"),
    *("role definition list", "role definition delete", "ad app list", "ad app create"),
    *("ad app federated-credential list", "ad app federated-credential create"),
    "ad app federated-credential update",
)

_OPTION = re.compile(r"^    (?P<names>(?:-{1,2}[\w-]+,? ?)+)\s*(?P<marks>(?:\[\w+\]\s*)*):", re.MULTILINE)


def signature(az: str, command: str) -> dict[str, object]:
    """The names of each option, and the ones that are required."""
    done = subprocess.run([az, *command.split(), "--help"], check=True, text=True, capture_output=True)
    options, required = [], []
    for match in _OPTION.finditer(done.stdout):
        names = match["names"].replace(",", "").split()
        options.append(names)
        if "[Required]" in match["marks"]:
            required.append(names[0])
    return {"options": sorted(options), "required": sorted(required)}


def main(az: str) -> int:
    version = json.loads(subprocess.run([az, "version"], check=True, text=True, capture_output=True).stdout)
    found = {command: signature(az, command) for command in USED}
    body = {"azure-cli": version["azure-cli"], "commands": found}
    COMMANDS.write_text(json.dumps(body, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
