"""What has to be there before a deployment: resource providers, the resource group with its tags, and tokens."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NoReturn

from .azure import CommandError, DeployError, say
from .azure_errors import is_refusal
from .cloud import current_cloud
from .deployment import PRODUCT

if TYPE_CHECKING:
    from .azure import Azure
    from .cloud import Cloud
    from .deployment import Tenant

PROVIDERS = (
    "Microsoft.EventGrid",
    "Microsoft.Insights",
    "Microsoft.ManagedIdentity",
    "Microsoft.OperationalInsights",
    "Microsoft.Storage",
    "Microsoft.Web",
)
PRIVATE_PROVIDERS = ("Microsoft.App", "Microsoft.Network")
"""Microsoft.App owns the subnets of Flex Consumption; without it the app's creation ends in error 500."""

STORAGE = "https://storage.azure.com"
"""What a token for blobs is asked for."""


class Group(Enum):
    """What the resource group is before the deployment."""

    ABSENT = "absent"
    EMPTY = "empty"
    OWN = "own"
    UNSEEN = "unseen"


def ensure_providers(azure: Azure, tenant: Tenant) -> None:
    """Register the missing resource providers. It needs a right on the subscription, so only what is missing.

    Whoever has rights on the resource group alone may not even ask: then the deployment goes on, and Azure will say so
    if one is missing.
    """
    wanted = PROVIDERS + (PRIVATE_PROVIDERS if tenant.values.get("privateNetwork") else ())
    try:
        answer = azure.ask("provider", "list", "--query", "[?registrationState=='Registered'].namespace")
    except CommandError as error:
        if not is_refusal(error):
            raise
        say("  cannot check providers: that takes a right to read the subscription. Needed are, once registered by an")
        say(f"  owner (az provider register --namespace NAME): {', '.join(wanted)}")
        return
    registered = {str(name).lower() for name in answer} if isinstance(answer, list) else set()
    missing = [provider for provider in wanted if provider.lower() not in registered]
    for provider in missing:
        say(f"  registering {provider}")
        try:
            azure.run("provider", "register", "--namespace", provider, "--wait")
        except CommandError as error:
            commands = [
                f"az provider register --namespace {one} --subscription {azure.subscription}" for one in missing
            ]
            _left_to_an_owner(error, "registering a resource provider", commands)


def look_at_group(azure: Azure, tenant: Tenant, *, only_looks: bool = False) -> Group:
    """Whether the resource group is there. `DeployError` when it is not this deployment's own, and not empty.

    `only_looks`: nothing is going to be made, so that a group which may not be seen is `UNSEEN` and no error: before
    the group exists, whoever has rights on it alone has none.
    """
    group = tenant.text("resourceGroupName")
    try:
        is_there = azure.ask("group", "exists", "--name", group)
    except CommandError as error:
        if only_looks and is_refusal(error):
            return Group.UNSEEN
        _left_to_an_owner(error, f"seeing whether {group} exists, or making it,", [_creation(azure, tenant)])
    if is_there is not True:
        return Group.ABSENT
    found = azure.ask("group", "show", "--name", group, "--query", "tags")
    found = found if isinstance(found, dict) else {}
    if (found.get("product"), found.get("tenant")) == (PRODUCT, tenant.name):
        return Group.OWN
    if "product" in found or azure.ask("resource", "list", "--resource-group", group, "--query", "length(@)") != 0:
        raise DeployError(
            f"{group} is not empty and not the group of tenant {tenant.name} (tags product and tenant). "
            "The deployment wants a group of its own, because removing it removes the group."
        )
    return Group.EMPTY


def ensure_group(azure: Azure, tenant: Tenant, group: Group) -> None:
    """Make the resource group, or bring its tags up to date: the deployment's own and the tenant file's."""
    name = tenant.text("resourceGroupName")
    tags = _tags(tenant)
    if group is Group.ABSENT:
        say(f"  making {name} in {tenant.text('location')}")
        words = [f"{key}={value}" for key, value in tags.items()]
        try:
            azure.run("group", "create", "--name", name, "--location", tenant.text("location"), "--tags", *words)
        except CommandError as error:
            _left_to_an_owner(error, f"making {name}", [_creation(azure, tenant)])
        return
    shown = azure.ask("group", "show", "--name", name)
    facts = shown if isinstance(shown, dict) else {}
    found = facts.get("tags") or {}
    if changed := [f"{key}={value}" for key, value in tags.items() if found.get(key) != value]:
        say(f"  tagging {name}: {', '.join(changed)}")
        azure.run("tag", "update", "--resource-id", str(facts["id"]), "--operation", "Merge", "--tags", *changed)


def ensure_tokens(azure: Azure, *, will_verify: bool) -> None:
    """Get the tokens that are needed later while the sign-in is fresh.

    A pipeline that signed in with OpenID Connect holds an assertion that is good for ten minutes; a token that was got
    with it is good for an hour, and azure-cli keeps it. Without this the upload of the code ends in AADSTS700024.
    """
    cloud = current_cloud()
    _token(azure, cloud.app_service)
    for resource in _of_verify(cloud) if will_verify else ():
        try:
            _token(azure, resource)
        except CommandError as error:
            say(f"  verify will lack a token for {resource}: {error}")


def _of_verify(cloud: Cloud) -> tuple[str, ...]:
    return (f"{cloud.graph}/", STORAGE)


def _token(azure: Azure, resource: str) -> None:
    """The token stays where azure-cli keeps it: only its end is asked for."""
    azure.run_as_default("account", "get-access-token", "--resource", resource, "--query", "expiresOn")


def _tags(tenant: Tenant) -> dict[str, str]:
    extra = tenant.values.get("extraTags")
    own = {str(key): str(value) for key, value in extra.items()} if isinstance(extra, dict) else {}
    return own | {"product": PRODUCT, "tenant": tenant.name}


def _creation(azure: Azure, tenant: Tenant) -> str:
    tags = " ".join(f"{key}={_quoted(value)}" for key, value in _tags(tenant).items())
    place = f"--name {tenant.text('resourceGroupName')} --location {tenant.text('location')}"
    return f"az group create --subscription {azure.subscription} {place} --tags {tags}"


def _quoted(value: str) -> str:
    return value if value.replace("-", "").isalnum() else "'" + value.replace("'", "'\\''") + "'"


def _left_to_an_owner(error: CommandError, what: str, commands: list[str]) -> NoReturn:
    """A refusal becomes the commands that an owner of the subscription runs once; any other error stays itself."""
    if not is_refusal(error):
        raise error
    listing = "\n".join(f"  {command}" for command in commands)
    raise DeployError(
        f"The signed-in account lacks the right for {what}. An owner of the subscription does it once:\n{listing}"
    ) from error
