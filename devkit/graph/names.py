"""Identifiers that look like Graph's, made from a seed and a counter: the same calls make the same ids."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

# Real Outlook ids begin like this; an immutable id differs in its first characters.
_ID = "AAMkAD"
_IMMUTABLE = "AAkALg"


class Names:
    """A source of ids. Two sources with different seeds never agree on one."""

    __slots__ = ("_counter", "seed")

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._counter = 0

    def copy(self) -> Names:
        """A source that goes on where this one stands."""
        twin = Names(self.seed)
        twin._counter = self._counter
        return twin

    def outlook_id(self) -> str:
        """An id with `_`, `-` and a closing `=`, as real ones have, so that careless encoding shows."""
        text = self._digest(32)
        return f"{_ID}_{text[:20]}-{text[20:]}"

    def secret(self) -> str:
        """A value in the shape of a JWT, for access tokens and upload URLs."""
        return f"eyJhbGciOiJSUzI1NiJ9.{self._digest(32).rstrip('=')}.{self._digest(32).rstrip('=')}"

    def guid(self) -> str:
        """A GUID; the counter is its beginning, the seed its end."""
        self._counter += 1
        return f"{self._counter & 0xFFFFFFFF:08x}-0000-4000-8000-{self.seed & 0xFFFFFFFFFFFF:012x}"

    def _digest(self, size: int) -> str:
        self._counter += 1
        made = hashlib.blake2b(b"%d:%d" % (self.seed, self._counter), digest_size=size)
        return urlsafe_b64encode(made.digest()).decode()


def immutable(identifier: str) -> str:
    """The immutable form of an id (Prefer: IdType="ImmutableId"); ids of a caller's own making have only one form."""
    return _IMMUTABLE + identifier[len(_ID) :] if identifier.startswith(_ID) else identifier


def plain(identifier: str) -> str:
    """The form under which an id is stored, from either form."""
    return _ID + identifier[len(_IMMUTABLE) :] if identifier.startswith(_IMMUTABLE) else identifier
