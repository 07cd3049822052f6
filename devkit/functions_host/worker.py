"""The worker process: it holds the app, and runs its functions when the host says so.

    python -m devkit.functions_host.worker FD DIRECTORY ORPHAN

The app is indexed and its functions are run by `azure-functions-runtime`, the library that Azure's own workers use on
Python 3.13 and later: parameters, annotations, conversions and return values are checked as there.

FD is its end of a socket pair to the host, which ends its workers by SIGKILL. A host that is killed alone ends none: as
in Azure its worker then lives on for ORPHAN seconds, with whatever is running in it, and SIGTERM does nothing to it
unless the app handles that.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
import traceback
import uuid
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime

from devkit.functions_host import frames, indexing
from devkit.functions_host.protos import Message, ParameterBinding, Protos, StatusResult, returned, typed

PROTOS = Protos()


@dataclass(frozen=True, slots=True)
class LoadedFunction:
    """A function that the library holds, and the parameter that takes its trigger's value."""

    function_id: str
    parameter: str


class Worker:
    """Reads frames, has the library run each invocation, writes each outcome as it comes."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, functions: dict[str, LoadedFunction]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._functions = functions
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Take invocations until the host is gone."""
        while (message := await frames.read(self._reader)) is not None:
            task = asyncio.create_task(self._invoke(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _invoke(self, message: frames.Message) -> None:
        """Run one function; whatever it raises is its outcome, not this worker's end."""
        result, error = None, None
        try:
            answer = await runtime.invocation_request(_invocation(message, self._functions[message["function"]]))
        except SystemExit:
            error = {"message": "SystemExit", "stack": traceback.format_exc()}
        else:
            if answer.result.status == StatusResult.Success:
                result = returned(answer.return_value)
            else:
                raised = answer.result.exception
                error = {"message": str(raised.message), "stack": f"{raised.message}\n{raised.stack_trace}"}
        done = {"kind": "done", "invocation": message["invocation"], "error": error, "result": result}
        self._writer.write(frames.pack(done))


def _invocation(message: frames.Message, function: LoadedFunction) -> Any:
    """An invocation as Azure's host sends it. Every run begins a trace of its own, named after it (W3C)."""
    parent = f"00-{uuid.UUID(message['invocation']).hex}-{secrets.token_hex(8)}-01"
    return _request(
        "invocation_request",
        invocation_id=message["invocation"],
        function_id=function.function_id,
        input_data=[ParameterBinding(name=function.parameter, data=typed(message["input"]))],
        trigger_metadata={name: typed(value) for name, value in message["metadata"].items()},
        trace_context=Message(trace_parent=parent, trace_state="", attributes={}),
        retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
    )


async def indexed(directory: Path) -> tuple[dict[str, LoadedFunction], list[dict[str, Any]]]:
    """The app's functions by name, and what the host needs to know of each.

    Raises:
        AppError: the library could not load the app, or this host cannot run one of its functions.
    """
    runtime.start_threadpool_executor()
    init = await runtime.worker_init_request(
        _request("worker_init_request", capabilities={}, function_app_directory=str(directory))
    )
    if init.result.status != StatusResult.Success:
        raised = init.result.exception
        raise indexing.AppError(f"{raised.message}\n{raised.stack_trace}")
    listed = await runtime.functions_metadata_request(_request("functions_metadata_request"))
    functions, told = {}, []
    for each in listed.function_metadata_results or []:
        await runtime.function_load_request(_request("function_load_request", function_id=each.function_id))
        description = indexing.described(each.name, each.raw_bindings)
        functions[each.name] = LoadedFunction(each.function_id, description["binding"]["name"])
        told.append(description)
    return functions, told


def _request(kind: str, **fields: Any) -> Any:
    """A request in the wrapping that the library expects."""
    inner = SimpleNamespace(**{kind: Message(**fields)})
    return SimpleNamespace(request=inner, properties={"host": "127.0.0.1", "protos": PROTOS})


async def serve(connection: socket.socket, directory: Path, orphan: float) -> int:
    """Load the app, say what it has, run its functions until the host is gone, and outlive it by `orphan` seconds."""
    reader, writer = await asyncio.open_connection(sock=connection)
    try:
        functions, told = await indexed(directory)
    except BaseException:  # noqa: BLE001 - the host shows it, whatever it is
        writer.write(frames.pack({"kind": "broken", "stack": traceback.format_exc()}))
        await writer.drain()
        return 1
    writer.write(frames.pack({"kind": "indexed", "functions": told}))
    await Worker(reader, writer, functions).run()
    await asyncio.sleep(orphan)
    return 0


def main() -> int:
    """Set the process up as Azure's worker does, then serve."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    directory, orphan = Path(sys.argv[2]), float(sys.argv[3])
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.chdir(directory)
    sys.path[0] = str(directory)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    return asyncio.run(serve(connection, directory, orphan))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # functions may still be running in threads; nobody waits for them once the host is gone
