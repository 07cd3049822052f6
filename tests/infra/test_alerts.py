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
from tests.infra.compiler import of_type

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

alerts = bicep.module("alerts")
queries = {path.stem: path.read_text(encoding="utf-8") for path in sorted((bicep.INFRA / "alerts").glob("*.kql"))}
root = bicep.INFRA.parent


def asked(texts: dict[str, str]) -> dict[str, Any]:
    script = toolchain.HERE / "kql.cjs"
    question = json.dumps({"tables": TABLES, "queries": texts})
    command = ["node", str(script), str(toolchain.node_modules())]
    done = subprocess.run(command, input=question, text=True, capture_output=True, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_the_rules_are_these_and_each_has_its_query() -> None:
    assert {rule["name"] for rule in alerts.variables["rules"]} == WANTED == queries.keys()
    for rule in alerts.variables["rules"]:
        assert f"../alerts/{rule['name']}.kql" in str(rule["query"])
        assert rule["remedy"].endswith(".")


def test_every_query_is_sound_kusto() -> None:
    assert {name: answer["faults"] for name, answer in asked(queries).items()} == {name: [] for name in WANTED}


def test_the_parser_refuses_a_query_that_is_not_sound() -> None:
    faults = asked(
        {"column": "AppTraces | where Mesage == ''", "function": "AppTraces | extend a = parse_jsn(Message)"}
    )
    assert all(answer["faults"] for answer in faults.values())


def test_a_rule_fires_on_one_row_within_its_window() -> None:
    (rules,) = alerts.of_type("Microsoft.Insights/scheduledQueryRules")
    (criterion,) = rules.body["properties"]["criteria"]["allOf"]
    assert (criterion["operator"], criterion["threshold"]) == ("GreaterThan", 0)
    assert rules.body["properties"]["actions"]["actionGroups"] == ["operators.id"]


def test_a_stuck_transfer_stays_in_sight_for_as_long_as_the_sweep_reports_it() -> None:
    """Not its own lines, which end with what stopped it: the sweep's, which come with every tick."""
    windows = {rule["name"]: rule["window"] for rule in alerts.variables["rules"]}
    assert windows["transfer-stuck"] == "PT30M"
    assert windows["sweep-silent"] == "PT2H"
    assert '"swept"' in queries["transfer-stuck"]
    assert not re.search(r"transfer_(attached|failed|cancelled)", queries["transfer-stuck"])


@pytest.mark.parametrize(("tenant", "seconds"), [("example", 10_800), ("everything", 18_000)])
def test_no_wait_that_is_meant_counts_as_stuck(tenant: str, seconds: int) -> None:
    """An hour more than the longer of targetWaitSeconds and accessWaitSeconds."""
    texts = [json.dumps(one) for one in of_type(tenant, "Microsoft.Insights/scheduledQueryRules")]
    (stuck,) = [text for text in texts if "oldestUnfinishedSeconds" in text]
    assert f'tolong(\\\\\\"{seconds}' in json.dumps(stuck) or f'tolong(\\"{seconds}\\")' in stuck


def test_a_second_trouble_sends_a_mail_of_its_own_while_the_first_is_still_open() -> None:
    """A rule that resolves its alerts sends one mail for each value of its dimensions, and none for a second row."""
    columns = {name: set(answer["columns"]) for name, answer in asked(queries).items()}
    dimensions = {rule["name"]: rule["dimensions"] for rule in alerts.variables["rules"]}
    assert dimensions.pop("sweep-silent") == []  # there is one sweep
    assert dimensions["commit-in-doubt"] == ["TransferId", "When"]
    for name, wanted in dimensions.items():
        assert wanted, name
        assert set(wanted) <= columns[name], name
    (rules,) = alerts.of_type("Microsoft.Insights/scheduledQueryRules")
    (criterion,) = rules.body["properties"]["criteria"]["allOf"]
    assert "rule.dimensions" in str(criterion["dimensions"])


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
    source = (root / "shared" / "log.py").read_text(encoding="utf-8")
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
