"""The forms of a storage connection that the trigger and the app read alike, and those that they do not."""

from __future__ import annotations

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient
from azurefunctions.extensions.bindings.blob import utils as binding

from shared.settings import SettingsError, StorageConnection, read

GUID = "0b6d2c1e-2f4a-4d0c-9a4e-1c2d3e4f5a6b"
HOST = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}
BLOB, QUEUE = "https://drops.blob.core.windows.net", "https://drops.queue.core.windows.net"
URIS = {"DropStorage__blobServiceUri": BLOB, "DropStorage__queueServiceUri": QUEUE}
USER_ASSIGNED = {"DropStorage__credential": "managedidentity", "DropStorage__clientId": GUID}
SAS = "SharedAccessSignature=sv=2026-01-01&sig=abc"


SAS_STRING = f"BlobEndpoint={BLOB};QueueEndpoint={QUEUE};{SAS}"


def drop_storage(environ: dict[str, str]) -> StorageConnection:
    return read({**HOST, **environ}, None).drop_storage


def faults_of(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(environ, None)
    return caught.value.faults


@pytest.mark.parametrize(
    "text",
    [
        "UseDevelopmentStorage=true",
        "UseDevelopmentStorage=true;",
        "AccountName=drops;AccountKey=a2V5PT0=",
        "DefaultEndpointsProtocol=https;AccountName=drops;AccountKey=a2V5PT0=;EndpointSuffix=core.windows.net;",
        "accountname=drops;accountkey=a2V5PT0=;BlobEndpoint=http://127.0.0.1:1/drops",
        SAS_STRING,
        f"AccountName=drops;{SAS}",
    ],
)
def test_a_connection_string_that_the_storage_clients_take_is_taken_whole(text: str) -> None:
    assert drop_storage({"DropStorage": text}) == StorageConnection(connection_string=text)
    assert BlobServiceClient.from_connection_string(text).url
    assert QueueServiceClient.from_connection_string(text).url


def test_a_connection_string_wins_over_uris_which_are_then_not_looked_at() -> None:
    both = {"DropStorage": "UseDevelopmentStorage=true", "DropStorage__blobServiceUri": "nonsense"}
    assert drop_storage(both) == StorageConnection(connection_string="UseDevelopmentStorage=true")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("drops", "is not a connection string: parts are Name=value"),
        ("@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)", "is not a connection string"),
        (BLOB, "is not a connection string"),
        ("AccountName=drops", "AccountName and AccountKey, or SharedAccessSignature, are missing"),
        ("AccountKey=a2V5PT0=", "AccountName and AccountKey, or SharedAccessSignature, are missing"),
        ("AccountName=;AccountKey=", "AccountName and AccountKey, or SharedAccessSignature, are missing"),
        (f"BlobEndpoint={BLOB};{SAS}", "names no account: give AccountName, or BlobEndpoint and QueueEndpoint"),
        ("AccountName=drops;AccountKey=a2V5PT0=\n", "has a blank or a line end at its beginning or end"),
        ("\r\nAccountName=drops;AccountKey=a2V5PT0=", "has a blank or a line end at its beginning or end"),
        ("UseDevelopmentStorage=true ", "has a blank or a line end at its beginning or end"),
        ("AccountName=drops;\nAccountKey=a2V5PT0=", "AccountName and AccountKey, or SharedAccessSignature, are"),
        ("AccountName=drops;AccountKey=a2V5\nPT0=", "has a line end or another control character in it"),
        (f"BlobEndpoint={QUEUE};QueueEndpoint={BLOB};{SAS}", "BlobEndpoint that names the queue service"),
        (
            f"BlobEndpoint=https://drops.dfs.core.windows.net;QueueEndpoint={QUEUE};{SAS}",
            "names the dfs service, and must name the blob service: give the same account's blob endpoint",
        ),
        (f"BlobEndpoint={BLOB};QueueEndpoint=https://other.queue.core.windows.net;{SAS}", "more than one account"),
        (f"AccountName=other;AccountKey=a2V5PT0=;BlobEndpoint={BLOB}", "more than one account"),
        ("AccountName=drops;;AccountKey=a2V5PT0=", "separated by single semicolons"),
        ("AccountName =drops;AccountKey=a2V5PT0=", "AccountName and AccountKey, or SharedAccessSignature, are"),
        ("UseDevelopmentStorage=True", "is not a connection string"),
        ("UseDevelopmentStorage=false", "is not a connection string"),
    ],
)
def test_a_connection_string_that_no_client_takes_is_refused_without_being_repeated(text: str, says: str) -> None:
    [fault] = faults_of({**HOST, "DropStorage": text})
    assert fault.startswith("DropStorage: ")
    assert says in fault
    assert not text.strip() or text not in fault


