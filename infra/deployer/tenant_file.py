"""Reads a tenant's `.bicepparam` file without a compiler, so that its values can be checked before anything is asked.

Only the part of the language that tenant files use: `using`, `extends`, and `param name = literal`. An expression is a
fault here on purpose: a reviewer should see the value itself. `az bicep build-params` in the pipeline reads the same
files with the real compiler.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r]+|//[^\n]*|/\*.*?\*/)
  | (?P<newline>\n)
  | (?P<long>'''.*?''')
  | (?P<text>'(?:[^'\\\n]|\\.)*')
  | (?P<number>-?\d+)
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<mark>[=\[\]{}:,])
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u\{[0-9a-fA-F]+\}|.)", re.DOTALL)
_CONSTANTS = {"true": True, "false": False, "null": None}
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "'": "'", "\\": "\\", "$": "$"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that a person has to put right.

    Attributes:
        where: `file:line`, or the parameter's name.
        what: a sentence that says what is wrong and what would be right.
    """

    where: str
    what: str

    def __str__(self) -> str:
        """The line that is printed."""
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class TenantFile:
    """What a file and the files that it extends say together.

    Attributes:
        values: the last word on each parameter; a tenant's own file overrides the one it extends.
        faults: what could not be read. The other values are still there.
    """

    values: dict[str, object] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


class _UnreadableError(Exception):
    """Carries the fault out of the value being read, to the statement that it stands in."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what


def read(path: Path) -> TenantFile:
    """Read `path` and what it extends. A file that is not there is a fault, not an exception."""
    return _read(path, ())


def _read(path: Path, readers: tuple[Path, ...]) -> TenantFile:
    if path in readers:
        return TenantFile(faults=(Fault(path.name, "extends itself, by way of another file."),))
    if not path.is_file():
        missing = f"is not there ({path.parent}): copy example.bicepparam, which says what every value is."
        return TenantFile(faults=(Fault(path.name, missing),))
    values: dict[str, object] = {}
    inherited: dict[str, object] = {}
    faults: list[Fault] = []
    for statement in _statements(path.read_text(encoding="utf-8")):
        try:
            kind, name, value = _Reader(statement).statement()
        except _UnreadableError as unreadable:
            faults.append(Fault(f"{path.name}:{unreadable.line}", unreadable.what))
            continue
        if kind == "param" and name in values:
            faults.append(Fault(f"{path.name}:{statement[0].line}", f"{name} is given twice."))
        elif kind == "param":
            values[name] = value
        elif kind == "extends":
            base = _read((path.parent / name).resolve(), (*readers, path))
            inherited.update(base.values)
            faults.extend(base.faults)
    return TenantFile({**inherited, **values}, tuple(faults))


def _statements(source: str) -> Iterator[list[_Token]]:
    """The file's statements: a new one begins with a word at the left margin, outside brackets."""
    statement: list[_Token] = []
    line, depth, at_margin = 1, 0, True
    for match in _TOKEN.finditer(source):
        kind, text = match.lastgroup or "other", match.group()
        if kind == "word" and at_margin and depth == 0 and statement:
            yield statement
            statement = []
        if kind not in {"space", "newline"} or (kind == "newline" and statement):
            statement.append(_Token(kind, text, line))
        depth += (text in {"[", "{"} and kind == "mark") - (text in {"]", "}"} and kind == "mark")
        line += text.count("\n")
        at_margin = text.endswith("\n") or (at_margin and kind == "space" and text.startswith("/"))
    if statement:
        yield statement


class _Reader:
    """One statement's tokens, read from left to right."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def statement(self) -> tuple[str, str, object]:
        """`(kind, name or path, value)` of `using`, `extends` or `param`."""
        word = self._take()
        if word.text == "using":
            target = self._take()
            path = "none" if target.text == "none" else self._string(target)
            return self._ended("using", path, None)
        if word.text == "extends":
            return self._ended("extends", self._string(self._take()), None)
        if word.text != "param":
            raise self._fault(word, f"'{word.text}' is not understood here: only using, extends and param are.")
        name = self._take()
        if name.kind != "word":
            raise self._fault(name, "a parameter's name is expected after param.")
        equals = self._take()
        if equals.text != "=":
            raise self._fault(equals, f"'=' is expected after {name.text}.")
        return self._ended("param", name.text, self._value())

    def _ended(self, kind: str, name: str, value: object) -> tuple[str, str, object]:
        self._skip_newlines()
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            raise self._fault(token, f"'{token.text}' is too much: only a literal value may stand here.")
        return kind, name, value

    def _value(self) -> object:
        token = self._take()
        if token.text == "[":
            return list(self._items("]"))
        if token.text == "{":
            return dict(self._properties())
        if token.kind == "number":
            return int(token.text)
        if token.kind in {"text", "long"}:
            return self._string(token)
        if token.text in _CONSTANTS:
            return _CONSTANTS[token.text]
        raise self._fault(token, f"'{token.text}' is not a literal value; text stands in single quotes.")

    def _items(self, end: str) -> Iterator[object]:
        while not self._at(end):
            yield self._value()

    def _properties(self) -> Iterator[tuple[str, object]]:
        while not self._at("}"):
            key = self._take()
            name = key.text if key.kind == "word" else self._string(key)
            colon = self._take()
            if colon.text != ":":
                raise self._fault(colon, f"':' is expected after {name}.")
            yield name, self._value()

    def _at(self, end: str) -> bool:
        """Skip what separates items; True, and past it, when the closing mark comes next."""
        while self._next < len(self._tokens) and self._tokens[self._next].text in {"\n", ","}:
            self._next += 1
        if self._next >= len(self._tokens):
            raise self._fault(self._tokens[-1], f"'{end}' is missing.")
        if self._tokens[self._next].text == end:
            self._next += 1
            return True
        return False

    def _string(self, token: _Token) -> str:
        if token.kind == "long":
            return token.text[3:-3].removeprefix("\n")
        if token.kind != "text":
            raise self._fault(token, f"text in single quotes is expected, not '{token.text}'.")
        inner = token.text[1:-1]
        if re.search(r"(?<!\\)\$\{", inner):
            raise self._fault(token, "${...} is not a literal value: write the text itself.")
        return _ESCAPE.sub(_unescaped, inner)

    def _take(self) -> _Token:
        self._skip_newlines()
        if self._next >= len(self._tokens):
            raise self._fault(self._tokens[-1], "the value is missing.")
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _skip_newlines(self) -> None:
        while self._next < len(self._tokens) and self._tokens[self._next].kind == "newline":
            self._next += 1

    @staticmethod
    def _fault(token: _Token, what: str) -> _UnreadableError:
        return _UnreadableError(token.line, what)


def _unescaped(match: re.Match[str]) -> str:
    mark = match.group(1)
    if mark.startswith("u{"):
        return chr(int(mark[2:-1], 16))
    return _ESCAPED.get(mark, mark)
