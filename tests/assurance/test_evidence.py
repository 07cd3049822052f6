"""What is kept of the results."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from assurance import documents, evidence, measured, verify
from assurance.campaign import Campaign, Outcome
from assurance.campaigns import CAMPAIGNS
from assurance.evidence import Evidence
from assurance.measured import Origin


def result(name: str, achieved: int, *, floor: int = 10, failures: int = 0) -> Evidence:
    return Evidence(name, "it holds", "I1", "scenarios", achieved, floor, failures, seed=None, seconds=1.0, details={})


def test_results_stand_in_the_order_of_the_campaigns_whenever_each_was_run(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    evidence.keep([result("third", 30)], ["first", "second", "third"], "2026-01-01", "3.11.7", kept)
    evidence.keep([result("first", 10)], ["first", "second", "third"], "2026-01-02", "3.11.7", kept)
    found = [(result["name"], result["date"]) for result in evidence.load(kept)["results"]]
    assert found == [("first", "2026-01-02"), ("third", "2026-01-01")]


def test_a_new_result_takes_the_place_of_the_older_one(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    for achieved in (10, 20):
        evidence.keep([result("first", achieved)], ["first"], "2026-01-01", "3.11.7", kept)
    assert [result["achieved"] for result in evidence.load(kept)["results"]] == [20]


def test_a_campaign_that_is_no_more_is_not_quoted(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    evidence.keep([result("first", 10), result("second", 20)], ["first", "second"], "2026-01-01", "3.11.7", kept)
    evidence.keep([], ["second"], "2026-01-02", "3.11.7", kept)
    assert [result["name"] for result in evidence.load(kept)["results"]] == ["second"]


def test_results_kept_side_by_side_are_all_kept(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    names = [f"campaign-{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda name: evidence.keep([result(name, 10)], names, "2026-01-01", "3.11.7", kept), names):
            pass
    assert [result["name"] for result in evidence.load(kept)["results"]] == names


def test_a_result_is_kept_before_the_next_campaign_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[str] = []

    def interrupted(_seed: int) -> Outcome:
        assert kept == ["first"]
        raise KeyboardInterrupt

    campaigns = [
        Campaign("first", "it holds", "I1", "scenarios", 1, lambda _seed: Outcome(1, []), rests=("host.json",)),
        Campaign("second", "it holds", "I1", "scenarios", 1, interrupted, rests=("host.json",)),
    ]
    monkeypatch.setattr(verify, "CAMPAIGNS", campaigns)
    monkeypatch.setattr(evidence, "keep", lambda found, *_: kept.extend(one.name for one in found))
    with pytest.raises(KeyboardInterrupt):
        verify.main("verify", [])
    assert kept == ["first"]


def test_only_enough_tries_without_a_failure_hold() -> None:
    assert result("a", 10).holds
    assert not result("a", 9).holds
    assert not result("a", 10, failures=1).holds


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small repository with one commit."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "one.py").write_text("1", encoding="utf-8")
    (tmp_path / "other.py").write_text("2", encoding="utf-8")
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for command in (("init", "-q"), ("add", "--all"), (*identity, "commit", "-q", "-m", "first")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_the_tree_is_named_as_it_is_with_what_is_not_committed(tree: Path) -> None:
    clean = measured.origin(tree)
    assert (len(clean.commit), len(clean.tree), clean.is_clean) == (40, 40, True)
    (tree / "rules" / "two.py").write_text("new", encoding="utf-8")
    changed = measured.origin(tree)
    assert (changed.commit, changed.is_clean) == (clean.commit, False)
    assert changed.tree != clean.tree
    status = subprocess.run(["git", "status", "--porcelain"], cwd=tree, capture_output=True, text=True, check=True)
    assert status.stdout == "?? rules/two.py\n", "the index is left alone"
    (tree / "rules" / "two.py").unlink()
    assert measured.origin(tree) == clean


def test_outside_of_a_repository_there_is_no_origin(tmp_path: Path) -> None:
    assert measured.origin(tmp_path) == Origin("", "", is_clean=False)


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        (lambda tree: None, []),
        (lambda tree: (tree / "rules" / "one.py").write_text("3"), ["rules"]),
        (lambda tree: (tree / "rules" / "one.py").rename(tree / "rules" / "two.py"), ["rules"]),
        (lambda tree: (tree / "rules" / "new.py").write_text(""), ["rules"]),
        (lambda tree: (tree / "other.py").unlink(), ["other.py"]),
        (lambda tree: (tree / "third.py").write_text(""), []),
        (lambda tree: (tree / "rules" / "one.pyc").write_text(""), []),
    ],
)
def test_a_result_is_stale_once_a_path_that_it_rests_on_has_changed(tree: Path, change: Any, stale: list[str]) -> None:
    kept = measured.fingerprints(("rules", "other.py"), tree)
    change(tree)
    assert measured.changed(kept, tree) == stale
    assert evidence.stale_since({"rests": kept}, tree) == ", ".join(stale)


def test_a_result_whose_origin_was_not_kept_is_stale() -> None:
    assert evidence.stale_since({}) == "an origin that was not kept"
    assert evidence.told_origin({}) == "-"


def test_a_row_names_its_commit_and_its_tree_where_that_is_another() -> None:
    told = {"commit": "c" * 40, "tree": "d" * 40}
    assert evidence.told_origin({**told, "is_clean": True}) == "`ccccccccc`"
    assert evidence.told_origin({**told, "is_clean": False}) == "`ccccccccc` and changes, tree `ddddddddd`"


def test_the_documents_mark_a_stale_row(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = {**kept_row("fresh"), "rests": measured.fingerprints(("host.json",))}
    stale = {**kept_row("stale"), "rests": {"host.json": "other"}}
    monkeypatch.setattr(evidence, "load", lambda: {"results": [fresh, stale]})
    first, second = documents.promises_table().splitlines()[2:]
    assert "stale" not in first.rpartition("0 failed")[2]
    assert second.endswith("| 2026-01-01, stale |")
    first, second = documents.campaigns_table().splitlines()[2:]
    assert first.endswith("| no |")
    assert second.endswith("| yes |")


def test_a_row_has_the_words_that_its_campaign_has_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "load", lambda: {"results": [kept_row("crashes"), kept_row("no more")]})
    crashes = next(one for one in CAMPAIGNS if one.name == "crashes")
    first, second = documents.promises_table().splitlines()[2:]
    assert first.startswith(f"| {crashes.promise} | 1 {crashes.unit} | 0 failed |")
    assert second.startswith("| it holds | 1 scenarios | 0 failed |")


def kept_row(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "promise": "it holds",
        "invariants": "I1",
        "unit": "scenarios",
        "achieved": 1,
        "floor": 1,
        "failures": 0,
        "seed": 7,
        "seconds": 1.0,
        "details": {},
        "date": "2026-01-01",
    }


def test_every_proof_rests_on_paths_that_are_there() -> None:
    for result in CAMPAIGNS:
        missing = [path for path, digest in measured.fingerprints(result.rests).items() if not digest]
        assert (result.name, missing) == (result.name, [])
        assert result.rests


def test_what_draws_is_given_a_fresh_seed_that_is_printed_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    given: list[int] = []

    def run(seed: int) -> Outcome:
        given.append(seed)
        return Outcome(10, [])

    result = Campaign("drawn", "it holds", "I1", "scenarios", 10, run, draws=True, rests=("host.json",))
    found = [verify.tried(result, None, Origin("c", "t", is_clean=True)) for _ in range(2)]
    assert [one.seed for one in found] == given
    assert given[0] != given[1]
    assert f"dev.py verify --only drawn --seed {given[0]}" in capsys.readouterr().out
    assert verify.tried(result, 5, Origin("c", "t", is_clean=True)).seed == given[2] == 5
    assert (found[0].commit, found[0].tree, found[0].is_clean) == ("c", "t", True)
    assert found[0].rests == measured.fingerprints(("host.json",))
