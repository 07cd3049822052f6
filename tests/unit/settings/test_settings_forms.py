"""What names look like in Azure and Outlook."""

from __future__ import annotations

import pytest

from shared.settings import forms


@pytest.mark.parametrize("text", ["abc", "a1-b2", "0aa", "a" * 63, "a-b-c"])
def test_a_storage_name_is_lower_case_letters_digits_and_single_inner_hyphens(text: str) -> None:
    assert forms.is_storage_name(text)


@pytest.mark.parametrize(
    "text", ["", "ab", "a" * 64, "Abc", "a_b", "a--b", "-ab", "ab-", "a.b", "abc\n", "ábc", "$logs"]
)
def test_other_storage_names_are_refused(text: str) -> None:
    assert not forms.is_storage_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "0b6d2c1e-2f4a-4d0c-9a4e-1c2d3e4f5a6b",
        "0B6D2C1E-2F4A-4D0C-9A4E-1C2D3E4F5A6B",
        "0" * 8 + "-0000" * 3 + "-" + "0" * 12,
    ],
)
def test_a_guid_is_hexadecimal_in_five_groups(text: str) -> None:
    assert forms.is_guid(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0b6d2c1e2f4a4d0c9a4e1c2d3e4f5a6b",
        "{0b6d2c1e-2f4a-4d0c-9a4e-1c2d3e4f5a6b}",
        "0b6d2c1e-2f4a-4d0c-9a4e-1c2d3e4f5a6b\n",
        "0b6d2c1e-2f4a-4d0c-9a4e-1c2d3e4f5a6g",
        "\uff10b6d2c1e-2f4a-4d0c-9a4e-1c2d3e4f5a6b",
    ],
)
def test_other_texts_are_no_guid(text: str) -> None:
    assert not forms.is_guid(text)


@pytest.mark.parametrize("text", ["localhost", "outlook.office.com", "127.0.0.1", "xn--bcher-kva.example", "a" * 63])
def test_a_host_is_a_name_or_an_ipv4_address(text: str) -> None:
    assert forms.is_host(text)


@pytest.mark.parametrize(
    "text", ["", "a..b", ".a", "a.", "-a.b", "a_b", "a" * 64, "a b", "bücher.example", "[::1]", "a\n"]
)
def test_other_texts_are_no_host(text: str) -> None:
    assert not forms.is_host(text)


def test_a_host_has_at_most_253_characters() -> None:
    assert forms.is_host(".".join(["a" * 61] * 4)[:253])
    assert not forms.is_host(".".join(["a" * 62] * 5))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_this_machine(host: str) -> None:
    assert forms.is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "example.com", "127.0.0.1.example.com", "10.0.0.1", "0.0.0.0", "localhost.evil.net"]
)
def test_other_hosts_are_not_loopback(host: str) -> None:
    assert not forms.is_loopback(host)
