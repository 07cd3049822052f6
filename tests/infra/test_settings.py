"""Settings: every one that the app reads is set, every one that is set is read, and the app accepts them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.deployer.tenant_file import read as read_tenant
from shared.settings import SETTING_NAMES, function_timeout, read
from tests.infra import bicep
from tests.infra.bicep import Call, Choice, Expr

HOST_STORAGE = {f"AzureWebJobsStorage__{form}" for form in ("accountName", "credential", "clientId")}
WORKER = {"PYTHON_THREADPOOL_THREAD_COUNT"}  # read by the Python worker, not by the app
TELEMETRY = {"APPLICATIONINSIGHTS_CONNECTION_STRING", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"}
CONNECTION_STRINGS = {"AzureWebJobsStorage", "DropStorage"}
CLIENT_ID = "44444444-4444-4444-8444-444444444444"

# What Flex Consumption refuses or ignores. Sources: the plan's documentation, and what users of it reported
REJECTED_SETTINGS = {
    "ENABLE_ORYX_BUILD",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_MAX_HTTP_CONCURRENCY",
    "FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED",
    "FUNCTIONS_WORKER_PROCESS_COUNT",
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_WORKER_RUNTIME_VERSION",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_NODE_DEFAULT_VERSION",
    "WEBSITE_RUN_FROM_PACKAGE",
}
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


def platform_settings() -> dict[str, Any]:
    app = bicep.module("function-app")
    entries = app.variables["hostStorageByName"] + app.variables["platformSettings"]
    return {entry["name"]: entry["value"] for entry in entries}


def product_settings() -> dict[str, Any]:
    union = bicep.main().variables["productSettings"]
    parts = [part.no if isinstance(part, Choice) else part for part in union.arguments]
    return {name: value for part in parts for name, value in part.items()}


def deployed_settings(values: dict[str, Any]) -> dict[str, str]:
    """What the app's environment holds after a deployment with these parameters."""
    file = bicep.main()
    known = {name: one.default for name, one in file.parameters.items()} | values
    names = {"dataStorageName": "stdropabc", "storageSuffix": "core.windows.net", "hostStorageName": "sthostabc"}
    names |= {
        "workerThreads": "16",
        "identityClientId": CLIENT_ID,
        "component.properties.ConnectionString": "InstrumentationKey=x",
    }
    settings = {name: evaluated(value, names) for name, value in platform_settings().items()}
    for part in file.variables["productSettings"].arguments:
        settings |= {name: evaluated(value, known) for name, value in chosen(part, known).items()}
    return settings


def chosen(part: Any, known: dict[str, Any]) -> dict[str, Any]:
    """The branch of `empty(x) ? {} : {...}` or `x == 0 ? {} : {...}` that is taken."""
    if not isinstance(part, Choice):
        return dict(part)
    name = part.condition.removeprefix("empty(").removesuffix(")").removesuffix(" == 0")
    return dict(part.no if known[name] else part.yes)


def evaluated(value: Any, known: dict[str, Any]) -> str:
    if isinstance(value, Call) and value.name == "string":
        return str(known[value.arguments[0]])
    if isinstance(value, Call) and value.name == "join":
        return str(value.arguments[1]).join(known[value.arguments[0]])
    if isinstance(value, Expr) and "${" in value:
        for name, text in known.items():
            value = value.replace(f"${{{name}}}", str(text))
        return str(value)
    return str(known[value]) if isinstance(value, Expr) else str(value)


def test_every_setting_the_app_reads_is_set_and_every_set_one_is_read() -> None:
    set_names = platform_settings().keys() | product_settings().keys()
    assert set_names - HOST_STORAGE - TELEMETRY - WORKER == set(SETTING_NAMES) - CONNECTION_STRINGS


def test_every_invocation_that_the_host_starts_at_once_has_a_thread() -> None:
    extensions = json.loads((bicep.INFRA.parent / "host.json").read_text(encoding="utf-8"))["extensions"]
    queues = extensions["queues"]
    at_once = extensions["blobs"]["maxDegreeOfParallelism"]  # where all functions share an instance
    at_once += 3 * (queues["batchSize"] + queues["newBatchThreshold"])
    assert int(bicep.module("function-app").variables["workerThreads"]) >= at_once


def test_no_setting_is_set_twice() -> None:
    assert not platform_settings().keys() & product_settings().keys()


