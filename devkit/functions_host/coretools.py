"""`--host func`: the same app under Azure Functions Core Tools, where they are installed.

Core Tools bring the real host. They need their extension bundle, which `func start` downloads the first time.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from devkit.functions_host.workers import say

START_SECONDS = 180.0  # the first start downloads the extension bundle
MISSING = """Azure Functions Core Tools are not installed: there is no `func` on PATH.
Install them (npm install --global azure-functions-core-tools@4, Node.js 22 or newer), or leave `--host func` away:
the dev host needs nothing but this repository."""


def run(app: Path, port: int) -> int:
    """Run `func start` until it ends or this process is told to stop; the same readiness line as the dev host's."""
    if shutil.which("func") is None:
        say(MISSING)
        return 2
    port = port or free_port()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # the worker is this environment's
    environment = {"FUNCTIONS_WORKER_RUNTIME": "python", **os.environ, "PATH": path}
    child = subprocess.Popen(["func", "start", "--port", str(port)], cwd=app, env=environment, stdout=sys.stderr)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + START_SECONDS
    try:
        while child.poll() is None:
            names = functions(url)
            if names is not None:
                ready = {"url": url, "worker": None, "workers": [], "functions": sorted(names), "keys": None}
                sys.stdout.write(json.dumps(ready) + "\n")
                sys.stdout.flush()
                return child.wait()
            if time.monotonic() > deadline:
                say(f"func start was not ready within {START_SECONDS:g} s")
                return 1
            time.sleep(0.2)
    except KeyboardInterrupt:
        return 0
    else:
        return child.returncode or 1
    finally:
        child.terminate()
        child.wait()


def functions(url: str) -> list[str] | None:
    """The names that the running host lists; None while it is not there yet."""
    try:
        with urllib.request.urlopen(f"{url}/admin/functions", timeout=5) as answer:
            return [str(function["name"]) for function in json.load(answer)]
    except (urllib.error.URLError, OSError, ValueError):
        return None


def free_port() -> int:
    """A port that was free a moment ago; Core Tools cannot take port 0. A race lost shows as a failed start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
