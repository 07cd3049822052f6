"""Run one simulated delivery again from its id: `python -m assurance.simulation.delivery '{...}'`."""

from __future__ import annotations

import sys

from assurance.simulation.delivery.scenario import replay

if __name__ == "__main__":
    sys.exit(bool(replay(sys.argv[1]).broken))
