"""The product's requests, carried to a GraphService in memory instead of over a socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from assurance.simulation.clock import VirtualClock
from assurance.simulation.io import Gate, open_gate
from devkit.graph.service import ConnectionLost, GraphService, Reply, Request
from shared.graph import fields
from shared.graph.http import AnswerLost, GraphRequest, HttpAnswer, HttpRequest
from shared.graph.token import TokenSource


class MemoryTransport:
    """Implements `Transport`. `token` is what a real client would have got from the identity endpoint, or where from.

    Like the real client, it asks for another one where Graph rejects it, and repeats what may be repeated, once.
    """

    def __init__(
        self, service: GraphService, clock: VirtualClock, token: str | TokenSource, gate: Gate = open_gate
    ) -> None:
        self._service = service
        self._clock = clock
        self._token = token
        self._gate = gate

    def send(self, request: HttpRequest) -> HttpAnswer:
        """See `Transport.send`."""
        answer = self._sent(request)
        rejected = answer.status == HTTPStatus.UNAUTHORIZED and isinstance(request, GraphRequest)
        if not rejected or isinstance(self._token, str):
            return answer
        self._token.forget(fields.claims(answer.headers.get("www-authenticate", "")))
        return self._sent(request) if isinstance(request, GraphRequest) and request.repeatable else answer

    def _sent(self, request: HttpRequest) -> HttpAnswer:
        sent = self.request(request)
        return self._gate(f"graph.{request.method}", lambda: self._carry(sent))

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[tuple[HttpAnswer, Iterator[bytes]]]:
        """See `Transport.stream`."""
        answer = self.send(request)
        yield answer, iter([answer.body])

    def request(self, request: HttpRequest) -> Request:
        """The request as it would be on the wire."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        if isinstance(request, GraphRequest):
            token = self._token if isinstance(self._token, str) else self._token.token()
            headers["authorization"] = f"Bearer {token}"
        return Request(request.method, request.url, headers, bytes(request.body or b""))

    def _carry(self, request: Request) -> HttpAnswer:
        try:
            reply: Reply = self._service.handle(request, self._clock.now())
        except ConnectionLost:
            raise AnswerLost from None
        return HttpAnswer(reply.status, {name.lower(): value for name, value in reply.headers.items()}, reply.body)
