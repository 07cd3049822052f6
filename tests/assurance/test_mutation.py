"""What no test notices is explained, line by line, and the explanations are about lines that are there."""

from __future__ import annotations

import importlib
import tomllib

import pytest

from assurance.mutation.campaign import (
    COPIED,
    EDGES,
    EXPLAINED,
    ROOT,
    RUNNER,
    Scope,
    Survivor,
    belonging,
    configured,
    read,
    rules,
    unexplained,
    written,
)
from assurance.mutation.runner import SAMPLE, chosen

ONE = Survivor("core.retry.backoff", "- whole = 1\n+ whole = None")
OTHER = Survivor("graph.hosts.UploadHosts.allow", "- a\n- b\n+ c")


def test_what_is_written_is_read_again() -> None:
    assert read(written([OTHER, ONE])) == [ONE, OTHER]


def test_several_changes_of_a_function_stand_under_its_name() -> None:
    words = "# Title\n\nWords.\n\n## `core.retry.backoff`\n\n"
    text = f"{words}    - whole = 1\n    + whole = None\n\nBecause.\n\n    - a\n    +   b\n"
    assert read(text) == [ONE, Survivor("core.retry.backoff", "- a\n+ b")]


def test_a_survivor_without_a_reason_and_a_reason_without_a_survivor_are_reported() -> None:
    assert unexplained([ONE], written([ONE])) == []
    assert unexplained([ONE], written([OTHER])) == [
        "no test notices, and nobody explains: core.retry.backoff: - whole = 1 + whole = None",
        "explained, but noticed or gone: graph.hosts.UploadHosts.allow: - a - b + c",
    ]


def test_every_explained_change_is_about_lines_that_are_there() -> None:
    explained = read(EXPLAINED.read_text(encoding="utf-8"))
    assert explained
    for one in explained:
        package, module, *_ = one.function.split(".")
        source = {line.strip() for line in (ROOT / "shared" / package / f"{module}.py").read_text().splitlines()}
        removed = [line[2:] for line in one.change.splitlines() if line.startswith("- ")]
        assert removed, one
        assert set(removed) <= source, one


def test_every_explained_change_is_of_a_function_that_is_there() -> None:
    for one in read(EXPLAINED.read_text(encoding="utf-8")):
        package, module, *names = one.function.split(".")
        found: object = importlib.import_module(f"shared.{package}.{module}")
        for name in names:
            found = getattr(found, name)
        assert callable(found), one


def test_what_a_campaign_copies_and_starts_is_there() -> None:
    assert RUNNER.is_file()
    assert [name for name in COPIED if not (ROOT / name).exists()] == []
    needed = {"assurance", "devkit", "shared"}  # what the tests of the rules and of the edges import
    assert needed <= set(COPIED)


@pytest.mark.parametrize("package", EDGES.packages)
def test_the_edges_are_packages_with_tests_of_their_own_among_those_that_must_notice(package: str) -> None:
    assert (ROOT / "shared" / package).is_dir()
    assert f"shared/{package}/*.py" in EDGES.mutate
    tests = ROOT / "tests" / "unit" / package
    assert not tests.is_dir() or str(tests.relative_to(ROOT)) in EDGES.tests


@pytest.mark.parametrize("scope", [rules(), EDGES], ids=["rules", "edges"])
def test_a_scope_becomes_mutmuts_configuration_and_its_tests_are_there(scope: Scope) -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    before, after = tomllib.loads(project), tomllib.loads(configured(project, scope))
    mutmut = after["tool"].pop("mutmut")
    before["tool"].pop("mutmut")
    assert after == before
    assert tuple(mutmut["only_mutate"]) == scope.mutate
    assert all(list(ROOT.glob(pattern)) for pattern in scope.mutate)
    named = [argument.partition("=")[2].partition("::") for argument in mutmut["pytest_add_cli_args"]]
    for file, _, test in [*named, *((path, "", "") for path in scope.tests)]:
        assert (ROOT / file).exists(), file
        assert not test or f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), test


def test_explanations_belong_to_the_scope_of_their_package() -> None:
    stored = Survivor("storage.summary.pack", "- a\n+ b")
    text = "# Title\n" + written([ONE, stored])
    assert read(belonging(text, rules())) == [ONE]
    assert read(belonging(text, EDGES)) == [stored]


def test_a_sample_is_drawn_by_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = [f"change {number:03}" for number in range(100)]
    assert chosen(changes) == changes
    monkeypatch.setenv(SAMPLE, "10:7")
    drawn = chosen(changes)
    assert (len(drawn), drawn) == (10, chosen(changes))
    assert drawn == sorted(drawn)
    monkeypatch.setenv(SAMPLE, "10:8")
    assert chosen(changes) != drawn
    monkeypatch.setenv(SAMPLE, "1000:8")
    assert chosen(changes) == changes
