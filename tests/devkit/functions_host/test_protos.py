"""What the worker library is given and gives, as frames carry it."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

import azure.functions as func
import pytest
from azure_functions_runtime.bindings.datumdef import datum_as_proto, parse_to_rpc_http_cookie_list

from devkit.functions_host import frames
from devkit.functions_host.protos import Protos, TypedData, returned, set_cookie, typed

PROTOS = Protos()
HTTP: Any = func.get_binding_registry().get("http")  # type: ignore[no-untyped-call]  # azure-functions is half typed


@pytest.mark.parametrize(
    ("datum", "field", "value"),
    [
        ({"type": "string", "value": "a"}, "string", "a"),
        ({"type": "json", "value": "{}"}, "json", "{}"),
        ({"type": "bytes", "value": frames.to_base64(b"\xff")}, "bytes", b"\xff"),
    ],
)
def test_a_datum_is_a_message_with_one_field(datum: frames.Datum, field: str, value: object) -> None:
    message = typed(datum)
    assert message.WhichOneof("data") == field
    assert getattr(message, field) == value


def test_a_function_that_returns_nothing_gives_no_datum() -> None:
    assert returned(None) is None


@pytest.mark.parametrize(
    ("answer", "body"),
    [(func.HttpResponse("text"), b"text"), (func.HttpResponse(b"\xff"), b"\xff"), (func.HttpResponse(), b"")],
)
def test_an_answer_goes_into_a_frame(answer: func.HttpResponse, body: bytes) -> None:
    datum = returned(datum_as_proto(HTTP.encode(answer, expected_type=None), PROTOS))
    assert datum is not None
    assert (datum["value"]["status"], frames.from_base64(datum["value"]["body"])) == (200, body)


def test_a_text_that_is_returned_stays_one() -> None:
    assert returned(TypedData(string="a")) == {"type": "string", "value": "a"}


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("a=b", "a=b; domain="),
        ("a=b; Path=/; Domain=example.org", "a=b; Domain=example.org; Path=/"),
        ("a=b; HttpOnly; Secure; SameSite=Strict", "a=b; HttpOnly; SameSite=Strict; Secure; domain="),
        ("a=b; Max-Age=60", "a=b; Max-Age=60; domain="),
        ("a=b; expires=Thu, 26 Nov 2026 10:00:00 GMT", "a=b; expires=Thu, 26 Nov 2026 10:00:00 GMT; domain="),
    ],
)
def test_a_cookie_is_written_anew(given: str, written: str) -> None:
    [cookie] = parse_to_rpc_http_cookie_list([SimpleCookie(given)], PROTOS)
    assert set_cookie(cookie) == written
