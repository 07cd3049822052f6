"""The index entries of transfers that are not over: `shared/storage/checkpoints.py` keeps one for each of them."""

from __future__ import annotations

from shared.core.model import Transfer


def unfinished_entry_of(transfer: Transfer) -> str:
    """The name of the index entry of this unfinished transfer: one for each time that a person had it tried again.

    So whoever carries out an end, however slowly, removes the entry of that end and not the one that a retry made.
    """
    return transfer.id if transfer.retries == 0 else f"{transfer.id}-{transfer.retries}"


def parse_unfinished_entry(entry: str) -> tuple[str, int]:
    """The transfer's id that an entry stands for, and which retry."""
    transfer_id, _, retry = entry.partition("-")
    return transfer_id, int(retry) if retry.isdecimal() else 0
