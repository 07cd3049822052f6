"""Settings: every one that the app reads is set, every one that is set is read, and the app accepts them."""

from __future__ import annotations

import json

import pytest

from infra.deployer.rules import OWN_SETTINGS, REFUSED_SETTINGS
from shared.settings import SETTING_NAMES, SETTINGS, function_timeout, read
from tests.infra import bicep
from tests.infra.compiler import ROOT, TENANTS, of_type
from tests.infra.expressions import Call, value
from tests.infra.site import CLIENT_ID, OTHER_CLOUD, app_settings, environment

HOST_STORAGE = {f"AzureWebJobsStorage__{form}" for form in ("accountName", "credential", "clientId")}
# read by the Python worker and by the host, not by the app
WORKER = {"PYTHON_THREADPOOL_THREAD_COUNT", "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"}
TELEMETRY = {"APPLICATIONINSIGHTS_CONNECTION_STRING", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"}
EXTRA = {"OTEL_SERVICE_NAME", "AzureFunctionsJobHost__extensions__blobs__maxDegreeOfParallelism"}
ACCOUNTS = "Microsoft.Storage/storageAccounts"
CONNECTION_STRINGS = {"AzureWebJobsStorage", "DropStorage"}

# What Flex Consumption refuses or ignores. Sources: the plan's documentation, and what users of it reported
REJECTED_PROPERTIES = {
    "alwaysOn",
    "containerSize",
    "ftpsState",
    "functionAppScaleLimit",
    "healthCheckPath",
    "isXenon",
    "javaVersion",
    "linuxFxVersion",
    "netFrameworkVersion",
    "powerShellVersion",
    "preWarmedInstanceCount",
    "use32BitWorkerProcess",
    "windowsFxVersion",
}


def test_every_setting_the_app_reads_is_set_and_every_set_one_is_read() -> None:
    set_names = app_settings("everything").keys()
    assert set_names >= EXTRA  # the tenant's extraSettings
    assert set_names - HOST_STORAGE - TELEMETRY - WORKER - EXTRA == set(SETTING_NAMES) - CONNECTION_STRINGS


def test_what_the_templates_set_cannot_be_given_as_an_extra_setting() -> None:
    names = app_settings("everything").keys() - EXTRA
    assert {name.partition("__")[0].upper() for name in names} == OWN_SETTINGS


def test_where_an_extra_setting_names_one_of_the_templates_all_the_same_theirs_wins() -> None:
    """validate refuses such a file; the tenant of the tests gives RANGE_BYTES as 1."""
    assert app_settings("closed-and-long-name")["RANGE_BYTES"] == "4194304"


@pytest.mark.parametrize("tenant", TENANTS)
def test_what_every_tenant_needs_is_set_whatever_the_tenant_leaves_out(tenant: str) -> None:
    always = HOST_STORAGE | TELEMETRY | WORKER | {"DropStorage__blobServiceUri", "DropStorage__queueServiceUri"}
    assert always <= app_settings(tenant).keys()


@pytest.mark.parametrize("tenant", TENANTS)
def test_every_invocation_that_the_host_starts_at_once_has_a_thread(tenant: str) -> None:
    extensions = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]
    queues = extensions["queues"]
    at_once = extensions["blobs"]["maxDegreeOfParallelism"]  # where all functions share an instance
    at_once += 3 * (queues["batchSize"] + queues["newBatchThreshold"])
    assert int(app_settings(tenant)["PYTHON_THREADPOOL_THREAD_COUNT"]) >= at_once


@pytest.mark.parametrize("name", sorted(REFUSED_SETTINGS | CONNECTION_STRINGS))
def test_a_setting_that_flex_consumption_rejects_is_absent(name: str) -> None:
    assert name not in app_settings("everything")


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_site_property_that_flex_consumption_rejects_is_absent(tenant: str) -> None:
    for kind in ("Microsoft.Web/sites", "Microsoft.Web/serverfarms"):
        for resource in of_type(tenant, kind):
            assert not {key for key, _ in bicep.walk(resource)} & REJECTED_PROPERTIES


