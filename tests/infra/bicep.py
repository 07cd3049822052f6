"""Reads Bicep with tree-sitter's grammar, into values that a test can look at.

Literals become Python's own; what can only be known at deployment stays an `Expr` (its source text), a `Call` or a
`Choice`. Loops are read once, with the loop's variable as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tree_sitter
import tree_sitter_bicep

if TYPE_CHECKING:
    from collections.abc import Iterator

INFRA = Path(__file__).resolve().parents[2] / "infra"
_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))


class Expr(str):
    """An expression's source text."""

    __slots__ = ()


@dataclass(frozen=True)
class Call:
    """A function call with its arguments read."""

    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Choice:
    """`condition ? yes : no`."""

    condition: str
    yes: Any
    no: Any


@dataclass(frozen=True)
class Parameter:
    type: str
    is_required: bool
    default: Any
    decorators: dict[str, Any]


@dataclass(frozen=True)
class Resource:
    symbol: str
    type: str
    version: str
    is_existing: bool
    is_loop: bool
    condition: str | None
    description: str | None
    body: dict[str, Any]


@dataclass(frozen=True)
class Module:
    symbol: str
    path: str
    condition: str | None
    body: dict[str, Any]


@dataclass
class BicepFile:
    path: Path
    parameters: dict[str, Parameter] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    resources: list[Resource] = field(default_factory=list)
    modules: list[Module] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    def resource(self, symbol: str) -> Resource:
        return next(one for one in self.resources if one.symbol == symbol)

    def of_type(self, type_name: str) -> list[Resource]:
        """The resources that this file makes (not the ones it only refers to)."""
        return [one for one in self.resources if one.type == type_name and not one.is_existing]

    def known(self, value: Any) -> Any:
        """A variable's value in place of its name; everything else as it is."""
        return self.variables.get(value, value) if isinstance(value, Expr) else value


@cache
def read(path: Path) -> BicepFile:
    """The file; an AssertionError names the first line that does not parse."""
    root = _PARSER.parse(path.read_bytes()).root_node
    for node in _all(root):
        assert node.type != "ERROR", f"{path.name}:{node.start_point.row + 1} does not parse"
        assert not node.is_missing, f"{path.name}:{node.start_point.row + 1} lacks {node.type}"
    file, decorators = BicepFile(path), {}
    for node in root.named_children:
        if node.type == "decorators":
            decorators = _decorators(node)
            continue
        _declare(file, node, decorators)
        decorators = {}
    return file


def all_files() -> list[BicepFile]:
    return [read(path) for path in sorted(INFRA.rglob("*.bicep"))]


def module(name: str) -> BicepFile:
    return read(INFRA / "modules" / f"{name}.bicep")


def main() -> BicepFile:
    return read(INFRA / "main.bicep")


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Every `(key, value)` of nested objects and lists."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from walk(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from walk(inner)
    elif isinstance(value, Call):
        yield from walk(value.arguments)
    elif isinstance(value, Choice):
        yield from walk((value.yes, value.no))


def _all(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    yield node
    for child in node.children:
        yield from _all(child)


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode()


def _declare(file: BicepFile, node: tree_sitter.Node, decorators: dict[str, Any]) -> None:
    named = node.named_children
    match node.type:
        case "parameter_declaration":
            default = _value(named[2]) if len(named) > 2 else None
            file.parameters[_text(named[0])] = Parameter(_text(named[1]), len(named) < 3, default, decorators)
        case "variable_declaration":
            file.variables[_text(named[0])] = _value(named[-1])
        case "output_declaration":
            file.outputs[_text(named[0])] = _value(named[-1])
        case "resource_declaration":
            type_name, _, version = _value(named[1]).partition("@")
            is_existing = any(child.type == "existing" for child in node.children)
            body, condition, is_loop = _body(named[-1])
            description = decorators.get("description")
            file.resources.append(
                Resource(_text(named[0]), type_name, version, is_existing, is_loop, condition, description, body)
            )
        case "module_declaration":
            body, condition, _ = _body(named[-1])
            file.modules.append(Module(_text(named[0]), _value(named[1]), condition, body))
        case "target_scope_assignment" | "comment" | "diagnostic_comment" | "import_statement" | "import_functionality":
            pass
        case "type_declaration":
            pass
        case other:
            raise AssertionError(f"{file.path.name}: the reader does not know {other}")


def _body(node: tree_sitter.Node) -> tuple[dict[str, Any], str | None, bool]:
    condition, is_loop = None, False
    while node.type in {"if_statement", "for_statement"}:
        if node.type == "if_statement":
            condition = _text(node.named_children[0])
        else:
            is_loop = True
        node = node.named_children[-1]
    return _value(node), condition, is_loop


def _decorators(node: tree_sitter.Node) -> dict[str, Any]:
    found = {}
    for decorator in node.named_children:
        call = _value(decorator.named_children[0])
        found[call.name] = call.arguments[0] if call.arguments else True
    return found


def _value(node: tree_sitter.Node) -> Any:
    named = [child for child in node.named_children if child.type not in {"comment", "diagnostic_comment"}]
    match node.type:
        case "string":
            return _string(node)
        case "number":
            return int(_text(node))
        case "boolean":
            return _text(node) == "true"
        case "null":
            return None
        case "array":
            return [_value(child) for child in named]
        case "object":
            return {str(_key(child)): _value(child.named_children[-1]) for child in named if _is_property(child)}
        case "for_statement":
            return [_value(named[-1])]
        case "ternary_expression":
            return Choice(_text(named[0]), _value(named[1]), _value(named[2]))
        case "call_expression" if named[0].type == "identifier":
            return Call(_text(named[0]), tuple(_value(child) for child in named[1].named_children))
        case _:
            return Expr(_text(node))


def _is_property(node: tree_sitter.Node) -> bool:
    return node.type == "object_property" and node.named_children[0].type != "resource_declaration"


def _key(node: tree_sitter.Node) -> str:
    key = node.named_children[0]
    return _string(key) if key.type == "string" else _text(key)


def _string(node: tree_sitter.Node) -> str:
    text = _text(node)[1:-1].replace("\\'", "'").replace("\\\\", "\\")
    return Expr(text) if any(child.type == "interpolation" for child in node.named_children) else text
