"""What a cold worker costs: importing the app, beside importing what any app with a blob binding imports."""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median
from typing import Any

from devkit.documents import ROOT
from devkit.local.azurite import ACCOUNT, KEY

NEEDED = "azure.functions, azurefunctions.extensions.bindings.blob, azure.storage.blob"
"""What the worker imports anyway for a blob trigger that is bound to a client."""

_PROGRAM = "import time; began = time.perf_counter(); import {what}; print(time.perf_counter() - began)"
_STORAGE = (
    f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
    f"BlobEndpoint=http://127.0.0.1:1/{ACCOUNT};QueueEndpoint=http://127.0.0.1:1/{ACCOUNT};"
)


def imports(rounds: int) -> dict[str, Any]:
    """Seconds for each of the two in fresh processes, in turns, and the median of their ratios."""
    seconds("function_app"), seconds(NEEDED)  # the first ones write what Python caches
    pairs = [(seconds("function_app"), seconds(NEEDED)) for _ in range(rounds)]
    return {
        "rounds": rounds,
        "app": round(median(app for app, _ in pairs), 3),
        "needed": round(median(needed for _, needed in pairs), 3),
        "ratio": round(median(app / needed for app, needed in pairs), 3),
    }


def seconds(what: str) -> float:
    """To import `what` in a process of its own."""
    environment = {"PATH": os.environ["PATH"], "AzureWebJobsStorage": _STORAGE, "DropStorage": _STORAGE}
    command = [sys.executable, "-c", _PROGRAM.format(what=what)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)
