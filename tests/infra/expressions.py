"""ARM template expressions as they stand in a snapshot: read, and worked out as far as nothing of Azure is needed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<name>[A-Za-z_]\w*)|(?P<mark>[(),.\[\]]))")


@dataclass(frozen=True)
class Call:
    """A function that only Azure can answer: its name, its arguments, and the properties asked of the answer."""

    name: str
    arguments: tuple[Any, ...]
    properties: tuple[str, ...] = ()


def value(text: Any, facts: dict[str, Any] | None = None) -> Any:
    """A property's value: an expression worked out, anything else as it is.

    `facts` answers what the template asks of Azure: the name of a function with its properties, `environment().name`,
    stands for its value. A call that nothing answers stays a `Call`.
    """
    if isinstance(text, dict):
        return {key: value(inner, facts) for key, inner in text.items()}
    if isinstance(text, list):
        return [value(inner, facts) for inner in text]
    if not isinstance(text, str) or not text.startswith("[") or text.startswith("[["):
        return text
    reader = _Reader(text[1:-1], facts or {})
    found = reader.expression()
    assert reader.is_at_end, f"an expression goes on after its end: {text}"
    return found


class _Reader:
    def __init__(self, text: str, facts: dict[str, Any]) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._facts = facts
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            assert match is not None, f"no expression: {text[at:]}"
            assert match.lastgroup is not None
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()

    @property
    def is_at_end(self) -> bool:
        return not self._tokens

    def expression(self) -> Any:
        kind, text = self._tokens.pop(0)
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return int(text)
        assert kind == "name", f"an expression begins with {text}"
        arguments = self._arguments()
        return self._worked_out(text, arguments, self._properties())

    def _arguments(self) -> tuple[Any, ...]:
        self._take("(")
        found: list[Any] = []
        while not self._is_next(")"):
            found.append(self.expression())
            if self._is_next(","):
                self._take(",")
        self._take(")")
        return tuple(found)

    def _properties(self) -> tuple[str, ...]:
        found: list[str] = []
        while self._is_next("."):
            self._take(".")
            found.append(self._tokens.pop(0)[1])
        return tuple(found)

    def _worked_out(self, name: str, arguments: tuple[Any, ...], properties: tuple[str, ...]) -> Any:
        fact = ".".join([f"{name}()", *properties])
        if fact in self._facts:
            return self._facts[fact]
        match name:
            case "true" | "false":
                return name == "true"
            case "createArray":
                return list(arguments)
            case "createObject":
                return dict(zip(arguments[::2], arguments[1::2], strict=True))
            case "concat" if all(isinstance(one, list) for one in arguments):
                return [one for part in arguments for one in part]
            case "equals" if not any(isinstance(one, Call) for one in arguments):
                return arguments[0] == arguments[1]
            case "if" if isinstance(arguments[0], bool):
                return arguments[1] if arguments[0] else arguments[2]
            case "format" if not any(isinstance(one, Call) for one in arguments):
                return re.sub(r"\{(\d+)\}", lambda match: str(arguments[1 + int(match[1])]), arguments[0])
            case _:
                return Call(name, arguments, properties)

    def _is_next(self, mark: str) -> bool:
        return bool(self._tokens) and self._tokens[0] == ("mark", mark)

    def _take(self, mark: str) -> None:
        assert self._is_next(mark), f"{mark} is missing"
        self._tokens.pop(0)
