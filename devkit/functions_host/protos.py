"""The messages of `azure-functions-runtime`, as plain classes, and how a frame's datum becomes one and back.

The library takes its protobuf module as an argument, and asks of a message no more than that it holds its fields
(azure_functions_runtime/handle_event.py, bindings/datumdef.py). So nothing of gRPC is needed here.
"""

from __future__ import annotations

from email.utils import formatdate
from http.cookies import Morsel, SimpleCookie
from types import SimpleNamespace
from typing import Any

from devkit.functions_host import frames


class Message:
    """Any message that only holds what it was made with."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class TypedData(Message):
    """A message of which one field is set."""

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - protobuf's own
        """The name of that field."""
        return next((name for name, value in self.__dict__.items() if value is not None), None)


class ParameterBinding(Message):
    """One parameter of a function."""

    def WhichOneof(self, _group: str) -> str:  # noqa: N802 - protobuf's own
        """Always data: no parameter travels through shared memory here."""
        return "data"


class StatusResult(Message):
    """How a request went."""

    Failure = 0
    Success = 1


class BindingInfo(Message):
    """The directions of a binding."""

    undefined, out, inout = range(3)


class SameSite:
    """The values of a cookie's attribute. `None` is the library's name for none given."""

    Lax, Strict, ExplicitNone = "Lax", "Strict", "None"


setattr(SameSite, "None", "")


class RpcHttpCookie(Message):
    """A cookie that a function sets."""

    SameSite = SameSite


class Protos:
    """What stands in for the protobuf module: a plain message for every name but those above."""

    TypedData = TypedData
    ParameterBinding = ParameterBinding
    StatusResult = StatusResult
    BindingInfo = BindingInfo
    RpcHttpCookie = RpcHttpCookie

    def __getattr__(self, name: str) -> type[Message]:
        return Message


def typed(datum: frames.Datum) -> TypedData:
    """The TypedData of a frame's datum."""
    kind, value = datum["type"], datum["value"]
    if kind == "bytes":
        return TypedData(bytes=frames.from_base64(value))
    if kind == "model_binding_data":
        return TypedData(model_binding_data=SimpleNamespace(**value))
    if kind == "http":
        return TypedData(http=Message(**{**value, "body": typed(value["body"])}))
    return TypedData(**{kind: value})


def returned(data: TypedData | None) -> frames.Datum | None:
    """What a function returned, for a frame."""
    if data is None:
        return None
    kind = data.WhichOneof("data")
    if kind == "http":
        answer = data.http  # type: ignore[attr-defined]  # a field of the message
        body = answer.body.bytes if answer.body.WhichOneof("data") == "bytes" else answer.body.string.encode()
        content = {
            "status": int(answer.status_code),
            "headers": answer.headers,
            "cookies": [set_cookie(cookie) for cookie in answer.cookies or []],
            "body": frames.to_base64(body),
        }
        return {"type": "http", "value": content}
    return {"type": str(kind), "value": getattr(data, str(kind))}


def set_cookie(cookie: Any) -> str:
    """A Set-Cookie value as the host writes it anew: a cookie without a domain gets an empty one."""
    morsel: Morsel[str] = SimpleCookie({cookie.name: cookie.value})[cookie.name]
    given = {
        "path": _value(cookie.path),
        "domain": _value(cookie.domain),
        "secure": _value(cookie.secure),
        "httponly": _value(cookie.http_only),
        "samesite": cookie.same_site,
        "max-age": None if cookie.max_age is None else f"{cookie.max_age.value:g}",
    }
    for name, value in given.items():
        if value not in (None, "", False):
            morsel[name] = value
    if cookie.expires is not None:
        morsel["expires"] = formatdate(cookie.expires.value.seconds, usegmt=True)
    text = morsel.OutputString()
    return text if morsel["domain"] else f"{text}; domain="


def _value(nullable: Any) -> Any:
    """What a Nullable message holds; None where it is missing."""
    return None if nullable is None else nullable.value
