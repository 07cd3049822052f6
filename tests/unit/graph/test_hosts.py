"""Where an upload session may point to."""

from __future__ import annotations

import pytest

from shared.graph.hosts import OUTLOOK_HOSTS, UploadHosts

HOSTS = UploadHosts(["outlook.office.com", " Outlook.Office365.com ", "special.example:8443", "127.0.0.1:9000", "::1"])


@pytest.mark.parametrize(
    "url",
    [
        "https://outlook.office.com/api/v2.0/x?authtoken=1",
        "https://OUTLOOK.office.com/",
        "HTTPS://outlook.office.com/",
        "https://outlook.office.com:443/",
        "https://outlook.office.com",
        "https://outlook.office365.com/api/gv1.0/users('a@b')/x",
        "https://special.example:8443/x",
        "http://127.0.0.1:9000/x",
        "https://127.0.0.1:9000/x",
        "http://[::1]/x",
        "http://[::1]:80/x",
    ],
)
def test_a_listed_host_and_port_is_allowed(url: str) -> None:
    assert HOSTS.allow(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "outlook.office.com",
        "//outlook.office.com/",
        "http://outlook.office.com/",
        "ftp://outlook.office.com/",
        "ftp://127.0.0.1:9000/",
        "file://127.0.0.1:9000/etc",
        "https://outlook.office.com:8443/",
        "https://outlook.office.com:80/",
        "https://outlook.office.com:0/",
        "https://special.example/",
        "https://special.example:443/",
        "http://127.0.0.1/",
        "http://127.0.0.1:9001/",
        "http://localhost:9000/",
        "http://128.0.0.1:9000/",
        "http://[::1]:81/",
        "https://outlook.office.com.evil.example/",
        "https://evil.example/outlook.office.com",
        "https://evil.example?outlook.office.com",
        "https://evil.example#outlook.office.com",
        "https://outlook.office.com@evil.example/",
        "https://evil.example\\@outlook.office.com/",
        "https://user@outlook.office.com/",
        "https://user:pass@outlook.office.com/",
        "https://@outlook.office.com/",
        "https://outlook.office.com\t.evil.example/",
        "https://outlook.office.com/\n",
        " https://outlook.office.com/",
        "https://outlook.office.com./",
        "https://169.254.169.254/metadata",
        "https://outlook.office.com:99999/",
        "https://outlook.office.com:x/",
        "https://[::1/",
        "https:///x",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    assert not HOSTS.allow(url)


def test_a_host_listed_with_the_usual_port_is_allowed_without_it() -> None:
    listed = UploadHosts(["a.example:443", "127.0.0.1:80"])
    assert listed.allow("https://a.example/")
    assert listed.allow("https://a.example:443/")
    assert listed.allow("http://127.0.0.1/")
    assert not listed.allow("https://a.example:0/")
    assert not listed.allow("https://127.0.0.1/")


def test_no_host_is_allowed_where_none_is_listed() -> None:
    assert not UploadHosts([]).allow("https://outlook.office.com/")


@pytest.mark.parametrize("host", OUTLOOK_HOSTS)
def test_the_hosts_of_the_clouds_are_allowed_by_https_only(host: str) -> None:
    assert UploadHosts(OUTLOOK_HOSTS).allow(f"https://{host}/api/v2.0")
    assert not UploadHosts(OUTLOOK_HOSTS).allow(f"http://{host}/api/v2.0")
