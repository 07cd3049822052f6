"""What stops the whole host, with every run in it, and what it survives.

Measured on the Azure Functions host 4.1037 with storage extension 5.3.10: a fault of the host's own calls to storage is
an unhandled exception of its process. 403 on polling a queue, on the HEAD of a blob or on writing to a poison queue
ends it, so do refused connections that outlast the client's retries and what cannot be read in the blob trigger's own
queue; 503 on polling and a queue that is gone do not.
"""

from __future__ import annotations

from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.blob.aio import ExponentialRetry

CLIENT_RETRIES = 5
CLIENT_PATIENCE = 26.0
"""Seconds that a client of the host's goes on, with all its retries; measured on refused connections."""

TAKEN_OVER = (400, 404)
"""A pop receipt that is no longer the message's, or a message that is gone."""


class HostFaultError(RuntimeError):
    """Something that ends the host's process; the message says what."""


def fault(what: str, problem: AzureError) -> HostFaultError:
    """The fault that a refused or unanswered call of the host's own is."""
    return HostFaultError(f"{what}: {type(problem).__name__}: {str(problem).splitlines()[0]}")


def polling_survives(problem: AzureError) -> bool:
    """Whether a look at a queue that failed like this is simply repeated later."""
    if not isinstance(problem, HttpResponseError) or problem.status_code is None:
        return False
    return problem.status_code in (404, 409) or problem.status_code >= 500  # noqa: PLR2004 - HTTP's server errors


class ClientRetry(ExponentialRetry):
    """The .NET client's retries: waits that double, `patience` seconds in all. It serves blobs and queues alike."""

    def __init__(self, patience: float = CLIENT_PATIENCE) -> None:
        self._first = patience / (2**CLIENT_RETRIES - 1)
        super().__init__(retry_total=CLIENT_RETRIES)

    def get_backoff_time(self, settings: dict[str, Any]) -> float:
        """Seconds before the next try."""
        return float(self._first * 2 ** max(0, settings["count"] - 1))
