"""What a process does when it is told to end: its runs yield after the request in hand.

Nothing rests on it: a process that is killed is followed by the message of each run (`guard.py`). A run that yields
spares the next one its lease, and a range that is sent twice.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

LAST_SECONDS = 9
"""Seconds that runs get where SIGTERM would have ended the process at once. The host gives ten after its own."""

DRAIN_SECONDS = 20.0
"""Seconds for which a process that was told to end takes no more work: twice what the host gives it. One that is still
there afterwards goes on as before. Azure's worker was seen to outlive SIGTERM, and if it drained for ever, every
message that it receives would be put off for ever."""


class Drain:
    """Whether this process has been told to end. One per process; no method takes a lock, so a signal handler may call.

    `monotonic` gives seconds on a clock that never goes back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until = -math.inf

    def begin(self) -> None:
        """It has."""
        self._until = self._monotonic() + DRAIN_SECONDS

    def is_under_way(self) -> bool:
        """Whether runs should yield now."""
        return self._monotonic() < self._until


def on_sigterm(begin: Callable[[], object]) -> bool:
    """Have `begin` called at the next SIGTERM, and then what SIGTERM did so far; False where it cannot be.

    Call it while the app is imported: Azure's worker does that in its main thread, which runs an event loop and no
    function. Neither of its two forms handles signals of its own (azure_functions_worker/main.py up to Python 3.12,
    proxy_worker/start_worker.py from 3.13; azure-functions-python-worker 578 asks for it), so that SIGTERM ends it at
    once, with 143 (azure-functions-host 10479), unless whoever started it had it ignored. Python calls the handler
    between two steps of that loop. In any other thread, and where something outside Python handles the signal, all
    stays as it is.

    The process ends all the same. What was there before is back in force before `begin` is called: a second SIGTERM
    never comes back here. A handler that was there is called. Where there was none, the kernel's alarm ends the process
    after LAST_SECONDS, whatever it is doing (with 142). One that ignored SIGTERM goes on.
    """
    if threading.current_thread() is not threading.main_thread():
        return False
    earlier = signal.getsignal(signal.SIGTERM)
    if earlier is None:
        return False

    def heed(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, earlier)
        if earlier is signal.SIG_DFL and hasattr(signal, "alarm"):  # not on Windows, where nothing sends SIGTERM either
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(LAST_SECONDS)
        begin()
        if callable(earlier):
            earlier(number, frame)

    signal.signal(signal.SIGTERM, heed)
    return True
