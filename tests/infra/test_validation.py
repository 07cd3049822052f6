"""Validation names every missing or impossible value of a tenant's file, all at once."""

from __future__ import annotations

from typing import Any

import pytest

from infra.deployer.deployment import checked, parameters
from infra.deployer.validation import RULES, validate
from tests.infra import bicep

GUID = "aaaaaaaa-0000-4000-8000-000000000001"
SOUND: dict[str, Any] = {
    "tenantName": "contoso",
    "azureTenantId": GUID,
    "azureSubscriptionId": GUID,
    "resourceGroupName": "rg-contoso",
    "location": "westeurope",
    "mailboxScopeGroup": "group@contoso.test",
    "alertEmails": ["operations@contoso.test"],
}


def faults(**changes: Any) -> list[str]:
    values = {name: value for name, value in (SOUND | changes).items() if value is not ...}
    return [str(fault) for fault in validate("contoso", values, parameters())]


def test_sound_values_have_no_fault() -> None:
    assert faults() == []


def test_every_parameter_of_the_template_is_known() -> None:
    template = bicep.main().parameters
    assert parameters() == {name: one.is_required for name, one in template.items()}


def test_every_parameter_has_a_rule() -> None:
    unruled = {"budgetStartDate", "graphScope"}  # the first is judged with monthlyBudget, the second is free text
    assert parameters().keys() - RULES.keys() == unruled
    assert RULES.keys() <= parameters().keys()


@pytest.mark.parametrize("name", [name for name, one in bicep.main().parameters.items() if one.is_required])
def test_a_missing_value_is_named(name: str) -> None:
    assert faults(**{name: ...}) == [f"{name}: is missing: main.bicep has no default for it."]


def test_a_name_that_is_no_parameter_is_named() -> None:
    assert faults(alwaysRedyBlobInstances=1) == ["alwaysRedyBlobInstances: is no parameter of main.bicep."]


def test_all_faults_come_at_once() -> None:
    found = faults(location=..., azureTenantId="x", rangeBytes=1, uploaders=[{}], transferQueue="A", oops=1)
    assert {fault.split(":")[0] for fault in found} == {
        "location",
        "azureTenantId",
        "rangeBytes",
        "uploaders",
        "transferQueue",
        "oops",
    }


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tenantName": "Contoso"}, "tenantName: 'Contoso' is not 2 to 20 of a-z"),
        ({"tenantName": "fabrikam"}, "tenantName: is 'fabrikam', but the file is contoso.bicepparam"),
        ({"azureTenantId": "contoso.onmicrosoft.com"}, "is not the Microsoft Entra tenant's id (a GUID)."),
        ({"azureSubscriptionId": "22222222-2222-4222-8222-222222222222"}, "is the example's id"),
        ({"resourceGroupName": "rg-contoso."}, "is not a resource group's name."),
        ({"location": "West Europe"}, "is not a region's short name, such as westeurope."),
        ({"extraTags": {"a/b": "x"}}, "'a/b' has a character that a tag's name may not have"),
        ({"extraTags": {"tenant": "x"}}, "'tenant' is set by main.bicep itself."),
        ({"extraTags": {"a": 1}}, "needs the form { name: 'text' }."),
        ({"allowedMailboxes": ["orders"]}, "[0] 'orders' is neither an address, nor an object id, nor an @domain."),
        ({"allowedMailboxes": "@contoso.test"}, "is not a list."),
        ({"mailboxScopeGroup": "the group"}, "'the group' is not a group's address."),
        ({"mailboxScopeGroup": "group@example.com"}, "is in the example's domain"),
        ({"reachableMailbox": "orders"}, "'orders' is not a mailbox's address."),
        ({"graphTenantId": GUID[:-1] + "9"}, "graphAppId: and graphTenantId go together"),
        ({"graphTenantId": GUID, "graphAppId": GUID}, "graphTenantId: is the deployment's own tenant"),
        ({"graphBaseUrl": "https://graph.microsoft.com"}, "is not a root of Microsoft Graph"),
        ({"graphBaseUrl": "http://graph.microsoft.com/v1.0"}, "is not a root of Microsoft Graph"),
        ({"graphUploadHosts": ["https://outlook.office.com"]}, "is not a host or host:port."),
        ({"dropContainer": "Drop"}, "'Drop' is not a container's name"),
        ({"dropContainer": "a--b"}, "'a--b' is not a container's name"),
        ({"dropContainer": "checkpoints"}, "checkpointContainer: is the drop container"),
        ({"checkpointContainer": "deadletters"}, "that container belongs to Event Grid."),
        ({"transferQueue": "q" * 57}, "is longer than 56"),
        ({"transferQueue": "work-poison"}, "that is the Functions host's own ending."),
        ({"outcomeQueue": "transfers"}, "outcomeQueue: is the transfer queue"),
        ({"sourceOnSuccess": "move"}, "'move' is none of keep, delete."),
        ({"rangeBytes": 5_000_000}, "5000000 is outside 327680 to 4194304."),
        ({"targetWaitSeconds": 604_801}, "604801 is outside 0 to 604800."),
        ({"runBudgetSeconds": -1}, "-1 is outside 0 to 86400."),
        ({"instanceMemoryMB": 1024}, "1024 is none of 512, 2048, 4096."),
        ({"maximumInstanceCount": True}, "True is not a whole number."),
        ({"dataRedundancy": "LRS"}, "'LRS' is none of Standard_LRS"),
        ({"uploaders": [{"principalId": "x", "principalType": "Group"}]}, "[0] principalId 'x' is not the principal's"),
        ({"uploaders": [{"principalId": GUID, "principalType": "App"}]}, "[0] principalType 'App' is none of User"),
        ({"dropRetentionDays": 3}, "3 days could delete a file that is still waiting"),
        ({"softDeleteDays": 400}, "400 is outside 0 to 365."),
        ({"privateNetwork": "yes"}, "'yes' is none of True, False."),
        ({"privateNetwork": 1}, "1 is none of True, False."),
        ({"networkPrefix": "10.0.0.0/26"}, "is too small"),
        ({"networkPrefix": "8.8.8.0/24"}, "is not a private address range."),
        ({"networkPrefix": "10.0.0.1/24"}, "is not an IPv4 network"),
        ({"dropIpRanges": ["8.8.8.8"]}, "dropIpRanges: shuts the app out of its own data account"),
        ({"dropIpRanges": ["8.8.8.8"], "privateNetwork": False}, "Add privateNetwork = true"),
        ({"uploaderRole": "owner"}, "uploaderRole: 'owner' is none of addAndWrite, contributor."),
        ({"verifiers": [{"principalId": "x", "principalType": "User"}]}, "[0] principalId 'x' is not the principal's"),
        (
            {
                "uploaders": [{"principalId": GUID, "principalType": "User"}],
                "verifiers": [{"principalId": GUID.upper(), "principalType": "User"}],
            },
            f"uploaders: and verifiers both name {GUID}",
        ),
        ({"extraSettings": {"OTEL_SERVICE_NAME": 1}}, "needs the form { NAME: 'text' }"),
        ({"extraSettings": ["A"]}, "needs the form { NAME: 'text' }"),
        ({"extraSettings": {"A-B": "1"}}, "'A-B' is no name of a setting on Linux"),
        ({"extraSettings": {"range_bytes": "1"}}, "'range_bytes' is set by the templates themselves"),
        ({"extraSettings": {"AzureWebJobsStorage__tableServiceUri": "x"}}, "is set by the templates themselves"),
        ({"extraSettings": {"DropStorage": "x"}}, "is set by the templates themselves"),
        ({"extraSettings": {"FUNCTIONS_WORKER_RUNTIME": "python"}}, "is refused or ignored by Flex Consumption."),
        ({"dropIpRanges": ["10.0.0.0/24"]}, "is private"),
        ({"dropIpRanges": ["203.0.113.5/32"]}, "write single addresses without /32."),
        ({"dropIpRanges": ["8.8.8.8"] * 201}, "has 201 entries; a storage account takes 200."),
        ({"apiIpRanges": ["8.8.8.8"]}, "needs a prefix length (a single address is 8.8.8.8/32)."),
        ({"apiIpRanges": ["0.0.0.0/0"]}, "allows everyone: leave it empty instead."),
        ({"alertEmails": []}, "alertEmails: needs at least 1."),
        ({"logRetentionDays": 7}, "7 is outside 30 to 730."),
        ({"monthlyBudget": 50}, "budgetStartDate: is needed with monthlyBudget"),
        ({"monthlyBudget": 50, "budgetStartDate": "2026-12-15"}, "budgetStartDate: is needed with monthlyBudget"),
        (
            {"reachableMailbox": "a@contoso.test", "refusedMailbox": "a@contoso.test"},
            "refusedMailbox: is the reachable one",
        ),
        (
            {"reachableMailbox": "a@contoso.test", "allowedMailboxes": ["@fabrikam.test"]},
            "reachableMailbox: is not among allowedMailboxes",
        ),
    ],
)
def test_an_impossible_value_is_named_with_what_would_be_right(changes: dict[str, Any], sentence: str) -> None:
    found = faults(**changes)
    assert [fault for fault in found if sentence in fault], found


