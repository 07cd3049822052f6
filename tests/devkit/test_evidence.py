"""What is kept of the proofs."""

from __future__ import annotations

from pathlib import Path

from devkit import evidence
from devkit.evidence import Evidence


def result(name: str, achieved: int, *, floor: int = 10, failures: int = 0) -> Evidence:
    return Evidence(name, "it holds", "I1", "stories", achieved, floor, failures, seed=None, seconds=1.0, details={})


def test_results_stand_in_the_order_of_the_proofs_whenever_each_was_run(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    evidence.keep([result("third", 30)], ["first", "second", "third"], "2026-01-01", "3.11.7", kept)
    evidence.keep([result("first", 10)], ["first", "second", "third"], "2026-01-02", "3.11.7", kept)
    found = [(proof["name"], proof["date"]) for proof in evidence.load(kept)["proofs"]]
    assert found == [("first", "2026-01-02"), ("third", "2026-01-01")]


def test_a_new_result_takes_the_place_of_the_older_one(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    for achieved in (10, 20):
        evidence.keep([result("first", achieved)], ["first"], "2026-01-01", "3.11.7", kept)
    assert [proof["achieved"] for proof in evidence.load(kept)["proofs"]] == [20]


def test_a_proof_that_is_no_more_is_not_quoted(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    evidence.keep([result("first", 10), result("second", 20)], ["first", "second"], "2026-01-01", "3.11.7", kept)
    evidence.keep([], ["second"], "2026-01-02", "3.11.7", kept)
    assert [proof["name"] for proof in evidence.load(kept)["proofs"]] == ["second"]


def test_only_enough_tries_without_a_failure_hold() -> None:
    assert result("a", 10).holds
    assert not result("a", 9).holds
    assert not result("a", 10, failures=1).holds
