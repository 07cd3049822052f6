"""Runs a process, whatever it is about: claims its checkpoint, drives it, and carries its end out.

`process.py` says what the engine has to know of one. docs/architecture.md tells how to add one.
"""
