"""`infra/deploy.sh COMMAND TENANT`: one tenant's deployment from its parameter file to the first attached file."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from typing import TYPE_CHECKING

from . import azd, container_roles, fleet, prices, steps
from .azure import DeployError, Pace, say
from .cost import print_cost
from .deployment import INFRA, bicep_is_new_enough, checked, deployed, load, signed_in
from .federation import federate
from .orphaned_roles import take_away_orphaned
from .place import Group, ensure_group, ensure_providers, ensure_tokens, look_at_group
from .removal import remove
from .runbook import write_runbook
from .transfer_selection import AnswerError
from .transfers import UsageError
from .transfers import main as transfers
from .verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from .azure import Azure
    from .deployment import Deployed, Tenant

COMMANDS = {
    "validate": "name every missing or impossible value of the tenant's file; asks nothing of Azure",
    "what-if": "show what `up` would change; changes nothing",
    "up": "infrastructure, code, the webhook's key, the event subscription, verify; safe to run again at any point",
    "connect": "only what follows the code: wait for the key, then the event subscription",
    "verify": "check the deployment, and that the right mailboxes are reached and refused",
    "status": "how all tenants are, or one: version, health, failures of a day, oldest unfinished transfer",
    "transfers": "list, show, retry, cancel or watch the tenant's transfers; transfers --help",
    "runbook": "write the PowerShell script for the Exchange administrator to build/",
    "federate": "make the application for mailboxes in another tenant",
    "rotate": "give the webhook a new key, and Event Grid with it",
    "remove": "delete the deployment, after asking",
    "condition": "the condition that limits which roles whoever deploys may grant",
    "tenants": "the tenants there are, as JSON",
    "cost": "what one transfer and an idle month cost",
    "prices": "fetch Microsoft's price list for a region (in place of TENANT) into infra/prices.json",
}
NO_TENANTS = ("shared", "example")
"""Files beside the tenants' own."""

WITHOUT_TENANT = ("cost", "prices", "tenants")

AZD_HOOKS = ("azd-prepare", "azd-finish")


def main(arguments: list[str]) -> int:
    """Run one command; its exit code. Every failure that was foreseen ends in a message, never in a traceback."""
    if arguments[:1] == ["transfers"]:
        return _ended(lambda: transfers(arguments[1:]))
    chosen = _parser().parse_args(arguments)
    return _ended(lambda: _run(chosen))


