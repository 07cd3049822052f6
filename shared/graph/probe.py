"""One look at Graph, for the app's health: does it answer, and does it take the app's token?"""

from __future__ import annotations

from http import HTTPStatus

from shared.graph import fields
from shared.graph.http import AnswerLost, GraphRequest, NotSent, Transport


class GraphDown(Exception):  # noqa: N818 - it names what is the case
    """Graph cannot be worked with; the text says why."""


def look(transport: Transport, base_url: str) -> str:
    """What to say of Graph. Its root answers to any valid token, whatever that may do. Raises GraphDown."""
    host = fields.host_of(base_url)
    try:
        answer = transport.send(GraphRequest("GET", f"{base_url}/", {"Accept": "application/json"}))
    except NotSent as unsent:
        raise GraphDown(f"{host} could not be asked: {unsent.code.value}") from None
    except AnswerLost:
        raise GraphDown(f"{host} gave no answer") from None
    if answer.status == HTTPStatus.UNAUTHORIZED:
        raise GraphDown(f"{host} rejects the app's token")
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise GraphDown(f"{host} answers {answer.status}")
    return f"{host} answers"
