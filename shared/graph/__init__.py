"""Microsoft Graph: actions as requests, answers as events, and the thin client between them."""
