"""Every missing or impossible value of a tenant file, named at once, before Azure is asked anything.

What `main.bicep` can express (types, lengths, ranges) is repeated here in a person's words; the rest it cannot express:
names that Azure refuses later, values that only make sense together, and values that deploy well and then do nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import rules
from .tenant_file import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TENANT_NAME = re.compile(r"[a-z][a-z0-9-]{0,18}[a-z0-9]")
_GROUP_NAME = re.compile(r"[-\w.()]{1,90}(?<!\.)")
_REGION = re.compile(r"[a-z]+[a-z0-9]*")
_MONTH_START = re.compile(r"20\d\d-(0[1-9]|1[0-2])-01")
_HOST = re.compile(r"[a-z0-9.-]+(:\d{1,5})?")

MOST_FIREWALLRULES = 200
"""IP rules of a storage account. Source: "Configure Azure Storage firewalls and virtual networks"."""


def validate(tenant: str, values: Mapping[str, object], known: Mapping[str, bool]) -> list[Fault]:
    """Every fault of the values.

    Args:
        tenant: the file's name without `.bicepparam`; it must be the tenant's name as well.
        values: what the file and its base say.
        known: the parameters of `main.bicep`: name -> required.
    """
    faults = [
        Fault(name, "is missing: main.bicep has no default for it.")
        for name, required in known.items()
        if required and name not in values
    ]
    faults += [Fault(name, "is no parameter of main.bicep.") for name in values if name not in known]
    for name, value in values.items():
        if rule := RULES.get(name):
            faults += [Fault(name, what) for what in rule(value)]
    faults += [Fault(name, what) for name, what in _together(tenant, values)]
    return faults


RULES: dict[str, rules.Rule] = {
    "tenantName": rules.text(_TENANT_NAME, "2 to 20 of a-z, 0-9 and hyphens, beginning with a letter"),
    "azureTenantId": rules.guid("the Microsoft Entra tenant's id"),
    "azureSubscriptionId": rules.guid("the subscription's id"),
    "resourceGroupName": rules.text(_GROUP_NAME, "a resource group's name"),
    "location": rules.text(_REGION, "a region's short name, such as westeurope"),
    "extraTags": rules.tags,
    "allowedMailboxes": rules.each(rules.mailbox),
    "mailboxScopeGroup": rules.address("a group's address"),
    "reachableMailbox": rules.address("a mailbox's address", optional=True),
    "refusedMailbox": rules.address("a mailbox's address", optional=True),
    "graphTenantId": rules.guid("the tenant of the mailboxes", optional=True),
    "graphAppId": rules.guid("the application's client id", optional=True),
    "graphBaseUrl": rules.graph_root,
    "graphUploadHosts": rules.each(rules.text(_HOST, "a host or host:port")),
    "dropContainer": rules.container,
    "checkpointContainer": rules.container,
    "transferQueue": rules.queue,
    "outcomeQueue": rules.queue,
    "sourceOnSuccess": rules.one_of("keep", "delete"),
    "mailboxBytes": rules.one_of("learn", "limit", "off"),
    "sameFile": rules.one_of("once", "again"),
    "rangeBytes": rules.number(327_680, 4_194_304),
    "runBudgetSeconds": rules.number(0, 86_400),
    "targetWaitSeconds": rules.number(0, 604_800),
    "accessWaitSeconds": rules.number(0, 604_800),
    "extraSettings": rules.settings,
    "instanceMemoryMB": rules.one_of(512, 2048, 4096),
    "maximumInstanceCount": rules.number(1, 1000),
    "alwaysReadyBlobInstances": rules.number(0, 20),
    "dataRedundancy": rules.one_of("Standard_LRS", "Standard_ZRS", "Standard_GRS", "Standard_GZRS"),
    "uploaders": rules.each(rules.uploader),
    "uploaderRole": rules.one_of("addAndWrite", "contributor"),
    "verifiers": rules.each(rules.uploader),
    "dropRetentionDays": rules.retention,
    "softDeleteDays": rules.number(0, 365),
    "deadLetterRetentionDays": rules.number(1, 36_500),
    "privateNetwork": rules.one_of(True, False),  # noqa: FBT003 - the two values a parameter may have
    "networkPrefix": rules.network,
    "dropIpRanges": rules.each(rules.storage_range),
    "apiIpRanges": rules.each(rules.caller_range),
    "alertEmails": rules.each(rules.address("an address"), least=1),
    "logRetentionDays": rules.number(30, 730),
    "monthlyBudget": rules.number(0, 10_000_000),
}


def _together(tenant: str, values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What single values cannot show: `(parameter, sentence)`."""
    name = values.get("tenantName")
    if isinstance(name, str) and name != tenant:
        yield "tenantName", f"is {name!r}, but the file is {tenant}.bicepparam: both must be the same."
    yield from _storage_together(values)
    yield from _mailboxes_together(values)
    if values.get("monthlyBudget") and not _MONTH_START.fullmatch(str(values.get("budgetStartDate", ""))):
        yield "budgetStartDate", "is needed with monthlyBudget: the first of the month it is made in (YYYY-MM-01)."
    if values.get("apiIpRanges") == ["0.0.0.0/0"]:
        yield "apiIpRanges", "allows everyone: leave it empty instead."


