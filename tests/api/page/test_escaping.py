"""Whatever a file, a mailbox, an item or a query is called: the page has the elements that it has for harmless ones.

Without a browser: two pages are compared, element by element and attribute by attribute, and the hostile text is read
back from where it belongs. `test_hostile.py` looks at the same in a real browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any, cast

import pytest

from shared.api.http import Answer, Call
from shared.api.page.handler import OperatorPage
from shared.core.errors import Code
from shared.core.model import (
    Attachment,
    Failure,
    GraphAnswer,
    Plan,
    Route,
    Source,
    State,
    Step,
    Target,
    TargetKey,
    Transfer,
)
from shared.run.commands import Commands
from shared.storage.listing import Listing, Page
from shared.storage.ports import Checkpoint, Stored

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
ID = "0" * 32
HARMLESS = "abc"
HOSTILE = (
    "<script>window.hurt = 1</script>",
    '"><img src=x onerror="window.hurt = 1">',
    "' onmouseover='window.hurt = 1",
    "</title></style></textarea><svg onload=window.hurt=1>",
    "<!-- ]]> {{ 7 * 7 }} {% raw %} &lt;b&gt; &#60;b&#62;",
    "javascript:window.hurt=1",
)


@dataclass
class Seen(HTMLParser):
    """A page as its elements with their attributes' names, and its text and attributes' values put together."""

    shape: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    text: str = ""
    values: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, tuple(name for name, _ in attrs)))
        self.values += [value or "" for _, value in attrs]
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "action"}]

    def handle_comment(self, data: str) -> None:
        self.shape.append(("comment", (data,)))

    def handle_data(self, data: str) -> None:
        self.text += data


@dataclass
class Room:
    """One transfer, under way or failed, whatever is asked for: the listing, the checkpoints and the clock at once."""

    transfer: Transfer
    unreadable: tuple[str, ...]

    def page(self, *_: object) -> Page:
        return Page((self.transfer,), self.unreadable, "onward")

    def count(self, *_: object) -> int:
        return 1

    def load(self, _: str) -> Stored:
        return Stored(Checkpoint(self.transfer, None, "1"), '"0x1"')

    def now(self) -> datetime:
        return NOW


def transfer(text: str, state: State) -> Transfer:
    """A transfer with the text in every field that comes from outside."""
    plan = Plan(
        Source("drop", text, text, 20, NOW),
        Target(text, TargetKey.MESSAGE_ID, text),
        Attachment(text, text, is_inline=True, content_id=text),
        NOW,
    )
    step = Step(NOW, State.PLANNED, text, text, None, text, text)
    made = Transfer(ID, plan, Route.SESSION, state, runs=1, attachment_id=text, updated_at=NOW, history=(step,))
    if state is State.FAILED:
        return replace(made, failure=Failure(Code.ACCESS_DENIED, text, GraphAnswer(403, text, text)), finished_at=NOW)
    return replace(made, not_before=NOW + timedelta(minutes=1))


def shown(text: str, query: Mapping[str, str], state: State = State.FAILED) -> Seen:
    room: Any = Room(transfer(text, state), (text,))
    page = OperatorPage(
        checkpoints=room,
        listing=cast("Listing", room),
        commands=cast("Commands", None),
        bulk=cast("Any", None),
        clock=cast("Any", room),
    )
    answer: Answer = page.answer(Call("GET", "https://app.example/api/ui", query, {}, {}, b""))
    seen = Seen()
    seen.feed(answer.body.decode())
    seen.close()
    return seen


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "query",
    [
        {},
        {"transfer": ID},
        {"mailbox": "{text}"},
        {"continuation": "{text}"},
        {"state": "{text}"},
        {"transfer": "{text}"},
        {"code": "{text}", "transfer": ID},
        {"code": "{text}"},
    ],
    ids=lambda query: " ".join(f"{name}={value}" for name, value in query.items())[:30] or "overview",
)
@pytest.mark.parametrize("state", [State.FAILED, State.SENDING])
def test_a_page_has_the_elements_of_a_harmless_one(text: str, query: dict[str, str], state: State) -> None:
    hostile = shown(text, {name: value.format(text=text) for name, value in query.items()}, state)
    harmless = shown(HARMLESS, {name: value.format(text=HARMLESS) for name, value in query.items()}, state)
    assert hostile.shape == harmless.shape
    assert "{text}" in query.values() or text in hostile.text
    assert hostile.links
    assert all(link.startswith(("?", "#")) for link in hostile.links)


def test_a_name_is_on_the_page_as_it_is() -> None:
    for text in HOSTILE:
        assert text in shown(text, {}).text
        assert text in shown(text, {"mailbox": text}).values
        assert text in shown(text, {"transfer": ID}).text


def test_a_key_goes_into_links_encoded() -> None:
    for text in HOSTILE:
        for value in shown(text, {"code": text}).values:
            assert value in {text, f"Choose {text}"} or text not in value
