"""Somebody who types what docs/deploy.md shows."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.infra.az.world import group_id
from tests.infra.documents import DOCUMENT
from tests.infra.stand_in import GROUP, OPERATOR_ID, SUBSCRIPTION_ID, TENANT_ID, tenant_file

if TYPE_CHECKING:
    from tests.infra.stand_in import AzureStub

TEXT = DOCUMENT.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
INLINE = sorted(set(re.findall(r"`(infra/deploy\.sh [a-z-]+(?: [a-z0-9]+)*)`", TEXT)))
"""Whole commands within the text."""

BEGINS = {
    "in short": "infra/deploy.sh up contoso\n",
    "limit": 'az role assignment create --scope "$GROUP_ID"',
    "describe": "cp infra/tenants/example.bicepparam",
    "deploy": "az login --tenant <tenant id>",
    "verify": "infra/deploy.sh verify contoso\n",
    "drop": "az storage blob upload",
    "watch": "KEY=$(az functionapp keys list",
    "transfers": "infra/deploy.sh transfers contoso",
    "azd": "azd auth login",
    "github": "az ad app federated-credential create",
    "two tenants": "export AZURE_CONFIG_DIR=~/.azure-contoso",
    "fleet": "infra/deploy.sh status\n",
    "prices": "infra/deploy.sh prices westeurope",
}
"""Each block by its first words: a block that is new has to be run here as well."""

SITE = """import time
time.sleep = lambda seconds, sleep=time.sleep: sleep(min(seconds, 0.01))
"""
"""A sitecustomize for the reader's Python: waits are as long as they are, and pass at once."""


class Reader:
    """Somebody at a shell in the repository's folder."""

    def __init__(self, azure: AzureStub, more: dict[str, str]) -> None:
        self.azure = azure
        home = azure.folder
        (home / "site").mkdir()
        (home / "site" / "sitecustomize.py").write_text(SITE, encoding="utf-8")
        editor = home / "bin" / "editor"
        editor.write_text(f"#!/bin/sh\ncat > \"$1\" <<'END'\n{self.tenant()}END\n", encoding="utf-8")
        editor.chmod(0o755)
        place = group_id(SUBSCRIPTION_ID, GROUP)
        path = f"{home / 'bin'}:{sys.prefix}/bin:/usr/bin:/bin"
        known = {"PATH": path, "HOME": str(home), "PYTHONPATH": str(home / "site"), "EDITOR": str(editor)}
        ids = {"GROUP_ID": place, "DEPLOYER": "cccccccc-0000-4000-8000-00000000000d", "MESSAGE_ID": "AAMk/+=="}
        self.environment = known | ids | more
        self.filled = {"<tenant id>": TENANT_ID, "<owner>/<repository>": "contoso/attachments"}

    def tenant(self) -> str:
        verifier = f"{{ principalId: '{OPERATOR_ID}', principalType: 'User' }}"
        return tenant_file("contoso", f"param verifiers = [{verifier}]")

    def types(self, text: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        for words, value in self.filled.items():
            text = text.replace(words, value)
        assert not re.search(r"<[a-z ]+>", text), text
        command = ["sh", "-c", text]
        return subprocess.run(
            command,
            env=self.environment,
            input=typed,
            text=True,
            capture_output=True,
            check=False,
            cwd=self.azure.folder,
            timeout=300,
        )

    def runs(self, name: str, typed: str = "", code: int = 0) -> str:
        """What the block printed."""
        (block,) = [one for one in BLOCKS if one.startswith(BEGINS[name])]
        done = self.types(block, typed)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout
