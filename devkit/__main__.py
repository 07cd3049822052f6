"""`python -m devkit COMMAND`: what `dev.py` hands over to once the environment is there."""

from __future__ import annotations

import argparse
import importlib
import sys

# command -> (module with `main(argv) -> exit code`, one line for the list)
COMMANDS = {
    "demo": ("devkit.demo", "drop a 25 MB file, kill the worker half-way, find the file attached"),
    "test": ("devkit.checks", "everything: checks, unit tests, end-to-end tests over the local stack"),
    "package": ("devkit.package_app", "make the zip that goes to Azure, from the rules of .funcignore"),
    "verify": (
        "assurance.verify",
        "the verification campaigns: tens of minutes; writes the numbers that the documents quote",
    ),
    "bench": (
        "bench.command",
        "one transfer beside the limit, a plain loop and O365: ten minutes; writes docs/performance.md",
    ),
    "docs": ("devkit.documents", "bring the generated parts of the documents up to date"),
    "check": ("devkit.checks", "ruff, mypy and the import rules only"),
}


def main() -> int:
    """Import only the module of the command that was asked for, so that one command's needs never break another."""
    listing = "\n".join(f"  {name:<10}{line}" for name, (_, line) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python3 dev.py",
        description=f"commands:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the command takes; COMMAND --help lists it")
    chosen = parser.parse_args()
    module = importlib.import_module(COMMANDS[chosen.command][0])
    return int(module.main(chosen.command, chosen.arguments))


if __name__ == "__main__":
    sys.exit(main())
