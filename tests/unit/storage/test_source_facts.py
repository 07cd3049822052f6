"""What storage says of a blob, as intake hears it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from azure.storage.blob import BlobProperties

from shared.storage.source import DropContainer


@pytest.mark.parametrize(
    ("status", "told"),
    [("pending", "pending"), ("failed", "failed"), ("aborted", "aborted"), ("success", None), (None, None)],
)
def test_a_copy_that_is_not_whole_is_told_of(status: str | None, told: str | None) -> None:
    properties: Any = BlobProperties(name="a", metadata={"hdi_isfolder": "true"})
    properties.etag, properties.size = "0x1", 7
    properties.last_modified = datetime(2026, 3, 2, tzinfo=UTC)
    properties.copy.status = status
    access: Any = None
    dropped = DropContainer(access, "drop")._dropped(properties)
    assert (dropped.copy, dropped.metadata) == (told, {"hdi_isfolder": "true"})
