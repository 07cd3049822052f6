"""Whatever stands where a checkpoint should: it is refused with a code, or it is sound and the core goes on from it."""

from __future__ import annotations

import re

from assurance.fuzz.reachable import CANARY, NOW, POLICY
from assurance.secrets import Scanner
from shared.core import events as ev
from shared.core.errors import Code
from shared.core.machine import apply, decide
from shared.storage import codec, summary
from shared.storage.ports import CheckpointUnreadable

SECRETS = Scanner([CANARY])
_ID = re.compile(rb'"id"\s*:\s*"([0-9a-f]{32})"')


def check(text: bytes) -> str:
    """AssertionError, or whatever the product raises, where the text does harm; else its state or its refusal."""
    named = _ID.search(text)
    transfer_id = named[1].decode() if named else "0" * 32
    try:
        checkpoint = codec.decode(text, transfer_id)
    except CheckpointUnreadable as refusal:
        return _checked(refusal)
    transfer = checkpoint.instance
    assert transfer.id == transfer_id
    assert codec.decode(codec.encode(checkpoint), transfer_id) == checkpoint
    decide(transfer, NOW, POLICY)
    if not transfer.is_over:
        for event in (ev.RunStarted(), ev.CancelRequested()):
            after = apply(transfer, event, NOW, POLICY)
            decide(after, after.not_before or NOW, POLICY)
    return transfer.state


def _checked(refusal: CheckpointUnreadable) -> str:
    assert refusal.code in {Code.CHECKPOINT_UNREADABLE, Code.CHECKPOINT_NEWER}
    SECRETS.check(f"{refusal!r} {refusal.detail}", "the refusal")
    return refusal.code


def check_summary(text: bytes) -> None:
    """The summary in a blob's metadata, which anybody who may write there can set."""
    found = summary.unpack({summary.KEY: text.decode("latin-1")}, "0" * 32)
    assert found is None or found.session is None
