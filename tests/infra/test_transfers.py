"""`deploy.sh transfers`: what an operator types at night, against the running app; the key comes through `az`."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from devkit.local.harness import MAILBOX, Harness
from devkit.local.stack import Stack
from infra.deployer.transfer_selection import AnswerError, Selection, asked, found
from infra.deployer.transfer_tables import age, printable
from infra.deployer.transfers import EXIT_CODES, since
from tests.api.caller import Caller
from tests.infra.internet import internet
from tests.infra.reader import Reader
from tests.infra.stand_in import OPERATOR, AzureStub

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from devkit.local.azurite import Azurite

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("infra transfers")]

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def harness(azurite: Azurite) -> Iterator[Harness]:
    with Harness(Stack(azurite=azurite, options=("--keys",))) as running:
        yield running


class Operator:
    """At a shell, with `az` signed in."""

    def __init__(self, azure: AzureStub, harness: Harness) -> None:
        self.azure, self.harness = azure, harness
        self.caller = Caller(harness)
        key = {"functionKeys": {"default": self.caller.key}, "masterKey": "m", "systemKeys": {}}
        azure.answers("functionapp keys list", key)

    def types(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        root = ("--app-root", self.harness.stack.url)
        return self.azure.run("transfers", "contoso", *words, *root, typed=typed)

    def answer(self, *words: str, code: int = 0) -> Any:
        """What it says as JSON."""
        done = self.types(*words, "--json")
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def lines(self, *words: str, code: int = 0) -> list[list[str]]:
        """A table's lines, in cells."""
        done = self.types(*words)
        assert done.returncode == code, done.stdout + done.stderr
        return [re.split(r"  +", line) for line in done.stdout.splitlines()]

    # --- transfers to look at -------------------------------------------------------------------------------------

    def attached(self, folder: str) -> str:
        """A transfer that ended well; its id."""
        file = self.harness.drop(b"bytes", blob=f"{folder}/attached.bin")
        return self.reached(file.blob, "attached")

    def waiting(self, folder: str, name: str = "waiting.bin") -> str:
        """One whose message does not exist."""
        self.harness.stack.drop(f"{folder}/{name}", b"x", metadata={"mailbox": MAILBOX, "messageid": "AAMkNothing"})
        return self.reached(f"{folder}/{name}", "waiting")

    def failed(self, folder: str, name: str = "failed.bin") -> str:
        """One whose metadata name no mailbox."""
        self.harness.stack.drop(f"{folder}/{name}", b"x", metadata={"messageid": "AAMkNothing"})
        return self.reached(f"{folder}/{name}", "failed")

    def reached(self, blob: str, state: str) -> str:
        def look() -> str | None:
            found = self.caller.get("/transfers", blob=blob, state=state).json()["transfers"]
            return found[0]["id"] if found else None

        found = self.harness.stack.wait_until(look, what=f"{blob} is {state}")
        assert found is not None
        return found


@pytest.fixture
def operator(azure: AzureStub, harness: Harness) -> Operator:
    return Operator(azure, harness)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A test's own part of the drop container."""
    return tmp_path.name


