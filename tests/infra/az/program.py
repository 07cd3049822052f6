"""`az` and `azd` as a program: words in; documents, errors and an exit code out."""

from __future__ import annotations

import fcntl
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import jmespath
from jmespath.exceptions import JMESPathError

from tests.infra.az import azd
from tests.infra.az.commands import COMMANDS, Printed
from tests.infra.az.errors import AzError
from tests.infra.az.world import World

SIGNATURES: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("commands.json").read_text(encoding="utf-8")
)["commands"]
GLOBAL = [["--output", "-o"], ["--query"], ["--only-show-errors"], ["--verbose"], ["--debug"]]


def main(folder: Path, words: Sequence[str], environment: Mapping[str, str], out: TextIO, err: TextIO) -> int:
    """Play one call; `words` begins with the program's name."""
    with (folder / "az.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the deployer may be running twice
        with (folder / "calls").open("a", encoding="utf-8") as calls:
            calls.write(json.dumps(list(words)) + "\n")
        if words[0] != "azd":
            config = Path(environment.get("AZURE_CONFIG_DIR") or f"{environment['HOME']}/.azure")
            return _told(err, lambda: _az(folder, config, words[1:], out))
    return _told(err, lambda: azd.run(folder, words[1:], environment, out))  # its hooks call az


def _told(err: TextIO, call: Callable[[], int]) -> int:
    try:
        return call()
    except AzError as error:
        err.write(f"ERROR: {error}\n")
        return error.code


def _az(folder: Path, config: Path, words: Sequence[str], out: TextIO) -> int:
    name = max((one for one in SIGNATURES if words[: len(one.split())] == one.split()), key=len, default="")
    if not name:
        raise AzError(f"'{' '.join(words)}' is misspelled or not recognized by the system.", 2)
    asked = parsed(name, words[len(name.split()) :])
    query, shape = asked.pop("--query", None), asked.pop("--output", "json")
    compiled = _compiled(query)
    with World.opened(folder / "azure.json", config) as world:
        stop = world.data.get("stopAt")
        at = world.data["calls"] = world.data["calls"] + 1
        if stop and at == stop["call"] and not stop["after"]:
            raise AzError("SomethingNew: nobody met this before")
        played = _ruled(world, words)
        document = COMMANDS[name](world, asked) if played is None else _answered(played)
        if stop and at == stop["call"]:
            raise AzError("SomethingNew: the answer was lost")
    if isinstance(document, Printed):
        out.write(document)
        return 0
    if compiled is not None:
        try:
            document = compiled.search(document)
        except JMESPathError as error:
            raise AzError(f"Invalid jmespath query supplied for `--query`: {error}") from error
    out.write(rendered(document, shape))
    return 0


def _compiled(query: str | None) -> Any:
    if query is None:
        return None
    try:
        return jmespath.compile(query)
    except JMESPathError as error:
        raise AzError(f"argument --query: invalid jmespath_type value: {query!r}", 2) from error


def parsed(name: str, words: Sequence[str]) -> dict[str, Any]:
    """The options by their first long name; `AzError` for one that the real command would refuse."""
    signature = SIGNATURES[name]
    known = {short: names for names in [*signature["options"], *GLOBAL] for short in names}
    asked: dict[str, Any] = {}
    option = None
    for word in words:
        if word.startswith("-") and not word[1:2].isdigit():
            if word not in known:
                raise AzError(f"unrecognized arguments: {word}", 2)
            option = _chief(known[word])
            asked[option] = True
        elif option is None:
            raise AzError(f"unrecognized arguments: {word}", 2)
        elif asked[option] is True:
            asked[option] = word
        else:
            asked[option] = [*([asked[option]] if isinstance(asked[option], str) else asked[option]), word]
    missing = [one for one in signature["required"] if _chief(known[one]) not in asked]
    if missing:
        raise AzError(f"the following arguments are required: {', '.join(missing)}", 2)
    return asked


def _chief(names: Sequence[str]) -> str:
    """`--resource-group` rather than `--name`, where a command takes both for the same; else the longest."""
    return max(names, key=len)


def rendered(document: Any, shape: str) -> str:
    if shape == "none" or document is None:
        return ""
    if shape == "tsv":
        rows = document if isinstance(document, list) else [document]
        return "".join(f"{_cell(row)}\n" for row in rows)
    return json.dumps(document, indent=2) + "\n"


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return "\t".join(map(_cell, value.values()))
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _ruled(world: World, words: Sequence[str]) -> dict[str, Any] | None:
    """The answer that a test put in front of the command; the last one stays."""
    for rule in world.data["rules"]:
        begins = list(words[: len(rule["words"])]) == rule["words"]
        if begins and all(part in " ".join(words) for part in rule["having"]) and rule["answers"]:
            answers = rule["answers"]
            found: dict[str, Any] = answers.pop(0) if len(answers) > 1 or answers[0].get("once") else answers[0]
            return None if found.get("pass") else found
    return None


def _answered(played: dict[str, Any]) -> Any:
    if "error" in played:
        raise AzError(played["error"])
    return Printed(played["printed"]) if "printed" in played else played["value"]


if __name__ == "__main__":
    import os

    sys.exit(main(Path(sys.argv[1]), sys.argv[2:], os.environ, sys.stdout, sys.stderr))
