"""The alerts: their queries are sound Kusto over tables that exist, and they look for what the app really logs."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from shared.core.errors import Code
from shared.core.model import State
from tests.infra import bicep, toolchain
from tests.infra.compiler import TENANTS, of_type

# one process waits for the installation, not two
pytestmark = pytest.mark.xdist_group("infra npm")

# Columns that the queries may use. Source: the table reference of Azure Monitor Logs.
TABLES = {
    "AppTraces": "(TimeGenerated: datetime, Message: string, SeverityLevel: int, OperationName: string, "
    "OperationId: string, AppRoleName: string, Properties: dynamic)",
    "AppRequests": "(TimeGenerated: datetime, Name: string, Success: bool, ResultCode: string, DurationMs: real, "
    "OperationName: string, AppRoleName: string)",
    "StorageBlobLogs": "(TimeGenerated: datetime, AccountName: string, OperationName: string, StatusCode: string, "
    "ObjectKey: string, Uri: string)",
    "AegDeliveryFailureLogs": "(TimeGenerated: datetime, EventSubscriptionName: string, OperationName: string, "
    "Message: string)",
}
WANTED = {
    "transfer-failed",
    "commit-in-doubt",
    "poison-message",
    "transfer-stuck",
    "unreadable-state",
    "sweep-silent",
    "dead-letter",
    "delivery-failing",
}

root = bicep.INFRA.parent


def rules(tenant: str) -> dict[str, dict[str, Any]]:
    """The tenant's rules by the name that every tenant's have."""
    stem = f"attachdrop-{tenant}-"
    found = of_type(tenant, "Microsoft.Insights/scheduledQueryRules")
    return {one["name"].removeprefix(stem): one["properties"] for one in found}


def criterion(rule: dict[str, Any]) -> dict[str, Any]:
    (found,) = rule["criteria"]["allOf"]
    return found  # type: ignore[no-any-return]


# as they are deployed, with every value in its place
queries = {name: criterion(rule)["query"] for name, rule in rules("example").items()}


def asked(texts: dict[str, str]) -> dict[str, Any]:
    script = toolchain.HERE / "kql.cjs"
    question = json.dumps({"tables": TABLES, "queries": texts})
    command = ["node", str(script), str(toolchain.node_modules())]
    done = subprocess.run(command, input=question, text=True, capture_output=True, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize("tenant", TENANTS)
def test_the_rules_are_these_and_each_has_its_query_and_its_remedy(tenant: str) -> None:
    found = rules(tenant)
    assert found.keys() == WANTED
    assert {path.stem for path in (bicep.INFRA / "alerts").glob("*.kql")} == WANTED
    for name, rule in found.items():
        text = (bicep.INFRA / "alerts" / f"{name}.kql").read_text(encoding="utf-8")
        assert criterion(rule)["query"].startswith(text.partition("{")[0])
        assert not re.search(r"\{\w+\}", criterion(rule)["query"]), "a value was not filled in"
        assert rule["actions"]["customProperties"]["remedy"].endswith(".")


def test_every_query_is_sound_kusto() -> None:
    assert {name: answer["faults"] for name, answer in asked(queries).items()} == {name: [] for name in WANTED}


def test_the_parser_refuses_a_query_that_is_not_sound() -> None:
    faults = asked(
        {"column": "AppTraces | where Mesage == ''", "function": "AppTraces | extend a = parse_jsn(Message)"}
    )
    assert all(answer["faults"] for answer in faults.values())


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_rule_fires_on_one_row_within_its_window_and_sends_mail(tenant: str) -> None:
    (group,) = of_type(tenant, "Microsoft.Insights/actionGroups")
    for rule in rules(tenant).values():
        found = criterion(rule)
        assert (found["timeAggregation"], found["operator"], found["threshold"]) == ("Count", "GreaterThan", 0)
        assert rule["enabled"] is True
        assert rule["actions"]["actionGroups"] == [group["id"]]
    wanted = {"everything": ["messaging-operations@example.com", "night-shift@example.com"]}
    mails = [one["emailAddress"] for one in group["properties"]["emailReceivers"]]
    assert mails == wanted.get(tenant, ["messaging-operations@example.com"])


def test_a_stuck_transfer_stays_in_sight_for_as_long_as_the_sweep_reports_it() -> None:
    """Not its own lines, which end with what stopped it: the sweep's, which come with every tick."""
    windows = {name: rule["windowSize"] for name, rule in rules("example").items()}
    assert windows["transfer-stuck"] == "PT30M"
    assert windows["sweep-silent"] == "PT2H"
    assert '"swept"' in queries["transfer-stuck"]
    assert not re.search(r"transfer_(attached|failed|cancelled)", queries["transfer-stuck"])


