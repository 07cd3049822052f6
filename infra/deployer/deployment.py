"""One tenant's deployment: what is known of it before and after, and where its files are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from .azure import Azure, CommandError, DeployError, Pace, run
from .tenant_file import Fault, TenantFile, read
from .validation import validate

INFRA = Path(__file__).resolve().parent.parent
ROOT = INFRA.parent
BUILD = ROOT / "build"
"""Everything this tool writes; git ignores it."""

PRODUCT = "outlook-attachment-drop"
"""Value of the tag `product`; `main.bicep` sets it. Only what carries it is ever removed."""

INFRASTRUCTURE = "attachdrop-infrastructure"
SUBSCRIPTION = "attachdrop-subscription"
"""Names of the two deployments in the resource group. A rerun takes the place of the one before."""

FUNCTIONS = ("blob_dropped", "transfer_due", "sweep", "blob_poisoned", "transfer_poisoned")
"""The triggers that must be indexed before the subscription can be made and the deployment trusted."""

OLDEST_BICEP = (0, 44, 1)

_PARAMETER = re.compile(r"^param (?P<name>\w+) \w+(?:\[\])?(?P<default> =)?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tenant:
    """What the tenant's file says, once it was found to have no fault."""

    name: str
    values: dict[str, object]

    @property
    def file(self) -> Path:
        """The parameter file itself."""
        return tenant_path(self.name)

    def text(self, parameter: str, default: str = "") -> str:
        """A text parameter; `default` is main.bicep's own."""
        return cast("str", self.values.get(parameter, default))

    def azure(self, pace: Pace) -> Azure:
        """The CLI bound to the tenant's subscription."""
        return Azure(self.text("azureSubscriptionId"), self.text("azureTenantId"), pace)


@dataclass(frozen=True, slots=True)
class Outputs:
    """What main.bicep returned: names that the later steps need. None of it is secret."""

    app_name: str
    host_name: str
    topic_name: str
    data_storage_name: str
    drop_container: str
    checkpoint_container: str
    dead_letter_container: str
    identity_client_id: str
    identity_principal_id: str
    container_role_assignments: tuple[str, ...]
    """Ids of every role assignment on the data account's containers that the template made."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A tenant whose infrastructure is there, with the CLI to ask about it."""

    azure: Azure
    tenant: Tenant
    outputs: Outputs

    @property
    def group(self) -> tuple[str, str]:
        """The arguments that name the resource group."""
        return ("--resource-group", self.tenant.text("resourceGroupName"))

    @property
    def app(self) -> tuple[str, str, str, str]:
        """The arguments that name the function app."""
        return (*self.group, "--name", self.outputs.app_name)


def tenant_path(name: str) -> Path:
    """Where the tenant's file is, or would be."""
    return INFRA / "tenants" / f"{name}.bicepparam"


def checked(name: str) -> tuple[TenantFile, list[Fault]]:
    """The tenant's file and everything that is wrong with it."""
    file = read(tenant_path(name))
    if not file.values:
        return file, list(file.faults)
    return file, [*file.faults, *validate(name, file.values, parameters())]


def load(name: str) -> Tenant:
    """The tenant, or a `DeployError` that names every fault of its file."""
    file, faults = checked(name)
    if faults:
        listing = "\n".join(f"  {fault}" for fault in faults)
        raise DeployError(f"tenants/{name}.bicepparam has {len(faults)} fault(s):\n{listing}")
    return Tenant(name, file.values)


def parameters() -> dict[str, bool]:
    """The parameters of main.bicep: name -> required."""
    source = (INFRA / "main.bicep").read_text(encoding="utf-8")
    return {match["name"]: match["default"] is None for match in _PARAMETER.finditer(source)}


def deployed(azure: Azure, tenant: Tenant) -> Deployed:
    """What the last successful deployment of main.bicep returned, whoever ran it: azd names its deployments itself."""
    found = azure.ask(
        *("deployment", "group", "list", "--resource-group", tenant.text("resourceGroupName")),
        "--query",
        "sort_by([?properties.provisioningState=='Succeeded' && properties.outputs.containerRoleAssignments], "
        "&properties.timestamp)[-1].properties.outputs",
    )
    if not isinstance(found, dict):
        group = tenant.text("resourceGroupName")
        raise DeployError(f"{group} holds no finished deployment yet: run `infra/deploy.sh up {tenant.name}` first.")
    values = {key: entry["value"] for key, entry in found.items()}
    known = Outputs(
        app_name=values["appName"],
        host_name=values["hostName"],
        topic_name=values["topicName"],
        data_storage_name=values["dataStorageName"],
        drop_container=values["dropContainer"],
        checkpoint_container=values["checkpointContainer"],
        dead_letter_container=values["deadLetterContainer"],
        identity_client_id=values["identityClientId"],
        identity_principal_id=values["identityPrincipalId"],
        container_role_assignments=tuple(values["containerRoleAssignments"]),
    )
    return Deployed(azure, tenant, known)


def signed_in(azure: Azure, tenant: Tenant, *, only_reads: bool = False) -> None:
    """Refuse to go on when the CLI is signed in to another tenant, or not at all, or follows another one by default.

    `only_reads`: nothing is asked that follows the default account, so that any may be the default one.
    """
    login = f"az login --tenant {azure.tenant}"
    try:
        found = azure.ask("account", "show", "--query", "tenantId")
    except CommandError as error:
        raise DeployError(
            f"az knows no account for subscription {azure.subscription} of {tenant.name}: {login}"
        ) from error
    if found != azure.tenant:
        raise DeployError(f"az is signed in to tenant {found}, but {tenant.name} belongs to {azure.tenant}: {login}")
    if not only_reads:
        azure.need_default_account()


def bicep_is_new_enough() -> None:
    """`extends` in parameter files needs Bicep 0.44.1. Source: "Extend Bicep parameters files", Microsoft Learn."""
    if old := older_bicep(run("bicep", "version")):
        raise DeployError(f"Bicep {old} is too old for the tenant files: az bicep upgrade (0.44.1 or newer).")


def older_bicep(told: str) -> str | None:
    """The version in what a compiler tells of itself, where it is too old for `extends`; else None."""
    version = re.search(r"(\d+)\.(\d+)\.(\d+)", told)
    return version.group() if version and tuple(map(int, version.groups())) < OLDEST_BICEP else None
