"""The worker's half of indexing: load function_app.py and find out what its functions are bound to.

It goes the way Azure's worker goes (one app object in the module, `get_functions()` once), and refuses what this host
cannot run rather than run it differently.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import azure.functions as func
from azurefunctions.extensions import base

TRIGGERS = ("blobTrigger", "queueTrigger", "timerTrigger", "httpTrigger")
MODULE = "function_app"


class AppError(RuntimeError):
    """The app cannot be indexed by this host; the message says which function and why."""


@dataclass(frozen=True)
class LoadedFunction:
    """One function of the app, ready to be called. `binding` is its trigger as in function.json."""

    name: str
    call: Callable[..., Any]
    is_async: bool
    binding: dict[str, Any]
    annotation: type | None
    needs_context: bool
    returns: bool

    @property
    def parameter(self) -> str:
        """The parameter that takes the trigger's value."""
        return str(self.binding["name"])

    @property
    def deferred(self) -> bool:
        """Whether the trigger's value is an SDK client, made by the worker from a reference."""
        return base.get_binding_registry().check_supported_type(self.annotation) is True

    def describe(self) -> dict[str, Any]:
        """What the host needs to know, as JSON."""
        return {"name": self.name, "binding": self.binding}


def load(directory: Path) -> dict[str, LoadedFunction]:
    """Import `directory`/function_app.py and index it; AppError, or whatever the import itself raises."""
    sys.path[0] = str(directory)
    module = importlib.import_module(MODULE)
    apps = {id(value): value for value in vars(module).values() if isinstance(value, func.FunctionRegister)}
    if len(apps) != 1:
        raise AppError(f"{MODULE}.py must define exactly one function app at its top level; it has {len(apps)}")
    functions = [_load_function(function) for function in next(iter(apps.values())).get_functions()]
    return {function.name: function for function in functions}


def _load_function(function: Any) -> LoadedFunction:
    """Check one function against its bindings."""
    name = str(function.get_function_name())
    binding = _plain(function.get_trigger().get_dict_repr())
    if binding["type"] not in TRIGGERS:
        raise AppError(f"{name}: the dev host has no {binding['type']}")
    outputs = [each for each in function.get_bindings() if each is not function.get_trigger()]
    for output in outputs:
        if output.type != "http":
            raise AppError(f"{name}: the dev host has no {output.type} binding {output.name!r}")
    call = function.get_user_function()
    hints, parameters = typing.get_type_hints(call), list(inspect.signature(call).parameters)
    needs_context = "context" in parameters and binding["name"] != "context"
    if set(parameters) - {"context"} != {binding["name"]} - {"context"}:
        raise AppError(f"{name}: its parameters {parameters} do not match its trigger's name {binding['name']!r}")
    loaded = LoadedFunction(
        name=name,
        call=call,
        is_async=inspect.iscoroutinefunction(call),
        binding=binding,
        annotation=hints.get(str(binding["name"])),
        needs_context=needs_context,
        returns=bool(outputs),
    )
    if binding["type"] == "blobTrigger" and not loaded.deferred:
        raise AppError(f"{name}: bind an SDK type such as BlobClient; the dev host carries no whole blobs")
    return loaded


def _plain(binding: dict[str, Any]) -> dict[str, Any]:
    """The binding's description with plain values for the library's enums."""
    return {key: _plain_value(value) for key, value in binding.items() if key != "direction"}


def _plain_value(value: Any) -> Any:
    """Enums print as their names; lists hold more of them."""
    if isinstance(value, list | tuple):
        return [_plain_value(item) for item in value]
    return value if value is None or isinstance(value, str | int | bool) else str(value)
