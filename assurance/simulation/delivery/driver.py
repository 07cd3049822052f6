"""The driver of a delivery: decide, make durable what must be, perform, apply, as `shared/run/driver.py` does."""

from __future__ import annotations

from collections.abc import Callable

from assurance.simulation.clock import VirtualClock
from assurance.simulation.delivery.records import Records, Writer
from assurance.simulation.delivery.witness import Witness
from shared.core.delivery import actions as ac
from shared.core.delivery import events as ev
from shared.core.delivery import machine
from shared.core.delivery.durability import must_save_before
from shared.core.delivery.model import Delivery
from shared.core.delivery.policy import DeliveryPolicy
from shared.core.delivery.table import TABLE
from shared.run.delivery_executor import DeliveryExecutor

INLINE = 5.0
"""Seconds of a wait that a run sleeps through, as `Policy.inline_wait`."""


class Driver:
    """Runs the one delivery of a scenario. `ask` wants another run after so many seconds."""

    def __init__(
        self,
        records: Records,
        executor: DeliveryExecutor,
        policy: DeliveryPolicy,
        clock: VirtualClock,
        witness: Witness,
        ask: Callable[[float, Delivery], None],
    ) -> None:
        self._records = records
        self._executor = executor
        self._policy = policy
        self._clock = clock
        self._witness = witness
        self._ask = ask

    def run(self, owner: str) -> None:
        """Take the delivery over, and carry it on until it is over, or a wait is long."""
        writer = Writer(self._records, owner)
        record = writer.claim()
        if not record.delivery.is_over:
            present = self._apply(record.delivery, ev.RunStarted())
            self._carry_on(writer, self._heed(present, writer.news()))

    def _carry_on(self, writer: Writer, present: Delivery) -> None:
        while True:
            action = machine.decide(present, self._clock.now(), self._policy)
            if isinstance(action, ac.Wait) and (action.until - self._clock.now()).total_seconds() <= INLINE:
                self._clock.advance_to(action.until)
                continue
            if must_save_before(action, present, writer.saved):
                news = writer.save(present)
                if news:
                    present = self._heed(present, news)
                    continue
            if isinstance(action, ac.Finish):
                return
            if isinstance(action, ac.Wait):
                self._ask((action.until - self._clock.now()).total_seconds(), present)
                return
            present = self._apply(present, self._performed(action, present))

    def _performed(
        self, action: ac.Request | ac.PrepareCompose | ac.PrepareAct | ac.AbortAct, now: Delivery
    ) -> ev.Event:
        match action:
            case ac.PrepareCompose():
                return ev.ComposePrepared()
            case ac.PrepareAct():
                return ev.ActPrepared()
            case ac.AbortAct():
                return ev.ActAborted()
            case _:
                self._witness.asked(action, now)
                event = self._executor.perform(action)
                self._witness.answered(action, event)
                return event

    def _apply(self, present: Delivery, event: ev.Event) -> Delivery:
        after = machine.apply(present, event, self._clock.now(), self._policy)
        self._witness.told.append(f"{present.state.value}: {type(event).__name__} -> {after.state.value}")
        return after

    def _heed(self, present: Delivery, news: list[ev.Event]) -> Delivery:
        """What others put beside the delivery."""
        for event in news:
            if type(event) in TABLE[present.state]:
                present = self._apply(present, event)
        return present
