"""All tenants at once: `status` in one table, and `up --all`, which stops at the first that fails."""

from __future__ import annotations

import json
import re
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.infra.internet import internet
from tests.infra.playing_app import App, handler
from tests.infra.reader import Reader
from tests.infra.stand_in import GROUP, OPERATOR, SUBSCRIPTION_ID, TENANT_ID, AzureStub

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

FABRIKAM = ("bbbbbbbb-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002")
UP_ALL = ("up", "--all", "--yes", "--skip-verify")
YEAR = "2020-01-01T00:00:00.000Z"


class Tenants:
    """What each tenant's app says; a host that is missing does not answer."""

    def __init__(self) -> None:
        self.health: dict[str, tuple[int, dict[str, Any]]] = {}
        self.unfinished: dict[str, list[str]] = {}
        self.failed: dict[str, int] = {}

    def add(self, name: str, version: str = "1.0.0", failed: int = 0, unfinished: tuple[str, ...] = ()) -> None:
        checks = {"queue": {"status": "up", "detail": "fine"}}
        self.health[name] = (200, {"status": "up", "version": version, "checks": checks})
        self.failed[name] = failed
        self.unfinished[name] = list(unfinished)

    def answer(self, name: str, path: str) -> tuple[int, dict[str, Any]]:
        if path == "/api/health/details":
            return self.health[name]
        query = dict(parse_qsl(urlsplit(path).query))
        if query["state"] == "failed":
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", query["since"])
            begin = int(query.get("continuation", "0"))
            page = [{"id": "f"}] * min(200, self.failed[name] - begin)
            end = begin + len(page)
            return 200, {"transfers": page, "continuation": str(end) if end < self.failed[name] else None}
        made = self.unfinished[name] if query["state"] == "waiting" else []
        return 200, {"transfers": [{"createdAt": one} for one in made], "continuation": None}


def played(tenants: Tenants, name: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = tenants.answer(name, self.path)
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_arguments: Any) -> None:
            pass

    return Handler


@pytest.fixture
def both(nothing: AzureStub) -> AzureStub:
    """Each tenant signed in to in a folder of its own; the default account is the second one's."""
    nothing.add_tenant("fabrikam")
    nothing.sign_in(OPERATOR, TENANT_ID, SUBSCRIPTION_ID, config=".azure-contoso")
    nothing.sign_in("operator@fabrikam.test", *FABRIKAM, config=".azure-fabrikam")
    return nothing


@pytest.fixture
def tenants(both: AzureStub) -> Iterator[Tenants]:
    made = Tenants()
    for name in ("contoso", "fabrikam"):
        both.deploy(name)
    hosts = {f"func-{name}.azurewebsites.net": played(made, name) for name in ("contoso", "fabrikam")}
    with internet(both.folder, hosts) as environment:
        made.environment = environment  # type: ignore[attr-defined]
        yield made


def status(both: AzureStub, tenants: Tenants, *words: str) -> subprocess.CompletedProcess[str]:
    return both.run("status", *words, **tenants.environment)  # type: ignore[attr-defined]


