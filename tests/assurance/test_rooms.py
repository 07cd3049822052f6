"""The picture of the rooms shows the imports that there are."""

from __future__ import annotations

from pathlib import Path

from assurance import rooms


def test_imports_are_read_from_the_code(tmp_path: Path) -> None:
    for room in ("api", "core"):
        (tmp_path / "shared" / room).mkdir(parents=True)
    (tmp_path / "shared" / "__init__.py").touch()
    (tmp_path / "shared" / "core" / "model.py").touch()
    (tmp_path / "shared" / "log.py").write_text("import shared.core.model\nimport json\n")
    (tmp_path / "shared" / "api" / "app.py").write_text("from shared import log\nfrom shared.core import model\n")
    (tmp_path / "function_app.py").write_text("def late():\n    from shared.api.app import Api\n")
    assert rooms.imports(tmp_path) == {
        "function_app": frozenset({"api"}),
        "api": frozenset({"log", "core"}),
        "log": frozenset({"core"}),
        "core": frozenset(),
    }


def test_what_another_import_implies_is_not_drawn() -> None:
    found = {"a": frozenset({"b", "c"}), "b": frozenset({"c"}), "c": frozenset[str]()}
    assert rooms.reduced(found) == {"a": frozenset({"b"}), "b": frozenset({"c"}), "c": frozenset()}


def test_every_room_of_the_product_has_its_purpose_in_the_picture() -> None:
    assert set(rooms.imports()) == set(rooms.PURPOSES)


def test_an_import_is_an_arrow() -> None:
    lines = rooms.diagram(rooms.imports()).splitlines()
    assert "    function_app --> app" in lines
    assert not [line for line in lines if line.startswith("    core --> ")]
