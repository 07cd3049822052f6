"""What the engine knows of a process: its rules, as pure functions of plain values.

A *process* is a kind of work that survives its worker; an *instance* is one piece of it, a frozen value that a
checkpoint holds. S is the type of the instance, A of its actions, E of its events.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from shared.core.errors import Code

S = TypeVar("S")
A = TypeVar("A")
E = TypeVar("E")
A_co = TypeVar("A_co", covariant=True)
E_co = TypeVar("E_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Perform(Generic[A_co]):
    """Have the executor do this."""

    action: A_co


@dataclass(frozen=True, slots=True)
class Note(Generic[A_co, E_co]):
    """Nothing is asked of anybody: the action is answered by this event at once."""

    action: A_co
    event: E_co


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is to be done before `until` (UTC)."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Finish:
    """The instance is over."""


Decision = Perform[A_co] | Note[A_co, E_co] | Wait | Finish


@dataclass(frozen=True, slots=True)
class Deferred:
    """No permit now. With `known`, `until` is when there is one; else it is when to ask again if not called before.

    `code` says why: all slots are taken, the allowance is used up, or Graph answered with a Retry-After.
    """

    until: datetime
    known: bool
    code: Code = Code.MAILBOX_BUSY


@dataclass(frozen=True, slots=True)
class Command(Generic[E_co]):
    """What a person wrote into the checkpoint of an instance while a run had it.

    `noted` makes the run's own instance say the same, even one that has just ended; `heeded` is what the run does about
    it.
    """

    noted: E_co
    heeded: E_co


@dataclass(frozen=True, slots=True)
class Facts:
    """What the engine has to know of one instance.

    Attributes:
        id: names its checkpoint.
        entry: names its index entry while it is not over: another one after each retry.
        retries: how often a person had it tried again.
        created_at, finished_at: when it was made, and when it ended (UTC).
        not_before: nothing is done until then; None also where a command is waiting to be heeded.
        recheck_at: when the message comes that looks again by itself, where the instance waits to be called.
        is_over: it has ended.
        is_new: no run has worked on it since it was made, or tried again.
        is_brief: its run takes less time than a message against its death takes to be seen.
    """

    id: str
    entry: str
    retries: int
    created_at: datetime
    finished_at: datetime | None
    not_before: datetime | None
    recheck_at: datetime | None
    is_over: bool
    is_new: bool
    is_brief: bool


class Process(Protocol[S, A, E]):
    """The rules of one process. Nothing in it does anything: time is an argument, and every answer a value."""

    @property
    def kind(self) -> str:
        """What messages call it: one word, in lower case, that no other process has."""
        ...

    def facts(self, instance: S) -> Facts:
        """What the engine has to know of the instance."""
        ...

    def decide(self, instance: S, now: datetime) -> Decision[A, E]:
        """What to do next. Asked twice, it answers the same: only `apply` changes anything."""
        ...

    def apply(self, instance: S, action: A | None, event: E, now: datetime) -> S:
        """What the event makes of the instance, its history included. `action` is what was answered by it, if any."""
        ...

    def must_save_before(self, action: A, instance: S, saved: S) -> bool:
        """True where the instance has to be made durable before the action; `saved` is what is durable now."""
        ...

    def worth_saving(self, instance: S, saved: S) -> bool:
        """True where it is worth a write that nobody waits for."""
        ...

    def is_progress(self, action: A, event: E) -> bool:
        """True where the run that did this has not run for nothing, however little else it does."""
        ...

    def opening(self, instance: S) -> tuple[E, ...]:
        """What a run has to say first: that it began, and whatever forbids it to go on as if nothing were the matter.

        One after the other is applied, until the instance is over.
        """
        ...

    def closing(self, instance: S) -> E | None:
        """What a run has to say last that ends before the instance does, and before what it has just announced."""
        ...

    def abandoned(self, ours: S, known: tuple[S, ...]) -> A | None:
        """What is still to be done, once, by a run that lost the instance: about what only that run knows of.

        `ours` is the instance as the run has it in memory, `known` as it was written, by the run and by whoever has it.
        """
        ...

    def command(self, ours: S, theirs: S) -> Command[E] | None:
        """The command that somebody wrote into the checkpoint (`theirs`) behind our back; None: it is none."""
        ...

    def held(self, deferred: Deferred, recheck_at: datetime | None = None) -> E:
        """The event that the rate limiter has the instance wait; `recheck_at` as in `Facts`, where it is new."""
        ...
