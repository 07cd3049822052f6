"""One simulated scenario, as a value that can be printed, and replayed from what was printed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any


class Fault(StrEnum):
    """What may befall one call to the world."""

    CRASH_BEFORE = "crash-before"  # the process dies before the call has its effect
    CRASH_AFTER = "crash-after"  # ... and after it
    LOST_BEFORE = "lost-before"  # the call never arrives; its caller cannot tell
    LOST_AFTER = "lost-after"  # the call has its effect; its answer is lost
    TWICE = "twice"  # its answer is lost, and a client library asks again by itself
    LATE = "late"  # its caller sees a loss; it takes effect so many calls later
    UNSENT = "unsent"  # no connection: the call surely had no effect
    ANSWER = "answer"  # Graph answers this status, and nothing happens
    ANSWER_AFTER = "answer-after"  # Graph does it and answers this status
    REFUSAL_AFTER = "refusal-after"  # ... and the error code that goes with it


FOUR = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.LOST_BEFORE, Fault.LOST_AFTER)


class ExternalAction(StrEnum):
    """What other people may do just before one call."""

    OVERWRITE = "overwrite"  # the file is overwritten
    DELETE = "delete"  # the file is deleted
    CANCEL = "cancel"  # a person asks for the end
    EXPIRE = "expire"  # every open upload session expires
    REPEAT = "repeat"  # the file's event is delivered once more
    NEIGHBOUR = "neighbour"  # somebody attaches a file of the same name and size, with other bytes
    TWIN = "twin"  # the same bytes are dropped once more, under the same name for the same item
    VANISH = "vanish"  # the item is deleted
    LAPSE = "lapse"  # Graph accepts the app's token no more; with the switch `claims` it says what it wants instead
    MOVE = "move"  # the item is moved to another folder, which changes its id and those of its attachments


@dataclass(frozen=True)
class SustainedFault:
    """Calls that fail in a row: those whose name begins with `names`, from call `first` up to `last` (both inclusive).

    `last` = 0: for ever. `argument` is the status of an answer; `retry_after` its header, seconds or a date.
    """

    names: str
    fault: Fault
    first: int = 1
    last: int = 0
    argument: int = 0
    retry_after: str = ""


@dataclass(frozen=True)
class Outage:
    """A part of storage that is down, for a time.

    Attributes:
        seconds: how long.
        services: "checkpoints" (that container alone), "blobs" (the whole service), "queues", or "all".
        kind: what callers see: "503", "403" (a role that is minutes old), or "refused" connections.
        first: it begins with this call.
    """

    seconds: float
    services: str = "all"
    kind: str = "503"
    first: int = 1


@dataclass(frozen=True)
class Denial:
    """Calls to Graph that come to grief for a time: from call `first` on, for `seconds` from the first one that is hit.

    `names` are beginnings of their names; `status` is what they are answered, where the fault is an answer.
    """

    names: tuple[str, ...]
    status: int
    seconds: float
    first: int = 1
    fault: Fault = Fault.ANSWER


@dataclass(frozen=True)
class Case:
    """One scenario.

    Attributes:
        ranges: ranges of the file, the last one short; 0 = a small file that is sent by POST.
        faults: (call, fault, argument); calls are numbered from 1 over all runs. The argument of LATE counts calls,
            that of an answer is its status.
        happenings: (call, what) just before the call.
        sustained_faults: calls that fail in a row.
        denials: calls to Graph that are refused for a time.
        heals: whatever befalls it passes within the policy's patience, so that no person may be needed (I28).
        switches: of the emulated Graph.
        bare: nothing is attached to the item at first; else two files are, one of them just like ours.
        lookup: the item is named by a key that is looked up, not by its id.
        skew: seconds by which Graph's clock is ahead of ours.
        redelivery: seconds after which the host delivers again what a run died of: ten minutes where the instance is
            lost, half a minute where only the worker is.
        outages: of storage.
        poison: "again": a message of a poison queue whose function fails comes again after ten minutes, each time;
            "never": after five times it does not (before storage extension 5.3.8).
        lazy: writes behind are done when somebody waits for them, not at once.
        budget: seconds of a run.
        engine: the rules in force; all but "product" are wrong on purpose.
        workers: processes that are given the file's event at the same time.
        schedule: (step, worker): at that step the other worker goes on. Only with several workers.
        commands: what people, the sweep and the poison handler do as workers of their own beside the runs: "cancel",
            "retry", "accept", "conclude", "sweep" (a tick) or "poison" (a message that the host gave up on for good).
        events: how often each of several workers is given the file's event.
        retries: how often a person has the transfer tried again after it failed or was cancelled.
    """

    ranges: int = 1
    faults: tuple[tuple[int, Fault, int], ...] = ()
    happenings: tuple[tuple[int, ExternalAction], ...] = ()
    sustained_faults: tuple[SustainedFault, ...] = ()
    denials: tuple[Denial, ...] = ()
    heals: bool = False
    switches: dict[str, Any] = field(default_factory=dict)
    bare: bool = False
    lookup: bool = False
    skew: float = 0
    redelivery: float = 600
    outages: tuple[Outage, ...] = ()
    poison: str = "again"
    lazy: bool = False
    budget: float = 540
    engine: str = "product"
    workers: int = 1
    schedule: tuple[tuple[int, int], ...] = ()
    commands: tuple[str, ...] = ()
    events: int = 1
    retries: int = 0

    @property
    def is_alone(self) -> bool:
        """Whether one worker does everything, in its own order."""
        return self.workers == 1 and not self.commands

    @property
    def is_undisturbed(self) -> bool:
        """Whether every call takes effect and is answered: only the order of the workers differs."""
        troubles = (self.faults, self.happenings, self.sustained_faults, self.denials, self.outages, self.switches)
        return not any(troubles)

    @property
    def id(self) -> str:
        """The scenario as one line of JSON; `read` makes the same scenario of it."""
        plain = asdict(self)
        defaults = {one.name: one.default for one in fields(self)} | {"switches": {}}
        return json.dumps({name: value for name, value in plain.items() if value != defaults[name]})

    @classmethod
    def read(cls, text: str) -> Case:
        """The scenario that `id` printed."""
        values = json.loads(text)
        values["faults"] = tuple((call, Fault(fault), number) for call, fault, number in values.get("faults", ()))
        values["happenings"] = tuple((call, ExternalAction(what)) for call, what in values.get("happenings", ()))
        values["sustained_faults"] = tuple(
            SustainedFault(**{**one, "fault": Fault(one["fault"])}) for one in values.get("sustained_faults", ())
        )
        values["commands"] = tuple(values.get("commands", ()))
        values["outages"] = tuple(Outage(**one) for one in values.get("outages", ()))
        denials = values.get("denials", ())
        values["denials"] = tuple(
            Denial(**{**one, "names": tuple(one["names"]), "fault": Fault(one["fault"])}) for one in denials
        )
        values["schedule"] = tuple((step, worker) for step, worker in values.get("schedule", ()))
        return cls(**values)
