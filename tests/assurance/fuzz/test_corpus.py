"""Every input that was ever worth keeping, again; and the corpus itself is in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from assurance.fuzz.corpus import KEPT, LARGEST, keep, kept
from assurance.fuzz.targets import TARGETS

INPUTS = [(name, path) for name in TARGETS for path in kept(name)]


@pytest.mark.parametrize(("name", "path"), INPUTS, ids=[f"{name}/{path.name}" for name, path in INPUTS])
def test_an_input_that_was_kept_does_no_harm(name: str, path: Path) -> None:
    TARGETS[name].check(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_has_a_corpus_of_small_files(name: str) -> None:
    files = list(kept(name))
    assert len(files) >= 5
    assert [path.name for path in files if path.stat().st_size > LARGEST] == []
    contents = [path.read_bytes() for path in files]
    assert len(set(contents)) == len(contents)


def test_the_corpus_has_no_folder_without_a_target() -> None:
    assert {path.name for path in KEPT.iterdir()} == set(TARGETS)


def test_what_a_run_found_is_kept_where_it_is_new_and_small(tmp_path: Path) -> None:
    found, corpus = tmp_path / "found", tmp_path / "corpus"
    found.mkdir()
    (found / "small").write_bytes(b"x")
    (found / "edge").write_bytes(b"x" * LARGEST)
    (found / "large").write_bytes(b"x" * (LARGEST + 1))
    assert [path.name for path in keep("link", found, corpus)] == ["edge", "small"]
    assert keep("link", found, corpus) == []
    assert [path.name for path in kept("link", corpus)] == ["edge", "small"]
