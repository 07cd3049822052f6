"""Faults in real processes and real sockets: killed workers, broken connections."""
