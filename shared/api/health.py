"""Whether the app can work: one look at each thing it depends on, side by side, and no more often than needed.

Anybody may ask whether it is up or down. Why is told at a route of its own, which the host opens with a key: so nothing
here has to find out who asks, by a call to the app itself or otherwise.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from http import HTTPStatus

from shared.api.http import Answer, Call, json_answer
from shared.version import VERSION

PATIENCE = 8.0
"""Seconds for all looks together; what has not answered by then is down. Chosen: below the usual probe's 10 or more."""

KEPT_SECONDS = 10.0
"""How long a look counts: anybody may ask, and must not make the app ask others as often."""

Look = Callable[[], str]
"""One look: what to say of the dependency; whatever it raises means that it is down."""


@dataclass(frozen=True, slots=True)
class State:
    """What a look found."""

    is_up: bool
    detail: str


class Health:
    """GET /health and GET /health/details. `looks` by the dependency's name. Safe to share between threads."""

    def __init__(self, looks: Mapping[str, Look]) -> None:
        self._looks = looks
        self._lock = threading.Lock()
        self._found: dict[str, State] = {}
        self._found_at = float("-inf")

    def answer(self, _call: Call) -> Answer:
        """200 or 503, and one word."""
        return self._answered({})

    def details(self, _call: Call) -> Answer:
        """The same with each dependency's state, and the package's version."""
        checks = {
            name: {"status": _word(state.is_up), "detail": state.detail} for name, state in self._states().items()
        }
        return self._answered({"version": VERSION, "checks": checks})

    def _answered(self, more: Mapping[str, object]) -> Answer:
        is_up = all(state.is_up for state in self._states().values())
        status = HTTPStatus.OK if is_up else HTTPStatus.SERVICE_UNAVAILABLE
        return json_answer({"status": _word(is_up), **more}, status)

    def _states(self) -> dict[str, State]:
        with self._lock:  # who comes meanwhile waits for the same answer
            if time.monotonic() - self._found_at >= KEPT_SECONDS:
                self._found = self._look()
                self._found_at = time.monotonic()
            return self._found

    def _look(self) -> dict[str, State]:
        pool = ThreadPoolExecutor(len(self._looks), thread_name_prefix="health")
        try:
            futures = {name: pool.submit(_state, look) for name, look in self._looks.items()}
            wait(futures.values(), PATIENCE)
            late = State(is_up=False, detail=f"no answer within {PATIENCE:g} seconds")
            return {name: future.result() if future.done() else late for name, future in futures.items()}
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _state(look: Look) -> State:
    try:
        return State(is_up=True, detail=look())
    except Exception as error:  # noqa: BLE001 - whatever went wrong, it is down
        # Of the app's own errors the text says what happened and holds no secret; of others it may be anything.
        own = type(error).__module__.startswith("shared.")
        return State(is_up=False, detail=str(error) if own and str(error) else type(error).__name__)


def _word(is_up: bool) -> str:  # noqa: FBT001 - a word for a truth value
    return "up" if is_up else "down"
