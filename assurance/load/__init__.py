"""Many transfers at once, in virtual time: the real runs and the real limiter over a fleet and a Graph that are models.

    python -m assurance.load --files 10000 --mailboxes 500 --workers 100

What is real: `shared/run`, `shared/core`, `shared/rate_limit`, and the emulator's own throttle. What is a model:
latencies, the queue and the hosts that poll it (as the Functions host does), and a Graph that keeps lengths instead
of bytes.
"""
