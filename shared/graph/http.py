"""HTTP as values: what a request and an answer are to the rest of the package, whoever carries them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from shared.core.errors import Code

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """One request to Microsoft Graph; the app's token goes with it.

    `repeatable` says whether it may be sent again at once, with a new token, when Graph rejects the old one: a commit
    may not, because no answer but 201 tells whether it was carried out. The URL names a mailbox and stays out of the
    representation.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str]
    body: Buffer | None = field(repr=False, default=None)
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """One request to an upload session; the app's token must not go with it.

    The session's URL is a secret, so it stays out of the representation.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str]
    body: Buffer | None = field(repr=False, default=None)


HttpRequest = GraphRequest | UploadRequest


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer, read whole. `headers` have lower-case names.

    Headers and body may hold what nobody should read, so only the status is part of the representation.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False, default=b"")

    @property
    def is_success(self) -> bool:
        """True for 2xx."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def json(self) -> Mapping[str, Any]:
        """The body as an object whose keys are lower-case at every depth; empty where it is none.

        Clouds differ in the case of keys (msgraph-sdk-dotnet 2092), so every reader asks in lower case.
        """
        try:
            parsed = json.loads(self.body, object_pairs_hook=_lowered)
        except (ValueError, RecursionError):
            return {}
        return parsed if isinstance(parsed, dict) else {}


def _lowered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key.lower(): value for key, value in pairs}


class NotSent(Exception):  # noqa: N818 - the field's word; it is an outcome more than an error
    """The request surely did not reach the service. `code` is how the transfer ends if it never does."""

    def __init__(self, code: Code) -> None:
        super().__init__(code.value)
        self.code = code


class AnswerLost(Exception):  # noqa: N818 - the field's word; it is an outcome more than an error
    """The request may have reached the service; its answer never came back whole."""


class Transport(Protocol):
    """What carries requests: the real client, and the simulation of it."""

    def send(self, request: HttpRequest) -> HttpAnswer:
        """Send and read the whole answer. Redirects are answers, never followed.

        Raises:
            NotSent: the request surely had no effect.
            AnswerLost: it may have had one.
        """
        ...

    def stream(self, request: HttpRequest) -> AbstractContextManager[tuple[HttpAnswer, Iterator[bytes]]]:
        """Send and hand over the answer, without its body, and the body piece by piece.

        Raises:
            NotSent, AnswerLost: as for `send`; AnswerLost also while the body is read.
        """
        ...
