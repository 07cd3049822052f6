"""The log: one JSON object a line, so that a log query reads it with one `parse_json`.

Never a URL, a token, a file's content or a person's name. Every room may write to it, so it knows none of them.
"""

from __future__ import annotations

import json
import logging
from typing import Any

_log = logging.getLogger("drop")

QUIET = {
    "azure": logging.WARNING,
    "azure.identity": logging.CRITICAL,
    "msal": logging.CRITICAL,
    "opentelemetry": logging.WARNING,
    "urllib3": logging.ERROR,
}
"""Libraries that log requests with their URLs, and the level from which on they do not.

urllib3 does so even in a warning, about an answer whose headers it cannot read (connection.py, `getresponse`). msal and
azure.identity log whole answers that they cannot read, a token in a torn one included (oauth2cli/oauth2.py,
`_obtain_token`; azure-core's DecodeError): `shared/graph/token.py` tells of those failures in their place.
"""


def quieten() -> None:
    """Keep other people's loggers from writing URLs, which may be secrets."""
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)


def note(event: str, *, error: bool = False, **facts: Any) -> None:
    """A line about something that is no decision: an event that was passed over, a message nobody can read."""
    given = {key: fact for key, fact in facts.items() if fact is not None}
    write(logging.ERROR if error else logging.INFO, event=event, **given)


def write(level: int, **facts: Any) -> None:
    """A line with exactly these keys, null included."""
    _log.log(level, json.dumps(facts, ensure_ascii=True))
