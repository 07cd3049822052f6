"""Reading a tenant's file: literal values, one base, and a fault with its line for everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.deployer.tenant_file import read
from tests.infra import bicep

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tenants(tmp_path: Path) -> Path:
    (tmp_path / "shared.bicepparam").write_text("using none\nparam a = 1\nparam b = 'base'\n", encoding="utf-8")
    return tmp_path


def written(folder: Path, text: str) -> Path:
    path = folder / "one.bicepparam"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("'text'", "text"),
        ("''", ""),
        (r"'it\'s \$5 \u{41}\n'", "it's $5 A\n"),
        ("'''\nlong 'text'\n'''", "long 'text'\n"),
        ("42", 42),
        ("-1", -1),
        ("true", True),
        ("false", False),
        ("null", None),
        ("[]", []),
        ("['a', 'b']", ["a", "b"]),
        ("[\n  'a'\n  'b'\n]", ["a", "b"]),
        ("{}", {}),
        ("{\n  a: 1\n  'b-c': [true]\n}", {"a": 1, "b-c": [True]}),
        ("'a' // a remark", "a"),
        ("/* a remark */ 'a'", "a"),
        ("'http://not-a-remark'", "http://not-a-remark"),
    ],
)
def test_a_literal_is_read_as_bicep_reads_it(tmp_path: Path, literal: str, value: object) -> None:
    file = read(written(tmp_path, f"using '../main.bicep'\nparam x = {literal}\nparam y = 1\n"))
    assert file.faults == ()
    assert file.values == {"x": value, "y": 1}


def test_the_base_is_inherited_and_overridden(tenants: Path) -> None:
    file = read(written(tenants, "using '../main.bicep'\nextends 'shared.bicepparam'\nparam b = 'own'\n"))
    assert file.values == {"a": 1, "b": "own"}
    assert file.faults == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("param x = toLower('A')", "one.bicepparam:1: 'toLower' is not a literal value; text stands in single quotes."),
        ('\nparam x = "a"', "one.bicepparam:2: '\"' is not a literal value; text stands in single quotes."),
        ("param x = 'a${b}'", "one.bicepparam:1: ${...} is not a literal value: write the text itself."),
        ("param x = 1 + 2", "one.bicepparam:1: '+' is too much: only a literal value may stand here."),
        ("param x", "one.bicepparam:1: the value is missing."),
        ("param x = [\n 'a'", "one.bicepparam:2: ']' is missing."),
        ("param x = { a 1 }", "one.bicepparam:1: ':' is expected after a."),
        ("param = 1", "one.bicepparam:1: a parameter's name is expected after param."),
        ("param x 1", "one.bicepparam:1: '=' is expected after x."),
        ("var x = 1", "one.bicepparam:1: 'var' is not understood here: only using, extends and param are."),
        ("param x = 1\nparam x = 2", "one.bicepparam:2: x is given twice."),
        ("extends 'nothing.bicepparam'", "nothing.bicepparam: is not there"),
        ("extends 'one.bicepparam'", "one.bicepparam: extends itself, by way of another file."),
    ],
)
def test_what_is_not_a_literal_is_a_fault_with_its_line(tmp_path: Path, text: str, fault: str) -> None:
    file = read(written(tmp_path, text))
    assert fault in next(str(one) for one in file.faults)


def test_one_fault_does_not_hide_the_other_values(tmp_path: Path) -> None:
    file = read(written(tmp_path, "param a = 1\nparam b = oops()\nparam c = [\n  'd'\n]\n"))
    assert file.values == {"a": 1, "c": ["d"]}
    assert len(file.faults) == 1


@pytest.mark.parametrize("path", sorted((bicep.INFRA / "tenants").glob("*.bicepparam")), ids=lambda path: path.stem)
def test_every_file_of_the_repository_is_read_without_a_fault(path: Path) -> None:
    file = read(path)
    assert file.faults == ()
    assert file.values.keys() <= bicep.main().parameters.keys()