@pytest.mark.parametrize(
    ("tenant", "seconds"), [("example", 10_800), ("everything", 18_000), ("closed-and-long-name", 10_800)]
)
def test_no_wait_that_is_meant_counts_as_stuck(tenant: str, seconds: int) -> None:
    """An hour more than the longer of targetWaitSeconds and accessWaitSeconds."""
    assert f'tolong("{seconds}")' in criterion(rules(tenant)["transfer-stuck"])["query"]


def test_a_second_trouble_sends_a_mail_of_its_own_while_the_first_is_still_open() -> None:
    """A rule that resolves its alerts sends one mail for each value of its dimensions, and none for a second row."""
    columns = {name: set(answer["columns"]) for name, answer in asked(queries).items()}
    dimensions = {
        name: [one["name"] for one in criterion(rule)["dimensions"]] for name, rule in rules("example").items()
    }
    assert dimensions.pop("sweep-silent") == []  # there is one sweep
    assert dimensions["commit-in-doubt"] == ["TransferId", "When"]
    for name, wanted in dimensions.items():
        assert wanted, name
        assert set(wanted) <= columns[name], name
    every = [one for rule in rules("example").values() for one in criterion(rule)["dimensions"]]
    assert all((one["operator"], one["values"]) == ("Include", ["*"]) for one in every)


def logged_events() -> set[str]:
    """The events that the app's code can log."""
    source = "".join(path.read_text(encoding="utf-8") for path in sorted((root / "shared").rglob("*.py")))
    literal = set(re.findall(r'(?:event=|\.note\(|[^.]note\()\s*"([a-z_]+)"', source))
    assert 'event="transfer_" + after.state.value' in source
    return literal | {f"transfer_{state.value}" for state in (State.ATTACHED, State.FAILED, State.CANCELLED)}


def test_the_events_asked_for_are_logged_by_the_app() -> None:
    asked_for = set()
    for text in queries.values():
        for condition in re.findall(r"line\.event\)\s*(?:==|in)\s*(\([^)]*\)|\"[^\"]*\")", text):
            asked_for |= set(re.findall(r'"([a-z_]+)"', condition))
    assert asked_for
    assert asked_for <= logged_events()


def test_the_fields_asked_for_are_logged_by_the_app() -> None:
    source = (root / "shared" / "log_observer.py").read_text(encoding="utf-8")
    logged = set(re.findall(r"^\s+([a-zA-Z]+)=", source, re.MULTILINE)) | {"event"}
    used = {name for text in queries.values() for name in re.findall(r"line\.([a-zA-Z]+)", text)}
    assert used <= logged


def test_the_codes_asked_for_are_in_the_catalogue() -> None:
    used = {code for text in queries.values() for code in re.findall(r'"([A-Z][A-Z_]+[A-Z])"', text)}
    assert "COMMIT_IN_DOUBT" in used
    assert used <= {code.value for code in Code}


@pytest.mark.parametrize("name", ["blob_poisoned", "transfer_poisoned"])
def test_the_poison_handlers_are_watched_by_the_names_they_have(name: str) -> None:
    assert f'"{name}"' in queries["poison-message"]
    assert f'function_name("{name}")' in (root / "function_app.py").read_text(encoding="utf-8")
