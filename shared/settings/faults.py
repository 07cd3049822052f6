"""Collecting what is wrong with the settings, so that a person hears of all of it at once."""

from __future__ import annotations

from collections.abc import Mapping

from shared.settings.model import SettingsError

LONGEST_SHOWN = 36
"""Characters of a wrong value that a message repeats: enough for a GUID, too few for any key, secret or signature that
ended up in the wrong setting (client secrets have 40)."""


class Faults:
    """The environment, and what was found wrong with it so far."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.found: list[str] = []

    def text(self, name: str) -> str | None:
        """The variable without surrounding blanks; None where it is not given, or blank."""
        return self.environ.get(name, "").strip() or None

    def add(self, name: str, problem: str) -> None:
        """Note what is wrong with the setting `name`."""
        self.found.append(f"{name}: {problem}")

    def refuse(self, name: str, problem: str, value: str) -> None:
        """Note what is wrong, with the value as far as it may be shown."""
        shown = repr(value) if len(value) <= LONGEST_SHOWN else f"a text of {len(value)} characters"
        self.add(name, f"{problem}, not {shown}")

    def raise_any(self) -> None:
        """SettingsError with everything noted; nothing where there is nothing."""
        if self.found:
            raise SettingsError(self.found)
