"""What no test notices is explained, line by line, and the explanations are about lines that are there."""

from __future__ import annotations

from devkit.mutation import EXPLAINED, ROOT, Survivor, read, unexplained, written

ONE = Survivor("core.retry.backoff", "- whole = 1\n+ whole = None")
OTHER = Survivor("graph.hosts.UploadHosts.allow", "- a\n- b\n+ c")


def test_what_is_written_is_read_again() -> None:
    assert read(written([OTHER, ONE])) == [ONE, OTHER]


def test_several_changes_of_a_function_stand_under_its_name() -> None:
    words = "# Title\n\nWords.\n\n## `core.retry.backoff`\n\n"
    text = f"{words}    - whole = 1\n    + whole = None\n\nBecause.\n\n    - a\n    +   b\n"
    assert read(text) == [ONE, Survivor("core.retry.backoff", "- a\n+ b")]


def test_a_survivor_without_a_reason_and_a_reason_without_a_survivor_are_told() -> None:
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
