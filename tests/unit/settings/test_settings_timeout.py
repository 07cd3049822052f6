"""How long the host lets a run last, and how long a run lets itself last."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.settings import SettingsError, function_timeout
from shared.settings.timeout import default_run_budget

HOST_JSON = Path(__file__).parents[3] / "host.json"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:10:00", 600),
        ("00:00:01", 1),
        ("0:00:00.5", 0.5),
        ("23:59:59", 86_399),
        ("1.02:00:00", 93_600),
        (" 00:10:00 ", 600),
        ("-1", None),
    ],
)
def test_a_time_span_is_read_as_the_host_reads_it(text: str, seconds: float | None) -> None:
    assert function_timeout({}, f'{{"functionTimeout": "{text}"}}') == seconds


@pytest.mark.parametrize("text", ["soon", "600", "00:00:00", "24:00:00", "00:60:00", "00:00:60", "-00:10:00", "-2"])
def test_what_is_no_time_span_above_zero_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsError, match=r"functionTimeout of host\.json: must be a time span above zero"):
        function_timeout({}, f'{{"functionTimeout": "{text}"}}')


@pytest.mark.parametrize("name", ["AzureFunctionsJobHost__functionTimeout", "AZUREFUNCTIONSJOBHOST__FUNCTIONTIMEOUT"])
def test_the_app_setting_overrides_host_json(name: str) -> None:
    assert function_timeout({name: "00:02:00"}, '{"functionTimeout": "00:10:00"}') == 120


def test_a_wrong_override_is_named_as_it_is_written() -> None:
    with pytest.raises(SettingsError, match="AzureFunctionsJobHost__functionTimeout: must be a time span"):
        function_timeout({"AzureFunctionsJobHost__functionTimeout": "2m"}, "{}")


def test_the_name_in_host_json_is_read_without_case() -> None:
    assert function_timeout({}, '{"version": "2.0", "FunctionTimeout": "00:03:00"}') == 180


@pytest.mark.parametrize("given", ["null", '""', '"  "'])
@pytest.mark.parametrize("name", ["functionTimeout", "FunctionTimeout"])
def test_a_timeout_that_is_null_or_empty_is_left_to_the_plan(name: str, given: str) -> None:
    assert function_timeout({}, f'{{"{name}": {given}}}') == 300
    assert function_timeout({"AzureFunctionsJobHost__functionTimeout": ""}, '{"functionTimeout": "00:10:00"}') == 300


def test_without_a_timeout_the_shortest_default_of_any_plan_holds() -> None:
    assert function_timeout({}, '{"version": "2.0"}') == 300


@pytest.mark.parametrize(("text", "says"), [("{", "is not JSON"), ("[]", "is not a JSON object")])
def test_a_host_json_that_cannot_be_read_is_named(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=rf"host\.json: {says}"):
        function_timeout({}, text)


def test_the_project_sets_its_own_timeout_and_does_not_lean_on_a_plan() -> None:
    text = HOST_JSON.read_text(encoding="utf-8")
    assert '"functionTimeout"' in text
    assert function_timeout({}, text) is not None


@pytest.mark.parametrize(
    ("timeout", "budget"),
    [
        (600, 480),  # two minutes
        (1800, 1620),  # a tenth
        (300, 180),  # Consumption's default
        (240, 120),  # two minutes are half of it
        (90, 45),  # two minutes would leave less than half
        (1, 0.5),
        (None, 1740),
    ],
)
def test_a_run_stops_two_minutes_or_a_tenth_before_the_host_kills_it(timeout: float | None, budget: float) -> None:
    assert default_run_budget(timeout) == budget
