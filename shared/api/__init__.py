"""The HTTP API: requests in, answers out, as plain values. `function_app.py` translates them for the host."""
