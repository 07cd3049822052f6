"""A person's mistake fails at once, with a code that names it; it is tried once, and poisons no queue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from devkit.local.azurite import Azurite
from devkit.local.harness import MAILBOX, Delivery, Harness, content
from shared.core.errors import CATALOGUE, Code
from tests.e2e.stage import runs_of, staged

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e refusals")]

ITEM = "AAMkAGI1"
NAMED = {"mailbox": MAILBOX, "messageid": ITEM}


@pytest.fixture(scope="module")
def stage(azurite: Azurite) -> Iterator[Harness]:
    with staged(azurite, settings={"ALLOWED_MAILBOXES": f"@{MAILBOX.partition('@')[2]}"}) as running:
        running.item(id=ITEM)
        yield running


@pytest.mark.parametrize(
    ("metadata", "code", "told"),
    [
        ({}, "MAILBOX_MISSING", "mailbox"),
        ({"messageid": ITEM}, "MAILBOX_MISSING", "mailbox"),
        ({"mailbox": "somebody", "messageid": ITEM}, "MAILBOX_INVALID", "mailbox"),
        ({"mailbox": "x@elsewhere.org", "messageid": ITEM}, "MAILBOX_NOT_ALLOWED", "ALLOWED_MAILBOXES"),
        ({"mailbox": MAILBOX}, "TARGET_MISSING", "messageid"),
        ({**NAMED, "eventid": ITEM}, "TARGET_CONTRADICTORY", "eventid"),
        ({**NAMED, "icaluid": "x"}, "TARGET_CONTRADICTORY", "icaluid"),
        ({"mailbox": MAILBOX, "messageid": "a%20b"}, "TARGET_INVALID", "messageid"),
        ({"mailbox": MAILBOX, "messageid": ".."}, "TARGET_INVALID", "messageid"),
        ({"mailbox": MAILBOX, "messageid": "A" * 1025}, "TARGET_INVALID", "messageid"),
        ({"mailbox": MAILBOX, "messageid": "50%"}, "METADATA_ENCODING", "messageid"),
        ({**NAMED, "attachmentname": "%ff"}, "METADATA_ENCODING", "attachmentname"),
        ({**NAMED, "attachmentname": "a%00b"}, "ATTACHMENT_NAME_INVALID", "attachmentname"),
        ({**NAMED, "attachmentname": "x" * 256}, "ATTACHMENT_NAME_INVALID", "attachmentname"),
        ({**NAMED, "contenttype": "pdf"}, "CONTENT_TYPE_INVALID", "contenttype"),
        ({**NAMED, "isinline": "yes"}, "INLINE_INVALID", "isinline"),
        ({**NAMED, "isinline": "true"}, "CONTENT_ID_MISSING", "contentid"),
        ({**NAMED, "isinline": "true", "contentid": "a b"}, "CONTENT_ID_INVALID", "contentid"),
    ],
)
def test_unusable_metadata_fails_once_with_a_code_that_names_the_key(
    harness: Harness, metadata: dict[str, str], code: str, told: str
) -> None:
    seen = len(runs_of(harness))
    dropped = harness.stack.drop(f"{code}-{told}-{len(str(metadata))}.bin", b"x", metadata=metadata)
    transfer = harness.ended(_delivery(dropped.name, dropped.etag))
    failure: dict[str, Any] = transfer["failure"]
    assert (transfer["state"], failure["code"]) == ("failed", code)
    assert told in failure["detail"]
    assert CATALOGUE[Code(code)].remedy
    harness.stack.wait_until_idle()
    assert [(run["dequeueCount"], run["outcome"]) for run in runs_of(harness, seen)] == [(1, "succeeded")]
    assert not [name for name in harness.stack.queue_lengths() if name.endswith("-poison")]
    assert harness.graph.attachments(MAILBOX, ITEM) == []


def test_every_fault_of_the_metadata_is_told_at_once(harness: Harness) -> None:
    metadata = {"mailbox": "somebody", "isinline": "yes", "contenttype": "pdf"}
    dropped = harness.stack.drop("all-wrong.bin", b"x", metadata=metadata)
    detail = harness.ended(_delivery(dropped.name, dropped.etag))["failure"]["detail"]
    for told in ("`mailbox`", "`messageid`", "`isinline`", "`contenttype`"):
        assert told in detail


def test_a_refused_file_asks_nothing_of_graph(harness: Harness) -> None:
    seen = len(harness.graph.requests())
    dropped = harness.stack.drop("refused.bin", content(10), metadata={"mailbox": MAILBOX})
    harness.ended(_delivery(dropped.name, dropped.etag))
    assert harness.graph.requests(seen) == []


@pytest.mark.parametrize("keys", [("Mailbox", "MessageId"), ("MAILBOX", "MESSAGEID")])
def test_the_names_of_metadata_are_compared_without_case(harness: Harness, keys: tuple[str, str]) -> None:
    item = harness.item()
    dropped = harness.stack.drop(f"{keys[0]}.bin", b"x", metadata={keys[0]: MAILBOX.upper(), keys[1]: item})
    assert harness.ended(_delivery(dropped.name, dropped.etag))["state"] == "attached"


def _delivery(blob: str, etag: str) -> Delivery:
    return Delivery(blob, etag, 0, "", MAILBOX, "message", ITEM, blob)
