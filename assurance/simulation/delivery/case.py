"""One simulated delivery, as a value that can be printed, and replayed from what was printed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

from assurance.simulation.case import Fault


class PersonAction(StrEnum):
    """What people may do just before one call."""

    SEND = "send"  # the draft is sent by hand
    MOVE = "move"  # ... moved to another folder
    DELETE = "delete"  # ... deleted: it lies in Deleted Items
    DESTROY = "destroy"  # ... and emptied from there
    EDIT = "edit"  # ... written to
    TAKE_OFF = "take off"  # a file is taken off it
    CANCEL = "cancel"  # the delivery is cancelled
    JOIN = "join"  # one more file comes for the same draft


@dataclass(frozen=True)
class DeliveryCase:
    """One scenario.

    Attributes:
        files: files that are announced and come.
        is_event: an event whose attendees are told, in place of a draft that is sent.
        faults: (call, fault, argument); calls are numbered from 1 over all runs.
        people: (call, what) just before the call.
        switches: of the emulated Graph.
        second_send: the tenant was measured to refuse a second /send.
        engine: the rules in force; all but "product" are wrong on purpose.
        workers: processes that work at the same time.
        schedule: (step, worker): at that step the other worker goes on.
        retries: how often a person has it tried again after it failed, was blocked or cancelled.
    """

    files: int = 2
    is_event: bool = False
    faults: tuple[tuple[int, Fault, int], ...] = ()
    people: tuple[tuple[int, PersonAction], ...] = ()
    switches: dict[str, Any] = field(default_factory=dict)
    second_send: bool = False
    engine: str = "product"
    workers: int = 1
    schedule: tuple[tuple[int, int], ...] = ()
    retries: int = 0

    @property
    def id(self) -> str:
        """The scenario as one line of JSON; `read` makes the same scenario of it."""
        defaults = {one.name: one.default for one in fields(self)} | {"switches": {}}
        return json.dumps({name: value for name, value in asdict(self).items() if value != defaults[name]})

    @classmethod
    def read(cls, text: str) -> DeliveryCase:
        """The scenario that `id` printed."""
        values = json.loads(text)
        values["faults"] = tuple((call, Fault(fault), number) for call, fault, number in values.get("faults", ()))
        values["people"] = tuple((call, PersonAction(what)) for call, what in values.get("people", ()))
        values["schedule"] = tuple((step, worker) for step, worker in values.get("schedule", ()))
        return cls(**values)
