"""Plays the Functions host for `azure-functions-runtime`, the library that Azure itself runs on Python 3.13 and later.

    python -m tests.contract.runtime_harness APP < invocations.json

It indexes the app in APP and runs the invocations given: `[{"function", "input", "metadata"}]`, with datums as in
`devkit.functions_host.frames`. The last line of standard output is the outcome: `{"error"}` where indexing failed, else
`{"functions": {name: [binding]}, "results": [{"error"} or {"value"}]}`.

The library takes its protobuf module as an argument, so that plain classes do. It keeps one app for each process.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime


class Message:
    """Any protobuf message that only holds what it was made with."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class OneOf(Message):
    """A message of which one field is set."""

    def WhichOneof(self, group: str) -> str | None:  # noqa: N802 - protobuf's own
        return next((name for name, value in self.__dict__.items() if value is not None), None)


class ParameterBinding(Message):
    def WhichOneof(self, group: str) -> str:  # noqa: N802 - protobuf's own
        return "data"


class StatusResult(Message):
    Failure = 0
    Success = 1


class BindingInfo(Message):
    undefined, out, inout = range(3)


class Protos:
    """What stands in for the protobuf module."""

    TypedData = OneOf
    ParameterBinding = ParameterBinding
    StatusResult = StatusResult
    BindingInfo = BindingInfo

    def __getattr__(self, name: str) -> type[Message]:
        return Message


PROTOS = Protos()


async def main() -> dict[str, Any]:
    """Index, then invoke one after another."""
    app, invocations = sys.argv[1], json.load(sys.stdin)
    os.chdir(app)
    sys.path.insert(0, app)
    runtime.start_threadpool_executor()
    init = await runtime.worker_init_request(
        _request("worker_init_request", capabilities={}, function_app_directory=app)
    )
    if init.result.status != StatusResult.Success:
        return {"error": f"{init.result.exception.message}\n{init.result.exception.stack_trace}"}
    listed = await runtime.functions_metadata_request(_request("functions_metadata_request"))
    functions = {each.name: each for each in listed.function_metadata_results or []}
    for each in functions.values():
        loaded = await runtime.function_load_request(_request("function_load_request", function_id=each.function_id))
        assert loaded.result.status == StatusResult.Success
    results = [await _invoke(functions[each["function"]], each) for each in invocations]
    bindings = {name: [json.loads(raw) for raw in each.raw_bindings] for name, each in functions.items()}
    runtime.stop_threadpool_executor()
    return {"functions": bindings, "results": results}


async def _invoke(function: Any, invocation: dict[str, Any]) -> dict[str, Any]:
    """One invocation as the host sends it."""
    trigger = next(raw for raw in map(json.loads, function.raw_bindings) if raw["type"].endswith("Trigger"))
    answer = await runtime.invocation_request(
        _request(
            "invocation_request",
            invocation_id="3f1e9a4c-0000-0000-0000-000000000001",
            function_id=function.function_id,
            input_data=[ParameterBinding(name=trigger["name"], data=typed(invocation["input"]))],
            trigger_metadata={name: typed(value) for name, value in invocation["metadata"].items()},
            trace_context=Message(trace_parent="", trace_state="", attributes={}),
            retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
        )
    )
    if answer.result.status != StatusResult.Success:
        return {"error": f"{answer.result.exception.message}\n{answer.result.exception.stack_trace}"}
    return {"value": _plain(answer.return_value)}


def typed(datum: dict[str, Any]) -> OneOf:
    """A TypedData of one of our datums."""
    kind, value = datum["type"], datum["value"]
    if kind == "bytes":
        return OneOf(bytes=base64.b64decode(value))
    if kind == "model_binding_data":
        return OneOf(model_binding_data=SimpleNamespace(**value))
    if kind == "http":
        return OneOf(http=Message(**{**value, "body": typed(value["body"])}))
    return OneOf(**{kind: value})


def _plain(value: Any) -> Any:
    """What a function returned, as far as the tests look at it."""
    if value is None:
        return None
    if value.WhichOneof("data") == "http":
        http = value.http
        return {"status": int(http.status_code), "headers": http.headers, "body": http.body.bytes.decode()}
    return value.string


def _request(kind: str, **fields: Any) -> Any:
    """A request in the wrapping that the library expects."""
    inner = SimpleNamespace(**{kind: Message(**fields)})
    return SimpleNamespace(request=inner, properties={"host": "127.0.0.1", "protos": PROTOS})


if __name__ == "__main__":
    outcome = asyncio.run(main())
    sys.stdout.write(json.dumps(outcome) + "\n")
