"""The gate that breaks calls: every one is numbered, and the scenario says what befalls which."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from assurance.simulation.case import Case, Denial, ExternalAction, Fault, SustainedFault
from assurance.simulation.clock import VirtualClock
from assurance.simulation.outages import SPENT, Down
from devkit.graph.faults import CODES
from shared.core.errors import Code
from shared.core.policy import Policy
from shared.graph.http import AnswerLost, HttpAnswer, NotSent
from shared.storage.ports import Conflict, SourceLost, SourceUnreadable, StorageUnavailable

T = TypeVar("T")

MOST_CALLS = 6000
"""Calls after which a scenario is taken to have no end. Chosen: many times the longest honest one."""


class Died(BaseException):
    """The process that made this call is gone. No handler of the product may stop it."""


class Endless(AssertionError):  # noqa: N818 - it names what is the case
    """A scenario that does not end."""


@dataclass
class Held:
    """A call that takes effect later: at call `at`, and not after `latest`."""

    at: int
    latest: datetime | None
    name: str
    effect: Callable[[], Any]


class FaultInjector:
    """Implements `Gate`.

    Attributes:
        calls: how many there were so far.
        names: the name of each, in order.
        happen: who carries out what other people do.
        downs: the outages; `is_stopped`: whether the host of whoever calls has stopped.
        boundary: told before each call; the schedule explorer lets other workers go on first. True where they did.
    """

    def __init__(self, case: Case, clock: VirtualClock, policy: Policy) -> None:
        self.calls = 0
        self.names: list[str] = []
        self.happen: Callable[[ExternalAction], None] = lambda _: None
        self.boundary: Callable[[str], bool] = lambda _: False
        self._clock = clock
        self._faults = {call: (fault, argument) for call, fault, argument in case.faults}
        self._happenings: dict[int, list[ExternalAction]] = {}
        for call, what in case.happenings:
            self._happenings.setdefault(call, []).append(what)
        self._sustained = case.sustained_faults
        self._denials = case.denials
        self._denied_until: dict[Denial, datetime] = {}
        self.downs = [Down(outage) for outage in case.outages]
        self.is_stopped: Callable[[], bool] = lambda: False
        self.most_calls = MOST_CALLS + int(sum(outage.seconds for outage in case.outages) / 4)
        self._held: list[Held] = []
        self._post_travels = timedelta(seconds=policy.post_landing - policy.post_start)
        clock.before = self._land_before

    def __call__(self, name: str, effect: Callable[[], T], /) -> T:
        """See `Gate`."""
        if name == "graph.POST":
            effect = self._in_flight(name, effect)
        else:
            self.boundary(name)
        self.calls += 1
        self.names.append(name)
        if self.calls > self.most_calls:
            raise Endless(f"no end after {self.most_calls} calls")
        for what in self._happenings.get(self.calls, ()):
            self.happen(what)
        if self._held:
            self._land(lambda held: held.at <= self.calls)
        if self.downs:
            self._be_down(name)
        fault, argument = self._faults.get(self.calls, (None, 0))
        if fault is not None:
            return self._broken(name, effect, fault, argument, "")
        for one in self._sustained:
            if self._is_in_force(one, name):
                return self._broken(name, effect, one.fault, one.argument, one.retry_after)
        return self._denied(name, effect)

    @property
    def denied_until(self) -> list[datetime]:
        """When each of the denials that began is over."""
        return list(self._denied_until.values())

    def land_all(self) -> bool:
        """Whatever is still on its way arrives; False where nothing was."""
        return self._land(lambda _: True)

    def hold(self, name: str, effect: Callable[[], Any], calls: int) -> Held:
        """A call that is on its way. A POST arrives within the time that the policy grants it."""
        latest = self._clock.now() + self._post_travels if name == "graph.POST" else None
        held = Held(self.calls + calls, latest, name, effect)
        self._held.append(held)
        return held

    def _in_flight(self, name: str, effect: Callable[[], T]) -> Callable[[], T]:
        """A POST whose worker was held up after it had looked at the clock: it arrives while its time lasts."""
        results: list[T] = []
        held = self.hold(name, lambda: results.append(effect()), MOST_CALLS)
        self.boundary(name)
        if held in self._held:
            self._held.remove(held)
        return lambda: results[0] if results else effect()

    def _be_down(self, name: str) -> None:
        """Fail the call where its part of storage is down; kill the run where its host has stopped of that."""
        for down in self.downs:
            if self.calls >= down.outage.first:
                down.begin(self._clock.now())
            if self.is_stopped():
                raise Died
            if down.hits(name, self._clock.now()):
                self._clock.advance(SPENT[down.outage.kind])
                raise _loss(name)

    def _denied(self, name: str, effect: Callable[[], T]) -> T:
        """The call, or what befalls it instead."""
        for denial in self._denials:
            if self._is_denied(denial, name):
                return self._broken(name, effect, denial.fault, denial.status, "")
        return effect()

    def _is_denied(self, denial: Denial, name: str) -> bool:
        if self.calls < denial.first or not name.startswith(denial.names):
            return False
        now = self._clock.now()
        return now < self._denied_until.setdefault(denial, now + timedelta(seconds=denial.seconds))

    def _is_in_force(self, fault: SustainedFault, name: str) -> bool:
        begun = fault.first <= self.calls and (fault.last == 0 or self.calls <= fault.last)
        return begun and name.startswith(fault.names)

    def _broken(self, name: str, effect: Callable[[], T], fault: Fault, argument: int, retry_after: str) -> T:
        match _fitting(fault, name):
            case Fault.CRASH_BEFORE:
                raise Died
            case Fault.CRASH_AFTER:
                effect()
                raise Died
            case Fault.LOST_BEFORE:
                raise _loss(name)
            case Fault.LOST_AFTER:
                effect()
                raise _loss(name)
            case Fault.TWICE:
                effect()
                return effect()
            case Fault.LATE:
                self.hold(name, effect, argument)
                raise _loss(name)
            case Fault.UNSENT:
                raise NotSent(Code.GRAPH_UNREACHABLE)
            case Fault.ANSWER | Fault.ANSWER_AFTER | Fault.REFUSAL_AFTER:
                if fault is not Fault.ANSWER:
                    effect()
                headers = {"retry-after": retry_after} if retry_after else {}
                body = _refusal(argument) if fault is Fault.REFUSAL_AFTER else b""
                return cast("T", HttpAnswer(argument, headers, body))

    def _land(self, due: Callable[[Held], bool]) -> bool:
        arrived = [held for held in self._held if due(held)]
        self._held = [held for held in self._held if held not in arrived]
        for held in arrived:
            try:
                held.effect()
            except (Conflict, SourceLost):
                continue  # it came too late: nobody hears of it
        return bool(arrived)

    def _land_before(self, moment: datetime) -> None:
        """Time is about to move to `moment`: what has to arrive before then does."""
        due = sorted(held.latest for held in self._held if held.latest is not None and held.latest <= moment)
        for latest in due:
            self._clock.set(latest)
            self._land(lambda held, latest=latest: held.latest == latest)  # type: ignore[misc]  # a default binds it


_IN_STORAGE = {
    Fault.UNSENT: Fault.LOST_BEFORE,
    Fault.ANSWER: Fault.LOST_BEFORE,
    Fault.ANSWER_AFTER: Fault.LOST_AFTER,
    Fault.REFUSAL_AFTER: Fault.LOST_AFTER,
}


def _refusal(status: int) -> bytes:
    """The body of a refusal, with the code that usually comes with its status."""
    return json.dumps({"error": {"code": CODES.get(status, "UnknownError"), "message": ""}}).encode()


def _fitting(fault: Fault, name: str) -> Fault:
    """What befalls this call: only Graph answers with a status, and only storage clients ask again by themselves."""
    if name.startswith("graph."):
        return Fault.LOST_AFTER if fault is Fault.TWICE else fault
    return _IN_STORAGE.get(fault, fault)


def _loss(name: str) -> Exception:
    """What the caller of a call sees whose answer does not come."""
    if name.startswith("graph."):
        return AnswerLost()
    return SourceUnreadable(name) if name == "source.read" else StorageUnavailable(name)
