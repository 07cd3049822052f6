"""Writes behind that are done as late as may be: when somebody waits for them, or when the run ends."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future


class Lazy:
    """Implements `Background`: the work is done when somebody waits for it, or at the end."""

    def __init__(self) -> None:
        self._waiting: list[_Later] = []

    def submit(self, work: Callable[[], None], /) -> Future[None]:
        """See `Background.submit`."""
        later = _Later(work)
        self._waiting.append(later)
        return later

    def finish(self) -> None:
        """Do what is left."""
        for later in self._waiting:
            later.do()


class _Later(Future[None]):
    """A future that works when it is asked."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self._work = work

    def do(self) -> None:
        """Do the work, once."""
        if not self.done():
            try:
                self._work()
                self.set_result(None)
            except Exception as error:  # noqa: BLE001 - a future keeps whatever happened
                self.set_exception(error)

    def result(self, timeout: float | None = None) -> None:
        """Do the work, and raise what it raised."""
        self.do()
        super().result(timeout)
