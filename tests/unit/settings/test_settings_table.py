"""The table that the documents, the infrastructure and the reading share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from shared.settings import SETTING_NAMES, SETTINGS, SettingsError, read

ROOT = Path(__file__).parents[3]


class Watched(dict[str, str]):
    """An environment that notes which names were asked for."""

    def __init__(self) -> None:
        super().__init__(AzureWebJobsStorage="UseDevelopmentStorage=true")
        self.asked: set[str] = set()

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override] # narrower on purpose
        self.asked.add(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return super().__contains__(key)


def test_every_setting_is_listed_once() -> None:
    assert len(set(SETTING_NAMES)) == len(SETTING_NAMES) == len(SETTINGS)


def test_every_listed_setting_is_read_and_every_setting_that_is_read_is_listed() -> None:
    environ = Watched()
    try:
        read(environ, None)
    except SettingsError as error:
        assert all("DropStorage" in fault for fault in error.faults)  # noqa: PT017 - what this environment lacks
    platform = {"IDENTITY_ENDPOINT", "WEBSITE_AUTH_ENABLED", "WEBSITE_SKU"}  # set by Azure, not by people
    assert environ.asked - platform == set(SETTING_NAMES)


def test_every_default_is_a_value_that_the_setting_allows() -> None:
    defaults = {setting.name: setting.default for setting in SETTINGS if setting.default is not None}
    needed = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "DropStorage": "UseDevelopmentStorage=true"}
    assert read({**needed, **defaults}, None) == read(needed, None)


def test_every_meaning_is_a_sentence_for_a_table() -> None:
    for setting in SETTINGS:
        assert setting.meaning.endswith(".")
        assert "|" not in setting.meaning
        assert "\n" not in setting.meaning


def test_reading_the_settings_needs_the_standard_library_and_the_core_alone() -> None:
    code = "import sys; before = set(sys.modules); import shared.settings; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    foreign = [name for name in done.stdout.split() if name.split(".")[0] not in sys.stdlib_module_names]
    assert foreign
    assert all(name == "shared" or name.startswith(("shared.settings", "shared.core")) for name in foreign)
