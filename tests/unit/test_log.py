"""The log writes one JSON object a line, and keeps other people's loggers quiet."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings

from assurance.fuzz.generated import TEXTS
from shared import log
from tests.unit.logged import Lines


def test_a_note_leaves_out_what_is_not_known(lines: Lines) -> None:
    log.note("event_ignored", reason="the blob is gone", code=None)
    log.note("message_unreadable", error=True, length=0)
    assert list(lines) == [
        {"event": "event_ignored", "reason": "the blob is gone"},
        {"event": "message_unreadable", "length": 0},
    ]
    assert lines.levels == [logging.INFO, logging.ERROR]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_a_line_is_one_line_whatever_a_fact_is(text: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    caplog.set_level(logging.INFO, logger="drop")
    log.note("event_ignored", reason=text)
    [record] = caplog.records
    assert record.getMessage().isascii()
    assert record.getMessage().isprintable()
    assert json.loads(record.getMessage())["reason"] == text


# --- other people's loggers ---


@pytest.mark.parametrize(
    ("name", "heard"),
    [
        ("azure.core.pipeline.policies.http_logging_policy", "WARNING"),
        ("azure.storage.blob", "WARNING"),
        ("azure.identity._internal.decorators", "CRITICAL"),
        ("msal.oauth2cli.oauth2", "CRITICAL"),
        ("opentelemetry.exporter", "WARNING"),
        ("urllib3.connectionpool", "ERROR"),
        ("drop", "INFO"),
    ],
)
def test_a_library_is_heard_from_the_level_on_at_which_it_tells_no_url(name: str, heard: str) -> None:
    """In a process of its own, with a root that lets everything through, as a host may have it."""
    told = (
        "import logging\n"
        "logging.basicConfig(level=logging.INFO, format='%(levelname)s')\n"
        "from shared import log\n"
        "log.quieten()\n"
        f"logger = logging.getLogger({name!r})\n"
        "for level in (10, 20, 30, 40, 50):\n"
        "    logger.log(level, 'https://outlook.office.com/?authtoken=canary')\n"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.splitlines()[0] == heard
