"""Runs a copy of the deployer with the stand-in in the same process: a test that needs a hundred runs stays quick.

python inside.py FOLDER ARGUMENT...       one run
python inside.py FOLDER                   many: a line of JSON in ({"arguments", "environment"}), one out for each
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

from tests.infra.az import program


def main(folder: Path, arguments: list[str]) -> int:
    sys.path.insert(0, str(folder / "infra"))
    from deployer import __main__ as deployer  # type: ignore[import-not-found]  # noqa: PLC0415 - the copy's path comes first
    from deployer import azure, steps  # noqa: PLC0415

    def run(command: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
        name = Path(command[0]).name
        if name not in {"az", "azd"}:
            return subprocess.run(command, **more)  # noqa: PLW1510 - the caller's own words
        out, err = io.StringIO(), io.StringIO()
        shown = sys.stdout if more["stdout"] is None else out
        code = program.main(folder, [name, *command[1:]], os.environ, shown, err)
        return subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())

    package = folder / "build" / "package.zip"
    package.parent.mkdir(exist_ok=True)
    package.write_bytes(b"")
    quick = mock.Mock(wraps=subprocess)
    quick.run, quick.PIPE = run, subprocess.PIPE
    with mock.patch.object(azure, "subprocess", quick), mock.patch.object(steps, "make_package", return_value=package):
        if arguments:
            return int(deployer.main(arguments))
        for line in sys.stdin:
            sys.__stdout__.write(json.dumps(_played(deployer.main, json.loads(line))) + "\n")  # type: ignore[union-attr]
            sys.__stdout__.flush()  # type: ignore[union-attr]
    return 0


def _played(deployer: Any, asked: dict[str, Any]) -> dict[str, Any]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), mock.patch.dict(os.environ, asked["environment"]):
        code = deployer(asked["arguments"])
    return {"returncode": code, "stdout": out.getvalue(), "stderr": err.getvalue()}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
