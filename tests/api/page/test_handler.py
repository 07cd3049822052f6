"""What the page answers, without a browser and without a host: over a world in memory."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any, cast
from urllib.parse import parse_qs, urlencode

import pytest

from shared.api.http import Answer, Call
from shared.api.page.forms import LARGEST_FORM, read_form
from shared.api.page.handler import OperatorPage
from shared.core.model import State
from shared.storage.listing import Listing, Page
from shared.storage.operations import MOST_ROWS, Action
from shared.storage.places import Wanted
from tests.unit.run.test_bulk import Office, many


class Lists:
    """What `Listing` answers, of an office."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.asked: list[Wanted] = []

    def page(self, wanted: Wanted, limit: int, continuation: str | None, *_: object) -> Page:
        self.asked.append(wanted)
        there = [self.office.now_is(one) for one in sorted(self.office.checkpoints.blobs)]
        failed = [one for one in there if one.state is State.FAILED and one.acknowledged is None]
        begin = int(continuation or 0)
        more = str(begin + limit) if begin + limit < len(failed) else None
        return Page(tuple(failed[begin : begin + limit]), (), more)

    def count(self, prefix: str, _most: int) -> int:
        return len(self.office.checkpoints.blobs) if prefix == "transfers/" else 0


class Desk:
    """Somebody at the page of an office."""

    def __init__(self, *, knows_callers: bool = False) -> None:
        self.office = Office()
        self.lists = Lists(self.office)
        self.page = OperatorPage(
            checkpoints=self.office.checkpoints,
            listing=cast("Listing", self.lists),
            commands=self.office.commands,
            bulk=replace(self.office.bulk, pages=self.lists.page),
            clock=self.office.clock,
            knows_callers=knows_callers,
            container="incoming",
        )

    def get(self, **query: str) -> Answer:
        return self.page.answer(Call("GET", "https://app.example/api/ui", query))

    def post(self, fields: list[tuple[str, str]], headers: dict[str, str] | None = None, **query: str) -> Answer:
        body = urlencode(fields).encode()
        return self.page.answer(Call("POST", "https://app.example/api/ui", query, headers or {}, {}, body))


def text(answer: Answer) -> str:
    """The page's words."""
    body = answer.body.decode().partition("<body")[2].partition("<script>")[0]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", body)))


def location(answer: Answer) -> dict[str, list[str]]:
    assert answer.status == 303
    return parse_qs(answer.headers["Location"].removeprefix("?"))


def test_an_empty_page_shows_how_to_drop_a_first_file() -> None:
    shown = Desk().get()
    assert "Nothing has been dropped yet" in text(shown)
    assert "az storage blob upload" in text(shown)
    assert "--container-name incoming" in text(shown)
    assert "<table" not in shown.body.decode()


def test_a_search_that_finds_nothing_is_no_empty_page() -> None:
    desk = Desk()
    shown = text(desk.get(blob="nowhere/"))
    assert "Nothing has been dropped yet" not in shown
    assert "None." in shown
    assert desk.lists.asked == [Wanted(blob="nowhere/")]


# --- who asks ---------------------------------------------------------------------------------------------------------

PRINCIPAL = {"x-ms-client-principal-name": "ann@example.org"}


@pytest.mark.parametrize(
    ("knows_callers", "headers", "said", "by"),
    [
        (False, {}, "", None),
        (False, {}, "ben@example.org", "ben@example.org"),
        (False, PRINCIPAL, "", None),
        (False, PRINCIPAL, "ben@example.org", "ben@example.org"),
        (True, PRINCIPAL, "ben@example.org", "ann@example.org"),
        (True, {}, "", None),
        (False, {}, "a\nb", None),
    ],
)
def test_who_asks_is_believed_where_the_platform_vouches_for_it_and_else_what_the_form_says(
    knows_callers: bool, headers: dict[str, str], said: str, by: str | None
) -> None:
    desk = Desk(knows_callers=knows_callers)
    [failed] = many(desk.office, 1)
    fields = [("transfer", failed.id), ("action", "acknowledge"), ("note", "Sent by hand."), ("by", said)]
    assert location(desk.post(fields, headers))["transfer"] == [failed.id]
    noted = desk.office.now_is(failed.id).acknowledged
    assert noted is not None
    assert (noted.note, noted.by) == ("Sent by hand.", by)
    operation = location(
        desk.post([("action", "retry-many"), ("id", failed.id), ("confirmed", "yes"), ("by", said)], headers)
    )["operation"][0]
    stored = desk.office.operations.load(operation)
    assert stored is not None
    assert stored.operation.by == by


