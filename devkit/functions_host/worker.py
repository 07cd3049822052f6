"""The worker process: it holds the app, and runs its functions when the host says so.

    python -m devkit.functions_host.worker FD DIRECTORY ORPHAN

FD is its end of a socket pair to the host, which ends its workers by SIGKILL. A host that is killed alone ends none: as
in Azure its worker then lives on for ORPHAN seconds, with whatever is running in it, and SIGTERM does nothing to it
unless the app handles that.
Nothing here knows what was asked before: the only state of a worker is the app's own.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import signal
import socket
import sys
import threading
import time
import traceback
from http.cookies import Morsel
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure.functions as func
from azure.functions import meta
from azurefunctions.extensions import base

from devkit.functions_host import frames, indexing
from devkit.functions_host.context import InvocationContext

CONVERTERS: Any = func.get_binding_registry()  # type: ignore[no-untyped-call]  # azure-functions is half typed
THREADS_SETTING = "PYTHON_THREADPOOL_THREAD_COUNT"


class Worker:
    """Reads frames in the main thread, runs functions in the pool, writes each outcome as it comes."""

    def __init__(
        self, connection: socket.socket, directory: Path, functions: dict[str, indexing.LoadedFunction]
    ) -> None:
        self._connection = connection
        self._directory = directory
        self._functions = functions
        self._writing = threading.Lock()
        threads = os.environ.get(THREADS_SETTING)
        self._pool = concurrent.futures.ThreadPoolExecutor(int(threads) if threads else None)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="async functions", daemon=True).start()

    def run(self) -> None:
        """Take invocations until the host is gone."""
        while (message := frames.receive(self._connection)) is not None:
            self._pool.submit(self._invoke, message)

    def send(self, message: frames.Message) -> None:
        """Write one frame, whole; a host that is gone is noticed by the reading side."""
        with self._writing:
            self._connection.sendall(frames.pack(message))

    def _invoke(self, message: frames.Message) -> None:
        """Run one function; whatever it raises is its outcome, not this worker's end."""
        result, error = None, None
        try:
            result = self._call(self._functions[message["function"]], message)
        except BaseException as problem:  # noqa: BLE001 - SystemExit of a function is a failure like any other
            error = {"message": f"{type(problem).__name__}: {problem}", "stack": traceback.format_exc()}
        self.send({"kind": "done", "invocation": message["invocation"], "error": error, "result": result})

    def _call(self, function: indexing.LoadedFunction, message: frames.Message) -> frames.Datum | None:
        """Decode the trigger's value, call, encode what comes back."""
        metadata = {name: to_datum(value) for name, value in message["metadata"].items()}
        arguments = {function.parameter: decode(function, to_datum(message["input"]), metadata)}
        if function.needs_context:
            arguments["context"] = InvocationContext(message["invocation"], function.name, self._directory)
        if function.is_async:
            answer = asyncio.run_coroutine_threadsafe(function.call(**arguments), self._loop).result()
        else:
            answer = function.call(**arguments)
        if answer is None:
            return None
        if not function.returns:
            raise RuntimeError(f"function {function.name!r} without a $return binding returned a non-None value")
        return from_http(CONVERTERS.get("http").encode(answer, expected_type=None))


def decode(function: indexing.LoadedFunction, value: Any, metadata: dict[str, Any]) -> Any:
    """The trigger's value as the function wants it, by the libraries' own converters."""
    kind = function.binding["type"]
    if function.deferred:
        converter = base.get_binding_registry().get(kind)
        return converter.decode(value, trigger_metadata=metadata, pytype=function.annotation)
    return CONVERTERS.get(kind).decode(value, trigger_metadata=metadata)


def to_datum(value: frames.Datum) -> Any:
    """A datum of the libraries from one of a frame."""
    kind, content = value["type"], value["value"]
    if kind == "bytes":
        return meta.Datum(frames.from_base64(content), "bytes")
    if kind == "model_binding_data":
        return base.Datum(SimpleNamespace(**content), "model_binding_data")
    if kind == "http":
        inner = {
            name: {key: meta.Datum(text, "string") for key, text in content[name].items()}
            for name in ("headers", "query", "params")
        }
        method, url = (meta.Datum(content[name], "string") for name in ("method", "url"))
        return meta.Datum({"method": method, "url": url, "body": to_datum(content["body"]), **inner}, "http")
    return meta.Datum(content, kind)


def from_http(value: Any) -> frames.Datum:
    """What an HTTP function returned, for a frame."""
    if value.type == "string":
        return {"type": "string", "value": value.value}
    answer = value.value
    content = {
        "status": int(answer["status_code"].value),
        "headers": {name: datum.value for name, datum in answer["headers"].items()},
        "cookies": [set_cookie(morsel) for jar in answer["cookies"] or [] for morsel in jar.values()],
        "body": frames.to_base64(answer["body"].value),
    }
    return {"type": "http", "value": content}


def set_cookie(morsel: Morsel[str]) -> str:
    """A Set-Cookie value as the host writes it anew: a cookie without a domain gets an empty one."""
    text = morsel.OutputString()
    return text if morsel["domain"] else f"{text}; domain="


def main() -> int:
    """Load the app, say what it has, serve until the host is gone."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    directory, orphan = Path(sys.argv[2]), float(sys.argv[3])
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.chdir(directory)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        functions = indexing.load(directory)
    except BaseException:  # noqa: BLE001 - the host shows it, whatever it is
        connection.sendall(frames.pack({"kind": "broken", "stack": traceback.format_exc()}))
        return 1
    worker = Worker(connection, directory, functions)
    worker.send({"kind": "indexed", "functions": [function.describe() for function in functions.values()]})
    worker.run()
    time.sleep(orphan)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # functions may still be running in threads; nobody waits for them once the host is gone
