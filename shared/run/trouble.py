"""What to say of an exception that cost one thing: its code, and words that hold nothing they should not."""

from __future__ import annotations

import traceback

from shared.core.errors import Code
from shared.storage.ports import CheckpointUnreadable, Conflict, StorageRefused, StorageUnavailable


def said(error: Exception) -> tuple[Code, str]:
    """The code and the words for what was raised. Only our own exceptions are quoted: others may hold anything."""
    match error:
        case CheckpointUnreadable() | StorageRefused():
            return error.code, error.detail
        case StorageUnavailable():
            return error.code, str(error)
        case Conflict():
            return Code.STORAGE_UNAVAILABLE, "somebody else kept writing"
        case _:
            return Code.SWEEP_FAILED, f"{type(error).__name__} in {_place(error)}"


def _place(error: Exception) -> str:
    """Where it was raised: the innermost line of our own."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "/shared/" in frame.filename]
    return f"{ours[-1].name}, line {ours[-1].lineno}" if ours else "a library"
