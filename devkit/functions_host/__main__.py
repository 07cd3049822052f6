"""`python -m devkit.functions_host --app DIR`: run the function app in DIR until told to stop (SIGTERM or Ctrl-C).

On standard output one line of JSON says that it is ready: `{"url", "worker", "workers", "functions", "keys"}`;
everything else, the app's output too, goes to standard error. An app that cannot be indexed ends it with the app's
stack and code 1.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from devkit.functions_host import coretools, queues
from devkit.functions_host.app import FunctionApp, Options
from devkit.functions_host.faults import HostFaultError
from devkit.functions_host.routes import Keys
from devkit.functions_host.server import PARSED, HostServer
from devkit.functions_host.settings import SettingsError
from devkit.functions_host.workers import IndexingError, say


def main() -> int:
    """Parse, run, exit code."""
    given = parse()
    if given.host == "func":
        return coretools.run(given.app, given.port)
    logging.basicConfig(level=logging.WARNING, format="[host] %(levelname)s %(name)s: %(message)s")
    options = Options(
        app=given.app,
        workers=given.workers,
        pace=queues.Pace(given.poll, given.told, given.hold, given.overrun, given.poison_tries),
        scan_interval=given.scan,
        stand_in=given.event_grid_standin,
        timers=not given.no_timers,
        local_settings=not given.no_local_settings,
        drain=given.drain,
        tell_workers=given.tell_workers,
        orphan=given.orphan,
        timer_lease=given.timer_lease,
        storage_patience=given.storage_patience,
        restart=given.restart,
    )
    try:
        return asyncio.run(serve(options, given.port, enforce_keys=given.keys))
    except (SettingsError, IndexingError) as problem:
        say(f"the app cannot run:\n{problem}")
        return 1


SECONDS = (
    ("poll", None, "between looks at an idle queue (default: maxPollingInterval of host.json)"),
    ("told", queues.TOLD_SECONDS, "between looks at a queue that hosts alone fill"),
    ("hold", queues.HOLD_SECONDS, "visibility of a running message, and of one that failed on a poison queue"),
    ("overrun", queues.OVERRUN_SECONDS, "between a run that overran its time and the release of its message"),
    ("drain", Options.drain, "what runs may still take after SIGTERM"),
    ("orphan", Options.orphan, "how long a worker outlives a host that was killed alone"),
    ("timer-lease", Options.timer_lease, "of the lock on a timer: how long a dead host's timers stand still; 15 to 60"),
    ("storage-patience", Options.storage_patience, "how long the host's own storage clients try again"),
    ("restart", Options.restart, "between the end of the host by a storage fault and its next start"),
)
"""Times of the real host, which tests may shorten."""


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m devkit.functions_host", description="Run a Python function app.")
    parser.add_argument(
        "--app", type=lambda text: Path(text).resolve(), required=True, help="folder of function_app.py"
    )
    parser.add_argument("--host", choices=("dev", "func"), default="dev", help="this host, or Azure's Core Tools")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--workers", type=int, default=1, help="worker processes")
    parser.add_argument("--keys", action="store_true", help="enforce function keys, as in Azure")
    parser.add_argument("--no-timers", action="store_true", help="run timer functions through /admin only")
    parser.add_argument("--no-local-settings", action="store_true", help="leave local.settings.json alone")
    parser.add_argument("--tell-workers", action="store_true", help="workers get SIGTERM too when the host does")
    parser.add_argument("--poison-tries", type=int, help="then skipped for ever, as before storage extension 5.3.8: 5")
    for name, default, words in SECONDS:
        parser.add_argument(f"--{name}", type=float, default=default, metavar="SECONDS", help=words)
    parser.add_argument("--scan", type=float, default=1.0, help="seconds between container scans in polling mode")
    parser.add_argument(
        "--event-grid-standin",
        type=float,
        nargs="?",
        const=1.0,
        metavar="SECONDS",
        help="watch the drop container and send the events that Event Grid would",
    )
    return parser.parse_args()


async def serve(options: Options, port: int, *, enforce_keys: bool) -> int:
    """Start everything, say so, run until stopped, stop everything."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    environment = {"WEBSITE_HOSTNAME": address, **os.environ}
    keys = Keys(enforce_keys, *(secrets.token_urlsafe(24) for _ in range(3)))
    server = HostServer(keys)
    runner = web.AppRunner(
        server.application(),
        access_log=None,
        auto_decompress=False,
        max_line_size=PARSED,
        max_field_size=PARSED,
    )
    stopped = asyncio.create_task(until_stopped())
    try:
        while not stopped.done():
            app = FunctionApp(options, environment, server.invocations)
            fault = await run(app, server, stopped, functools.partial(open_for, app, runner, listener, keys))
            if fault is not None:
                server.stops.append(fault)
                say(f"the host stops, with all that runs in it: {fault}")
                await asyncio.wait([stopped], timeout=options.restart)
        return 0
    finally:
        await runner.cleanup()


async def run(
    app: FunctionApp, server: HostServer, stopped: asyncio.Future[None], opened: Callable[[], Awaitable[None]]
) -> str | None:
    """Run the app until it is told to end, then None; or until a fault of its own ends it, then which."""
    fault = None
    try:
        await app.start()
        server.running = app
        await opened()
        ends: list[asyncio.Future[Any]] = [stopped, app.workers.broken, app.failure]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if app.workers.broken.done():
            raise IndexingError(app.workers.broken.result())
        problem = app.failure.exception() if app.failure.done() else None
        if problem is not None and not isinstance(problem, HostFaultError):
            raise problem
        if problem is not None:
            fault = str(problem)
        return fault
    finally:
        server.running = None
        await (app.close() if fault is None else app.abandon())


async def open_for(app: FunctionApp, runner: web.AppRunner, listener: socket.socket, keys: Keys) -> None:
    """Let requests in, and say so, the first time."""
    if runner.server is not None:
        return
    await runner.setup()
    await web.SockSite(runner, listener).start()
    host, port = listener.getsockname()[:2]
    ready = {
        "url": f"http://{host}:{port}",
        "pid": os.getpid(),
        "worker": app.workers.pids[0],
        "workers": app.workers.pids,
        "functions": sorted(app.bindings),
        "keys": {"master": keys.master, "function": keys.function, "blobs_extension": keys.blobs_extension},
    }
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()


async def until_stopped() -> None:
    """Return at the first SIGTERM or Ctrl-C."""
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    await asked.wait()


if __name__ == "__main__":
    sys.exit(main())
