"""`dev.py check` and `dev.py test`: every check in turn, then the tests.

    python3 dev.py test                                 everything
    python3 dev.py test --fast                          the checks, and the tests that need no process but their own
    python3 dev.py test -n 0 tests/unit/core/test_ranges.py -k halved     one test

`check` runs them all even after one failed, so that one run shows everything. `test` is `check` and then pytest with
whatever arguments were given; pytest's closing line is the last one printed. The exit code is the first failure's.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
WORKERS = "5"  # pytest's own processes: many tests wait for child processes, so that five keep two cores busy

CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports", "--no-cache", "--no-logo"),
)
# loadgroup: what shares a stack (`xdist_group`) stays in one process; everything else is spread
PYTEST = (sys.executable, "-m", "pytest", "-n", WORKERS, "--dist", "loadgroup")


FAST = ("tests/unit",)
"""Pure tests: no Azurite, no local host, no emulator process, no large drawing of scenarios."""


def main(command: str, argv: list[str]) -> int:
    """`check` takes no arguments; `test` passes them to pytest (`dev.py test -k poison -n 0`)."""
    if command == "test" and "--fast" in argv:
        argv = [*(word for word in argv if word != "--fast"), *FAST]
    if command == "check" and argv:
        sys.stderr.write("check takes no arguments\n")
        return 2
    failed = [code for code in map(run_check, CHECKS) if code]
    if command == "check" or failed:
        return failed[0] if failed else 0
    return subprocess.run([*PYTEST, *argv], cwd=ROOT, check=False).returncode


def run_check(check: tuple[str, ...]) -> int:
    """Run one check from this environment; a line says how it went, after its own output."""
    done = subprocess.run([str(BIN / check[0]), *check[1:]], cwd=ROOT, check=False)
    print(f"{' '.join(check[:2])}: {'failed' if done.returncode else 'passed'}", flush=True)
    return done.returncode
