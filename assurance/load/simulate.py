"""One simulation: a load, a fleet, the real runs and the real limiter; and what came of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from assurance.load import load
from assurance.load.fleet import Concurrency, Listener
from assurance.load.graph import ORIGIN, UPLOAD_HOST, Line, ModelGraph
from assurance.load.storage import Latency, ModelCheckpoints, ModelMailboxes, ModelQueue, ModelSources
from assurance.load.timeline import Timeline
from devkit.graph.switches import Switches
from shared.core.actions import Action
from shared.core.allowance import MailboxBytes
from shared.core.events import Event
from shared.core.model import State, Transfer
from shared.core.policy import Policy
from shared.engine.continuation import Continuation
from shared.engine.permit import Unlimited
from shared.graph.hosts import UploadHosts
from shared.rate_limit.limits import OUTLOOK, Limits
from shared.run.permit import RateLimiter
from shared.run.rate_limiter import MailboxRateLimiter
from shared.run.runner import RunDependencies, TransferRunner
from shared.storage.ports import Checkpoint

UNCOUNTED = 10**15
"""A window's bytes where the service counts none."""

GIVE_UP_AFTER = 50
GIVE_UP_LATEST = 3600
"""Times the bound, and seconds, after both of which a simulation that does not end is ended."""


@dataclass(frozen=True)
class Plan:
    """What is simulated. Times in seconds."""

    files: int = 10_000
    mailboxes: int = 500
    workers: int = 100
    seed: int = 1
    over_seconds: float = 60
    limits: Limits = OUTLOOK
    bytes: MailboxBytes = MailboxBytes.LIMIT
    counted: bool = True
    """Whether the service counts bytes."""
    paced: bool = True
    storage_seconds: float = 0.03
    drain: bool = False
    """Go on until the last message was taken too: what comes after the last file costs as well."""
    line: Line = field(default_factory=Line)
    concurrency: Concurrency = field(default_factory=Concurrency)
    blob_concurrency: Concurrency = field(default_factory=Concurrency.of_blobs)


@dataclass(frozen=True)
class Result:
    """What came of a simulation.

    Attributes:
        once: files that are attached exactly once, byte count right.
        makespan, bound: seconds until the last file was attached, and the least that the limits allow.
        slowest: the largest ratio of a mailbox's own time to its own bound, for mailboxes whose bound is a window or
            more; and how much later than its bound any mailbox was done, in seconds.
        requests, refused: requests to Graph, and how many of them were answered 429; `conflicts` are the 412.
        calls: storage calls by name. `runs`: invocations.
        finished: by mailbox, when its last file was attached, in seconds.
        under_way: the most hidden messages that one transfer had at once.
    """

    files: int
    once: int
    bytes: int
    makespan: float
    bound: float
    slowest: float
    latest: float
    requests: int
    refused: int
    conflicts: int
    calls: Counter[str]
    runs: int
    pace_conflicts: int
    finished: dict[str, float] = field(default_factory=dict)
    under_way: int = 0

    @property
    def calls_per_file(self) -> float:
        """Storage calls."""
        return sum(self.calls.values()) / self.files

    @property
    def runs_per_file(self) -> float:
        """Invocations."""
        return self.runs / self.files


def simulate(plan: Plan, given: Sequence[load.File] | None = None) -> Result:
    """Run one simulation to its end, of the plan's load or of the one that is given."""
    made = load.files(plan.files, plan.mailboxes, plan.seed, plan.over_seconds) if given is None else list(given)
    return _Simulation(plan, made).result()


