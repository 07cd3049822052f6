"""For real: files onto items of busy mailboxes through several worker processes, one of which is killed half-way.

Everything is the real thing but Graph, which is the emulator enforcing Outlook's limits, in shortened time: both sides
count a window of five minutes as `300 / speed` seconds.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from devkit.local.stack import ROOT, Stack
from shared.core.allowance import MailboxBytes
from shared.rate_limit.limits import OUTLOOK

APP = Path(__file__).with_name("shortened_app.py")
MB = 1_000_000
PUT_MS = 80.0
GIVE_UP = 4.0
"""Times the bound after which a load test that does not end is ended."""


@dataclass(frozen=True)
class Plan:
    """What is rehearsed. `speed`: how many seconds of Outlook's limits pass in one of ours.

    `bytes`: what is believed of the mailboxes' allowance; the emulator enforces it.
    """

    files: int = 60
    items: int = 6
    mailboxes: int = 3
    workers: int = 3
    smallest: int = 1 * MB
    largest: int = 20 * MB
    speed: float = 2.0
    bytes: MailboxBytes = MailboxBytes.LIMIT
    kill: bool = True
    seed: int = 1


@dataclass(frozen=True)
class File:
    """One file and where it goes."""

    blob: str
    mailbox: str
    item: str
    size: int
    sha256: str


@dataclass
class Result:
    """What came of it. `wrong` says in sentences what is not as it should be; times in seconds.

    `answers` counts Graph's answers by status: 429 and 412 are what the limiter is there to avoid.
    """

    files: int = 0
    bytes: int = 0
    seconds: float = 0.0
    bound: float = 0.0
    killed: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """How much longer than the limits force it to be."""
        return self.seconds / self.bound


def rehearse(plan: Plan) -> Result:
    """Run one load test to its end."""
    with tempfile.TemporaryDirectory(prefix="load-test-") as folder:
        app = Path(folder)
        shutil.copy(APP, app / "function_app.py")
        shutil.copy(ROOT / "host.json", app)
        settings = {
            "LOAD_TEST_ROOT": str(ROOT),
            "LOAD_TEST_SPEED": str(plan.speed),
            "MAILBOX_BYTES": plan.bytes.value,
        }
        switches = {
            "concurrency_limit": OUTLOOK.slots,
            "byte_window": OUTLOOK.window_bytes,
            "byte_window_seconds": OUTLOOK.window_seconds,
            "time_scale": plan.speed,
            "latency_ms_put": PUT_MS,
            "latency_ms_create": PUT_MS,
            "latency_ms_post": PUT_MS,
        }
        options = ("--workers", str(plan.workers))
        with Stack(app=app, settings=settings, switches=switches, options=options) as stack:
            return _Rehearsal(plan, stack).run()


class _Rehearsal:
    def __init__(self, plan: Plan, stack: Stack) -> None:
        self.plan = plan
        self.stack = stack
        self.files = self._dropped()

    def run(self) -> Result:
        """Tell of all files at once, kill a worker half-way, wait for the last file, and judge."""
        result = Result(files=len(self.files), bytes=sum(file.size for file in self.files), bound=self._bound())
        began = time.monotonic()
        for file in self.files:
            self.stack.send_event(file.blob)
        limit = GIVE_UP * result.bound
        if self.plan.kill:
            self.stack.wait_until(lambda: self._attached() >= len(self.files) / 2, limit, what="half of the files")
            result.killed = self.stack.host.kill_worker(self.stack.host.worker_pids()[0])[0]
        self.stack.wait_until(lambda: self._attached() >= len(self.files), limit, what="every file attached")
        result.seconds = time.monotonic() - began
        self.stack.wait_until(lambda: not self._unfinished(), limit, what="every transfer over")
        result.answers.update(entry["status"] for entry in self.stack.graph.requests())
        result.wrong += self._wrong()
        return result

    def _dropped(self) -> list[File]:
        """The files, in the container; no event has told of them yet."""
        plan, graph, dice = self.plan, self.stack.graph, random.Random(self.plan.seed)
        boxes = [f"box{number}@contoso.example" for number in range(plan.mailboxes)]
        for box in boxes:
            graph.add_mailbox(box, message_limit=10**12)
        items = [
            (boxes[number % len(boxes)], graph.add_message(boxes[number % len(boxes)])) for number in range(plan.items)
        ]
        files = []
        for number in range(plan.files):
            mailbox, item = items[number % len(items)]
            data = hashlib.shake_128(str(number).encode()).digest(dice.randint(plan.smallest, plan.largest))
            blob = f"file-{number:03}.bin"
            self.stack.drop(blob, data, metadata={"mailbox": mailbox, "messageid": item}, events=0)
            files.append(File(blob, mailbox, item, len(data), hashlib.sha256(data).hexdigest()))
        return files

    def _bound(self) -> float:
        """The least seconds that the byte window allows, whatever the program: nothing else binds here."""
        sent = Counter[str]()
        for file in self.files:
            sent[file.mailbox] += file.size
        windows = max(ceil(size / OUTLOOK.window_bytes) - 1 for size in sent.values())
        return windows * OUTLOOK.window_seconds / self.plan.speed

    def _attached(self) -> int:
        return sum(len(self.stack.graph.attachments(*where)) for where in {(f.mailbox, f.item) for f in self.files})

    def _unfinished(self) -> list[str]:
        transfers = [value["transfer"] for name, value in self.stack.checkpoints().items() if "transfers/" in name]
        return [one["id"] for one in transfers if one["state"] not in {"attached", "failed", "cancelled"}]

    def _wrong(self) -> list[str]:
        wrong = []
        for mailbox, item in {(file.mailbox, file.item) for file in self.files}:
            wanted = Counter((file.blob, file.size, file.sha256) for file in self.files if file.item == item)
            found = Counter((one.name, one.length, one.sha256) for one in self.stack.graph.attachments(mailbox, item))
            wrong += [
                f"{name} is on its item {found[key]} times"
                for key in wanted | found
                if found[key] != wanted[key]
                for name in key[:1]
            ]
        for name, value in self.stack.checkpoints().items():
            if "transfers/" in name and value["transfer"]["state"] != "attached":
                wrong.append(f"{name} is {value['transfer']['state']}: {value['transfer'].get('failure')}")
        return wrong
