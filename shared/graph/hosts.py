"""Where an upload session may point to. A URL out of an answer or a checkpoint is untrusted until it passed here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from shared.settings.forms import is_loopback

OUTLOOK_HOSTS = ("outlook.office.com", "outlook.office365.com", "partner.outlook.cn")
"""The hosts of upload sessions: the first two are seen in Microsoft's pages and users' reports
(attachment-createuploadsession, msgraph-sdk-java 1818); the third is Outlook's host in the cloud that 21Vianet runs."""


class UploadHosts:
    """The allow-list `GRAPH_UPLOAD_HOSTS`: `host` or `host:port`, compared without case."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = frozenset(host.strip().lower() for host in hosts)

    def allow(self, url: str) -> bool:
        """True for https (http on loopback only), a listed host and port, and no user or password in the URL."""
        if not is_url_text(url):
            return False
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            return False
        if not host or "@" in parts.netloc:
            return False
        if parts.scheme == "http" and not is_loopback(host):
            return False
        if parts.scheme not in {"http", "https"}:
            return False
        default_port = 443 if parts.scheme == "https" else 80
        port = default_port if port is None else port
        named = {f"{host}:{port}"} | ({host} if port == default_port else set())
        return not named.isdisjoint(self._hosts)


def is_url_text(text: str) -> bool:
    """True for printable ASCII without blanks: all that a URL can hold (RFC 3986), and read alike by every parser."""
    return re.fullmatch(r"[!-~]+", text) is not None
