"""`dev.py demo`: drop a file, kill the worker in the middle of its transfer, find it attached once, byte for byte.

Everything is real but Graph: Azurite is the storage, the app's own triggers run in a worker process, and the worker is
killed with SIGKILL. The emulator answers each range a little late, so that there is a middle to be killed in.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from devkit.console import Progress, bar, coloured
from devkit.local.processes import ChildError
from devkit.local.stack import Stack

MAILBOX = "ada@contoso.example"
DEMO_BYTES = 25_000_000
PUT_MILLISECONDS = 400
PATIENCE_SECONDS = 180
MOST_BYTES = 157_286_400
A = {"message": "a message", "event": "an event"}
STOPPED = 128 + signal.SIGINT  # what a shell takes for "stopped by Ctrl-C"


def main(_command: str, argv: list[str]) -> int:
    """Exit code 0 only where everything held; 130 where Ctrl-C stopped it."""
    parser = argparse.ArgumentParser(prog="python3 dev.py demo", description=__doc__)
    parser.add_argument("--file", type=Path, help="the file to drop (default: 25 MB made up on the spot)")
    parser.add_argument("--to", choices=("message", "event"), default="message", help="what to attach it to")
    parser.add_argument("--keep", action="store_true", help="leave the stack up afterwards, until Ctrl-C")
    parser.add_argument(
        "--port", type=int, help="the app's port; Graph and storage get the six after it (default: free ones)"
    )
    parser.add_argument("--host", choices=("dev", "func"), default="dev", help="this host, or Azure's Core Tools")
    given = parser.parse_args(argv)
    if given.file and not given.file.is_file():
        parser.error(f"there is no file {given.file}")
    content = given.file.read_bytes() if given.file else os.urandom(DEMO_BYTES)
    if not 0 < len(content) <= MOST_BYTES:
        parser.error(f"the file must have 1 to {MOST_BYTES:,} bytes")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is started with it ignored
    name = given.file.name if given.file else "demo.bin"
    held = None
    try:
        with _stack(given.host, given.port) as stack:
            held = Demo(stack, name, content, given.to).run()
            if given.keep:
                _keep(stack)
    except (TimeoutError, ChildError) as problem:
        print(f"\nThe demo did not hold: {problem}")
        return 1
    except KeyboardInterrupt:
        if held is None:
            print("\nStopped.", flush=True)
            return STOPPED
    return 0 if held else 1


@contextmanager
def _stack(host: str, port: int | None) -> Iterator[Stack]:
    print("Starting Azurite, the Graph emulator and the functions host ...", flush=True)
    settings = {"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01"}
    switches = {"latency_ms_put": PUT_MILLISECONDS, "latency_ms_post": PUT_MILLISECONDS}
    options = ["--host", host] if host != "dev" else ["--event-grid-standin"]
    with Stack(settings=settings, switches=switches, options=options, first_port=port) as stack:
        yield stack


@dataclass
class Demo:
    """One file on its way, told while it happens."""

    stack: Stack
    name: str
    content: bytes
    kind: str
    progress: Progress = field(default_factory=Progress)

    def run(self) -> bool:
        """True where exactly one attachment with exactly the file's bytes came of it."""
        graph, started = self.stack.graph, time.monotonic()
        graph.add_mailbox(MAILBOX, message_limit=MOST_BYTES * 2)
        item = graph.add_message(MAILBOX) if self.kind == "message" else graph.add_event(MAILBOX)
        metadata = {"mailbox": MAILBOX, f"{self.kind}id": quote(item, safe="")}
        self.stack.drop(self.name, self.content, metadata=metadata, events=1)
        step = self.progress.step
        step("dropped", f"{self.name}, {len(self.content):,} bytes, for {A[self.kind]} of {MAILBOX}")

        before = self._watch(self._is_in_the_middle)
        confirmed = _confirmed(before)
        step("sent", f"{confirmed:,} bytes, confirmed by Graph" if confirmed else "the one request that it takes")
        killed = self.stack.host.kill_worker()
        killed_at = time.monotonic()
        step("killed", f"worker {killed[0]}, with SIGKILL in the middle of the transfer")
        reborn = self.stack.host.wait_for_worker(other_than=killed)
        step("restarted", f"as worker {reborn}; nobody touches the transfer before the dead run's lease is over")

        self._watch(lambda seen: bool(_resumption(seen)) or _is_over(seen), dead=self._transfer()[1].get("owner"))
        after = self._watch(_is_over)
        resumed = _resumption(after)
        step("resumed", f"{_seconds_between(killed_at, resumed):.0f} s after the kill: {_told(resumed, before)}")
        step("ended", f"{after['state']} after {after.get('runs')} runs and {time.monotonic() - started:.0f} s")
        return self._judge(item, after)

    def _judge(self, item: str, after: dict[str, Any]) -> bool:
        attached = self.stack.graph.attachments(MAILBOX, item)
        wanted = hashlib.sha256(self.content).hexdigest()
        found = [one.sha256 for one in attached]
        puts = [entry for entry in self.stack.graph.requests() if entry["kind"] in {"put", "final-put", "post"}]
        sent = sum(entry["length"] for entry in puts)
        step = self.progress.step
        step("counted", f"{len(attached)} attachment(s) on the {self.kind}")
        step("compared", f"SHA-256 of the file {wanted[:16]}..., of the attachment {', '.join(found)[:16]}...")
        step("spent", f"{len(puts)} uploads with {sent:,} bytes in their bodies for a file of {len(self.content):,}")

        def is_clean() -> bool:
            left = self._leftovers()
            self.progress.now(f"checking that nothing is left behind: {', '.join(left) or 'nothing'}")
            return not left

        self.stack.wait_until(is_clean, PATIENCE_SECONDS, what="everything is cleaned up")
        scrubbed = "session" not in after
        step("cleaned up", f"secret URL in the checkpoint: {'no' if scrubbed else 'YES'}; messages left: none")
        held = found == [wanted] and after["state"] == "attached" and scrubbed
        print(coloured("\nAll of it held.", "green") if held else coloured("\nIT DID NOT HOLD.", "red"), flush=True)
        return held

    def _watch(self, enough: Callable[[dict[str, Any]], bool], dead: str | None = None) -> dict[str, Any]:
        """The checkpoint's transfer, shown until there is enough of it; `dead` is the run whose lease is waited for."""

        def look() -> dict[str, Any]:
            seen, lease = self._transfer()
            line = f"{bar(_confirmed(seen), len(self.content))}  {_standing(seen)}"
            waiting = dead is not None and lease.get("owner") == dead
            wait = f"waiting {self.progress.countdown(_seconds_left(lease))}for the dead run's lease"
            self.progress.now(f"{line}, {wait}" if waiting else line)
            return seen if enough(seen) else {}

        return self.stack.wait_until(look, PATIENCE_SECONDS, what="the transfer goes on")

    def _transfer(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The transfer as its checkpoint has it, and whose lease it is under."""
        found = [value for key, value in self.stack.checkpoints().items() if key.startswith("transfers/")]
        return (dict(found[0]["transfer"]), dict(found[0].get("lease") or {})) if found else ({}, {})

    def _is_in_the_middle(self, seen: dict[str, Any]) -> bool:
        """Half of the ranges are confirmed; or, where there is only one request to send, it is about to be."""
        return seen.get("state") == "committing" or _confirmed(seen) * 2 >= len(self.content)

    def _leftovers(self) -> list[str]:
        lengths = self.stack.queue_lengths()
        marks = self.stack.storage.get_container_client(self.stack.checkpoint_container)
        return [*(name for name, length in lengths.items() if length), *marks.list_blob_names(name_starts_with="unfin")]


def _confirmed(transfer: dict[str, Any]) -> int:
    return int(transfer.get("bytesConfirmed", 0))


def _standing(transfer: dict[str, Any]) -> str:
    return str(transfer.get("state", "planned" if transfer else "on its way"))


def _is_over(transfer: dict[str, Any]) -> bool:
    return transfer.get("state") in {"attached", "failed", "cancelled"}


def _seconds_left(lease: dict[str, Any]) -> int:
    """Whole seconds until the lease is over; 0 where there is none."""
    if not lease:
        return 0
    return max(0, round((datetime.fromisoformat(lease["until"]) - datetime.now(UTC)).total_seconds()))


def _resumption(transfer: dict[str, Any]) -> dict[str, Any]:
    """The first answer that the second run got."""
    history = transfer.get("history", [])
    runs = [number for number, step in enumerate(history) if step["outcome"] == "run started"]
    following = [step for step in history[runs[1] + 1 :] if step.get("action")] if len(runs) > 1 else []
    return dict(following[0]) if following else {}


def _told(step: dict[str, Any], before: dict[str, Any]) -> str:
    """What the second run found, and did about it."""
    if not step:
        return "the first run had come to its end after all"
    if step.get("action") == "ask session":
        return f"at byte {step.get('offset', _confirmed(before)):,}, which the session named when it was asked"
    if step.get("action") == "list attachments":
        return (
            "the item was looked at first: already there, nothing was sent again" if step["outcome"] != "retry" else ""
        )
    return f"first {step['action']}, then {step['outcome']}"


def _seconds_between(killed_at: float, step: dict[str, Any]) -> float:
    """Seconds from the kill (a monotonic time) to a step of the history (a UTC one)."""
    if not step:
        return 0.0
    ago = (datetime.now(UTC) - datetime.fromisoformat(step["at"])).total_seconds()
    return time.monotonic() - ago - killed_at


def _keep(stack: Stack) -> None:
    """Leave everything up until Ctrl-C, which is how it is meant to end, and say how to play with it."""
    graph, connection = stack.graph, stack.connection_string
    second = "grace@contoso.example"
    graph.add_mailbox(second)
    message, event = (quote(item, safe="") for item in (graph.add_message(MAILBOX), graph.add_event(second)))
    print(
        f"""
The stack stays up until Ctrl-C.
  functions  {stack.url}
  page       {stack.url}/api/ui
  storage    {connection}
  Graph      {graph.graph_origin}/v1.0
  log        {stack.logs_folder}

Lines to try in another terminal, as they stand:
  export AZURE_STORAGE_CONNECTION_STRING='{connection}'
  # a file for a message, with the Azure CLI
  az storage blob upload --container-name drop --file README.md --name README.md \\
      --metadata mailbox={MAILBOX} messageid={message}
  # the same without it
  .venv/bin/python -m devkit.drop --connection "$AZURE_STORAGE_CONNECTION_STRING" \\
      README.md mailbox={MAILBOX} messageid={message}
  # another file, for an event of another mailbox
  .venv/bin/python -m devkit.drop --connection "$AZURE_STORAGE_CONNECTION_STRING" \\
      LICENSE mailbox={second} eventid={event}
  # what became of them; then one tick of the sweep
  curl '{stack.url}/api/transfers'
  curl '{stack.url}/admin/functions/sweep' -H 'Content-Type: application/json' -d '{{}}'
""",
        flush=True,
    )
    while True:
        signal.pause()
