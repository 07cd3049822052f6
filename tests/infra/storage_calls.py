"""Counts the storage calls of the product, by what is billed.

    python -m tests.infra.storage_calls BLOB [BLOB...]     or     sweep

handles each subject in turn, in a process with the app's settings, and prints one JSON object of counts per line:
{"write", "read", "free", "queue"}.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from shared.app import HOST_JSON, App
from shared.composition import Composition
from shared.settings import load

CONNECTION = "DropStorage"


def ports() -> dict[int, str]:
    """Port -> service, from the connection string."""
    parts = dict(part.split("=", 1) for part in os.environ[CONNECTION].strip(";").split(";"))
    return {urlsplit(parts[f"{service}Endpoint"]).port or 0: service for service in ("Blob", "Queue")}


def billed(service: str, method: str, url: str) -> str:
    if service == "Queue":
        return "queue"
    if method == "DELETE":
        return "free"
    return "write" if method == "PUT" or "comp=list" in url else "read"


def main(subjects: list[str]) -> int:
    services, counted = ports(), Counter[str]()
    original = http.client.HTTPConnection.putrequest  # every client ends here, whatever stands before it

    def putrequest(connection: http.client.HTTPConnection, method: str, url: str, *rest: Any, **more: Any) -> None:
        if service := services.get(connection.port):
            counted[billed(service, method, url)] += 1
        original(connection, method, url, *rest, **more)

    http.client.HTTPConnection.putrequest = putrequest  # type: ignore[method-assign, assignment]
    product = App(Composition(load(os.environ, HOST_JSON.read_text(encoding="utf-8"))))
    for subject in subjects:
        counted.clear()
        if subject == "sweep":
            product.sweep()
        else:
            product.blob_dropped("drop", subject)
        sys.stdout.write(json.dumps(counted) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
