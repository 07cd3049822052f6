"""The corpus: inputs that once reached new code, or broke something. Small files, kept, replayed every day."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "tests" / "assurance" / "fuzz" / "corpus"

LARGEST = 4096
"""Bytes of an input that is kept: a person should be able to look at it."""


def kept(target: str, corpus: Path = KEPT) -> Iterator[Path]:
    """The files of one target, in the order of their names."""
    yield from sorted(path for path in (corpus / target).iterdir() if path.is_file())


def keep(target: str, found: Path, corpus: Path = KEPT) -> list[Path]:
    """Copy into the corpus what a run found and what is small enough. The names of inputs are their digests."""
    room = corpus / target
    room.mkdir(parents=True, exist_ok=True)
    new = [
        path for path in sorted(found.iterdir()) if path.stat().st_size <= LARGEST and not (room / path.name).exists()
    ]
    return [Path(shutil.copy(path, room / path.name)) for path in new]
