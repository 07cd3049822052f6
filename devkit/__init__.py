"""The local stack and the commands of `dev.py`: never deployed, never imported by the product."""
