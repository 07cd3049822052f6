"""The coverage-guided fuzzer runs, finds what is wrong, and says so."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from assurance.fuzz import corpus, driver
from assurance.fuzz.targets import TARGETS

needs_atheris = pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason=driver.WHY_NOT)


@needs_atheris
def test_a_short_run_tries_the_corpus_and_more(tmp_path: Path) -> None:
    report = driver.run(1, 7, ["message"], tmp_path)
    [result] = report.results
    assert (result.target, result.broken, report.seed) == ("message", (), 7)
    assert result.executed > len(list(corpus.kept("message")))
    assert result.covered > 10
    assert (report.executed, report.broken) == (result.executed, [])


@needs_atheris
def test_an_input_that_breaks_a_target_is_reported_with_what_it_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import shared.storage.queue as queue\n"
        "def broken(text):\n"
        "    raise KeyError('broken on purpose')\n"
        "queue.transfer_in = broken\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{corpus.ROOT}")
    report = driver.run(1, 7, ["message"], tmp_path / "build")
    [line] = report.broken
    assert line.startswith("message: message/broken/crash-")
    assert "KeyError: 'broken on purpose'" in line


@needs_atheris
def test_a_fuzzer_that_does_not_run_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('nothing today')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert driver.run(1, 7, ["message"], tmp_path / "build").broken != []


def test_without_the_fuzzer_the_reason_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(driver.Unavailable, match="x86-64"):
        driver.run(1, 1)


@needs_atheris
@pytest.mark.parametrize("seed", [0, -1])
def test_a_seed_that_would_not_replay_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match="above 0"):
        driver.run(1, seed)


def test_the_words_of_every_target_can_be_written_for_the_fuzzer() -> None:
    assert driver._escaped('a"\\\x00\u00e9') == "a\\x22\\x5C\\x00\\xC3\\xA9"
    assert all(driver._escaped(word).isascii() for target in TARGETS.values() for word in target.words)
