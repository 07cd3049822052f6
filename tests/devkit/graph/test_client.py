from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from devkit.graph.client import Emulator


def test_the_addresses_are_what_the_product_is_configured_with() -> None:
    with Emulator.start() as graph:
        assert graph.graph_url == f"{graph.addresses['graph']}/v1.0"
        assert graph.upload_host == graph.addresses["upload"].removeprefix("http://")
        assert graph.identity == {
            "IDENTITY_ENDPOINT": graph.addresses["identity"],
            "IDENTITY_HEADER": graph.addresses["identityHeader"],
        }


def test_stopping_twice_does_no_harm_and_the_process_is_gone() -> None:
    graph = Emulator.start()
    process = graph.process
    assert process is not None
    graph.stop()
    graph.stop()
    assert process.returncode == 0


def test_connecting_leaves_the_process_to_its_owner() -> None:
    with Emulator.start() as owner:
        with Emulator.connect(owner.addresses) as guest:
            guest.add_mailbox("ann@example.com")
        assert owner.add_message("ann@example.com")


def test_an_emulator_that_does_not_start_is_reported(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match=r"did not start \(exit code 2\)"):
        Emulator.start(nonsense=1)
    assert "no switch 'nonsense'" in capfd.readouterr().err


def test_an_emulator_ends_when_its_starter_is_killed() -> None:
    script = (
        "import os, signal; from devkit.graph.client import Emulator;"
        "graph = Emulator.start(); print(graph.process.pid, graph.graph_origin, flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    pid = int(done.stdout.split()[0])
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(20)  # TimeoutExpired fails the test
