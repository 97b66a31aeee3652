"""Event tables as NONMEM has them, row by row through a model, and the steady state of a regimen."""

from __future__ import annotations

from pdsim.events.run import simulate_events
from pdsim.events.steady import steady_state

__all__ = ["simulate_events", "steady_state"]
