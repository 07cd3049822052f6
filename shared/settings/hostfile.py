"""host.json as the Functions host reads it, and the app settings that override it.

The host parses the file with Newtonsoft.Json: comments, a byte order mark, single quotes, names without quotes and a
comma too many are no faults. It then flattens it into one table of paths, compared without case, where `null` is an
empty text and the last of two values wins; `AzureFunctionsJobHost__a__b` goes over `a:b` (azure-functions-host,
HostJsonFileConfigurationSource.cs). What is empty counts as not given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.settings.model import SettingsError

OVERRIDE = "azurefunctionsjobhost__"
"""How app settings begin that override host.json; their names are compared without case."""

MESSAGE_ENCODINGS = ("none", "base64")
"""What the app's triggers can read: with `none` they get plain messages and base64 ones and tell them apart, with
`base64` (the host's default) the host has decoded them. It is the whole of what the host knows, too."""

_DEFAULT_PREFIX = "api"
_TOKEN = re.compile(
    r"""\s+ | //[^\r\n]* | /\*.*?\*/ | (?P<double>"(?:[^"\\]|\\.)*") | '(?P<single>(?:[^'\\]|\\.)*)'"""
    r"""| (?P<mark>[{}\[\]:,]) | (?P<bare>[^\s{}\[\]:,"'/]+)""",
    re.DOTALL | re.VERBOSE,
)
_NAME = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
_PREFIX = re.compile(r"[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*")
_WORDS = frozenset({"true", "false", "null"})


@dataclass(frozen=True, slots=True)
class HostFile:
    """Every value that host.json and its overrides give, by its path: `extensions:http:routeprefix`, in lower case.

    `named` tells where each one was read, as a person finds it again.
    """

    values: Mapping[str, str]
    named: Mapping[str, str]

    def text(self, path: str) -> str | None:
        """The value at a path, without blanks around it; None where it is not given, null or empty."""
        return self.values.get(path.lower(), "").strip() or None

    def name(self, path: str) -> str:
        """Where the value at a path was read, or would be."""
        return self.named.get(path.lower(), f"{path.replace(':', '.')} of host.json")

    @property
    def route_prefix(self) -> str:
        """What stands before every route, without slashes around it; empty where there is none."""
        path = "extensions:http:routePrefix"
        given = self.values.get(path.lower())
        return _DEFAULT_PREFIX if given is None else given.strip().strip("/")


def read_host_file(environ: Mapping[str, str], text: str) -> HostFile:
    """host.json with its overrides. Raises SettingsError where it is not JSON, or no object."""
    try:
        parsed = json.loads(_strict(text), strict=False)
    except (ValueError, RecursionError) as error:
        raise SettingsError([f"host.json: is not JSON ({error})"]) from None
    if not isinstance(parsed, dict):
        raise SettingsError(["host.json: is not a JSON object"])
    values: dict[str, str] = {}
    named: dict[str, str] = {}
    for path, value in _flattened(parsed, ""):
        values[path.lower()] = value
        named[path.lower()] = f"{path.replace(':', '.')} of host.json"
    for name, value in environ.items():
        if name.lower().startswith(OVERRIDE):
            path = name[len(OVERRIDE) :].replace("__", ":").lower()
            values[path], named[path] = value, name
    return HostFile(values, named)


def host_file_faults(host: HostFile) -> list[str]:
    """What the app would not obey, or could not work with: one text for each, by name."""
    faults = []
    path = "extensions:queues:messageEncoding"
    encoding = host.values.get(path.lower())
    if encoding is not None and encoding.strip().lower() not in MESSAGE_ENCODINGS:
        faults.append(f"{host.name(path)}: must be {' or '.join(MESSAGE_ENCODINGS)}, which the host and the app know")
    if host.route_prefix and not _PREFIX.fullmatch(host.route_prefix):
        problem = "must be plain path segments, letters, digits and -._~ between slashes: links are made of it"
        faults.append(f"{host.name('extensions:http:routePrefix')}: {problem}")
    return faults


def _strict(text: str) -> str:
    """The same values as JSON that Python's parser takes; what is no token of either stays and is refused there."""
    kept: list[str] = []
    at, text = 0, text.removeprefix("\ufeff")
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            kept.append(text[at])
            at += 1
            continue
        at = found.end()
        if found["single"] is not None:
            kept.append(json.dumps(found["single"].replace("\\'", "'")))
        elif found["bare"] is not None:
            is_name = _NAME.fullmatch(found["bare"]) is not None and found["bare"] not in _WORDS
            kept.append(json.dumps(found["bare"]) if is_name and _comes_next(":", text, at) else found["bare"])
        elif found["double"] is not None:
            kept.append(found["double"])
        elif found["mark"] is not None:
            if found["mark"] in "}]" and kept and kept[-1] == ",":
                kept.pop()
            kept.append(found["mark"])
    return " ".join(kept)


def _comes_next(mark: str, text: str, at: int) -> bool:
    """Whether `mark` is the next thing that is neither blank nor comment."""
    while (found := _TOKEN.match(text, at)) is not None:
        if any(found.groupdict().values()):
            return found["mark"] == mark
        at = found.end()
    return False


def _flattened(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every plain value below a path, as the host's configuration holds it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flattened(inner, f"{path}:{name}" if path else name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _flattened(inner, f"{path}:{index}")
    else:
        yield path, "" if value is None else str(value)
