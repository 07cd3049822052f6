"""The pure core: what to do next, and what an answer means. No clock, no network, no randomness, no settings."""
