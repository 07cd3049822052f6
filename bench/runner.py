"""`python -m bench.runner CONTESTANT`: one contestant in a process that stays warm.

Reads one line of JSON after the other from standard input, each a list of jobs to be done at once, and answers each
with one line of JSON: what sending the files took. Standard library only, because a peer runs in an environment of its
own.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

KIB = 1024

Job = dict[str, Any]
Send = Callable[[Job], dict[str, float]]


def main() -> int:
    """Serve jobs until standard input ends."""
    contestant = importlib.import_module(f"bench.contestants.{sys.argv[1]}")
    idle: int | None = None
    prepare: Callable[[Job], None] = getattr(contestant, "prepare", lambda _job: None)
    _say({"ready": True})
    for line in sys.stdin:
        jobs = json.loads(line)
        try:
            for job in jobs:
                prepare(job)
            _say(measure(contestant.send, jobs, idle))
        except Exception:  # noqa: BLE001 - the bench shows it, whatever it is
            _say({"failed": traceback.format_exc()})
        idle = idle or _memory("VmRSS")
    return 0


def measure(send: Send, jobs: list[Job], idle: int | None) -> dict[str, float]:
    """Seconds, CPU seconds and bytes that it takes to send the jobs, all of them at once.

    `idle` is what the process occupied after its first, small file: later on, freed buffers may still count as its own.
    `send` returns clock readings (`time.perf_counter`) by name: `first_put` and `last_put` bound the sending, where
    there was a PUT; `durable`, where given, is when the outcome was safe.
    """
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew (proc(5))
    before, cpu = idle or _memory("VmRSS"), _cpu()
    began = time.perf_counter()
    marks = _all(send, jobs)
    ended = time.perf_counter()
    first, last = (
        min(mark.get("first_put", ended) for mark in marks),
        max(mark.get("last_put", ended) for mark in marks),
    )
    return {
        "seconds": max(mark.get("durable", ended) for mark in marks) - began,
        "span": last - first,
        "to_first_put": first - began,
        "cpu": _cpu() - cpu,
        "memory": _memory("VmHWM") - before,
        "idle": before,
    }


def _all(send: Send, jobs: list[Job]) -> list[dict[str, float]]:
    """One job in this thread; several in as many threads."""
    if len(jobs) == 1:
        return [send(jobs[0])]
    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(send, jobs))


def _cpu() -> float:
    """CPU seconds of this process so far, all threads, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _memory(name: str) -> int:
    """Bytes by name out of /proc/self/status (Linux)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * KIB
    raise RuntimeError(f"/proc/self/status has no {name}")


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