class TestList:
    def test_a_table_tells_state_reason_mailbox_file_and_the_whole_id(self, operator: Operator, folder: str) -> None:
        attached, failed = operator.attached(folder), operator.failed(folder)
        head, *lines = operator.lines("--blob", f"{folder}/")  # list is what it does without a word
        assert head == ["STATE", "AGE", "DONE", "WHY", "MAILBOX", "FILE", "ID"]
        assert [(one[0], one[2], one[3], one[5], one[6]) for one in lines] == [
            ("failed", "0%", "MAILBOX_MISSING", f"{folder}/failed.bin", failed),
            ("attached", "100%", "-", f"{folder}/attached.bin", attached),
        ]

    def test_each_filter_is_the_apis(self, operator: Operator, folder: str) -> None:
        operator.attached(folder)
        failed = operator.failed(folder)
        blob = ("--blob", f"{folder}/")
        for words in (("--state", "failed"), ("--code", "MAILBOX_MISSING")):
            assert [one["id"] for one in operator.answer("list", *blob, *words)["transfers"]] == [failed]
        assert len(operator.answer("list", *blob, "--since", "1h")["transfers"]) == 2
        assert operator.answer("list", *blob, "--since", "2100-01-01")["transfers"] == []
        assert operator.answer("list", *blob, "--mailbox", "nobody@example.org")["transfers"] == []

    def test_no_more_than_the_limit_are_shown(self, operator: Operator, folder: str) -> None:
        ids = {operator.failed(folder, f"{number}.bin") for number in range(3)}
        every = [one["id"] for one in operator.answer("list", "--blob", f"{folder}/")["transfers"]]
        some = [one["id"] for one in operator.answer("list", "--blob", f"{folder}/", "--limit", "2")["transfers"]]
        assert (set(every), some) == (ids, every[:2])

    def test_nothing_is_an_answer(self, operator: Operator) -> None:
        assert operator.lines("list", "--blob", "no such folder/") == [["None."]]

    def test_a_value_that_the_app_refuses_is_told_with_its_reason(self, operator: Operator) -> None:
        done = operator.types("list", "--state", "lost")
        assert done.returncode == 2
        assert "`state` is 'lost'; it is one of queued, sending" in done.stderr


class TestShow:
    def test_everything_that_is_known(self, operator: Operator, folder: str) -> None:
        failed = operator.failed(folder)
        facts = dict(line for line in operator.lines("show", failed) if len(line) == 2)
        assert facts["id"] == failed
        assert facts["state"] == "failed"
        assert facts["failed"].startswith("MAILBOX_MISSING: ")
        assert facts["remedy"]
        assert operator.answer("show", failed)["error"]["code"] == "MAILBOX_MISSING"

    @pytest.mark.parametrize("wrong", ["00000000", "../health", "a/b"])
    def test_an_id_of_no_transfer_is_3(self, operator: Operator, wrong: str) -> None:
        assert operator.types("show", wrong).returncode == 3


class TestRetryAndCancel:
    def test_one_is_cancelled_and_tried_again_by_its_id(self, operator: Operator, folder: str) -> None:
        waiting = operator.waiting(folder)
        assert operator.types("cancel", waiting).returncode == 0
        operator.reached(f"{folder}/waiting.bin", "cancelled")
        assert operator.answer("retry", waiting)["id"] == waiting
        operator.reached(f"{folder}/waiting.bin", "waiting")

    def test_what_does_not_apply_is_4_and_says_why(self, operator: Operator, folder: str) -> None:
        attached = operator.attached(folder)
        done = operator.types("cancel", attached)
        assert done.returncode == 4
        assert "HTTP 409" in done.stderr

    def test_several_by_their_ids_come_back_as_a_report(self, operator: Operator, folder: str) -> None:
        waiting, attached = operator.waiting(folder), operator.attached(folder)
        head, *lines = operator.lines("cancel", waiting, attached, code=4)
        assert head[0] == "OUTCOME"
        assert {one[-1]: one[0] for one in lines} == {waiting: "accepted", attached: "rejected"}

    def test_a_filter_shows_what_it_matches_and_asks(self, operator: Operator, folder: str) -> None:
        waiting = operator.waiting(folder)
        words = ("cancel", "--state", "waiting", "--blob", f"{folder}/")
        done = operator.types(*words, typed="no\n")
        assert done.returncode == 1
        assert waiting in done.stdout
        assert "Nothing was cancelled." in done.stderr
        assert "There is nobody to ask: add --yes." in operator.types(*words).stderr
        assert operator.caller.transfer(waiting)["state"] == "waiting"
        done = operator.types(*words, typed="yes\n")
        assert done.returncode == 0, done.stdout + done.stderr
        operator.reached(f"{folder}/waiting.bin", "cancelled")

    def test_a_script_says_yes_beforehand_and_the_app_knows_who_it_was(self, operator: Operator, folder: str) -> None:
        waiting = operator.waiting(folder)
        report = operator.answer("cancel", "--state", "waiting", "--blob", f"{folder}/", "--yes")
        assert [one["transferId"] for one in report["results"]] == [waiting]
        assert report["requestedBy"] == OPERATOR

    def test_a_filter_that_matches_nothing_is_3(self, operator: Operator) -> None:
        words = ("retry", "--state", "failed", "--blob", "no such folder/")
        assert operator.types(*words).returncode == 3
        assert operator.types(*words, "--yes").returncode == 3

    def test_a_failure_that_was_dealt_with_leaves_the_list_of_failures(self, operator: Operator, folder: str) -> None:
        failed = operator.failed(folder)
        shown = operator.answer("acknowledge", failed, "--note", "sent by hand")
        assert (shown["acknowledged"]["note"], shown["acknowledged"]["by"]) == ("sent by hand", OPERATOR)
        assert operator.answer("list", "--state", "failed", "--blob", f"{folder}/")["transfers"] == []