def test_two_uris_are_the_system_assigned_identity() -> None:
    assert drop_storage(URIS) == StorageConnection(blob_uri=BLOB, queue_uri=QUEUE)
    assert drop_storage({**URIS, "DropStorage__credential": "managedIdentity"}).client_id is None


def test_two_uris_and_a_client_id_are_a_user_assigned_identity() -> None:
    assert drop_storage({**URIS, **USER_ASSIGNED}) == StorageConnection(blob_uri=BLOB, queue_uri=QUEUE, client_id=GUID)


@pytest.mark.parametrize(
    ("changed", "named", "says"),
    [
        ({"DropStorage__queueServiceUri": ""}, "DropStorage__queueServiceUri", "needed together"),
        ({"DropStorage__blobServiceUri": ""}, "DropStorage__blobServiceUri", "needed together"),
        (
            {"DropStorage__credential": "managedidentity", "DropStorage__clientId": "me"},
            "DropStorage__clientId",
            "GUID",
        ),
        ({"DropStorage__clientId": GUID}, "DropStorage__credential", "where DropStorage__clientId is given"),
        ({"DropStorage__credential": "workloadidentity"}, "DropStorage__credential", "must be managedidentity"),
        ({"DropStorage__serviceUri": BLOB}, "DropStorage__serviceUri", "no form that the trigger and the app read"),
        ({"DropStorage__accountName": "drops"}, "DropStorage__accountName", "no form that the trigger and the app"),
        ({"DropStorage__clientSecret": "x" * 40}, "DropStorage__clientSecret", "no form that the trigger and the app"),
        ({"AzureWebJobsDropStorage": "x"}, "AzureWebJobsDropStorage", "would take it before DropStorage"),
        ({"AzureWebJobsDropStorage__accountName": "x"}, "AzureWebJobsDropStorage__accountName", "before DropStorage"),
        ({"ConnectionStrings__DropStorage": "x"}, "ConnectionStrings__DropStorage", "before DropStorage"),
        ({"CUSTOMCONNSTR_DropStorage": "x"}, "CUSTOMCONNSTR_DropStorage", "before DropStorage"),
    ],
)
def test_a_form_that_would_be_read_in_two_ways_is_refused(changed: dict[str, str], named: str, says: str) -> None:
    [fault] = faults_of({**HOST, **URIS, **changed})
    assert fault.startswith(f"{named}: ")
    assert says in fault


DFS = "https://drops.dfs.core.windows.net"


@pytest.mark.parametrize(
    ("blob", "queue", "named", "says"),
    [
        (QUEUE, BLOB, "blobServiceUri queueServiceUri", "names the queue service, and must name the blob service"),
        (
            DFS,
            QUEUE,
            "blobServiceUri",
            "names the dfs service, and must name the blob service: give the same account's",
        ),
        (BLOB, DFS, "queueServiceUri", "names the dfs service"),
        ("https://drops.z13.dfs.storage.azure.net", QUEUE, "blobServiceUri", "names the dfs service"),
        (
            BLOB,
            "https://other.queue.core.windows.net",
            "queueServiceUri",
            "names another account than DropStorage__blob",
        ),
        (BLOB, "https://OTHER.privatelink.queue.core.windows.net/", "queueServiceUri", "names another account"),
        (
            "https://drops-secondary.blob.core.windows.net",
            QUEUE,
            "blobServiceUri",
            "secondary endpoint",
        ),
        (f"{BLOB}/drop", QUEUE, "blobServiceUri", "must name the service alone"),
        ("https://drops.blob.core.chinacloudapi.cn", BLOB, "queueServiceUri", "names the blob service"),
    ],
)
def test_endpoints_of_another_service_or_of_two_accounts_are_refused(
    blob: str, queue: str, named: str, says: str
) -> None:
    environ = {**HOST, "DropStorage__blobServiceUri": blob, "DropStorage__queueServiceUri": queue}
    found = faults_of(environ)
    assert " ".join(fault.partition(":")[0].removeprefix("DropStorage__") for fault in found) == named
    assert says in found[0]


