"""`python -m devkit.bench.runner CONTESTANT`: one contestant in a process that stays warm.

Reads one job per line of standard input and answers each with one line of JSON: what sending the file took. Standard
library only, because a peer runs in an environment of its own.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import Any

KIB = 1024


def main() -> int:
    """Serve jobs until standard input ends."""
    contestant = importlib.import_module(f"devkit.bench.contestants.{sys.argv[1]}")
    _say({"ready": True})
    for line in sys.stdin:
        job = json.loads(line)
        try:
            _say(measure(contestant.send, job))
        except Exception:  # noqa: BLE001 - the bench shows it, whatever it is
            _say({"failed": traceback.format_exc()})
    return 0


def measure(send: Any, job: dict[str, Any]) -> dict[str, float]:
    """Seconds, CPU seconds and bytes that one `send(job)` takes; what it returns is added to that.

    `send` returns clock readings (`time.perf_counter`) by name: `first_put` and `last_put` bound the sending;
    `durable`, where given, is when the outcome was safe.
    """
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew (proc(5))
    before, cpu = _memory("VmRSS"), _cpu()
    began = time.perf_counter()
    marks: dict[str, float] = send(job)
    ended = time.perf_counter()
    return {
        "seconds": marks.get("durable", ended) - began,
        "span": marks["last_put"] - marks["first_put"],
        "to_first_put": marks["first_put"] - began,
        "cpu": _cpu() - cpu,
        "memory": _memory("VmHWM") - before,
        "idle": before,
    }


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
