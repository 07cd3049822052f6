"""Whatever a blob is called and its metadata say: a transfer that is sound, and requests that name what was meant.

An id never leaves its segment of a path, no segment is a step in the path, and what people may send as raw control
characters or as quotes is data in every URL and every body.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import parse_qsl, unquote, urlsplit

from assurance.fuzz.reachable import CONTENT, NOW
from shared.core.actions import (
    CompareAttachment,
    FindItem,
    Item,
    ListAttachments,
    OpenSession,
    PostAttachment,
)
from shared.core.errors import CATALOGUE
from shared.core.model import LOOKUPS, Attachment, Source, State, Target, TargetKey, Transfer
from shared.graph import prepare
from shared.graph.hosts import is_url_text
from shared.intake.accept import transfer_for
from shared.intake.mailboxes import AllowedMailboxes
from shared.storage import codec
from shared.storage.ports import Checkpoint, Dropped
from shared.views import view

BASE = "https://graph.microsoft.com/v1.0"
LONGEST_DETAIL = 4096
"""Characters of a failure's text: nine faults of one line each, with what they quote cut off."""

_FIELDS = {TargetKey.INTERNET_MESSAGE_ID: "internetMessageId", TargetKey.ICAL_UID: "iCalUId"}
_IMPOSSIBLE = frozenset('/\\:*?"<>|')


def check(blob: str, metadata: Mapping[str, str], content_type: str | None, size: int = len(CONTENT)) -> Transfer:
    """AssertionError, or whatever the product raises, where the input does harm."""
    source = Source("drop", blob, '"0x1"', size, NOW)
    transfer = transfer_for(Dropped(source, dict(metadata), content_type), AllowedMailboxes(), NOW)
    checkpoint = Checkpoint(transfer, None, "run-1.0")
    assert codec.decode(codec.encode(checkpoint), transfer.id) == checkpoint
    json.dumps(view(transfer, NOW)).encode()
    if transfer.is_over:
        assert transfer.state is State.FAILED
        assert transfer.failure is not None
        assert transfer.failure.code in CATALOGUE
        assert len(transfer.failure.detail) < LONGEST_DETAIL + len(blob)
        return transfer
    check_name(transfer.attachment.name)
    check_urls(transfer.target)
    check_bodies(transfer.attachment)
    return transfer


def check_name(name: str) -> None:
    """What Outlook shows says what it is."""
    assert 1 <= len(name) <= 255  # noqa: PLR2004 - the bound of shared/intake/names.py, told apart on purpose
    assert not _IMPOSSIBLE.intersection(name)
    assert name.isprintable() or not any(ord(letter) < ord(" ") or 0x7F <= ord(letter) < 0xA0 for letter in name)  # noqa: PLR2004 - C1
    assert not set("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c").intersection(name)


def check_urls(target: Target) -> None:
    """Every URL that is made of the target, with its parts where they belong."""
    collection = "events" if target.kind.value == "event" else "messages"
    if target.key in LOOKUPS:
        query = _parts(prepare.graph_request(FindItem(target), BASE).url, ["users", target.mailbox, collection])
        literal = query["$filter"].partition(" eq ")
        assert literal[0] == _FIELDS[target.key]
        assert literal[2] == "'" + target.value.replace("'", "''") + "'"
        assert set(query) == {"$filter", "$select", "$top"}
    item = Item(target.mailbox, target.kind, target.value)
    at = ["users", target.mailbox, collection, target.value, "attachments"]
    _parts(prepare.graph_request(ListAttachments(item), BASE).url, at)
    _parts(prepare.graph_request(CompareAttachment(item, target.value, 1), BASE).url, [*at, target.value, "$value"])
    _parts(prepare.graph_request(OpenSession(item, _ANY, 1), BASE).url, [*at, "createUploadSession"])


def check_bodies(attachment: Attachment) -> None:
    """Every body that is made of the attachment says exactly that."""
    item = Item("ada@contoso.example", TARGET.kind, "AAMk=")
    shown = {"name": attachment.name, "contentType": attachment.content_type, "isInline": attachment.is_inline}
    if attachment.content_id is not None:
        shown["contentId"] = attachment.content_id
    opened = _body(prepare.graph_request(OpenSession(item, attachment, len(CONTENT)), BASE).body)
    assert opened == {"AttachmentItem": {"attachmentType": "file", "size": len(CONTENT), **shown}}
    late = NOW + timedelta(hours=1)
    request = prepare.graph_request(PostAttachment(item, attachment, len(CONTENT), late), BASE, CONTENT)
    posted = _body(request.body)
    assert base64.b64decode(str(posted.pop("contentBytes")), validate=True) == CONTENT
    assert posted == {"@odata.type": "#microsoft.graph.fileAttachment", **shown}
    assert len(request.body or b"") == prepare.post_body_bytes(attachment, len(CONTENT))


TARGET = Target("ada@contoso.example", TargetKey.MESSAGE_ID, "AAMk=")
_ANY = Attachment("a.bin", "application/octet-stream")


def _parts(url: str, segments: list[str]) -> dict[str, str]:
    """The query of a URL whose path has exactly these segments behind the base."""
    assert url.startswith(f"{BASE}/")
    assert is_url_text(url)
    parts = urlsplit(url)
    written = parts.path.removeprefix("/v1.0/").split("/")
    assert [unquote(segment, errors="strict") for segment in written] == segments
    assert not {".", "..", ""}.intersection(written)
    assert parts.fragment == ""
    pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def _body(body: bytes | bytearray | memoryview | None) -> dict[str, object]:
    """The JSON object that the body is, with every key once and no raw control character."""
    text = bytes(body or b"")
    assert not any(byte < ord(" ") for byte in text)

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    parsed = json.loads(text, object_pairs_hook=unique)
    assert isinstance(parsed, dict)
    return parsed
