"""A transfer small enough for a blob's metadata, so that a page of a listing is one request and not one per transfer.

Metadata takes at most 8 KiB of ASCII (Setting and retrieving properties and metadata), so the summary is the
checkpoint's own JSON without what only a run needs, deflated and in base64. It holds no secret: the upload session
stays out. One that would be too long is left out, and a reader takes the checkpoint itself.
"""

from __future__ import annotations

import base64
import zlib

from shared.core.model import Transfer, summarised
from shared.storage import codec
from shared.storage.ports import Checkpoint, CheckpointUnreadable

KEY = "summary"
"""The metadata's key."""

LONGEST = 6 * 1024
"""Characters, inclusive: leaves the rest of the 8 KiB to keys of other programs."""

_LARGEST = 64 * 1024  # bytes that are inflated: several times what a summary of LONGEST characters holds


def pack(transfer: Transfer) -> dict[str, str]:
    """The metadata of the transfer's checkpoint: its summary, or nothing where that would be too long."""
    packed = base64.b64encode(zlib.compress(codec.encode(Checkpoint(summarised(transfer), None, "")))).decode("ascii")
    return {KEY: packed} if len(packed) <= LONGEST else {}


def unpack(metadata: dict[str, str], transfer_id: str) -> Transfer | None:
    """The transfer without its session and history; None where there is no summary, or none that can be read."""
    try:
        packed = base64.b64decode(metadata.get(KEY, ""), validate=True)
        inflating = zlib.decompressobj()
        text = inflating.decompress(packed, _LARGEST)
        is_whole = inflating.eof and not inflating.unused_data
        return codec.decode_part(text, transfer_id).instance if is_whole else None
    except (ValueError, zlib.error, CheckpointUnreadable):
        return None