@pytest.mark.parametrize("tenant", TENANTS)
def test_settings_are_written_in_one_place_only(tenant: str) -> None:
    # a second resource would fight with siteConfig.appSettings over the whole list
    assert of_type(tenant, "Microsoft.Web/sites/config") == []


@pytest.mark.parametrize("tenant", TENANTS)
def test_host_storage_is_named_by_its_account_and_identity_in_the_public_cloud(tenant: str) -> None:
    settings = environment(tenant)
    assert {name for name in settings if name.startswith("AzureWebJobsStorage")} == HOST_STORAGE
    assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
    assert settings["AzureWebJobsStorage__clientId"] == CLIENT_ID


def test_host_storage_is_named_by_its_endpoints_outside_the_public_cloud() -> None:
    (site,) = of_type("example", "Microsoft.Web/sites")
    elsewhere = value(site["properties"]["siteConfig"]["appSettings"], OTHER_CLOUD)
    assert isinstance(elsewhere, Call)  # the compiler leaves this branch to Azure
    assert elsewhere.arguments[0] == Call("variables", ("hostStorageByEndpoints",))
    (entry,) = bicep.module("function-app").variables["hostStorageByEndpoints"]
    assert entry["name"] == "AzureWebJobsStorage__${service}ServiceUri"


@pytest.mark.parametrize("tenant", TENANTS)
def test_drop_storage_names_both_services_and_its_identity(tenant: str) -> None:
    settings = environment(tenant)
    (data,) = [one["name"] for one in of_type(tenant, ACCOUNTS) if one["name"].startswith("stdrop")]
    assert settings["DropStorage__blobServiceUri"] == f"https://{data}.blob.core.windows.net"
    assert settings["DropStorage__queueServiceUri"] == f"https://{data}.queue.core.windows.net"
    assert settings["DropStorage__credential"] == "managedidentity"
    assert settings["DropStorage__clientId"] == CLIENT_ID


@pytest.mark.parametrize("tenant", TENANTS)
def test_log_lines_have_somewhere_to_go_by_identity(tenant: str) -> None:
    connection = app_settings(tenant)["APPLICATIONINSIGHTS_CONNECTION_STRING"]
    (component,) = of_type(tenant, "Microsoft.Insights/components")
    assert isinstance(connection, Call)
    assert (connection.arguments[0], connection.properties) == (component["id"], ("ConnectionString",))
    signed_in = environment(tenant)["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"]
    assert signed_in == f"ClientId={CLIENT_ID};Authorization=AAD"


@pytest.mark.parametrize("tenant", TENANTS)
def test_the_app_accepts_what_is_deployed(tenant: str) -> None:
    known = environment(tenant) | {"IDENTITY_ENDPOINT": "http://localhost", "WEBSITE_SKU": "FlexConsumption"}
    timeout = function_timeout(known, (ROOT / "host.json").read_text(encoding="utf-8"))
    settings = read(known, timeout)
    assert bool(settings.allowed_mailboxes) == (tenant != "closed-and-long-name")
    assert settings.drop_container == ("incoming" if tenant == "everything" else "drop")
    assert (settings.outcome_queue is not None) == (tenant == "everything")


def test_the_defaults_of_the_parameters_are_the_defaults_of_the_app() -> None:
    defaults = {setting.name: setting.default for setting in SETTINGS}
    settings = app_settings("closed-and-long-name")  # gives none of these
    for name in (
        "DROP_CONTAINER",
        "CHECKPOINT_CONTAINER",
        "TRANSFER_QUEUE",
        "GRAPH_BASE_URL",
        "RANGE_BYTES",
        "TARGET_WAIT_SECONDS",
        "ACCESS_WAIT_SECONDS",
        "SOURCE_ON_SUCCESS",
        "MAILBOX_BYTES",
        "SAME_FILE",
    ):
        assert settings[name] == defaults[name]
