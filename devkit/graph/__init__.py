"""A local Microsoft Graph: attachment sessions, small attachments, lookups, and the identity endpoint.

`service.py` holds the semantics and opens no socket; `server.py` puts it behind HTTP; `client.py` drives it from tests.
Where nobody's documentation settles what the real service answers, `switches.py` has both answers.
"""
