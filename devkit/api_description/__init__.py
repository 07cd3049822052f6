"""The description of the HTTP API (OpenAPI 3.1): `dev.py docs` makes `shared/api/openapi.json` of it."""
