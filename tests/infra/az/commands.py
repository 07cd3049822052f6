"""The commands of the stand-in: each takes what was asked and returns the whole document, or raises `AzError`."""

from __future__ import annotations

from tests.infra.az import access, apps, blobs, places
from tests.infra.az.registry import COMMANDS, Printed

__all__ = ["COMMANDS", "Printed", "access", "apps", "blobs", "places"]