def test_every_setting_reaches_the_site() -> None:
    site = bicep.module("function-app").resource("app").body["properties"]["siteConfig"]
    assert site["appSettings"] == Call(
        "concat", (Expr("hostStorageSettings"), Expr("platformSettings"), Expr("tenantSettings"))
    )
    assert bicep.module("function-app").variables["tenantSettings"] == [
        {"name": Expr("setting.key"), "value": Expr("setting.value")}
    ]


@pytest.mark.parametrize("name", sorted(REJECTED_SETTINGS | CONNECTION_STRINGS))
def test_a_setting_that_flex_consumption_rejects_is_absent(name: str) -> None:
    assert name not in platform_settings() | product_settings()


def test_a_site_property_that_flex_consumption_rejects_is_absent() -> None:
    for file in bicep.all_files():
        for resource in file.of_type("Microsoft.Web/sites"):
            assert not {key for key, _ in bicep.walk(resource.body)} & REJECTED_PROPERTIES


def test_settings_are_written_in_one_place_only() -> None:
    written = [one for file in bicep.all_files() for one in file.of_type("Microsoft.Web/sites/config")]
    assert written == []  # a second resource would fight with siteConfig.appSettings over the whole list


def test_host_storage_is_named_by_its_account_and_identity() -> None:
    settings = platform_settings()
    assert settings["AzureWebJobsStorage__accountName"] == Expr("hostStorageName")
    assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
    assert settings["AzureWebJobsStorage__clientId"] == Expr("identityClientId")


def test_host_storage_is_named_by_its_endpoints_only_outside_the_public_cloud() -> None:
    app = bicep.module("function-app")
    assert app.variables["hostStorageSettings"] == Choice(
        "environment().name == 'AzureCloud'", Expr("hostStorageByName"), Expr("hostStorageByEndpoints")
    )
    (entry,) = app.variables["hostStorageByEndpoints"]
    assert entry["name"] == "AzureWebJobsStorage__${service}ServiceUri"


def test_drop_storage_names_both_services_and_its_identity() -> None:
    settings = platform_settings()
    assert settings["DropStorage__blobServiceUri"] == "https://${dataStorageName}.blob.${storageSuffix}"
    assert settings["DropStorage__queueServiceUri"] == "https://${dataStorageName}.queue.${storageSuffix}"
    assert settings["DropStorage__credential"] == "managedidentity"
    assert settings["DropStorage__clientId"] == Expr("identityClientId")


def test_telemetry_is_sent_by_identity() -> None:
    settings = platform_settings()
    assert settings["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"] == "ClientId=${identityClientId};Authorization=AAD"


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="the example tenant"),
        pytest.param(
            {
                "graphScope": "https://graph.microsoft.com/.default",
                "graphUploadHosts": ["outlook.office.com", "outlook.office365.com"],
                "outcomeQueue": "outcomes",
                "graphTenantId": "55555555-5555-4555-8555-555555555555",
                "graphAppId": "66666666-6666-4666-8666-666666666666",
                "runBudgetSeconds": 300,
                "sourceOnSuccess": "delete",
            },
            id="every optional value given",
        ),
    ],
)
def test_the_app_accepts_what_is_deployed(more: dict[str, Any]) -> None:
    values = read_tenant(bicep.INFRA / "tenants" / "example.bicepparam").values | more
    environment = deployed_settings(values) | {
        "IDENTITY_ENDPOINT": "http://localhost",
        "WEBSITE_SKU": "FlexConsumption",
    }
    timeout = function_timeout(environment, (bicep.INFRA.parent / "host.json").read_text(encoding="utf-8"))
    settings = read(environment, timeout)
    assert settings.allowed_mailboxes
    assert (settings.outcome_queue is not None) == ("outcomeQueue" in more)


def test_the_defaults_of_the_parameters_are_the_defaults_of_the_app() -> None:
    from shared.settings.table import DEFAULTS  # noqa: PLC0415 - beside what it is compared with

    parameters = bicep.main().parameters
    for setting, parameter in {
        "DROP_CONTAINER": "dropContainer",
        "CHECKPOINT_CONTAINER": "checkpointContainer",
        "TRANSFER_QUEUE": "transferQueue",
        "GRAPH_BASE_URL": "graphBaseUrl",
        "RANGE_BYTES": "rangeBytes",
        "TARGET_WAIT_SECONDS": "targetWaitSeconds",
        "SOURCE_ON_SUCCESS": "sourceOnSuccess",
    }.items():
        assert str(parameters[parameter].default) == DEFAULTS[setting]
