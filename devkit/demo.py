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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from devkit.processes import ChildError
from devkit.stack import Stack

MAILBOX = "ada@contoso.example"
DEMO_BYTES = 25_000_000
PUT_MILLISECONDS = 400
PATIENCE_SECONDS = 180
MOST_BYTES = 157_286_400
BAR_CELLS = 40
A = {"message": "a message", "event": "an event"}
TICK_SECONDS = 0.05


def main(_command: str, argv: list[str]) -> int:
    """Exit code 0 only where everything held."""
    parser = argparse.ArgumentParser(prog="python3 dev.py demo", description=__doc__)
    parser.add_argument("--file", type=Path, help="the file to drop (default: 25 MB made up on the spot)")
    parser.add_argument("--to", choices=("message", "event"), default="message", help="what to attach it to")
    parser.add_argument("--keep", action="store_true", help="leave the stack up afterwards, until Ctrl-C")
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
    try:
        with _stack(given.host) as stack:
            held = Demo(stack, name, content, given.to).run()
            if given.keep:
                _keep(stack)
    except (TimeoutError, ChildError) as problem:
        print(f"\nThe demo did not hold: {problem}")
        return 1
    except KeyboardInterrupt:
        return 1
    return 0 if held else 1


@contextmanager
def _stack(host: str) -> Iterator[Stack]:
    print("Starting Azurite, the Graph emulator and the functions host ...", flush=True)
    settings = {"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01"}
    switches = {"latency_ms_put": PUT_MILLISECONDS, "latency_ms_post": PUT_MILLISECONDS}
    options = ["--host", host] if host != "dev" else ["--event-grid-standin"]
    with Stack(settings=settings, switches=switches, options=options) as stack:
        yield stack


@dataclass
class Demo:
    """One file on its way. `lines` is what happened, in the order in which it did."""

    stack: Stack
    name: str
    content: bytes
    kind: str
    lines: list[tuple[str, str]] = field(default_factory=list)

    def run(self) -> bool:
        """True where exactly one attachment with exactly the file's bytes came of it."""
        graph, started = self.stack.graph, time.monotonic()
        graph.add_mailbox(MAILBOX, message_limit=MOST_BYTES * 2)
        item = graph.add_message(MAILBOX) if self.kind == "message" else graph.add_event(MAILBOX)
        metadata = {"mailbox": MAILBOX, f"{self.kind}id": quote(item, safe="")}
        self.stack.drop(self.name, self.content, metadata=metadata, events=1)
        self.say("dropped", f"{self.name}, {len(self.content):,} bytes, for {A[self.kind]} of {MAILBOX}")

        bar = Bar(len(self.content))
        before = self._watch(bar, self._is_in_the_middle)
        self.say("sent", f"{_confirmed(before):,} bytes, confirmed by Graph")
        killed = self.stack.host.kill_worker()
        killed_at = time.monotonic()
        self.say("killed", f"the worker, process {killed[0]}, with SIGKILL in the middle of the transfer")
        reborn = self.stack.host.wait_for_worker(other_than=killed)
        self.say("restarted", f"as process {reborn}; the dead run's lease still has to run out")

        after = self._watch(bar, lambda seen: seen.get("state") in {"attached", "failed", "cancelled"})
        bar.close()
        resumed = _resumption(after)
        waited = _seconds_between(killed_at, resumed)
        self.say("resumed", f"{waited:.0f} s after the kill: {_told(resumed)}")
        self.say("ended", f"{after['state']} after {after.get('runs')} runs and {time.monotonic() - started:.0f} s")
        return self._judge(item, after)

    def _judge(self, item: str, after: dict[str, Any]) -> bool:
        attached = self.stack.graph.attachments(MAILBOX, item)
        wanted = hashlib.sha256(self.content).hexdigest()
        found = [one.sha256 for one in attached]
        puts = [entry for entry in self.stack.graph.requests() if entry["kind"] in {"put", "final-put", "post"}]
        sent = sum(entry["length"] for entry in puts)
        self.stack.wait_until(lambda: not self._leftovers(), PATIENCE_SECONDS, what="everything is cleaned up")
        scrubbed = "session" not in after
        self.say("counted", f"{len(attached)} attachment(s) on the {self.kind}")
        self.say("compared", f"SHA-256 of the file {wanted[:16]}..., of the attachment {', '.join(found)[:16]}...")
        self.say(
            "spent", f"{len(puts)} uploads with {sent:,} bytes in their bodies for a file of {len(self.content):,}"
        )
        self.say("cleaned up", f"secret URL in the checkpoint: {'no' if scrubbed else 'YES'}; messages left: none")
        held = found == [wanted] and after["state"] == "attached" and scrubbed
        print("\nWhat happened")
        for number, (what, told) in enumerate(self.lines, 1):
            print(f"  {number:>2}  {what:<11} {told}")
        print("\nAll of it held." if held else "\nIT DID NOT HOLD.", flush=True)
        return held

    def say(self, what: str, told: str) -> None:
        """One line of the report."""
        self.lines.append((what, told))

    def _watch(self, bar: Bar, enough: Any) -> dict[str, Any]:
        """The checkpoint's transfer, drawn until there is enough of it."""

        def look() -> dict[str, Any]:
            seen = self._transfer()
            bar.draw(_confirmed(seen), _standing(seen))
            return seen if enough(seen) else {}

        return self.stack.wait_until(look, PATIENCE_SECONDS, what="the transfer goes on")

    def _transfer(self) -> dict[str, Any]:
        found = [value["transfer"] for key, value in self.stack.checkpoints().items() if key.startswith("transfers/")]
        return dict(found[0]) if found else {}

    def _is_in_the_middle(self, seen: dict[str, Any]) -> bool:
        """Half of the ranges are confirmed; or, where there is only one request to send, it is about to be."""
        return seen.get("state") == "committing" or _confirmed(seen) * 2 >= len(self.content)

    def _leftovers(self) -> list[str]:
        lengths = self.stack.queue_lengths()
        marks = self.stack.storage.get_container_client(self.stack.checkpoint_container)
        return [*(name for name, length in lengths.items() if length), *marks.list_blob_names(name_starts_with="unfin")]


