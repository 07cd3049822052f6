"""`python -m devkit.graph`: the emulator as a process. Prints one line of JSON when it is ready."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys

from devkit.graph.server import Server, quiet
from devkit.graph.switches import Switches


def main() -> int:
    """Serve until SIGTERM or SIGINT, or until stdin ends where the parent asked for that."""
    parser = argparse.ArgumentParser(prog="python -m devkit.graph", description=__doc__)
    parser.add_argument("--config", default="{}", help='JSON: {"switches": {...}, "ports": [graph, upload, identity]}')
    parser.add_argument("--die-with-parent", action="store_true", help="end when stdin reaches its end")
    chosen = parser.parse_args()
    try:
        config = json.loads(chosen.config)
        switches = Switches().changed(config.get("switches", {}))
        graph, upload, identity = config.get("ports", (0, 0, 0))
    except ValueError as wrong:
        parser.error(str(wrong))
    quiet()
    asyncio.run(_serve(switches, (graph, upload, identity), die_with_parent=chosen.die_with_parent))
    return 0


async def _serve(switches: Switches, ports: tuple[int, int, int], *, die_with_parent: bool) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, ended.set)
    if die_with_parent:
        await loop.connect_read_pipe(lambda: _Parent(ended), sys.stdin)
    server = Server()
    addresses = await server.start(switches, ports)
    print(addresses.line(), flush=True)
    await ended.wait()
    await server.stop()


class _Parent(asyncio.Protocol):
    """The pipe from the parent: its end is the parent's end."""

    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        self._ended.set()


if __name__ == "__main__":
    sys.exit(main())
