"""What the azd hooks do: `azd` brings the infrastructure and the code, this tool everything before and after.

The azd environment has the tenant's name. azd takes one parameter file only, `main.bicepparam` beside the module, so
the hook writes one that extends the tenant's own.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from .azure import DeployError, run, say
from .deployment import BUILD, load, older_bicep

if TYPE_CHECKING:
    from .deployment import Tenant

FOLDER = "azd"
"""In build/; azure.yaml names it as the infrastructure's path."""


def environment_tenant() -> Tenant:
    """The tenant that the azd environment is named after."""
    name = os.environ.get("AZURE_ENV_NAME", "")
    if not name:
        raise DeployError("AZURE_ENV_NAME is not set: this is a hook of azd (azd env new <tenant>, then azd up).")
    return load(name)


def write_parameters(tenant: Tenant) -> Path:
    """The parameter file that azd finds, in a folder that git ignores."""
    folder = BUILD / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "main.bicepparam"
    path.write_text(
        f"// Written for azd from infra/tenants/{tenant.name}.bicepparam; changes here are lost.\n"
        "using '../../infra/main.bicep'\n"
        f"extends '../../infra/tenants/{tenant.name}.bicepparam'\n",
        encoding="utf-8",
    )
    return path


def ready() -> None:
    """`DeployError` when azd is not signed in, or would compile with a Bicep that is too old for the tenant files.

    azd has a sign-in of its own (`az login` does not count), and downloads a compiler of its own, which may be older
    than the Azure CLI's: `AZD_BICEP_TOOL_PATH` names another. Sources: azd's `auth login --check-status`, and its
    `bicep.go`.
    """
    text = run("auth", "login", "--check-status", "--output", "json", program="azd").strip()
    status = json.loads(text).get("status") if text else None
    if status != "success":
        raise DeployError("azd is not signed in (az login does not count for it): azd auth login")
    compiler = Path(os.environ.get("AZD_BICEP_TOOL_PATH") or _own_bicep())
    if not compiler.is_file():
        say("  azd will download a Bicep of its own; if that is older than 0.44.1, name a newer one:")
        say("  export AZD_BICEP_TOOL_PATH=~/.azure/bin/bicep")
        return
    if old := older_bicep(run("--version", program=str(compiler))):
        raise DeployError(
            f"azd would compile with Bicep {old} ({compiler}), too old for the tenant files (0.44.1 or newer). "
            "az bicep upgrade, then: export AZD_BICEP_TOOL_PATH=~/.azure/bin/bicep"
        )


def _own_bicep() -> Path:
    folder = Path(os.environ.get("AZD_CONFIG_DIR") or Path.home() / ".azd")
    return folder / "bin" / ("bicep.exe" if os.name == "nt" else "bicep")


def set_environment(tenant: Tenant) -> None:
    """Tell azd the place, which the tenant's file knows: it would ask otherwise."""
    for name, parameter in (
        ("AZURE_SUBSCRIPTION_ID", "azureSubscriptionId"),
        ("AZURE_RESOURCE_GROUP", "resourceGroupName"),
        ("AZURE_LOCATION", "location"),
    ):
        run("env", "set", name, tenant.text(parameter), program="azd")
    say(f"  azd deploys to {tenant.text('resourceGroupName')}")
