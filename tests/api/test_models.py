"""The models, the checks behind them and the one JSON form of a transfer agree with each other."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from assurance.fuzz.generated import CHECKPOINTS, PATIENT
from devkit.api_description import shown as shown_types
from shared.api import models
from shared.api.body import BODY_NAMES, Refused, Start, read_start
from shared.core.errors import Code
from shared.core.model import Acknowledgement, Failure, GraphAnswer, State, Transfer
from shared.core.planning import refuse
from shared.intake import checks
from shared.intake.checks import Field
from shared.intake.mailboxes import AllowedMailboxes, is_mailbox
from shared.intake.media import is_media_type, tidy
from shared.intake.metadata import METADATA_KEYS
from shared.intake.names import has_control
from shared.storage.ports import Checkpoint
from shared.views import view
from tests.unit.core.shapes import NOW, SOURCE, at, transfer

ANY = AllowedMailboxes()
SHOWN = TypeAdapter(shown_types.TransferShown)
TARGET = {"mailbox": "ada@example.org", "messageId": "AAMk="}


def extra(shown: Any, kind: Any) -> list[str]:
    """Members of a transfer that its model does not know."""
    return sorted(set(shown) - set(kind.__annotations__))


@given(CHECKPOINTS)
@settings(PATIENT, max_examples=100)
def test_every_transfer_is_shown_as_the_description_says(checkpoint: Checkpoint) -> None:
    shown = view(checkpoint.instance, NOW)
    SHOWN.validate_json(json.dumps(shown))
    assert extra(shown, shown_types.TransferShown) == []
    assert extra(shown["source"], shown_types.SourceShown) == []
    assert extra(shown["target"] or {}, shown_types.TargetShown) == []
    assert extra(shown["attachment"] or {}, shown_types.AttachmentShown) == []
    assert extra(shown["progress"], shown_types.ProgressShown) == []
    assert extra(shown["error"] or {}, shown_types.ErrorShown) == []
    assert extra((shown["error"] or {}).get("graph") or {}, shown_types.GraphShown) == []
    assert extra(shown["links"], shown_types.LinksShown) == []
    assert extra(shown["acknowledged"] or {}, shown_types.AcknowledgedShown) == []
    assert extra(shown["waitingFor"] or {}, shown_types.WaitingForShown) == []
    assert (shown["waitingFor"] is not None) == (shown["state"] == "waiting")


REFUSED = refuse(SOURCE, Failure(Code.MAILBOX_MISSING, "No mailbox."), NOW)
NOTED = replace(REFUSED, acknowledged=Acknowledgement(NOW, "Sent by hand."))
SUPERSEDED = replace(REFUSED, acknowledged=Acknowledgement(NOW, "Read anew.", successor="e" * 32))
FAILED = Failure(Code.GRAPH_UNAVAILABLE, "It kept failing.", GraphAnswer(503, "serviceNotAvailable", "req-1"))


@pytest.mark.parametrize(
    ("shown", "state", "links"),
    [
        (transfer(), "queued", {"self", "cancel"}),
        (transfer(runs=1), "sending", {"self", "cancel"}),
        (transfer(State.OPENING, runs=1), "sending", {"self", "cancel"}),
        (transfer(not_before=at(5)), "waiting", {"self", "cancel"}),
        (transfer(not_before=at(-5), runs=1), "sending", {"self", "cancel"}),
        (transfer(State.ATTACHED, finished_at=NOW), "attached", {"self"}),
        (transfer(State.CANCELLED, finished_at=NOW), "cancelled", {"self", "retry"}),
        (transfer(State.FAILED, finished_at=NOW, failure=FAILED), "failed", {"self", "retry", "acknowledge"}),
        (NOTED, "failed", {"self", "retry"}),
        (SUPERSEDED, "failed", {"self", "successor"}),
        (REFUSED, "failed", {"self", "retry", "acknowledge"}),
    ],
)
def test_the_state_and_the_links_say_what_can_be_done(shown: Transfer, state: str, links: set[str]) -> None:
    seen = view(shown, NOW)
    assert (seen["state"], set(seen["links"])) == (state, links)


@pytest.mark.parametrize(
    ("size", "confirmed", "percent"), [(0, 0, 0.0), (3, 1, 33.3), (1000, 999, 99.9), (3000, 2999, 99.9), (5, 5, 100.0)]
)
def test_the_percentage_says_100_only_when_all_of_it_is_there(size: int, confirmed: int, percent: float) -> None:
    planned = transfer(bytes_confirmed=confirmed)
    sized = replace(planned, plan=replace(planned.plan, source=replace(SOURCE, size=size)))
    assert view(sized, NOW)["progress"] == {"bytesConfirmed": confirmed, "bytesTotal": size, "percent": percent}


# --- patterns say what the checks do --------------------------------------------------------------------------------


def matches(pattern: str, text: str) -> bool:
    """As JSON Schema reads a pattern: `$` is the very end."""
    return re.fullmatch(pattern.removeprefix("^").removesuffix("$"), text, re.DOTALL) is not None


@given(st.from_regex(models.MAILBOX, fullmatch=True) | st.text(max_size=40) | st.emails())
def test_a_mailbox_fits_its_pattern_wherever_the_checks_take_it(text: str) -> None:
    if is_mailbox(text):
        assert matches(models.MAILBOX, text)
        assert len(text) <= models.LONGEST_MAILBOX


@given(st.from_regex(models.MEDIA_TYPE, fullmatch=True) | st.text('abc/;= "+.', max_size=12))
def test_a_media_type_fits_its_pattern_wherever_the_checks_take_it(text: str) -> None:
    if is_media_type(tidy(text)):
        assert matches(models.MEDIA_TYPE, text)


@given(st.text(max_size=12))
def test_what_holds_no_control_characters_fits_the_pattern_that_says_so(text: str) -> None:
    if text and not has_control(text):
        assert matches(models.NO_CONTROLS, text)


@given(
    st.lists(st.sampled_from(["a", ".", "..", "...", "", "b c", "ä"]), min_size=1, max_size=5), st.sampled_from("/\\")
)
def test_a_name_that_steps_out_of_its_folder_is_refused(segments: list[str], separator: str) -> None:
    blob = separator.join(segments)
    asked = read_start(json.dumps({"blob": blob}).encode(), ANY)
    steps = {".", ".."} & set(segments)
    assert isinstance(asked, Refused) == bool(steps or not blob)


# --- bodies ---------------------------------------------------------------------------------------------------------

SOMETHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
MEMBERS = st.sampled_from([*(name.rpartition(".")[2] for name in BODY_NAMES.values()), "blob", "target", "x"])
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "blob": st.text(max_size=20) | SOMETHING,
        "target": st.dictionaries(MEMBERS, st.text(max_size=20) | SOMETHING, max_size=5) | SOMETHING,
        "attachment": st.dictionaries(MEMBERS, st.text(max_size=20) | SOMETHING, max_size=5) | SOMETHING,
        "other": SOMETHING,
    },
)


@given(BODIES | SOMETHING)
@settings(max_examples=300)
def test_whatever_a_body_holds_it_is_understood_or_refused_with_reasons(body: object) -> None:
    asked = read_start(json.dumps(body).encode(errors="surrogatepass"), ANY)
    if isinstance(asked, Start):
        TypeAdapter(models.StartGiven).validate_python(body)
        return
    assert asked.faults
    for fault in asked.faults:
        assert fault.detail
        assert fault.code in Code
        assert "\n" not in fault.detail


@given(st.binary(max_size=200))
def test_whatever_bytes_come_they_are_refused_or_understood(body: bytes) -> None:
    read_start(body, ANY)


@pytest.mark.parametrize("field", list(Field))
def test_a_value_that_metadata_may_not_have_a_body_may_not_have_either(field: Field) -> None:
    """Every field goes through the same check: a value that is wrong at one door is wrong at the other."""
    under, name = BODY_NAMES[field].split(".")
    wrong: Any = "\u0007" if field is not Field.IS_INLINE else "perhaps"
    part = {**TARGET, name: wrong} if under == "target" else {name: wrong}
    if field in checks.TARGET_KEYS and field is not Field.MESSAGE_ID:
        del part["messageId"]
    asked = read_start(json.dumps({"blob": "a", under: part}).encode(), ANY)
    assert isinstance(asked, Refused)
    assert (checks.INVALID[field], BODY_NAMES[field]) in [(fault.code, fault.field) for fault in asked.faults]
    assert METADATA_KEYS[field] == name.lower() or METADATA_KEYS[field] == f"attachment{name}"


def test_a_long_name_of_an_unknown_member_is_not_repeated_whole() -> None:
    asked = read_start(json.dumps({"blob": "a", "y" * 5000: 1}).encode(), ANY)
    assert isinstance(asked, Refused)
    assert len(asked.faults[0].detail) < 200
    assert len(asked.faults[0].field or "") <= 60
