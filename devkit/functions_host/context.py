"""What a function sees that asks for a parameter named `context`."""

from __future__ import annotations

import secrets
import threading
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure.functions as func


class InvocationContext(func.Context):
    """The context of one run, with the properties that Azure's worker gives it."""

    def __init__(self, invocation: str, function: str, directory: Path) -> None:
        """Every run begins a trace of its own, named after it (W3C trace context)."""
        self._invocation = invocation
        self._function = function
        self._directory = directory
        self._local: Any = threading.local()
        self._local.invocation_id = invocation
        parent = f"00-{uuid.UUID(invocation).hex}-{secrets.token_hex(8)}-01"
        self._trace = SimpleNamespace(trace_parent=parent, trace_state="", attributes={})

    @property
    def invocation_id(self) -> str:
        """The id that the host gave this run."""
        return self._invocation

    @property
    def function_name(self) -> str:
        """The function's name."""
        return self._function

    @property
    def function_directory(self) -> str:
        """Where the app is."""
        return str(self._directory)

    @property
    def thread_local_storage(self) -> Any:
        """For apps that log from threads of their own."""
        return self._local

    @property
    def trace_context(self) -> Any:
        """`trace_parent`, `trace_state`, `attributes`."""
        return self._trace

    @property
    def retry_context(self) -> Any:
        """No trigger of this host has a retry policy: the count is always 0."""
        return SimpleNamespace(retry_count=0, max_retry_count=0, exception=None)