@pytest.mark.parametrize(
    ("blob", "queue"),
    [
        (f"{BLOB}/", f"{QUEUE}/"),
        ("https://Drops.blob.core.windows.net", QUEUE),
        ("https://drops.z13.blob.storage.azure.net", QUEUE),
        ("https://drops.privatelink.blob.core.windows.net", QUEUE),
        ("https://files.example.org", QUEUE),
        ("https://blob.example.org/drops", "https://queue.example.org/other"),
        ("https://127.0.0.1:10000/drops", "https://127.0.0.1:10001/drops"),
        ("https://drops.blob.core.usgovcloudapi.net", "https://drops.queue.core.usgovcloudapi.net"),
    ],
)
def test_endpoints_of_one_account_and_those_that_do_not_tell_are_taken(blob: str, queue: str) -> None:
    environ = {"DropStorage__blobServiceUri": blob, "DropStorage__queueServiceUri": queue}
    assert drop_storage(environ) == StorageConnection(blob_uri=blob, queue_uri=queue)


@pytest.mark.parametrize(
    ("name", "uri"), [("AzureWebJobsStorage__blobServiceUri", QUEUE), ("AzureWebJobsStorage__queueServiceUri", DFS)]
)
def test_the_hosts_own_endpoints_are_of_the_service_they_stand_for(name: str, uri: str) -> None:
    environ = {"AzureWebJobsStorage__blobServiceUri": BLOB, "AzureWebJobsStorage__queueServiceUri": QUEUE, **URIS}
    [fault] = faults_of({**environ, name: uri})
    assert fault.startswith(f"{name}: names the ")


@pytest.mark.parametrize(
    "uri",
    [
        "http://drops.blob.core.windows.net",
        "drops.blob.core.windows.net",
        "https://",
        "https://user@drops.blob.core.windows.net",
        f"{BLOB}?sv=2026&sig=topsecret",
        f"{BLOB}#here",
        "https://drops.blob .core.windows.net",
        "https://dröps.blob.core.windows.net",
        "https://[::1",
        "https://drops:0",
    ],
)
def test_a_service_uri_is_https_and_carries_no_secret(uri: str) -> None:
    [fault] = faults_of({**HOST, **URIS, "DropStorage__blobServiceUri": uri})
    assert fault == "DropStorage__blobServiceUri: must be an https:// address without user, query or fragment"


@pytest.mark.parametrize(
    "host",
    [
        {"AzureWebJobsStorage": "UseDevelopmentStorage=true"},
        {"AzureWebJobsStorage__accountName": "host"},
        {"AzureWebJobsStorage__blobServiceUri": BLOB, "AzureWebJobsStorage__queueServiceUri": QUEUE},
    ],
)
def test_the_host_storage_is_there_in_any_of_its_forms(host: dict[str, str]) -> None:
    assert read({**host, **URIS}, None).drop_storage.blob_uri == BLOB


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        (
            {},
            "AzureWebJobsStorage: is missing: give a connection string, or AzureWebJobsStorage__accountName",
        ),
        (
            {"AzureWebJobsStorage": " ", "AzureWebJobsStorage__accountName": "host"},
            "AzureWebJobsStorage: is empty, which the host takes for a connection string: give one, or remove it",
        ),
        (
            {"AzureWebJobsStorage__blobServiceUri": BLOB},
            "AzureWebJobsStorage__queueServiceUri: is missing: the blob trigger needs the blob and the queue service",
        ),
    ],
)
def test_a_missing_host_storage_is_named(host: dict[str, str], fault: str) -> None:
    assert faults_of({**host, **URIS}) == (fault,)


def test_a_missing_drop_storage_is_named_with_its_forms() -> None:
    both = "DropStorage__blobServiceUri and DropStorage__queueServiceUri"
    assert faults_of(HOST) == (f"DropStorage: is missing: give a connection string, or {both}",)


@pytest.mark.parametrize(
    "environ",
    [{"DropStorage": SAS_STRING}, {"DropStorage": SAS_STRING, **URIS}, URIS, {**URIS, **USER_ASSIGNED}],
    ids=["connection string", "both forms", "system-assigned", "user-assigned"],
)
def test_the_blob_binding_reads_the_same_from_the_same_settings(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = drop_storage(environ)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert binding.get_connection_string("DropStorage") == (ours.connection_string or ours.blob_uri)
    if ours.connection_string is None:
        assert binding.using_user_managed_identity("DropStorage") == (ours.client_id is not None)
        assert binding.using_system_managed_identity("DropStorage")
