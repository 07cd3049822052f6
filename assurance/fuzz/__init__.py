"""Hostile input: what it is made of, what has to hold whatever it is, and the fuzzer that looks for more of it."""
