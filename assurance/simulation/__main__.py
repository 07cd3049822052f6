"""`python -m assurance.simulation 'ID'`: tell one scenario again, from the id that a failing test printed."""

from __future__ import annotations

import sys

from assurance.simulation.scenario import replay

if __name__ == "__main__":
    sys.exit(bool(replay(sys.argv[1]).broken))