def _ended(run: Callable[[], int]) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a pipeline that is cancelled cleans up like Ctrl-C
    try:
        return run()
    except (UsageError, AnswerError) as error:
        sys.stderr.write(f"{error}\n")
        return error.code
    except DeployError as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. Run the same command again to go on: every step finds what is there already.\n")
        return 130


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS)) + 2
    listing = "\n".join(f"  {name:<{width}}{line}" for name, line in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="infra/deploy.sh",
        description=f"commands:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=[*COMMANDS, *AZD_HOOKS], metavar="COMMAND")
    parser.add_argument("tenant", nargs="?", help="name of infra/tenants/<tenant>.bicepparam")
    parser.add_argument("--yes", action="store_true", help="up: do not show what would change, and do not ask")
    parser.add_argument("--all", action="store_true", help="up: every tenant, one after the other, until one fails")
    parser.add_argument("--json", action="store_true", help="status: for programs")
    parser.add_argument("--skip-verify", action="store_true", help="up: leave the last step to `verify`")
    parser.add_argument("--abandon-unfinished", action="store_true", help="remove: although transfers are unfinished")
    parser.add_argument("--confirm", metavar="TENANT", help="remove: the answer to its question, for scripts")
    parser.add_argument(
        "--app-root", metavar="URL", help="verify, status: where the app is reached, if not at its own host"
    )
    parser.add_argument("--price-list", metavar="URL", default=prices.LIST, help="prices: the list's address")
    parser.add_argument("--poll-seconds", type=float, default=10, help="between two looks at what is waited for")
    parser.add_argument("--patience-seconds", type=float, default=900, help="after which a wait is given up")
    return parser


def _run(chosen: argparse.Namespace) -> int:
    if chosen.command in WITHOUT_TENANT:
        return _without_tenant(chosen)
    pace = Pace(chosen.poll_seconds, chosen.patience_seconds)
    if chosen.command == "status":
        names = [chosen.tenant] if chosen.tenant else _tenants()
        return fleet.status(names, pace, chosen.app_root, as_json=chosen.json)
    if chosen.command == "up" and chosen.all:
        return _up_all(chosen)
    if chosen.command in AZD_HOOKS:
        chosen.tenant = azd.environment_tenant().name
    if not chosen.tenant:
        raise DeployError(
            f"Which tenant? There are: {', '.join(_tenants()) or 'none yet; copy infra/tenants/example.bicepparam'}"
        )
    if chosen.command == "validate":
        return _validate(chosen.tenant)
    tenant = load(chosen.tenant)
    if chosen.command == "condition":
        say(container_roles.deployer_condition(tenant))
        return 0
    azure = tenant.azure(pace)
    signed_in(azure, tenant)
    if chosen.command in {"what-if", "up", "azd-prepare"}:
        return _before_deployment(chosen, azure, tenant)
    if chosen.command == "remove":
        remove(azure, tenant, _answer(chosen.confirm), abandon=chosen.abandon_unfinished)
        return 0
    return _after_deployment(chosen, deployed(azure, tenant))


def _up_all(chosen: argparse.Namespace) -> int:
    if chosen.tenant:
        raise DeployError("A tenant and --all together: either says which are meant.")
    if not chosen.yes:
        raise DeployError("up --all asks nobody: look at what-if for each tenant first, then add --yes.")

    def up(name: str) -> int:
        one = argparse.Namespace(**{**vars(chosen), "all": False, "tenant": name})
        return _run(one)

    return fleet.up_all(_tenants(), up)


def _without_tenant(chosen: argparse.Namespace) -> int:
    match chosen.command:
        case "cost":
            return print_cost()
        case "prices" if chosen.tenant:
            prices.fetch(chosen.tenant, chosen.price_list)
        case "prices":
            raise DeployError("Which region? Such as: infra/deploy.sh prices westeurope")
        case _:
            say(json.dumps(_tenants()))
    return 0


def _validate(name: str) -> int:
    file, faults = checked(name)
    for fault in faults:
        say(str(fault))
    verdict = f"{len(faults)} fault(s)" if faults else f"{len(file.values)} values, no fault"
    say(f"tenants/{name}.bicepparam: {verdict}")
    return 1 if faults else 0


def _before_deployment(chosen: argparse.Namespace, azure: Azure, tenant: Tenant) -> int:
    bicep_is_new_enough()
    group = look_at_group(azure, tenant, only_looks=chosen.command == "what-if")
    if chosen.command == "what-if":
        steps.what_if(azure, tenant, group)
        return 0
    if chosen.command == "up":
        ensure_tokens(azure, will_verify=not chosen.skip_verify)
        if not chosen.yes:
            steps.what_if(azure, tenant, group)
            _confirm()
    else:
        azd.ready()
    say("1. Resource providers and resource group")
    ensure_providers(azure, tenant)
    ensure_group(azure, tenant, group)
    if chosen.command == "azd-prepare":
        if group is Group.OWN:
            take_away_orphaned(azure, tenant)  # azd deploys by itself, and does not try again
        azd.write_parameters(tenant)
        azd.set_environment(tenant)
        return 0
    say("2. Infrastructure (some minutes)")
    steps.deploy_infrastructure(azure, tenant)
    site = deployed(azure, tenant)
    container_roles.reconcile(site)
    say("3. Code")
    steps.deploy_code(site)
    say("4. Functions, webhook key, event subscription")
    steps.connect(site)
    return _finish(chosen, site)


def _confirm() -> None:
    try:
        answer = input("Deploy this? Type yes: ")
    except EOFError:
        raise DeployError("There is nobody to ask: add --yes. Nothing was deployed.") from None
    if answer.strip().lower() != "yes":
        raise DeployError("Nothing was deployed.")


def _after_deployment(chosen: argparse.Namespace, site: Deployed) -> int:
    match chosen.command:
        case "connect":
            steps.connect(site)
        case "rotate":
            steps.rotate_key(site)
        case "runbook":
            say(f"{write_runbook(site)}: give it to the Exchange administrator")
        case "federate":
            _federate(site)
        case "azd-finish":
            container_roles.reconcile(site)
            steps.connect(site)
            return _finish(chosen, site)
        case _:
            return 0 if verify(site, chosen.app_root) else 1
    return 0


def _finish(chosen: argparse.Namespace, site: Deployed) -> int:
    known = site.outputs
    say(f"  the app is {known.app_name}, at https://{known.host_name}")
    say(f"  files go into the container {known.drop_container} of the account {known.data_storage_name}")
    say("5. Mailbox runbook")
    say(f"  {write_runbook(site)}: give it to the Exchange administrator, once")
    if chosen.skip_verify:
        return 0
    say("6. Verify")
    if verify(site, chosen.app_root):
        say(f"{site.tenant.name} is up: drop files into {known.drop_container} of {known.data_storage_name}.")
        return 0
    say("Deployed, but not everything is right yet; the lines above say what to do.")
    say("A mailbox is reached 30 minutes to 2 hours after the runbook was run. Then:")
    say(f"  infra/deploy.sh verify {site.tenant.name}")
    return 1


def _federate(site: Deployed) -> None:
    application = federate(site)
    say(f"  put into the tenant's file: param graphAppId = '{application}'")
    say("  with graphTenantId, the mailboxes' tenant; then up, and the runbook over there")


def _answer(given: str | None) -> Callable[[str], str]:
    return input if given is None else lambda _question: given


def _tenants() -> list[str]:
    return sorted(file.stem for file in (INFRA / "tenants").glob("*.bicepparam") if file.stem not in NO_TENANTS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
