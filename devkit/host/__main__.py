"""`python -m devkit.host --app DIR`: run the function app in DIR until told to stop (SIGTERM or Ctrl-C).

On standard output one line of JSON says that it is ready: `{"url", "worker", "workers", "functions", "keys"}`;
everything else, the app's output too, goes to standard error. An app that cannot be indexed ends it with the app's
stack and code 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import secrets
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

from devkit.host import coretools, queues
from devkit.host.app import FunctionApp, Options
from devkit.host.routes import Keys
from devkit.host.server import PARSED, HostServer
from devkit.host.settings import SettingsError
from devkit.host.workers import IndexingError, say


def main() -> int:
    """Parse, run, exit code."""
    given = parse()
    if given.host == "func":
        return coretools.run(given.app, given.port)
    logging.basicConfig(level=logging.WARNING, format="[host] %(levelname)s %(name)s: %(message)s")
    options = Options(
        app=given.app,
        workers=given.workers,
        pace=queues.Pace(poll=given.poll, hold=given.hold),
        scan_interval=given.scan,
        stand_in=given.event_grid_standin,
        timers=not given.no_timers,
        local_settings=not given.no_local_settings,
    )
    try:
        return asyncio.run(serve(options, given.port, enforce_keys=given.keys))
    except (SettingsError, IndexingError) as problem:
        say(f"the app cannot run:\n{problem}")
        return 1


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m devkit.host", description="Run a Python function app.")
    parser.add_argument(
        "--app", type=lambda text: Path(text).resolve(), required=True, help="folder of function_app.py"
    )
    parser.add_argument("--host", choices=("dev", "func"), default="dev", help="this host, or Azure's Core Tools")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--workers", type=int, default=1, help="worker processes")
    parser.add_argument("--keys", action="store_true", help="enforce function keys, as in Azure")
    parser.add_argument("--no-timers", action="store_true", help="run timer functions through /admin only")
    parser.add_argument("--no-local-settings", action="store_true", help="leave local.settings.json alone")
    parser.add_argument("--poll", type=float, default=queues.Pace.poll, help="seconds between looks at an idle queue")
    parser.add_argument("--hold", type=float, default=queues.HOLD_SECONDS, help="visibility of a running message (s)")
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
    app = FunctionApp(options, {"WEBSITE_HOSTNAME": address, **os.environ})
    keys = Keys(enforce_keys, *(secrets.token_urlsafe(24) for _ in range(3)))
    runner = web.AppRunner(
        HostServer(app, keys).application(),
        access_log=None,
        auto_decompress=False,
        max_line_size=PARSED,
        max_field_size=PARSED,
    )
    stopped = asyncio.create_task(until_stopped())
    try:
        await app.start()
        await runner.setup()
        await web.SockSite(runner, listener).start()
        ready = {
            "url": f"http://{address}",
            "worker": app.workers.pids[0],
            "workers": app.workers.pids,
            "functions": sorted(app.bindings),
            "keys": {"master": keys.master, "function": keys.function, "blobs_extension": keys.blobs_extension},
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        broken, failure = app.workers.broken, app.failure
        ends: list[asyncio.Future[Any]] = [stopped, broken, failure]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if broken.done():
            raise IndexingError(broken.result())
        if failure.done():
            failure.result()
        return 0
    finally:
        await app.close()
        await runner.cleanup()


async def until_stopped() -> None:
    """Return at the first SIGTERM or Ctrl-C."""
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    await asked.wait()


if __name__ == "__main__":
    sys.exit(main())
