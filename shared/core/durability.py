"""What must be durable before what. These few lines carry the promise: everything else may be saved late, or lost.

Must (else a file could be attached twice, or lost):
- a session's URL is in the checkpoint before the session's first range is sent;
- the announcement is in the checkpoint before the final range, or the POST, is sent; with it what was attached before;
- the outcome is in the checkpoint before anybody is told of it, and before the source is deleted.

Should (else the session is asked for what it knows anyway): the offset, behind the range that follows.
"""

from __future__ import annotations

from typing import assert_never

from shared.core.actions import (
    AbortCommit,
    Action,
    AskSession,
    CancelSession,
    CompareAttachment,
    FindItem,
    Finish,
    ListAttachments,
    OpenSession,
    PostAttachment,
    PrepareCommit,
    PutRange,
    Wait,
)
from shared.core.model import Transfer


def must_save_before(action: Action, transfer: Transfer, saved: Transfer) -> bool:
    """True where `transfer` has to be made durable before `action`; `saved` is what is durable now."""
    match action:
        case PutRange():
            return _url(saved) != _url(transfer) or saved.announced_at != transfer.announced_at
        case PostAttachment():
            return saved.announced_at != transfer.announced_at
        case Finish() | Wait():
            return saved != transfer
        case FindItem() | ListAttachments() | OpenSession() | AskSession() | CancelSession() | CompareAttachment():
            return False
        case PrepareCommit() | AbortCommit():
            return False
        case _:
            assert_never(action)


def worth_saving(transfer: Transfer, saved: Transfer) -> bool:
    """True where Graph confirmed bytes that the checkpoint does not have yet: saved behind the next range."""
    return transfer.session is not None and transfer.bytes_confirmed != saved.bytes_confirmed


def _url(transfer: Transfer) -> str | None:
    return transfer.session.url if transfer.session else None
