"""Azurite, the storage of the local stack: blobs and queues on free loopback ports, held in memory."""

from __future__ import annotations

import re
from pathlib import Path

from devkit.processes import Child

PACKAGE = Path(__file__).with_name("node_modules") / "azurite" / "dist" / "src"
ACCOUNT = "devstoreaccount1"  # Azurite's built-in account and key, the same everywhere, published by Microsoft
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (http://\S+)")
_FLAGS = (
    "--inMemoryPersistence",
    "--disableTelemetry",
    "--skipApiVersionCheck",  # the Python SDKs speak a newer API version than Azurite 3.35 knows
    "--silent",
    *("--blobPort", "0", "--queuePort", "0", "--tablePort", "0"),
)


class Azurite(Child):
    """Azurite in a process of its own; its content is gone when it stops.

    `origins` maps "Blob", "Queue" and "Table" to the origin each service listens at.
    """

    def __init__(self, log: Path | None = None) -> None:
        self.origins: dict[str, str] = {}
        script = str(PACKAGE / "azurite.js")
        super().__init__("azurite", ["node", script, *_FLAGS], ready=self._see_service, log=log)

    def _see_service(self, line: str) -> object | None:
        """Ready once all three services have said where they listen."""
        found = _LISTENING.match(line)
        if found:
            self.origins[found[1]] = found[2]
        return self.origins if len(self.origins) == len(("Blob", "Queue", "Table")) else None

    @property
    def connection_string(self) -> str:
        """The account's connection string, with explicit endpoints for the ports in use."""
        endpoints = "".join(f"{name}Endpoint={origin}/{ACCOUNT};" for name, origin in sorted(self.origins.items()))
        return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};{endpoints}"
