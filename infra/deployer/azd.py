"""What the azd hooks do: `azd` brings the infrastructure and the code, this tool everything before and after.

The azd environment has the tenant's name. azd takes one parameter file only, `main.bicepparam` beside the module, so
the hook writes one that extends the tenant's own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .azure import DeployError, run, say
from .deployment import BUILD, load

if TYPE_CHECKING:
    from pathlib import Path

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


def set_environment(tenant: Tenant) -> None:
    """Tell azd the place, which the tenant's file knows: it would ask otherwise."""
    for name, parameter in (
        ("AZURE_SUBSCRIPTION_ID", "azureSubscriptionId"),
        ("AZURE_RESOURCE_GROUP", "resourceGroupName"),
        ("AZURE_LOCATION", "location"),
    ):
        run("env", "set", name, tenant.text(parameter), program="azd")
    say(f"  azd deploys to {tenant.text('resourceGroupName')}")
