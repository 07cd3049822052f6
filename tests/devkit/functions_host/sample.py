"""The sample app on a stack of its own, and what its functions wrote down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devkit.local.azurite import Azurite
from devkit.local.stack import Stack

FOLDER = Path(__file__).with_name("sample_app")
QUEUES = "AzureFunctionsJobHost__extensions__queues__"
BLOBS = "AzureFunctionsJobHost__extensions__blobs__"
NEVER = "0 0 0 1 1 *"  # a schedule that is not due while a test runs, unless at New Year
SETTINGS = {"WORK_QUEUE": "work", "SAMPLE_SCHEDULE": NEVER, f"{QUEUES}visibilityTimeout": "00:00:00"}


class Sample(Stack):
    """A stack with the sample app and no Graph. A failed message is tried again at once, unless `settings` differ."""

    def __init__(
        self,
        azurite: Azurite,
        *,
        options: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
        host: bool = True,
    ) -> None:
        given = {**SETTINGS, **(settings or {})}
        super().__init__(app=FOLDER, graph=False, host=host, options=options, settings=given, azurite=azurite)

    def _connect(self) -> None:
        super()._connect()
        self.storage.create_container("log")
        self.queues.create_queue("work")

    def runs(self, function: str) -> list[dict[str, Any]]:
        """What one function wrote down, oldest first."""
        container = self.storage.get_container_client("log")
        names = sorted(blob.name for blob in container.list_blobs(name_starts_with=f"{function}/"))
        return [json.loads(container.download_blob(name).readall()) for name in names]

    def texts(self, function: str) -> list[str]:
        """The messages that a queue function wrote down."""
        return [str(run["text"]) for run in self.runs(function)]
