"""How fast one transfer is, and how politely many share a mailbox: measured, and written to `docs/`."""
