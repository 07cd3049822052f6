"""The product, warm: the blob's event comes in, and the file is attached; checkpoints, limiter and all."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache
from typing import Any

from shared.app import App
from shared.core.model import State
from shared.graph.http import HttpAnswer, HttpRequest, Transport
from shared.storage.ports import Checkpoint, Outcomes


def prepare(_job: dict[str, Any]) -> None:
    """The worker is up before a file comes."""
    _warm()


def send(job: dict[str, Any]) -> dict[str, float]:
    """One run, as the blob trigger starts it."""
    product, watch = _warm()
    watch.begin()
    product.blob_dropped(job["container"], job["blob"])
    if watch.state is not State.ATTACHED:
        raise RuntimeError(f"the transfer is {watch.state}")
    return dict(watch.marks)


class _Watch(threading.local):
    """Implements `Transport` and `Outcomes` in front of the real ones, and looks at the clock; each thread its own."""

    def __init__(self, transport: Transport, outcomes: Outcomes) -> None:
        self._transport = transport
        self._outcomes = outcomes
        self.begin()

    def begin(self) -> None:
        """A file comes."""
        self.marks: dict[str, float] = {}
        self.state: State | None = None

    def send(self, request: HttpRequest) -> HttpAnswer:
        """See `Transport.send`. A small file's one POST counts as its PUT."""
        carries_bytes = request.method == "PUT" or (request.method == "POST" and request.url.endswith("/attachments"))
        if carries_bytes:
            self.marks.setdefault("first_put", time.perf_counter())
        answer = self._transport.send(request)
        if carries_bytes:
            self.marks["last_put"] = time.perf_counter()
        return answer

    def stream(self, request: HttpRequest) -> AbstractContextManager[tuple[HttpAnswer, Iterator[bytes]]]:
        """See `Transport.stream`."""
        return self._transport.stream(request)

    def notify(self, checkpoint: Checkpoint) -> None:
        """See `Outcomes.notify`: from here on the outcome is durable."""
        self.marks["durable"] = time.perf_counter()
        self.state = checkpoint.instance.state
        self._outcomes.notify(checkpoint)


@cache
def _warm() -> tuple[App, _Watch]:
    """One product for the life of the process, as in a worker."""
    product = App.from_environment()
    edges = product.composition.edges
    watch = _Watch(edges.transport, edges.outcomes)
    product.composition.edges = replace(edges, transport=watch, outcomes=watch)
    return product, watch