class TestWatch:
    def test_it_prints_changes_until_all_have_ended(self, operator: Operator, folder: str) -> None:
        waiting = operator.waiting(folder)
        operator.azure.answers("account show", {"tenantId": "aaaaaaaa-0000-4000-8000-000000000001"})
        operator.caller.call("DELETE", f"/transfers/{waiting}")
        done = operator.types("watch", waiting)
        assert done.returncode == 4  # it did not end attached
        assert done.stdout.splitlines()[-1].split()[1] == "cancelled"
        assert operator.types("watch", operator.attached(folder)).returncode == 0

    def test_what_does_not_end_is_5_once_patience_ends(self, operator: Operator, folder: str) -> None:
        done = operator.types("watch", operator.waiting(folder), "--patience-seconds", "0.5")
        assert done.returncode == 5
        assert "Gave up watching: 1 unfinished." in done.stderr

    def test_without_words_it_watches_what_is_unfinished(self, operator: Operator, folder: str) -> None:
        waiting = operator.waiting(folder)
        done = operator.types("watch", "--patience-seconds", "0.5")
        assert done.returncode == 5
        assert waiting in done.stdout

    def test_nothing_to_watch_is_3(self, operator: Operator) -> None:
        assert operator.types("watch", "--blob", "no such folder/").returncode == 3


