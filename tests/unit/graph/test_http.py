"""Requests and answers as values."""

from __future__ import annotations

import json

import pytest

from shared.core.errors import Code
from shared.graph.http import HttpAnswer, NotSent


@pytest.mark.parametrize(
    ("status", "success"),
    [(100, False), (199, False), (200, True), (201, True), (299, True), (300, False), (404, False)],
)
def test_only_2xx_is_a_success(status: int, *, success: bool) -> None:
    assert HttpAnswer(status, {}).is_success is success


@pytest.mark.parametrize(
    ("body", "parsed"),
    [
        (b'{"NextExpectedRanges": ["0-"]}', {"nextexpectedranges": ["0-"]}),
        (b'{"Error": {"InnerError": {"Date": 1}}}', {"error": {"innererror": {"date": 1}}}),
        (b'{"Value": [{"Id": "A", "Size": 1}]}', {"value": [{"id": "A", "size": 1}]}),
        (b"", {}),
        (b"<html></html>", {}),
        (b"[1]", {}),
        (b"null", {}),
        (b'"text"', {}),
        (b"\xff\xfe", {}),
        (b'{"a": ', {}),
        (b"[" * 100_000, {}),
        (b'{"a":' * 100_000, {}),
        (b"9" * 10_000, {}),
    ],
)
def test_a_body_is_an_object_with_lower_case_keys_or_nothing(body: bytes, parsed: object) -> None:
    assert HttpAnswer(200, {}, body).json() == parsed


@pytest.mark.parametrize("depth", [10, 400, 600, 900, 990])
def test_a_deep_body_is_read_or_refused_but_never_raises(depth: int) -> None:
    body = json.dumps("x").encode()
    answer = HttpAnswer(200, {}, b'{"A":' * depth + body + b"}" * depth).json()
    assert list(answer) in (["a"], [])


def test_a_body_stays_out_of_the_representation() -> None:
    assert "canary" not in repr(HttpAnswer(200, {}, b"canary"))


def test_a_request_that_was_not_sent_says_why() -> None:
    assert NotSent(Code.GRAPH_UNREACHABLE).code is Code.GRAPH_UNREACHABLE
    assert str(NotSent(Code.GRAPH_UNREACHABLE)) == "GRAPH_UNREACHABLE"
