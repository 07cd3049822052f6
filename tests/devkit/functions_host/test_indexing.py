"""What of an app the dev host takes, and what it refuses by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HEAD = """
import azure.functions as func
from azurefunctions.extensions.bindings import blob
app = func.FunctionApp()
"""
INDEX = """
import json, sys
from pathlib import Path
from devkit.functions_host import indexing
try:
    functions = indexing.load(Path(sys.argv[1]))
except indexing.AppError as problem:
    sys.exit(str(problem))
facts = {f.name: [f.parameter, f.deferred, f.is_async, f.needs_context, f.returns] for f in functions.values()}
print(json.dumps(facts))
"""


def index(tmp_path: Path, source: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: a module can be indexed once only."""
    (tmp_path / "function_app.py").write_text(HEAD + source, encoding="utf-8")
    command = [sys.executable, "-c", INDEX, str(tmp_path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            (
                "@app.blob_trigger(arg_name='b', path='drop/{name}', connection='X')\n"
                "def on_blob(b: blob.BlobClient) -> None: ..."
            ),
            '{"on_blob": ["b", true, false, false, false]}',
        ),
        (
            (
                "@app.queue_trigger(arg_name='m', queue_name='q', connection='X')\n"
                "def on_message(m: func.QueueMessage, context: func.Context) -> None: ..."
            ),
            '{"on_message": ["m", false, false, true, false]}',
        ),
        (
            (
                "@app.function_name('named')\n"
                "@app.route(route='x')\n"
                "async def on_request(req: func.HttpRequest) -> func.HttpResponse: ..."
            ),
            '{"named": ["req", false, true, false, true]}',
        ),
        (
            (
                "@app.timer_trigger(arg_name='context', schedule='0 * * * * *')\n"
                "def on_time(context: func.TimerRequest) -> None: ..."
            ),
            '{"on_time": ["context", false, false, false, false]}',
        ),
    ],
)
def test_a_function_of_each_kind_is_taken(tmp_path: Path, source: str, expected: str) -> None:
    done = index(tmp_path, source)
    assert (done.stdout.strip(), done.returncode) == (expected, 0), done.stderr


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            (
                "@app.blob_trigger(arg_name='b', path='drop/{name}', connection='X')\n"
                "def whole(b: func.InputStream) -> None: ..."
            ),
            "whole: bind an SDK type such as BlobClient",
        ),
        (
            "@app.event_grid_trigger(arg_name='e')\ndef other(e: func.EventGridEvent) -> None: ...",
            "other: the dev host has no eventGridTrigger",
        ),
        (
            (
                "@app.queue_trigger(arg_name='m', queue_name='q', connection='X')\n"
                "@app.queue_output(arg_name='o', queue_name='p', connection='X')\n"
                "def out(m: func.QueueMessage, o: func.Out[str]) -> None: ..."
            ),
            "out: the dev host has no queue binding 'o'",
        ),
        (
            "@app.timer_trigger(arg_name='t', schedule='0 * * * * *')\ndef misnamed(x: func.TimerRequest) -> None: ...",
            "misnamed: its parameters ['x'] do not match its trigger's name 't'",
        ),
        ("other_app = func.FunctionApp()", "exactly one function app at its top level; it has 2"),
    ],
)
def test_what_the_host_cannot_run_is_refused_by_name(tmp_path: Path, source: str, message: str) -> None:
    done = index(tmp_path, source)
    assert done.returncode == 1
    assert message in done.stderr
