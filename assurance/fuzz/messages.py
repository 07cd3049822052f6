"""Whatever lies in a queue: it names a transfer or a file in a form that storage can look for, or nothing."""

from __future__ import annotations

import re

from shared.storage.queue import drop_in, message_text, transfer_in

_ID = re.compile(r"[0-9a-f]{32}")


def check(raw: bytes) -> str | None:
    """AssertionError, or whatever the product raises, where the message does harm; else the id that it names."""
    text = message_text(raw)  # as function_app.py hands it over
    named = transfer_in(text)
    assert named is None or _ID.fullmatch(named)
    dropped = drop_in(text)
    if dropped is not None:
        for part in (dropped.function, dropped.container, dropped.blob, dropped.etag):
            part.encode()
    return named
