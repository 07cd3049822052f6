"""A dropped file as a transfer: what its metadata asks for, or a refusal that says what is wrong with it."""

from __future__ import annotations

from datetime import datetime

from shared.core import planning
from shared.core.errors import Code
from shared.core.history import remembered
from shared.core.model import Failure, Step, Transfer
from shared.graph.prepare import route_for
from shared.intake.mailboxes import AllowedMailboxes
from shared.intake.metadata import read_given, read_metadata
from shared.storage.ports import Dropped


def transfer_for(dropped: Dropped, allowed: AllowedMailboxes, now: datetime) -> Transfer:
    """A new transfer for this version of the file, as if no other existed: its id tells whether one does.

    Metadata that cannot be used, and a size that cannot work, make a transfer that has failed already: a person's
    mistake is told, never retried.
    """
    source = dropped.source
    if dropped.refusal is not None:
        return refused(dropped, dropped.refusal, now)
    wanted = read_metadata(source.blob, dropped.metadata, dropped.content_type, allowed)
    if isinstance(wanted, Failure):
        return refused(dropped, wanted, now)
    route = route_for(wanted.attachment, source.size)
    transfer = planning.accept(source, wanted.target, wanted.attachment, route, now)
    return noted(transfer, wanted.slips, now)


def refused(dropped: Dropped, failure: Failure, now: datetime) -> Transfer:
    """A failed transfer that keeps whatever could be read of the file's metadata, so that it is found by it."""
    return planning.refuse(dropped.source, failure, now, read_given(dropped.metadata))


def noted(transfer: Transfer, slips: tuple[str, ...], now: datetime) -> Transfer:
    """The transfer with a step of its history for each key that was nearly one of ours."""
    for slip in slips:
        step = Step(now, transfer.state, "read metadata", slip, code=Code.METADATA_KEY_UNKNOWN.value)
        transfer = remembered(transfer, step)
    return transfer
