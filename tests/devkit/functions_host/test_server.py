"""HTTP functions, keys, `/admin` and `/_dev`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from devkit.local.azurite import Azurite
from tests.devkit.functions_host.sample import Sample

pytestmark = pytest.mark.xdist_group("host server")


@pytest.fixture(scope="module")
def sample(azurite: Azurite) -> Iterator[Sample]:
    with Sample(azurite) as stack:
        yield stack


@pytest.fixture(scope="module")
def locked(azurite: Azurite) -> Iterator[Sample]:
    with Sample(azurite, options=["--keys"]) as stack:
        yield stack


def test_a_worker_can_be_killed_over_http(sample: Sample) -> None:
    (worker,) = sample.host.worker_pids()
    assert sample.request("POST", "/_dev/kill-worker", json={"signal": "QUIT"}).json() == {"killed": [worker]}
    sample.host.wait_for_worker(other_than=[worker])


def test_a_request_reaches_the_function_as_azure_would_hand_it_over(sample: Sample) -> None:
    answer = sample.request(
        "POST", "/api/ECHO/a%2Fb%20c?x=1&x=2&empty=&y=ü", data="body ü".encode(), headers={"x-sample": "head"}
    )
    assert answer.status_code == 202
    assert answer.headers["Location"] == "/x"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "method": "POST",
        "url": f"{sample.url}/api/ECHO/a%2Fb%20c?x=1&x=2&empty=&y=%C3%BC",
        "params": {"x": "1,2", "y": "ü"},
        "route": {"id": "a%2Fb c"},
        "header": "head",
        "body": "body ü",
    }


def test_a_line_feed_in_a_path_reaches_the_function(sample: Sample) -> None:
    assert sample.request("GET", "/api/echo/a%0Ab").json()["route"] == {"id": "a\nb"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/api/echo/1", 404),  # not 405: azure-functions-host #10098
        ("HEAD", "/api/echo/1", 404),  # azure-functions-host #11625
        ("PUT", "/api/echo/1", 404),
        ("OPTIONS", "/api/echo/1", 404),
        ("GET", "/api/echo", 404),
        ("GET", "/echo/1", 404),
        ("GET", "/api/echo/1/", 202),
        ("PUT", "/api/open", 200),
        ("GET", "/api/echo/1?do=fail", 500),
        ("GET", "/api/nothing", 500),  # it returns None
        ("GET", "/api/echo/" + "x" * 9_000, 414),
    ],
)
def test_routes_and_failures_answer_as_in_azure(sample: Sample, method: str, path: str, status: int) -> None:
    answer = sample.request(method, path)
    assert answer.status_code == status
    if status in (404, 500):
        assert answer.content == b""


def test_an_empty_key_header_beats_a_code_that_is_right(locked: Sample) -> None:
    code = locked.host.ready["keys"]["function"]
    assert locked.request("GET", f"/api/echo/1?CODE={code}").status_code == 202
    assert locked.request("GET", f"/api/echo/1?code={code}", headers={"x-functions-key": ""}).status_code == 401


def test_a_body_of_unknown_length_arrives_empty(sample: Sample) -> None:
    assert sample.request("POST", "/api/echo/1", data=iter([b"one", b"two"])).json()["body"] == ""


def test_a_body_may_have_100_mib_and_a_byte_more_breaks_the_connection(sample: Sample) -> None:
    most = 104_857_600
    assert sample.request("POST", "/api/length", data=bytes(most)).text == f"{most}"
    with pytest.raises(requests.ConnectionError):
        sample.request("POST", "/api/length", data=bytes(most + 1))


def test_headers_beyond_32_kib_are_too_large(sample: Sample) -> None:
    four = {f"x-{number}": "x" * 7_900 for number in range(4)}
    assert sample.request("GET", "/api/echo/1", headers=four).status_code == 202
    assert sample.request("GET", "/api/echo/1", headers={**four, "x-more": "x" * 8_400}).status_code == 431
    assert sample.request("GET", "/api/echo/1", headers={"x-one": "x" * 40_000}).status_code == 431


def test_headers_of_a_callers_own_making_reach_the_function_in_lower_case(sample: Sample) -> None:
    given = {"X-MS-CLIENT-PRINCIPAL": "e30=", "X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https"}
    found = sample.request("GET", "/api/headers", headers=given).json()
    assert {name: found.get(name.lower()) for name in given} == given


def test_a_cookie_is_written_anew_with_a_domain(sample: Sample) -> None:
    answer = sample.request("GET", "/api/cookie")
    assert answer.headers["Set-Cookie"] == "a=b; Path=/; domain="


@pytest.mark.parametrize(("path", "id"), [("a%2Fb", "a%2Fb"), ("a%20b", "a b"), ("a%2Bb", "a+b"), ("a+b", "a+b")])
def test_a_route_value_is_decoded_but_for_a_slash(sample: Sample, path: str, id: str) -> None:  # noqa: A002 - the route's
    assert sample.request("GET", f"/api/echo/{path}").json()["route"] == {"id": id}


def test_a_binding_that_cannot_work_costs_its_function_alone(azurite: Azurite) -> None:
    with Sample(azurite, settings={"SAMPLE_SCHEDULE": "never", "WORK_QUEUE": "work"}) as stack:
        assert "tick" not in stack.host.ready["functions"]
        assert "the schedule 'never' needs six fields" in stack.host.status()["errors"]["tick"]
        assert stack.request("GET", "/api/open?name=x").text == "open x"


def test_a_disabled_function_is_found_with_the_master_key_alone(azurite: Azurite) -> None:
    settings = {"AzureWebJobs.open_to_all.Disabled": "true"}
    with Sample(azurite, options=["--keys"], settings=settings) as stack:
        keys = stack.host.ready["keys"]
        for key, status in ((None, 404), ("function", 404), ("master", 200)):
            headers = {"x-functions-key": keys[key]} if key else {}
            assert stack.request("GET", "/api/open", headers=headers).status_code == status


def test_an_async_function_runs_too(sample: Sample) -> None:
    answer = sample.request("GET", "/api/open?name=x")
    assert answer.text == "open x"
    assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("GET", "/api/open", None, 200),
        ("GET", "/api/echo/1", None, 401),
        ("GET", "/api/echo/1", "wrong", 401),
        ("GET", "/api/echo/1", "function", 202),
        ("GET", "/api/echo/1", "master", 202),
        ("GET", "/api/echo/1", "blobs_extension", 403),
        ("POST", "/runtime/webhooks/blobs?functionName=x", None, 401),
        ("POST", "/runtime/webhooks/blobs?functionName=x", "function", 403),
        ("POST", "/runtime/webhooks/blobs?functionName=x", "blobs_extension", 400),
        ("OPTIONS", "/runtime/webhooks/blobs?functionName=x", "function", 403),
        ("OPTIONS", "/runtime/webhooks/blobs?functionName=x", "blobs_extension", 200),
        ("GET", "/admin/host/status", "function", 403),
        ("GET", "/admin/host/status", None, 401),
        ("GET", "/admin/host/status", "master", 200),
    ],
)
@pytest.mark.parametrize("place", ["header", "query"])
def test_keys_open_what_they_are_for(
    locked: Sample, method: str, path: str, key: str | None, status: int, place: str
) -> None:
    value = locked.host.ready["keys"].get(key, key)
    given: dict[str, Any] = {}
    if value is not None:
        given = {"headers": {"x-functions-key": value}} if place == "header" else {"params": {"code": value}}
    assert locked.request(method, path, **given).status_code == status


def test_admin_tells_the_hosts_state_and_functions(sample: Sample) -> None:
    assert sample.request("GET", "/admin/host/status").json()["state"] == "Running"
    names = [function["name"] for function in sample.request("GET", "/admin/functions").json()]
    assert sorted(names) == sample.host.ready["functions"]


@pytest.mark.parametrize(
    ("function", "given", "expected"),
    [
        ("message_seen", "by hand", {"text": "by hand"}),
        ("tick", "", {"past_due": False}),
        ("blob_seen", "drop/by hand/ü.txt", {"container": "drop", "name": "by hand/ü.txt", "size": 2}),
        ("poison_seen", '{"a": 1}', {"body": {"a": 1}}),
    ],
)
def test_admin_runs_a_function_of_any_kind(sample: Sample, function: str, given: str, expected: dict[str, Any]) -> None:
    sample.drop("by hand/ü.txt", b"12", events=0)
    before = len(sample.runs(function))
    sample.host.run(function, given)
    run = sample.wait_until(lambda: sample.runs(function)[before:])[0]
    assert {name: run[name] for name in expected} == expected


def test_admin_runs_an_http_function_too(sample: Sample) -> None:
    before = len(sample.host.invocations())
    sample.host.run("open_to_all", '{"method": "get", "headers": [{"name": "a", "value": "b"}], "body": {"c": 1}}')
    sample.wait_until(lambda: [run["outcome"] for run in sample.host.invocations(after=before)] == ["succeeded"])


def test_admin_does_not_know_other_functions(sample: Sample) -> None:
    assert sample.request("POST", "/admin/functions/nobody", json={}).status_code == 404
    assert sample.request("POST", "/admin/functions/tick", data=b"{no json").status_code == 400


def test_every_run_is_listed(sample: Sample) -> None:
    before = len(sample.host.invocations())
    sample.request("GET", "/api/echo/1?do=fail it")
    (run,) = sample.host.invocations("echo", after=before)
    assert (run["function"], run["trigger"], run["outcome"]) == ("echo", "http", "failed")
    assert run["error"] == "ValueError: told to fail: it"
    assert run["started"] < run["ended"]
    assert run["worker"] in sample.host.worker_pids()


def test_idle_waits_for_what_runs_and_says_when_it_gave_up(sample: Sample) -> None:
    sample.send_message("work", "sleep 1")
    with pytest.raises(TimeoutError, match="not idle within"):
        sample.host.wait_until_idle(0.4)
    sample.wait_until_idle()
    assert "sleep 1" in sample.texts("message_done")


def test_an_event_is_sent_for_a_blob_that_is_there(sample: Sample) -> None:
    name = sample.drop("evented.txt", b"1", events=0).name
    event = sample.host.send_event(name, 2)
    assert event["eventType"] == "Microsoft.Storage.BlobCreated"
    sample.wait_until(lambda: [run["name"] for run in sample.runs("blob_seen")].count(name) == 2)
    assert sample.request("POST", "/_dev/blob-event", json={"name": "not there"}).status_code == 404
    assert sample.request("POST", "/_dev/blob-event", json={"name": "x", "function": "y"}).status_code == 400


def test_what_the_app_logs_is_in_the_hosts_log(sample: Sample) -> None:
    sample.request("GET", "/api/echo/1")
    (worker,) = sample.host.worker_pids()
    sample.wait_until(lambda: f"host1| [worker {worker}] INFO sample: echo was called" in sample.logs)
