"""The files of the drop container as an index of attached transfers by name: it costs a transfer nothing.

A transfer's id follows from the file's version and metadata. So a file that is there leads to its transfer, where its
metadata named the target and nobody has changed either since; what it does not lead to is found by passing over all.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from shared.core.model import Transfer
from shared.storage.ports import Dropped
from shared.storage.source import DropContainer


@dataclass(frozen=True, slots=True)
class TransfersOfFiles:
    """Implements `DroppedFiles` (`listing.py`). `transfer_for` is intake: what a file asks for."""

    sources: DropContainer
    transfer_for: Callable[[Dropped], Transfer]

    def beginning_with(self, prefix: str, continuation: str | None, size: int) -> tuple[list[str], str | None]:
        """See `DroppedFiles.beginning_with`."""
        if not _is_listed(prefix):
            return [], None
        found, onward = self.sources.beginning_with(prefix, continuation, size)
        return [self.transfer_for(dropped).id for dropped in found if _is_listed(dropped.source.blob)], onward

    def transfer_of(self, blob: str) -> str | None:
        """See `DroppedFiles.transfer_of`."""
        dropped = self.sources.describe(blob) if _is_listed(blob) else None
        return self.transfer_for(dropped).id if dropped is not None else None


def _is_listed(name: str) -> bool:
    """Whether the XML of a listing can hold the name: it knows no control characters (XML 1.0, Characters)."""
    return not any(unicodedata.category(character) in {"Cc", "Cs"} or character in "\ufffe\uffff" for character in name)