@dataclass
class Bar:
    """A progress bar of the bytes that Graph confirmed: drawn in place on a terminal, else a line for each change."""

    total: int
    drawn: str = ""

    def draw(self, confirmed: int, standing: str) -> None:
        """Show how far it is, where that changed."""
        full = BAR_CELLS * confirmed // self.total
        line = f"  [{'#' * full}{'.' * (BAR_CELLS - full)}] {100 * confirmed // self.total:>3} %  {standing}"
        if line != self.drawn:
            self.drawn = line
            sys.stdout.write(f"\r{line:<100}" if sys.stdout.isatty() else f"{line}\n")
            sys.stdout.flush()

    def close(self) -> None:
        """Leave the last state standing."""
        if sys.stdout.isatty():
            sys.stdout.write("\n")


def _confirmed(transfer: dict[str, Any]) -> int:
    return int(transfer.get("bytesConfirmed", 0))


def _standing(transfer: dict[str, Any]) -> str:
    return str(transfer.get("state", "planned" if transfer else "on its way"))


def _resumption(transfer: dict[str, Any]) -> dict[str, Any]:
    """The first answer that the second run got."""
    runs = [number for number, step in enumerate(transfer["history"]) if step["outcome"] == "run started"]
    following = [step for step in transfer["history"][runs[1] + 1 :] if step.get("action")] if len(runs) > 1 else []
    return dict(following[0]) if following else {}


def _told(step: dict[str, Any]) -> str:
    if step.get("action") == "ask session":
        return f"the session was asked where it stands, answered ({step['outcome']}), and the rest was sent"
    return f"first {step.get('action', 'nothing')}, then {step.get('outcome', 'nothing')}"


def _seconds_between(killed_at: float, step: dict[str, Any]) -> float:
    """Seconds from the kill (a monotonic time) to a step of the history (a UTC one)."""
    if not step:
        return 0.0
    ago = (datetime.now(UTC) - datetime.fromisoformat(step["at"])).total_seconds()
    return time.monotonic() - ago - killed_at


def _keep(stack: Stack) -> None:
    """Leave everything up until Ctrl-C, which is how it is meant to end, and say how to play with it."""
    item = stack.graph.add_message(MAILBOX)
    connection = stack.connection_string
    print(
        f"""
The stack stays up until Ctrl-C.
  functions  {stack.url}
  page       {stack.url}/api/ui
  storage    {connection}
  Graph      {stack.graph.graph_origin}/v1.0

Three commands to try, in another terminal:
  .venv/bin/python -m devkit.drop --connection '{connection}' \\
      README.md mailbox={MAILBOX} messageid={quote(item, safe="")}
  curl '{stack.url}/api/transfers'
  curl '{stack.url}/admin/functions/sweep' -H 'Content-Type: application/json' -d '{{}}'
""",
        flush=True,
    )
    with suppress(KeyboardInterrupt):
        while True:
            signal.pause()
