"""host.json is read as the Functions host reads it, and what the app would not obey is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.api.description import description
from shared.settings import SettingsError, load
from shared.settings.hostfile import host_file_faults, read_host_file
from shared.settings.timeout import function_timeout
from shared.telemetry import is_wanted
from shared.views import view
from tests.unit.core.shapes import NOW, transfer
from tests.unit.settings.test_settings_reading import NEEDED

HOST_JSON = Path(__file__).parents[3] / "host.json"
ENCODING = "AzureFunctionsJobHost__extensions__queues__messageEncoding"


@pytest.mark.parametrize(
    "text",
    [
        '\ufeff{"functionTimeout": "00:10:00"}',
        '// ours\n{"functionTimeout": /* minutes */ "00:10:00"} // end',
        '/* "functionTimeout": "1" */ {"functionTimeout": "00:10:00",}',
        "{'functionTimeout': '00:10:00'}",
        "{functionTimeout: '00:10:00', logging: {console: [1, 2,],},}",
        '{"functionTimeout": "00:01:00", "FUNCTIONTIMEOUT": "00:10:00"}',
        '{"functionTimeout": "00:10:00", "url": "https://example.org/a//b", "note": "/* no comment */, }"}',
        '{"functionTimeout": "00:10:00", "line": "a\tb\nc"}',
        '{functionTimeout /* so */ : "00:10:00", "true": true, "n": -1.5e3}',
        '\r\n{\r\n"functionTimeout"\r\n:\r\n"00:10:00"\r\n}\r\n',
    ],
)
def test_whatever_the_host_takes_is_read_as_the_host_reads_it(text: str) -> None:
    assert function_timeout({}, text) == 600


def test_what_a_text_holds_stays_in_it() -> None:
    host = read_host_file({}, """{"a": {"b": "x // y", 'c': 'it\\'s "so", }'}, "d": [true, null]}""")
    assert host.values == {"a:b": "x // y", "a:c": 'it\'s "so", }', "d:0": "True", "d:1": ""}
    assert host.name("A:B") == "a.b of host.json"


@pytest.mark.parametrize(
    "text", ["{", "[]", "", "{} {}", '{"a": }', '{"a": b}', "{a b: 1}", '{"a": 1 /* open', "[" * 99999]
)
def test_what_the_host_cannot_read_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"host\.json: is not"):
        read_host_file({}, text)


@pytest.mark.parametrize("given", ["none", "None", "base64", "Base64", " none "])
def test_an_encoding_that_the_app_can_read_is_taken(given: str) -> None:
    text = f'{{"extensions": {{"queues": {{"messageEncoding": "{given}"}}}}}}'
    assert host_file_faults(read_host_file({}, text)) == []


@pytest.mark.parametrize("given", ['"utf8"', "null", '""', "0", '"base64url"', "[]", "{}"])
def test_an_encoding_that_neither_knows_is_refused(given: str) -> None:
    text = f'{{"extensions": {{"queues": {{"messageEncoding": {given}}}}}}}'
    found = host_file_faults(read_host_file({}, text))
    assert [fault.partition(":")[0] for fault in found] == (
        ["extensions.queues.messageEncoding of host.json"] if given not in {"[]", "{}"} else []
    )


def test_every_fault_of_host_json_and_settings_is_told_at_once() -> None:
    text = '{"functionTimeout": "soon", "extensions": {"http": {"routePrefix": "a b"}}}'
    with pytest.raises(SettingsError) as told:
        load({**NEEDED, ENCODING: "rot13", "RANGE_BYTES": "none"}, text)
    assert [fault.partition(":")[0] for fault in told.value.faults] == [
        ENCODING,
        "extensions.http.routePrefix of host.json",
        "functionTimeout of host.json",
        "RANGE_BYTES",
    ]


@pytest.mark.parametrize(
    ("text", "environ", "prefix"),
    [
        ("{}", {}, "api"),
        ('{"extensions": {"http": {"routePrefix": ""}}}', {}, ""),
        ('{"extensions": {"http": {"routePrefix": null}}}', {}, ""),
        ('{"extensions": {"Http": {"RoutePrefix": "/files/v1/"}}}', {}, "files/v1"),
        ("{}", {"AzureFunctionsJobHost__extensions__http__routePrefix": "x"}, "x"),
    ],
)
def test_the_route_prefix_is_the_hosts(text: str, environ: dict[str, str], prefix: str) -> None:
    assert read_host_file(environ, text).route_prefix == prefix


@pytest.mark.parametrize(("prefix", "path"), [("", ""), ("files/v1", "/files/v1"), ("api", "/api")])
def test_links_begin_with_the_route_prefix(prefix: str, path: str) -> None:
    text = f'{{"extensions": {{"http": {{"routePrefix": "{prefix}"}}}}}}'
    assert load(NEEDED, text).route_prefix == prefix
    assert view(transfer(), NOW, prefix)["links"]["self"] == f"{path}/transfers/{'f' * 32}"
    assert description(prefix)["servers"][0]["url"] == (path or "/")


def test_telemetry_is_asked_for_in_a_host_json_with_comments() -> None:
    text = '\ufeff{"telemetryMode": "OpenTelemetry" /* spans */}'
    assert is_wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, text)


def test_the_projects_own_host_json_lets_plain_messages_reach_the_app() -> None:
    host = read_host_file({}, HOST_JSON.read_text(encoding="utf-8"))
    assert host.text("extensions:queues:messageEncoding") == "none"
    assert host_file_faults(host) == []
