"""What names look like: containers, queues, GUIDs, domains, addresses. ASCII throughout; nothing is looked up."""

from __future__ import annotations

import ipaddress
import re

_CONTAINER = re.compile(r"(?=.{3,63}\Z)[a-z0-9]+(?:-[a-z0-9]+)*")
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})+")
_LOCAL = re.compile(r"(?=.{1,64}\Z)[A-Za-z0-9!#$&'*+=^_`{|}~-]+(?:\.[A-Za-z0-9!#$&'*+=^_`{|}~-]+)*")


def is_storage_name(text: str) -> bool:
    """True for a container's or a queue's name: 3 to 63 lower-case letters, digits and single inner hyphens.

    Both kinds follow the same rules ("Naming and referencing containers", "Naming queues and metadata").
    """
    return _CONTAINER.fullmatch(text) is not None


def is_guid(text: str) -> bool:
    """True for 8-4-4-4-12 hexadecimal digits, without braces."""
    return _GUID.fullmatch(text) is not None


def is_host(text: str) -> bool:
    """True for a host name or an IPv4 address, without a port."""
    return _HOST.fullmatch(text) is not None


def is_domain(text: str) -> bool:
    """True for a DNS name of two labels or more."""
    return _DOMAIN.fullmatch(text) is not None


def is_address(text: str) -> bool:
    """True for `name@domain`, as user principal names are: ASCII, one `@`, no dot at either end of the name.

    Slightly wider than what Entra lets a name hold (letters, digits and ' . - _ ! # ^ ~), for names that were
    synchronised from elsewhere; narrower than RFC 5322, which also takes `/`, `?` and `%`.
    """
    local, at, domain = text.partition("@")
    return bool(at) and _LOCAL.fullmatch(local) is not None and is_domain(domain)


def is_loopback(host: str) -> bool:
    """True for `localhost` and the loopback addresses: the only hosts that plain http is spoken to."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