class _Simulation:
    def __init__(self, plan: Plan, given: Sequence[load.File]) -> None:
        self.plan = plan
        self.load = given
        self.timeline = Timeline()
        limits = plan.limits
        switches = Switches(
            concurrency_limit=limits.slots,
            byte_window=limits.window_bytes if plan.counted else 0,
            byte_window_seconds=limits.window_seconds,
        )
        self.latency = Latency(self.timeline, plan.storage_seconds)
        self.graph = ModelGraph(self.timeline, plan.line, switches)
        self.checkpoints = ModelCheckpoints(self.latency)
        self.mailboxes = ModelMailboxes(self.latency)
        self.events = ModelQueue(self.timeline, self.latency)
        self.queue = ModelQueue(self.timeline, self.latency)
        self.policy = Policy()
        self.ended = 0
        self.invocations = 0
        self.runs = TransferRunner(self._edges())

    def _edges(self) -> RunDependencies:
        plan, numbers = self.plan, count(1)
        rate_limiter: RateLimiter = Unlimited()
        if plan.paced:
            limits = replace(plan.limits, bytes=plan.bytes)
            rate_limiter = MailboxRateLimiter(
                self.mailboxes, self.timeline, lambda one: self.queue.send(one, 0), self.policy.range_bytes, limits
            )
        return RunDependencies(
            checkpoints=self.checkpoints,
            sources=ModelSources(self.latency),
            queue=self.queue,
            outcomes=self,
            transport=self.graph,
            hosts=UploadHosts([UPLOAD_HOST]),
            base_url=ORIGIN,
            policy=self.policy,
            clock=self.timeline,
            observer=self,
            new_run_id=lambda: f"run-{next(numbers)}",
            background=self.latency.background,
            budget=480,
            rate_limiter=rate_limiter,
            guard_after=math.inf,
        )

    def notify(self, checkpoint: Checkpoint) -> None:
        """See `Outcomes.notify`."""
        if checkpoint.instance.state is not State.ATTACHED:
            raise AssertionError(f"{checkpoint.instance.id}: {checkpoint.instance.failure}")
        self.ended += 1

    def decided(self, before: Transfer, action: Action | None, event: Event, after: Transfer, seconds: float) -> None:
        """See `Observer.decided`."""

    def handed_over(self, transfer_id: str) -> None:
        """See `Observer.handed_over`."""

    def result(self) -> Result:
        """Let it happen, and count."""
        plan, by_number = self.plan, dict(enumerate(self.load))
        for number, file in by_number.items():
            self.events.put(Continuation(blob=str(number)), file.at)
        bounds = self._bounds()
        limit = max(GIVE_UP_AFTER * max(bounds.values()), GIVE_UP_LATEST)

        def done() -> bool:
            is_over = self.ended == len(self.load) and not (plan.drain and self.queue.waits)
            return is_over or self.timeline.seconds > limit

        def started(event: Continuation) -> None:
            self.invocations += 1
            self.latency.spend("source head")
            self.runs.start(by_number[int(event.key)].transfer)

        def resumed(asked: Continuation) -> None:
            self.invocations += 1
            self.runs.carry_on(asked)

        for queue, rules, run in (
            (self.events, plan.blob_concurrency, started),
            (self.queue, plan.concurrency, resumed),
        ):
            for _ in range(max(1, plan.workers // (2 * rules.most))):
                listener = Listener(self.timeline, queue, rules, run)
                self.timeline.spawn(lambda listener=listener: listener.listen(done))  # type: ignore[misc]
        self.timeline.run()
        return self._counted(bounds)

    def _bounds(self) -> dict[str, float]:
        plan = self.plan
        names = {file.mailbox for file in self.load}
        return {
            name: load.bound(
                [file for file in self.load if file.mailbox == name],
                plan.limits if plan.counted else replace(plan.limits, window_bytes=UNCOUNTED),
                plan.line,
                self.policy.range_bytes,
            )
            for name in names
        }

    def _counted(self, bounds: dict[str, float]) -> Result:
        found = Counter(name for listed in self.graph.attached.values() for name, _ in listed)
        sizes = {name: size for listed in self.graph.attached.values() for name, size in listed}
        good = sum(
            found[file.transfer.attachment.name] == 1 and sizes[file.transfer.attachment.name] == file.wire_bytes
            for file in self.load
        )
        finished = self.graph.finished
        window = self.plan.limits.window_seconds
        return Result(
            files=len(self.load),
            once=good,
            bytes=sum(file.wire_bytes for file in self.load),
            makespan=max(finished.values()),
            bound=max(bounds.values()),
            slowest=max((finished[name] / least for name, least in bounds.items() if least >= window), default=1.0),
            latest=max(finished[name] - least for name, least in bounds.items()),
            requests=sum(self.graph.answers.values()),
            refused=self.graph.answers[429],
            conflicts=self.graph.answers[412],
            calls=self.latency.calls,
            runs=self.invocations,
            pace_conflicts=self.mailboxes.conflicts,
            finished=dict(finished),
            under_way=max(self.queue.most_hidden.values(), default=0),
        )
