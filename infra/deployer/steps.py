"""The steps of `up`, in order. Each finds out by itself what is there already: all can be run again at any point.

Infrastructure, code, wait for the key, subscription: the webhook's key exists only after code with the blob trigger was
deployed and indexed, and Event Grid calls the webhook before it accepts the subscription.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from .azure import CommandError, DeployError, NotYetError, say, transient_phrase
from .azure_errors import (
    BUSY,
    NOT_PROPAGATED,
    NOT_STARTED,
    OTHER_PRINCIPAL,
    REFUSED_HANDSHAKE,
    UPLOADED_AFTER_ALL,
    UPLOADED_ALREADY,
    cure_for,
)
from .deployment import (
    BUILD,
    FUNCTIONS,
    INFRA,
    INFRASTRUCTURE,
    ROOT,
    SUBSCRIPTION,
    Deployed,
    Tenant,
)
from .host import wait_for_steady_host
from .orphaned_roles import take_away_orphaned
from .place import Group

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .azure import Azure


NOT_IN_WHAT_IF = """What-if does not see what `up` does beside the infrastructure:
  - rights on the containers that the tenant's file does not name are taken back
  - the code is uploaded anew
  - the event subscription (infra/subscription.bicep) is made or brought up to date: it needs the running code's key
Of the infrastructure itself, whatever what-if could not work out stands above, under Diagnostics (Unsupported)."""


def what_if(azure: Azure, tenant: Tenant, group: Group) -> None:
    """Print what the deployment would change, and what of it what-if does not see. Nothing is changed."""
    if group is Group.UNSEEN:
        say(f"{tenant.text('resourceGroupName')} does not exist yet, or may not be seen: nothing to compare with.")
        return
    if group is Group.ABSENT:
        say(f"{tenant.text('resourceGroupName')} does not exist yet: everything in infra/main.bicep would be new.")
        return
    azure.run(
        *("deployment", "group", "what-if", "--resource-group", tenant.text("resourceGroupName")),
        *("--name", INFRASTRUCTURE, "--parameters", str(tenant.file)),
        # Whoever reviews need not be allowed to write.
        *("--validation-level", "ProviderNoRbac"),
        # What stays as it is: a reviewer who sees it every time stops reading.
        *("--exclude-change-types", "Ignore", "NoChange"),
        show=True,
    )
    say(NOT_IN_WHAT_IF)


def deploy_infrastructure(azure: Azure, tenant: Tenant) -> None:
    """Deploy main.bicep. Identities and roles of the same deployment may need minutes to be seen by each other."""
    arguments = ("deployment", "group", "create", "--resource-group", tenant.text("resourceGroupName"))

    def attempt() -> None:
        try:
            azure.run(*arguments, "--name", INFRASTRUCTURE, "--parameters", str(tenant.file), "--output", "none")
        except CommandError as error:
            if OTHER_PRINCIPAL not in error.text or not take_away_orphaned(azure, tenant):
                raise
            say(
                "  an identity was deleted and made anew: its mailbox rights are gone, too. Once this is done, give the"
            )
            say("  runbook of step 5 to the Exchange administrator again")
            raise NotYetError("once more, without the assignments of the identity that is gone") from error

    _explained(azure, "the infrastructure", attempt, NOT_PROPAGATED + BUSY)


def deploy_code(site: Deployed) -> None:
    """Make the package and hand it to the app, which builds it on its own Python and keeps it in the host account."""
    package = make_package()

    def attempt() -> None:
        arguments = ("functionapp", "deployment", "source", "config-zip", *site.app)
        site.azure.need_default_account()
        try:
            site.azure.run(*arguments, "--src", str(package), "--build-remote", "true", "--output", "none")
        except CommandError as error:
            if (told := transient_phrase(error, UPLOADED_AFTER_ALL)) is None:
                raise
            say(f"  the code is there; az adds {told!r}, which a first start explains: the next step waits for it")

    _explained(site.azure, "the code to be accepted", attempt, UPLOADED_ALREADY + NOT_PROPAGATED + NOT_STARTED + BUSY)


def make_package() -> Path:
    """The package that `python3 dev.py package` makes as well."""
    package = BUILD / "package.zip"
    command = [sys.executable, "-m", "devkit.package_app", "--output", str(package)]
    done = subprocess.run(command, cwd=ROOT, check=False, text=True, capture_output=True)
    if done.returncode:
        raise DeployError(f"The package could not be made:\n{done.stderr.strip()}")
    say(f"  {done.stdout.strip()}")
    return package


def wait_for_functions(site: Deployed) -> None:
    """Wait until the host has indexed every trigger. That alone does not prove a working host: the key comes next."""

    def attempt() -> None:
        names = site.azure.ask("functionapp", "function", "list", *site.app, "--query", "[].name")
        found = {str(name).rpartition("/")[2] for name in names} if isinstance(names, list) else set()
        if missing := [name for name in FUNCTIONS if name not in found]:
            raise NotYetError(f"not indexed yet: {', '.join(missing)}")

    site.azure.patiently("the functions", attempt, NOT_STARTED)


def wait_for_key(site: Deployed) -> None:
    """Wait until the system key `blobs_extension` is there and not empty. Only its length is ever asked for."""

    def attempt() -> None:
        query = "length(systemKeys.blobs_extension || '')"
        if not site.azure.ask("functionapp", "keys", "list", *site.app, "--query", query):
            raise NotYetError("the system key blobs_extension is still empty")

    site.azure.patiently("the webhook's key", attempt, (*NOT_STARTED, "from host runtime"))


def deploy_subscription(site: Deployed) -> None:
    """Deploy subscription.bicep: Event Grid calls the webhook first, and a host that just started may refuse once."""
    known = site.outputs
    parameters = (
        f"appName={known.app_name}",
        f"topicName={known.topic_name}",
        f"dataStorageName={known.data_storage_name}",
        f"dropContainer={known.drop_container}",
        f"deadLetterContainer={known.dead_letter_container}",
    )
    template = str(INFRA / "subscription.bicep")

    def attempt() -> None:
        arguments = ("deployment", "group", "create", *site.group, "--name", SUBSCRIPTION)
        site.azure.run(*arguments, "--template-file", template, "--parameters", *parameters, "--output", "none")

    transient = REFUSED_HANDSHAKE + NOT_STARTED + NOT_PROPAGATED + BUSY
    _explained(site.azure, "Event Grid's handshake", attempt, transient)


def connect(site: Deployed) -> None:
    """Everything after the code: functions, key, a steady host, subscription. Repeat it after a change of the key."""
    wait_for_functions(site)
    wait_for_key(site)
    wait_for_steady_host(site)
    deploy_subscription(site)


def rotate_key(site: Deployed) -> None:
    """Give the webhook a new key and tell Event Grid. Deliveries in between are refused, and tried again later."""
    site.azure.run(
        *("functionapp", "keys", "set", *site.app, "--key-type", "systemKeys", "--key-name", "blobs_extension"),
        *("--output", "none"),
    )
    connect(site)


def _explained(azure: Azure, what: str, attempt: Callable[[], None], transient: tuple[str, ...]) -> None:
    """Wait the transient errors out; an error with a known cure ends at once, with the cure."""

    def explained() -> None:
        try:
            attempt()
        except CommandError as error:
            if cure := cure_for(error):
                raise DeployError(f"{error}\n\n{cure}") from error
            raise

    azure.patiently(what, explained, transient)
