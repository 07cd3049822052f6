"""How long the host lets a run last, and how long a run lets itself last."""

from __future__ import annotations

import re
from collections.abc import Mapping

from shared.settings.hostfile import read_host_file
from shared.settings.model import SettingsError

SHORTEST_DEFAULT = 300.0
"""Seconds: what the Consumption plan grants where host.json says nothing; the other plans grant 1,800 (host.json
reference, functionTimeout). The shorter one is safe on every plan."""

UNLIMITED_BUDGET = 1740.0
"""Seconds: half an hour less a minute, where the host sets no limit. A run that ends now and then is one that a
platform update or a scale-in seldom has to kill (they leave 10 to 60 minutes)."""

SMALLEST_MARGIN = 120.0
"""Seconds between the end of the budget and the host's kill: the request under way, whose answer is waited for up to
100 seconds (shared/graph/client.py), and the last save fit into it."""

_TIME_SPAN = re.compile(r"(?:([0-9]{1,7})\.)?([01]?[0-9]|2[0-3]):([0-5]?[0-9]):([0-5]?[0-9](?:\.[0-9]{1,7})?)")


def function_timeout(environ: Mapping[str, str], host_json_text: str) -> float | None:
    """The host's `functionTimeout` in seconds; None where it is `-1`, unlimited.

    The app setting `AzureFunctionsJobHost__functionTimeout` overrides host.json, as it does in the host; `null` and
    an empty text leave it to the plan (ScriptJobHostOptionsSetup.cs). Raises SettingsError where it cannot be read.
    """
    host = read_host_file(environ, host_json_text)
    text = host.text("functionTimeout")
    return SHORTEST_DEFAULT if text is None else _seconds(host.name("functionTimeout"), text)


def default_run_budget(timeout: float | None) -> float:
    """Seconds a run takes at most: the timeout less two minutes or a tenth, whichever is more, but at least half."""
    if timeout is None:
        return UNLIMITED_BUDGET
    return max(timeout - max(SMALLEST_MARGIN, timeout / 10), timeout / 2)


def _seconds(name: str, text: str) -> float | None:
    """Seconds of a .NET time span, `[d.]hh:mm:ss[.fffffff]`, above 0; None for `-1`."""
    if text == "-1":
        return None
    found = _TIME_SPAN.fullmatch(text)
    if found:
        days, hours, minutes, seconds = found.groups()
        total = ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + float(seconds)
        if total > 0:
            return total
    raise SettingsError([f"{name}: must be a time span above zero such as 00:10:00, or -1 for no limit"])