@pytest.mark.parametrize("note", ["", "   ", "x" * 501, "a\nb", "a\x00b"])
def test_a_note_that_says_nothing_or_too_much_is_asked_for_again(note: str) -> None:
    desk = Desk()
    [failed] = many(desk.office, 1)
    answer = desk.post([("transfer", failed.id), ("action", "acknowledge"), ("note", note)])
    assert answer.status == 400
    assert "1 to 500 characters" in text(answer)
    assert desk.office.now_is(failed.id).acknowledged is None


# --- many -------------------------------------------------------------------------------------------------------------


def fields_of(answer: Answer) -> list[tuple[str, str]]:
    """The question's own fields, as a browser sends them back."""
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', answer.body.decode())
    [action] = re.findall(r'name="action" value="([^"]+)"', answer.body.decode())
    return [*((name, html.unescape(value)) for name, value in hidden), ("action", action)]


def test_chosen_rows_are_asked_about_and_nothing_is_done_before_the_answer() -> None:
    desk = Desk()
    failed = many(desk.office, 12)
    chosen = [("id", one.id) for one in failed]
    asked = desk.post([*chosen, ("action", "retry-many")], code="the-key")
    assert asked.status == 200
    assert "Try these 12 transfers again?" in text(asked)
    assert "and 2 more" in text(asked)
    assert desk.office.operations.blobs == {}
    begun = location(desk.post(fields_of(asked), code="the-key"))
    assert begun["code"] == ["the-key"]
    stored = desk.office.operations.load(begun["operation"][0])
    assert stored is not None
    assert (stored.operation.action, len(stored.operation.rows)) == (Action.RETRY, 12)
    desk.office.carried_out(stored.operation.id)
    report = text(desk.get(operation=stored.operation.id))
    assert "Trying again: 12 transfers" in report
    assert "Finished: 12 accepted, 0 not possible, 0 not readable." in report


def test_everything_that_matches_keeps_the_whole_filter_through_the_question() -> None:
    desk = Desk()
    many(desk.office, 3)
    given = [("state", "failed"), ("mailbox", "ada@contoso.example"), ("blob", "in/März &"), ("error", "ACCESS_DENIED")]
    given += [("since", "2026-03-02"), ("all", "yes"), ("action", "retry-many")]
    asked = desk.post(given)
    assert "everything that matches and is called 'Failed'" in text(asked)
    operation = location(desk.post(fields_of(asked)))["operation"][0]
    stored = desk.office.operations.load(operation)
    assert stored is not None
    wanted: Any = stored.operation.wanted
    assert (wanted.state, wanted.mailbox, wanted.blob) == ("failed", "ada@contoso.example", "in/März &")
    assert (wanted.code, wanted.since.isoformat()) == ("ACCESS_DENIED", "2026-03-02T00:00:00+00:00")
    assert stored.operation.limit == MOST_ROWS


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([("action", "retry-many")], "Nothing was chosen."),
        ([("action", "cancel-many"), ("id", "x")], "no form of this page"),
        ([("action", "cancel-many"), ("all", "yes"), ("state", "attached")], "cannot be cancelled"),
        ([("action", "retry-many"), ("all", "yes"), ("state", "sending")], "cannot be tried again"),
        ([("action", "retry-many"), ("all", "yes"), ("state", "odd")], "There is no state"),
        ([("action", "retry-many"), ("all", "yes"), ("error", "ODD")], "none of the codes"),
        ([("action", "delete-many"), ("id", "0" * 32)], "no form of this page"),
        ([], "no form of this page"),
    ],
)
def test_what_makes_no_sense_is_told_and_nothing_is_done(fields: list[tuple[str, str]], said: str) -> None:
    desk = Desk()
    answer = desk.post(fields)
    assert (answer.status, said in text(answer)) == (400, True)
    assert desk.office.operations.blobs == {}


@pytest.mark.parametrize("operation", ["", "x", "0" * 32, "<script>"])
def test_a_report_that_does_not_exist_is_told(operation: str) -> None:
    answer = Desk().get(operation=operation)
    assert answer.status == 404
    assert "There is no operation" in text(answer)


def test_a_form_holds_a_thousand_rows_and_one_that_is_too_large_holds_nothing() -> None:
    ids = [f"{number:032x}" for number in range(MOST_ROWS)]
    body = urlencode([("id", one) for one in ids] + [("action", "retry-many")]).encode()
    assert read_form(body).all("id") == tuple(ids)
    assert read_form(b"a=" + b"x" * LARGEST_FORM).fields == {}
    assert read_form(b"\xff=1").fields == {}
    assert read_form(urlencode([("id", "x")] * (MOST_ROWS + 30)).encode()).fields == {}