class TestStatus:
    def test_every_tenant_has_its_line(self, both: AzureStub, tenants: Tenants) -> None:
        tenants.add("contoso", version="1.0.0", failed=3, unfinished=("2019-01-01T00:00:00.000Z", YEAR))
        tenants.add("fabrikam", version="0.9.1")
        done = status(both, tenants)
        assert done.returncode == 0, done.stdout + done.stderr
        head, contoso, fabrikam = (re.split(r"  +", line) for line in done.stdout.splitlines())
        assert head == ["TENANT", "VERSION", "HEALTHY", "FAILED 24H", "OLDEST UNFINISHED"]
        assert contoso[:4] == ["contoso", "1.0.0", "yes", "3"]
        assert re.fullmatch(r"[0-9]+d", contoso[4])
        assert int(contoso[4][:-1]) > 365 * 2
        assert fabrikam == ["fabrikam", "0.9.1", "yes", "0", "-"]

    def test_one_that_is_down_and_one_that_cannot_be_asked_are_in_it_too(
        self, both: AzureStub, tenants: Tenants
    ) -> None:
        tenants.add("contoso")
        checks = {"queue": {"status": "down", "detail": "storage answered 403"}}
        tenants.health["contoso"] = (503, {"status": "down", "version": "1.0.0", "checks": checks})
        with both.group("fabrikam") as group:
            group["deployments"].clear()
        done = status(both, tenants)
        assert done.returncode == 1
        _, contoso, fabrikam = done.stdout.splitlines()
        assert re.split(r"  +", contoso)[2:] == ["NO", "0", "-", "queue: storage answered 403"]
        assert "?" in fabrikam
        assert "holds no finished deployment yet" in fabrikam

    def test_more_failures_than_a_page_holds_are_counted(self, both: AzureStub, tenants: Tenants) -> None:
        tenants.add("contoso", failed=450)
        (only,) = json.loads(status(both, tenants, "contoso", "--json").stdout)
        assert (only["tenant"], only["failed"], only["is_more"], only["oldest"]) == ("contoso", 450, False, None)

    def test_an_app_of_an_earlier_version_that_tells_none(self, both: AzureStub, tenants: Tenants) -> None:
        tenants.add("contoso")
        del tenants.health["contoso"][1]["version"]
        done = status(both, tenants, "contoso")
        assert done.returncode == 0
        assert done.stdout.splitlines()[1].split()[1] == "?"

    def test_nothing_is_changed_and_any_account_may_be_the_default_one(self, both: AzureStub, tenants: Tenants) -> None:
        tenants.add("contoso")
        both.sign_in(OPERATOR, TENANT_ID, SUBSCRIPTION_ID)
        both.sign_in("operator@fabrikam.test", *FABRIKAM)
        (both.folder / ".azure-contoso" / "azureProfile.json").unlink()
        (both.folder / ".azure-contoso").rmdir()
        assert status(both, tenants, "contoso").returncode == 0
        assert not [call for call in both.calls() if {"create", "delete", "update", "set", "upload"} & set(call)]


def test_what_the_document_shows_runs_as_it_stands(both: AzureStub) -> None:
    for name in ("contoso", "fabrikam"):
        both.deploy(name)
    hosts = {f"func-{name}.azurewebsites.net": handler(App(both)) for name in ("contoso", "fabrikam")}
    with internet(both.folder, hosts) as environment:
        printed = Reader(both, environment).runs("fleet")
    assert [line.split()[0] for line in printed.splitlines()[:3]] == ["TENANT", "contoso", "fabrikam"]
    assert "All 2 tenants are up." in printed


class TestUpAll:
    def test_one_after_the_other_each_with_its_own_sign_in(self, both: AzureStub) -> None:
        done = both.run(*UP_ALL)
        assert done.returncode == 0, done.stdout + done.stderr
        assert [line for line in done.stdout.splitlines() if line.startswith("===")] == [
            "=== contoso (1 of 2)",
            "=== fabrikam (2 of 2)",
        ]
        assert "All 2 tenants are up." in done.stdout
        with both.state() as data:
            groups = [list(one["groups"]) for one in data["subscriptions"].values()]
        assert groups == [[GROUP], ["rg-attachdrop-fabrikam"]]

    def test_the_first_that_fails_is_the_last_that_is_touched(self, both: AzureStub) -> None:
        both.answers("deployment group create", RuntimeError("SomethingNew: nobody met this before"))
        done = both.run(*UP_ALL)
        assert done.returncode == 1
        assert "SomethingNew" in done.stderr
        assert "Stopped at contoso, which did not get through. Not touched: fabrikam." in done.stderr
        with both.state() as data:
            assert data["subscriptions"][FABRIKAM[1]]["groups"] == {}

    def test_a_verify_that_is_not_good_stops_it_as_well(self, both: AzureStub) -> None:
        done = both.run("up", "--all", "--yes", "--patience-seconds", "0.2")
        assert done.returncode == 1
        assert "Not touched: fabrikam." in done.stdout

    @pytest.mark.parametrize(
        ("words", "told"),
        [(("up", "--all"), "then add --yes"), (("up", "contoso", "--all", "--yes"), "A tenant and --all together")],
    )
    def test_it_asks_nobody_and_takes_no_name(self, both: AzureStub, words: tuple[str, ...], told: str) -> None:
        done = both.run(*words)
        assert done.returncode == 1
        assert told in done.stderr
        assert both.calls() == []
