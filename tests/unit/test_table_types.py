"""What mypy says of rows: a rule stands under an event that it takes, or the table is not accepted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

HEAD = """\
from shared.core import ending, retry_budget, sending, settling
from shared.core import events as ev
from shared.core.model import State
from shared.core.table import Row, Table, rows

"""

RIGHT = (
    "Row(ev.Committed, sending.committed, State.ATTACHED)",
    "Row(ev.Unsure, retry_budget.hold, State.PLANNED)",  # a rule for more than one event
    "table: Table = {State.FENCING: rows(Row(ev.SessionFenced, settling.fenced, State.LOOKING))}",
)

WRONG = (
    "Row(ev.Committed, sending.range_answered, State.SENDING)",
    "Row(ev.Refused, retry_budget.hold, State.FAILED)",
    "Row(ev.EventBase, ending.refused, State.FAILED)",  # any event, where the rule takes one
    "wrong: Table = {State.FENCING: rows(Row(ev.OffsetKnown, settling.fenced, State.LOOKING))}",
)


def test_mypy_accepts_a_rule_under_its_own_event_and_under_no_other(tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(HEAD + "\n".join(RIGHT + WRONG), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--explicit-package-bases"]
    command += [f"--cache-dir={tmp_path / 'cache'}", str(snippet)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    found = re.findall(r'snippet\.py:(\d+): error: Argument 2 to "Row" has incompatible type', said)
    first_wrong = len(HEAD.splitlines()) + len(RIGHT) + 1
    assert [int(line) for line in found] == list(range(first_wrong, first_wrong + len(WRONG))), said
    assert f"Found {len(WRONG)} errors" in said
