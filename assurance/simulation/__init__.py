"""A world in memory for the real driver: Graph, storage and time that fail exactly when they are told to."""
