"""`dev.py package`: the zip that goes to Azure, from the rules of `.funcignore`.

Standard library only, because `infra/deploy.sh` calls it with whatever Python is there. The same tree gives the same
bytes: entries are sorted, and their times and rights are fixed.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / ".funcignore"

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold."""

FILE_MODE = 0o100644
REQUIRED = ("function_app.py", "host.json", "requirements.txt")
"""What Azure looks for at the root of a package."""

UNSUPPORTED = ("!", "**", "[", "\\")
"""Parts of the ignore language that the rules do without; a rule with one would be read wrongly, so it is refused."""


def main(command: str, argv: Sequence[str]) -> int:
    """Make the package and print where it is and how big."""
    parser = argparse.ArgumentParser(prog=f"python3 dev.py {command}", description="make the zip that goes to Azure")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "package.zip", help="where to write it")
    parser.add_argument("--list", action="store_true", help="print the files as well")
    chosen = parser.parse_args(argv)
    files = write_package(ROOT, rules(RULES), chosen.output)
    if chosen.list:
        print("\n".join(files))
    tops = sorted({path.partition("/")[0] for path in files})  # so that a stray file at the root is seen
    print(f"{chosen.output}: {len(files)} files, {chosen.output.stat().st_size:,} bytes ({', '.join(tops)})")
    return 0


def rules(file: Path) -> list[str]:
    """The patterns of an ignore file. Raises ValueError for one that this reader does not understand."""
    patterns = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    patterns = [line for line in patterns if line and not line.startswith("#")]
    for pattern in patterns:
        if any(mark in pattern for mark in UNSUPPORTED):
            raise ValueError(f"{file.name}: the rule {pattern!r} uses more than names, * and ?")
    return patterns


def ignored(path: str, *, is_folder: bool, patterns: Sequence[str]) -> bool:
    """Whether a rule takes `path` (relative, with slashes) out. What is in an ignored folder is never asked about.

    A rule without a slash is about a name at any depth, one with a slash about a path from the root; one that ends in a
    slash is about folders only. As git reads them (gitignore(5)).
    """
    name = path.rpartition("/")[2]
    for pattern in patterns:
        wanted = pattern.removesuffix("/")
        if pattern.endswith("/") and not is_folder:
            continue
        if "/" in wanted:
            if fnmatch.fnmatchcase(path, wanted.removeprefix("/")) and path.count("/") == wanted.strip("/").count("/"):
                return True
        elif fnmatch.fnmatchcase(name, wanted):
            return True
    return False


def packaged(folder: Path, patterns: Sequence[str], base: str = "") -> Iterator[str]:
    """The files under `folder` that no rule takes out, as sorted relative paths."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = f"{base}{entry.name}"
        if ignored(path, is_folder=entry.is_dir(), patterns=patterns):
            continue
        if entry.is_dir():
            yield from packaged(entry, patterns, f"{path}/")
        else:
            yield path


def write_package(folder: Path, patterns: Sequence[str], output: Path) -> list[str]:
    """Write the zip; its files. Raises ValueError where the rules leave out what Azure needs."""
    files = list(packaged(folder, patterns))
    missing = [name for name in REQUIRED if name not in files]
    if missing:
        raise ValueError(f"not in the package: {', '.join(missing)}")
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f"{output.name}.{os.getpid()}")  # two commands side by side must not share a zip
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for path in files:
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.external_attr = FILE_MODE << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, (folder / path).read_bytes())
    partial.replace(output)
    return files


if __name__ == "__main__":
    sys.exit(main("package", sys.argv[1:]))