@pytest.mark.parametrize(
    "changes",
    [
        {"allowedMailboxes": ["@contoso.test", "orders@contoso.test", GUID]},
        {"reachableMailbox": "Orders@Contoso.test", "allowedMailboxes": ["@contoso.test"]},
        {"graphTenantId": GUID[:-1] + "9", "graphAppId": GUID},
        {"graphBaseUrl": "https://microsoftgraph.chinacloudapi.cn/v1.0"},
        {"dropIpRanges": ["8.8.8.8", "8.8.4.0/24"], "privateNetwork": True},
        {"apiIpRanges": ["2001:4860::/32"]},
        {"uploaderRole": "contributor", "verifiers": [{"principalId": GUID, "principalType": "User"}]},
        {"extraSettings": {"OTEL_SERVICE_NAME": "drop", "AzureFunctionsJobHost__extensions__queues__batchSize": "4"}},
        {"monthlyBudget": 50, "budgetStartDate": "2026-12-01"},
        {"dropRetentionDays": 30, "sourceOnSuccess": "delete", "outcomeQueue": "outcomes"},
        {"privateNetwork": True, "networkPrefix": "10.1.0.0/25"},
        {"uploaders": [{"principalId": GUID, "principalType": "ServicePrincipal"}]},
    ],
)
def test_a_possible_value_is_let_through(changes: dict[str, Any]) -> None:
    assert faults(**changes) == []


def test_the_example_lacks_nothing_but_the_tenants_own_ids_and_addresses() -> None:
    _, found = checked("example")
    assert found
    assert [fault for fault in found if "the example's" not in fault.what] == []


def test_a_tenant_without_a_file_is_named() -> None:
    _, found = checked("nobody")
    assert "nobody.bicepparam: is not there" in str(found[0])


def test_the_bounds_are_the_templates_own() -> None:
    for name, one in bicep.main().parameters.items():
        least, most = one.decorators.get("minValue"), one.decorators.get("maxValue")
        if least is not None:
            assert faults(**{name: least - 1}), name
        if most is not None:
            assert faults(**{name: most + 1}), name
            assert not [fault for fault in faults(**{name: most}) if "outside" in fault], name
