"""One target under the coverage-guided fuzzer, in a process of its own: libFuzzer ends the process that it runs in.

    python -m assurance.fuzz.worker TARGET [libFuzzer's own arguments]

`driver.py` starts it. The product's modules are instrumented while they are imported, and nothing else is.
"""

from __future__ import annotations

import importlib
import sys


def main(argv: list[str]) -> None:
    """Fuzz until libFuzzer's arguments say stop; an input that raises ends the process with a message and a file."""
    name, *arguments = argv
    atheris = importlib.import_module("atheris")  # not there on every system: see requirements.txt
    with atheris.instrument_imports(include=["shared"]):
        targets = importlib.import_module("assurance.fuzz.targets").TARGETS
    check = targets[name].check

    def once(data: bytes) -> None:
        check(data)

    atheris.Setup([sys.argv[0], *arguments], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
