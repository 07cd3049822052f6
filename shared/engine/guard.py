"""A run's own message, against its death: it becomes visible once the run's lease can have lapsed.

What the host delivered to a dead instance stays hidden for ten minutes (field report: SIGKILL of host and worker, next
request for that file 598 s later). This message does not: it names its run, and whoever receives it carries the
instance on if that run still owns it and its lease has lapsed; while the lease holds, the message is put off; once the
run let go of the instance, it means nothing. A run that ends in an orderly way takes it back.
"""

from __future__ import annotations

import math
import threading
from dataclasses import replace

from shared.engine.checkpoint import LEASE_SECONDS
from shared.engine.continuation import Continuation
from shared.engine.ports import ContinuationQueue, Receipt, StorageUnavailable

GUARD_DELAY = LEASE_SECONDS + 1
"""Seconds after which the message is visible: a run that died before its first save has lost its lease by then."""


class Guard:
    """One per run. `begin_after`: seconds that the run must last before the message is sent at all.

    Infinite: it is sent only where it is told to.
    """

    def __init__(self, queue: ContinuationQueue, asked: Continuation, run_id: str, begin_after: float) -> None:
        """`asked` is what began the run; `since` in it is set by whoever counts runs that die in a row."""
        self._queue = queue
        self._continuation = replace(asked, run=run_id, guards=True, tries=0, poisoned=asked.poisoned + 1)
        self._lock = threading.Lock()
        self._is_over = False
        self._receipt: Receipt | None = None
        self._timer = threading.Timer(begin_after, self.send) if begin_after < math.inf else None
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()

    def send(self) -> None:
        """Send the message, unless the run is over. Where storage does not take it the sweep has to do."""
        with self._lock:
            if not self._is_over and self._receipt is None:
                try:
                    self._receipt = self._queue.ask(self._continuation, GUARD_DELAY)
                except StorageUnavailable:
                    return

    def end(self) -> None:
        """Nothing more is sent; a message that is on its way stays, for a run that did not end well."""
        with self._lock:
            self._is_over = True
        if self._timer is not None:
            self._timer.cancel()

    def take_back(self) -> None:
        """The run ended well. A message that cannot be deleted comes, and means nothing."""
        self.end()
        receipt, self._receipt = self._receipt, None
        if receipt is not None:
            try:
                self._queue.take_back(receipt)
            except StorageUnavailable:
                return