def _storage_together(values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    drop = values.get("dropContainer", "drop")
    checkpoints = values.get("checkpointContainer", "checkpoints")
    if drop == checkpoints:
        yield "checkpointContainer", "is the drop container: every checkpoint would be taken for a dropped file."
    for key, container in (("dropContainer", drop), ("checkpointContainer", checkpoints)):
        if container == "deadletters":
            yield key, "is 'deadletters': that container belongs to Event Grid."
    if values.get("outcomeQueue") and values.get("outcomeQueue") == values.get("transferQueue", "transfers"):
        yield "outcomeQueue", "is the transfer queue: the app would take its own notices for work."
    twice = _principals(values.get("uploaders")) & _principals(values.get("verifiers"))
    if twice:
        yield (
            "uploaders",
            f"and verifiers both name {', '.join(sorted(twice))}: verifiers may drop as well, leave it there.",
        )
    ranges = values.get("dropIpRanges")
    if ranges and values.get("privateNetwork") is not True:
        what = (
            "shuts the app out of its own data account: it has no fixed addresses, and reaches an account with a "
            "firewall through a virtual network only. Add privateNetwork = true, or leave the ranges empty."
        )
        yield "dropIpRanges", what
    if isinstance(ranges, list) and len(ranges) > MOST_FIREWALLRULES:
        yield "dropIpRanges", f"has {len(ranges)} entries; a storage account takes {MOST_FIREWALLRULES}."


def _principals(listed: object) -> set[str]:
    entries = listed if isinstance(listed, list) else []
    return {str(one["principalId"]).lower() for one in entries if isinstance(one, dict) and "principalId" in one}


def _mailboxes_together(values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if bool(values.get("graphTenantId")) != bool(values.get("graphAppId")):
        yield "graphAppId", "and graphTenantId go together: give both (mailboxes in another tenant) or none."
    if values.get("graphTenantId") and values.get("graphTenantId") == values.get("azureTenantId"):
        yield "graphTenantId", "is the deployment's own tenant: leave it and graphAppId empty."
    reachable, allowed = values.get("reachableMailbox"), values.get("allowedMailboxes")
    if reachable and reachable == values.get("refusedMailbox"):
        yield "refusedMailbox", "is the reachable one: a mailbox cannot be both."
    if isinstance(allowed, list) and allowed and isinstance(reachable, str) and rules.ADDRESS.fullmatch(reachable):
        domain = f"@{reachable.partition('@')[2]}".lower()
        if not {reachable.lower(), domain} & {str(entry).lower() for entry in allowed}:
            yield "reachableMailbox", "is not among allowedMailboxes: the app would refuse it by itself."
