"""Which version of the package this is."""

VERSION = "1.0.0"
"""As in pyproject.toml, which is not deployed; a test holds them together."""
