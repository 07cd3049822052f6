"""Reading all settings: what they come to, and what is said of each that cannot be used."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.allowance import MailboxBytes
from shared.settings import (
    SETTING_NAMES,
    BlobTriggerSource,
    SameFile,
    Settings,
    SettingsError,
    SourceOnSuccess,
    load,
    read,
)

GUID = "0b6d2c1e-2f4a-4d0c-9a4e-1c2d3e4f5a6b"
OTHER_GUID = "1b6d2c1e-2f4a-4d0c-9a4e-1c2d3e4f5a6b"
ACCOUNT_KEY = "Zm9yIHRoZSB0ZXN0cyBvbmx5LCA0OCBieXRlcyBvZiBub3RoaW5nIG11Y2ggYXQgYWxs"
CONNECTION_STRING = f"DefaultEndpointsProtocol=https;AccountName=drops;AccountKey={ACCOUNT_KEY}"
NEEDED = {"AzureWebJobsStorage": CONNECTION_STRING, "DropStorage": CONNECTION_STRING}
HOST_TIMEOUT = 600.0


def faults_of(**changed: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read({**NEEDED, **changed}, HOST_TIMEOUT)
    return caught.value.faults


def test_two_connections_are_enough_and_everything_else_has_its_default() -> None:
    found = read(NEEDED, HOST_TIMEOUT)
    assert found.drop_storage.connection_string == CONNECTION_STRING
    assert (found.drop_container, found.checkpoint_container, found.transfer_queue) == (
        "drop",
        "checkpoints",
        "transfers",
    )
    assert found.blob_trigger_source is BlobTriggerSource.EVENT_GRID
    assert found.graph_base_url == "https://graph.microsoft.com/v1.0"
    assert found.graph_scope == "https://graph.microsoft.com/.default"
    assert found.graph_client_id is None
    assert found.has_managed_identity is False
    assert found.graph_upload_hosts is None
    assert found.allowed_mailboxes == ()
    assert found.range_bytes == 4_194_304
    assert found.run_budget_seconds == 480
    assert found.target_wait_seconds == 600
    assert found.access_wait_seconds == 7200
    assert found.source_on_success is SourceOnSuccess.KEEP
    assert found.same_file is SameFile.ONCE
    assert found.outcome_queue is None
    assert (found.graph_tenant_id, found.graph_app_id) == (None, None)


@pytest.mark.parametrize(
    ("name", "text", "attribute", "expected"),
    [
        ("DROP_CONTAINER", "in-box", "drop_container", "in-box"),
        ("CHECKPOINT_CONTAINER", "abc", "checkpoint_container", "abc"),
        ("TRANSFER_QUEUE", "q" * 56, "transfer_queue", "q" * 56),
        ("BLOB_TRIGGER_SOURCE", "LogsAndContainerScan", "blob_trigger_source", BlobTriggerSource.SCAN),
        ("BLOB_TRIGGER_SOURCE", "eventgrid", "blob_trigger_source", BlobTriggerSource.EVENT_GRID),
        ("GRAPH_BASE_URL", "https://graph.microsoft.us/beta/", "graph_base_url", "https://graph.microsoft.us/beta"),
        ("GRAPH_BASE_URL", "http://127.0.0.1:8123/v1.0", "graph_scope", "http://127.0.0.1:8123/.default"),
        ("GRAPH_BASE_URL", "http://localhost:8123/v1.0", "graph_base_url", "http://localhost:8123/v1.0"),
        ("GRAPH_BASE_URL", "https://graph.microsoft.us/v1.0", "graph_scope", "https://graph.microsoft.us/.default"),
        ("GRAPH_SCOPE", "api://x/.default", "graph_scope", "api://x/.default"),
        ("GRAPH_CLIENT_ID", GUID, "graph_client_id", GUID),
        ("IDENTITY_ENDPOINT", "http://127.0.0.1:1/token", "has_managed_identity", True),
        ("IDENTITY_ENDPOINT", " ", "has_managed_identity", False),
        (
            "GRAPH_UPLOAD_HOSTS",
            " Outlook.Office.com, 127.0.0.1:8443,outlook.office.com,",
            "graph_upload_hosts",
            ("outlook.office.com", "127.0.0.1:8443"),
        ),
        ("GRAPH_UPLOAD_HOSTS", "  ", "graph_upload_hosts", None),
        (
            "ALLOWED_MAILBOXES",
            f" Ada@contoso.com ,{GUID}, @fabrikam.com",
            "allowed_mailboxes",
            ("Ada@contoso.com", GUID, "@fabrikam.com"),
        ),
        ("ALLOWED_MAILBOXES", "", "allowed_mailboxes", ()),
        ("ALLOWED_MAILBOXES", "@contoso.com, ,", "allowed_mailboxes", ("@contoso.com",)),
        ("GRAPH_UPLOAD_HOSTS", "a.net:1,b.net:65535", "graph_upload_hosts", ("a.net:1", "b.net:65535")),
        ("RANGE_BYTES", "1", "range_bytes", 1),
        ("RANGE_BYTES", "4194304", "range_bytes", 4_194_304),
        ("RANGE_BYTES", " 327680 ", "range_bytes", 327_680),
        ("RUN_BUDGET_SECONDS", "0.5", "run_budget_seconds", 0.5),
        ("RUN_BUDGET_SECONDS", "599.9", "run_budget_seconds", 599.9),
        ("TARGET_WAIT_SECONDS", "0", "target_wait_seconds", 0),
        ("TARGET_WAIT_SECONDS", "604800", "target_wait_seconds", 604_800),
        ("ACCESS_WAIT_SECONDS", "0", "access_wait_seconds", 0),
        ("ACCESS_WAIT_SECONDS", "604800", "access_wait_seconds", 604_800),
        ("SOURCE_ON_SUCCESS", "Delete", "source_on_success", SourceOnSuccess.DELETE),
        ("SAME_FILE", "Again", "same_file", SameFile.AGAIN),
        ("MAILBOX_BYTES", "", "mailbox_bytes", MailboxBytes.LEARN),
        ("MAILBOX_BYTES", "Limit", "mailbox_bytes", MailboxBytes.LIMIT),
        ("MAILBOX_BYTES", "off", "mailbox_bytes", MailboxBytes.OFF),
        ("OUTCOME_QUEUE", "outcomes", "outcome_queue", "outcomes"),
        ("OUTCOME_QUEUE", "", "outcome_queue", None),
    ],
)
def test_a_setting_is_taken_as_written(name: str, text: str, attribute: str, expected: object) -> None:
    assert getattr(read({**NEEDED, name: text}, HOST_TIMEOUT), attribute) == expected


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        *[
            (name, text, "must be 3 to 63 lower-case letters")
            for name in ("DROP_CONTAINER", "CHECKPOINT_CONTAINER", "TRANSFER_QUEUE", "OUTCOME_QUEUE")
            for text in ("ab", "Drop", "drop--box", "-drop", "drop-", "dröp", "$web", "a" * 64, "a/b", "a\nb", "١٢٣")
        ],
        ("DROP_CONTAINER", "azure-webjobs-hosts", "must not begin with azure-webjobs-"),
        ("TRANSFER_QUEUE", "q" * 57, "at most 56 characters"),
        ("TRANSFER_QUEUE", "transfers-poison", "not end in -poison"),
        ("OUTCOME_QUEUE", "transfers", "must be a queue of its own"),
        ("OUTCOME_QUEUE", "transfers-poison", "must be a queue of its own"),
        ("OUTCOME_QUEUE", "webjobs-blobtrigger-poison", "must be a queue of its own"),
        ("BLOB_TRIGGER_SOURCE", "Polling", "must be EventGrid or LogsAndContainerScan, not 'Polling'"),
        ("MAILBOX_BYTES", "150", "must be learn or limit or off, not '150'"),
        ("SOURCE_ON_SUCCESS", "move", "must be keep or delete, not 'move'"),
        ("SAME_FILE", "twice", "must be once or again, not 'twice'"),
        ("GRAPH_BASE_URL", "graph.microsoft.com/v1.0", "must be an address such as"),
        ("GRAPH_BASE_URL", "https:///v1.0", "must be an address such as"),
        ("GRAPH_BASE_URL", "https://user@graph.microsoft.com/v1.0", "must be an address such as"),
        ("GRAPH_BASE_URL", "https://graph.microsoft .com/v1.0", "must be an address such as"),
        ("GRAPH_BASE_URL", "https://[::1/v1.0", "must be an address such as"),
        ("GRAPH_BASE_URL", "https://g:99999/v1.0", "must be an address such as"),
        ("GRAPH_BASE_URL", "https://g:0/v1.0", "must be an address such as"),
        ("GRAPH_BASE_URL", "http://graph.microsoft.com/v1.0", "must begin with https://"),
        ("GRAPH_BASE_URL", "http://127.0.0.1.evil.net/v1.0", "must begin with https://"),
        ("GRAPH_BASE_URL", "ftp://127.0.0.1/v1.0", "must begin with https://"),
        ("GRAPH_BASE_URL", "https://graph.microsoft.com", "must end with /v1.0 or /beta"),
        ("GRAPH_BASE_URL", "https://graph.microsoft.com/v2", "must end with /v1.0 or /beta"),
        ("GRAPH_BASE_URL", "https://graph.microsoft.com/v1.0?x", "must end with /v1.0 or /beta"),
        ("GRAPH_BASE_URL", "https://graph.microsoft.com/#/v1.0", "must end with /v1.0 or /beta"),
        ("GRAPH_SCOPE", "Mail.ReadWrite", "must be one scope"),
        ("GRAPH_SCOPE", "a://b/.default c://d/.default", "must be one scope"),
        ("GRAPH_CLIENT_ID", "my-identity", "must be a GUID, not 'my-identity'"),
        ("GRAPH_CLIENT_ID", "{0b6d2c1e-2f4a-4d0c-9a4e-1c2d3e4f5}", "must be a GUID"),
        ("GRAPH_UPLOAD_HOSTS", "https://outlook.office.com", "must list host names"),
        ("GRAPH_UPLOAD_HOSTS", "*.office.com", "must list host names"),
        ("GRAPH_UPLOAD_HOSTS", "outlook.office.com:0", "must list host names"),
        ("GRAPH_UPLOAD_HOSTS", "outlook.office.com:65536", "must list host names"),
        ("GRAPH_UPLOAD_HOSTS", "outlook.office.com:", "must list host names"),
        ("GRAPH_UPLOAD_HOSTS", "a.com b.com", "must list host names"),
        ("GRAPH_UPLOAD_HOSTS", ",", "names no host"),
        ("ALLOWED_MAILBOXES", "ada", "must list addresses, object ids (GUIDs) or @domains, not 'ada'"),
        ("ALLOWED_MAILBOXES", "*@contoso.com, @", "not '@'"),
        ("ALLOWED_MAILBOXES", "contoso.com", "must list addresses"),
        ("ALLOWED_MAILBOXES", "@-contoso.com", "must list addresses"),
        ("ALLOWED_MAILBOXES", "a@contoso.com;b@contoso.com", "must list addresses"),
        ("ALLOWED_MAILBOXES", " , ", "would allow every mailbox"),
        *[
            ("RANGE_BYTES", text, "must be a whole number of bytes, 1 to 4194304")
            for text in ("0", "4194305", "-1", "1.5", "4MiB", "1_000", "٣", "1e3", "9" * 30)
        ],
        *[("ACCESS_WAIT_SECONDS", text, "must be seconds, 0 to 604800") for text in ("-1", "604801", "inf", "2h")],
        *[("TARGET_WAIT_SECONDS", text, "must be seconds, 0 to 604800") for text in ("-1", "604801", "nan", "10m")],
        *[("RUN_BUDGET_SECONDS", text, "must be seconds above 0") for text in ("0", "0.0", "-5", "inf", "nan", "9m")],
        ("RUN_BUDGET_SECONDS", "600", "must be below the host's functionTimeout (600 seconds)"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_what_is_allowed(name: str, text: str, says: str) -> None:
    assert any(fault.startswith(f"{name}: ") and says in fault for fault in faults_of(**{name: text}))


def test_a_wrong_setting_is_the_only_one_that_is_named() -> None:
    assert faults_of(RANGE_BYTES="4MiB") == ("RANGE_BYTES: must be a whole number of bytes, 1 to 4194304, not '4MiB'",)


def test_one_container_cannot_hold_both_files_and_checkpoints() -> None:
    assert faults_of(DROP_CONTAINER="both", CHECKPOINT_CONTAINER="both") == (
        "CHECKPOINT_CONTAINER: must differ from DROP_CONTAINER, or each checkpoint would count as a file",
    )


@pytest.mark.parametrize("sku", ["FlexConsumption", "flexconsumption"])
def test_polling_is_refused_on_flex_consumption_which_does_not_poll(sku: str) -> None:
    [fault] = faults_of(BLOB_TRIGGER_SOURCE="LogsAndContainerScan", WEBSITE_SKU=sku)
    assert fault == "BLOB_TRIGGER_SOURCE: must be EventGrid on Flex Consumption: that plan does not poll containers"


def test_polling_is_allowed_on_other_plans() -> None:
    found = read({**NEEDED, "BLOB_TRIGGER_SOURCE": "LogsAndContainerScan", "WEBSITE_SKU": "Dynamic"}, HOST_TIMEOUT)
    assert found.blob_trigger_source is BlobTriggerSource.SCAN


@pytest.mark.parametrize(
    ("given_name", "value", "missing"),
    [("GRAPH_TENANT_ID", GUID, "GRAPH_APP_ID"), ("GRAPH_APP_ID", GUID, "GRAPH_TENANT_ID")],
)
def test_another_tenant_needs_both_its_id_and_the_app(given_name: str, value: str, missing: str) -> None:
    assert faults_of(**{given_name: value}) == (
        f"{missing}: is missing: GRAPH_TENANT_ID and GRAPH_APP_ID only work together",
    )


def test_another_tenant_needs_a_user_assigned_identity_where_the_platform_serves_identities() -> None:
    both = {"GRAPH_TENANT_ID": "fabrikam.com", "GRAPH_APP_ID": GUID}
    assert faults_of(**both, IDENTITY_ENDPOINT="http://127.0.0.1:1/token") == (
        "GRAPH_CLIENT_ID: is missing: mailboxes of another tenant need a user-assigned identity",
    )
    found = read({**NEEDED, **both, "IDENTITY_ENDPOINT": "http://x", "GRAPH_CLIENT_ID": OTHER_GUID}, HOST_TIMEOUT)
    assert (found.graph_tenant_id, found.graph_app_id) == ("fabrikam.com", GUID)
    assert read({**NEEDED, **both}, HOST_TIMEOUT).graph_client_id is None


def test_an_explicit_budget_needs_no_host_timeout_to_stay_below() -> None:
    assert read({**NEEDED, "RUN_BUDGET_SECONDS": "86400"}, None).run_budget_seconds == 86_400


def test_every_fault_is_named_at_once() -> None:
    wrong = {
        "AzureWebJobsStorage": "",
        "DropStorage": "nothing",
        "DROP_CONTAINER": "A",
        "TRANSFER_QUEUE": "A",
        "BLOB_TRIGGER_SOURCE": "A",
        "GRAPH_BASE_URL": "A",
        "GRAPH_SCOPE": "A",
        "GRAPH_CLIENT_ID": "A",
        "GRAPH_UPLOAD_HOSTS": "/",
        "ALLOWED_MAILBOXES": "A",
        "RANGE_BYTES": "A",
        "RUN_BUDGET_SECONDS": "A",
        "TARGET_WAIT_SECONDS": "A",
        "SOURCE_ON_SUCCESS": "A",
        "SAME_FILE": "A",
        "MAILBOX_BYTES": "A",
        "OUTCOME_QUEUE": "B",
        "GRAPH_TENANT_ID": "A",
        "GRAPH_APP_ID": "A",
    }
    with pytest.raises(SettingsError) as caught:
        load(wrong, '{"functionTimeout": "soon"}')
    named = [fault.partition(":")[0] for fault in caught.value.faults]
    assert sorted(named) == sorted([*wrong, "functionTimeout of host.json"])
    assert all(f"\n- {fault}" in str(caught.value) for fault in caught.value.faults)


def test_a_wrong_host_timeout_alone_is_reported_too() -> None:
    with pytest.raises(SettingsError, match=r"functionTimeout of host\.json"):
        load(NEEDED, '{"functionTimeout": "soon"}')


def test_the_budget_follows_from_host_json() -> None:
    assert load(NEEDED, '{"functionTimeout": "00:30:00"}').run_budget_seconds == 1620


SECRETS = [CONNECTION_STRING, ACCOUNT_KEY, "sv=2026&sig=" + "s" * 44, "C~" * 20]


@pytest.mark.parametrize("secret", SECRETS, ids=["connection string", "account key", "signature", "client secret"])
@pytest.mark.parametrize("name", [name for name in SETTING_NAMES if name not in {"AzureWebJobsStorage", "DropStorage"}])
def test_a_secret_in_the_wrong_setting_is_not_repeated(name: str, secret: str) -> None:
    environ = {**NEEDED, name: secret}
    if "__" in name:
        del environ["DropStorage"]
    with pytest.raises(SettingsError) as caught:
        read(environ, HOST_TIMEOUT)
    assert any(fault.startswith(name) for fault in caught.value.faults)
    assert secret[:20] not in str(caught.value)
    assert secret[-20:] not in str(caught.value)


def test_a_wrong_value_is_repeated_up_to_the_length_of_a_guid() -> None:
    assert faults_of(GRAPH_CLIENT_ID="x" * 36) == (f"GRAPH_CLIENT_ID: must be a GUID, not '{'x' * 36}'",)
    assert faults_of(GRAPH_CLIENT_ID="x" * 37) == ("GRAPH_CLIENT_ID: must be a GUID, not a text of 37 characters",)


def test_the_connection_string_is_not_in_the_settings_repr() -> None:
    assert ACCOUNT_KEY not in repr(read(NEEDED, HOST_TIMEOUT))


@settings(deadline=None, max_examples=300)
@given(
    st.dictionaries(st.sampled_from(SETTING_NAMES), st.text(max_size=80), max_size=8),
    st.none() | st.floats(min_value=1, max_value=1e6),
)
def test_whatever_the_environment_holds_the_answer_is_settings_or_named_faults(
    environ: dict[str, str], timeout: float | None
) -> None:
    found: Settings | None = None
    faults: tuple[str, ...] = ()
    try:
        found = read({**NEEDED, **environ}, timeout)
    except SettingsError as error:
        faults = error.faults
    assert (found is None) == bool(faults)
    assert all(fault.partition(":")[0] in SETTING_NAMES for fault in faults)
    if found is not None:
        assert 1 <= found.range_bytes <= 4_194_304
        assert found.run_budget_seconds > 0
        assert found.drop_container != found.checkpoint_container
