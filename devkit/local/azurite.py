"""Azurite, the storage of the local stack: blobs and queues on free loopback ports, held in memory.

Its start takes a second of a processor, so whoever needs many storages takes accounts of one: they do not meet.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from pathlib import Path
from typing import Self

from devkit.local.processes import Child

PACKAGE = Path(__file__).parents[1] / "node_modules" / "azurite" / "dist" / "src"
ACCOUNT = "devstoreaccount1"  # Azurite's built-in account and key, the same everywhere, published by Microsoft
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
SHARED = "SHARED_AZURITE"
"""The environment's word for the origins of an Azurite that runs already, as JSON."""

EACH = 8  # accounts that one process takes of a shared one
MOST_ACCOUNTS = 500  # Azurite is told all of them when it starts; a test process takes some dozens

_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (http://\S+)")
_FLAGS = (
    "--inMemoryPersistence",
    "--disableTelemetry",
    "--skipApiVersionCheck",  # the Python SDKs speak a newer API version than Azurite 3.35 knows
    "--silent",
)


class Azurite(Child):
    """Azurite in a process of its own; its content is gone when it stops.

    `origins` maps "Blob", "Queue" and "Table" to the origin each service listens at.
    """

    def __init__(self, log: Path | None = None, ports: tuple[int, ...] = (0, 0, 0)) -> None:
        """`ports` of the blob, queue and table service; 0: a free one."""
        self.origins: dict[str, str] = {}
        names = [f"account{number}" for number in range(1, MOST_ACCOUNTS + 1)]
        self._unused = iter(names)
        script = str(PACKAGE / "azurite.js")
        env = {
            **os.environ,
            "AZURITE_ACCOUNTS": ";".join(f"{name}:{KEY}" for name in (ACCOUNT, *names)),
            "APPLICATION_INSIGHTS_NO_DIAGNOSTIC_CHANNEL": "1",  # it instruments every library it knows, at start
        }
        blob, queue, table = map(str, ports)
        at = ("--blobPort", blob, "--queuePort", queue, "--tablePort", table)
        super().__init__("azurite", ["node", script, *_FLAGS, *at], ready=self._see_service, log=log, env=env)

    def _see_service(self, line: str) -> object | None:
        """Ready once all three services have said where they listen."""
        found = _LISTENING.match(line)
        if found:
            self.origins[found[1]] = found[2]
        return self.origins if len(self.origins) == len(("Blob", "Queue", "Table")) else None

    @property
    def connection_string(self) -> str:
        """The built-in account's connection string, with explicit endpoints for the ports in use."""
        return self._connection_string(ACCOUNT)

    def new_account(self) -> str:
        """The connection string of an account that was not handed out before, so that it is empty.

        Raises:
            LookupError: all of them were.
        """
        name = next(self._unused, None)
        if name is None:
            raise LookupError(f"all {MOST_ACCOUNTS} accounts of this Azurite have been handed out")
        return self._connection_string(name)

    def _connection_string(self, account: str) -> str:
        endpoints = "".join(f"{name}Endpoint={origin}/{account};" for name, origin in sorted(self.origins.items()))
        return f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={KEY};{endpoints}"


class SharedAzurite(Azurite):
    """One that another process started, and named in SHARED: entering and leaving it changes nothing.

    Processes side by side are given accounts of their own, by their number, and each account empty.
    """

    def __init__(self) -> None:
        super().__init__()
        self.origins = json.loads(os.environ[SHARED])
        self._handed_out = itertools.count()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    @property
    def connection_string(self) -> str:
        """The built-in account's. It is everybody's: whoever uses it makes names of its own."""
        return self._connection_string(ACCOUNT)

    def new_account(self) -> str:
        """See `Azurite.new_account`. Accounts come round again: what an earlier process left is cleared first."""
        number = os.getpid() * EACH + next(self._handed_out) % EACH
        text = self._connection_string(f"account{1 + number % MOST_ACCOUNTS}")
        from devkit.local.storage import LocalStorage  # noqa: PLC0415 - it needs what this module makes

        with LocalStorage(text) as storage:
            storage.clear()
        return text