def passed_on(origin: str) -> type[BaseHTTPRequestHandler]:
    """A host of the internet's that hands its requests to the local app."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name != "Host"}
            answer = requests.request(self.command, origin + self.path, data=body, headers=headers, timeout=60)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_DELETE = do_GET  # noqa: N815 - the server's names

        def log_message(self, *_arguments: Any) -> None:
            pass

    return Handler


def test_what_the_document_shows_runs_as_it_stands(operator: Operator) -> None:
    failed, _ = operator.failed("receipts"), operator.attached("invoices")
    app = passed_on(operator.harness.stack.url)
    with internet(operator.azure.folder, {"func-contoso.azurewebsites.net": app}) as environment:
        printed = Reader(operator.azure, environment).runs("transfers")
    assert failed in printed
    assert printed.splitlines()[-1].split()[1] == "attached"


class TestTrouble:
    def test_a_key_that_is_refused_is_said_and_printed_nowhere(self, operator: Operator) -> None:
        wrong = {"functionKeys": {"default": "canary-wrong-key"}, "masterKey": "m", "systemKeys": {}}
        operator.azure.answers("functionapp keys list", wrong)
        done = operator.types("list")
        assert done.returncode == 1
        assert "The app refuses the function key" in done.stderr
        assert "canary" not in done.stdout + done.stderr

    def test_an_app_that_does_not_answer_is_1(self, azure: AzureStub) -> None:
        done = azure.run("transfers", "contoso", "list", "--app-root", "http://127.0.0.1:9")
        assert done.returncode == 1
        assert "the app does not answer" in done.stderr

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("retry",), "retry takes ids, or a filter"),
            (("show",), "show takes the id of one transfer"),
            (("show", "a", "b"), "show takes the id of one transfer"),
            (("list", "a"), "list takes a filter and no ids"),
            (("cancel", "a", "--state", "failed"), "Ids and a filter together"),
            (("acknowledge", "a"), "acknowledge needs --note"),
            (("delete", "a"), "invalid choice: 'delete'"),
            (("list", "--limit", "0"), "--limit is at least 1"),
        ],
    )
    def test_words_that_make_no_sense_are_2_and_ask_nobody(
        self, azure: AzureStub, words: tuple[str, ...], told: str
    ) -> None:
        done = azure.run("transfers", "contoso", *words)
        assert done.returncode == 2
        assert told in done.stderr
        assert azure.calls() == []


class Pages:
    """An app with many transfers, which hands them out a page at a time."""

    def __init__(self) -> None:
        self.queries: list[dict[str, str]] = []

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        asked_for = dict(parse_qsl(urlsplit(path).query))
        self.queries.append(asked_for)
        begin = int(asked_for.get("continuation", "0"))
        end = begin + int(asked_for["limit"])
        page = [{"id": f"{number}"} for number in range(begin, min(end, 450))]
        return 200, {"transfers": page, "continuation": str(end) if end < 450 else None}


@pytest.mark.parametrize(("limit", "count", "calls"), [(450, 450, 3), (1000, 450, 3), (250, 250, 2), (1, 1, 1)])
def test_a_longer_list_goes_on_from_page_to_page(limit: int, count: int, calls: int) -> None:
    pages = Pages()
    listed = list(found(pages, Selection((), {"state": "failed"}, limit)))  # type: ignore[arg-type]
    assert [one["id"] for one in listed] == [str(number) for number in range(count)]
    assert [one["state"] for one in pages.queries] == ["failed"] * calls


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("90m", "2026-03-02T06:30:00Z"),
        ("12h", "2026-03-01T20:00:00Z"),
        ("3d", "2026-02-27T08:00:00Z"),
        ("2026-03-02T08:00Z", "2026-03-02T08:00Z"),
        ("0h", "0h"),  # for the app to refuse
    ],
)
def test_a_time_may_be_given_as_how_long_ago(text: str, instant: str) -> None:
    assert since(text, NOW) == instant


@pytest.mark.parametrize(
    ("instant", "told"),
    [
        ("2026-03-02T07:59:01.000Z", "59s"),
        ("2026-03-02T07:57:00.000Z", "3m"),
        ("2026-03-02T05:30:00.000Z", "2h"),
        ("2026-02-27T08:00:00.000Z", "3d"),
        ("2026-03-02T08:00:05.000Z", "0s"),  # two clocks
    ],
)
def test_an_age_is_told_in_the_largest_unit_that_makes_sense(instant: str, told: str) -> None:
    assert age(instant, NOW) == told


def test_a_files_name_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[2Jb\u202ec\n.pdf") == "a\\x1b[2Jb\\u202ec\\n.pdf"
    assert printable("Größe 📎.pdf") == "Größe 📎.pdf"


@pytest.mark.parametrize(("status", "code"), [(400, 2), (404, 3), (409, 4), (422, 2), (500, 1), (503, 1)])
def test_each_refusal_of_the_apps_has_its_exit_code(status: int, code: int) -> None:
    with pytest.raises(AnswerError) as refused:
        asked((status, {"title": "No."}))
    assert refused.value.code == code
    assert re.search(rf"^  {code} ", EXIT_CODES, re.MULTILINE)
