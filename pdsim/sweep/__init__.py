"""Parameter sweeps: plans over any key of a study, a store that is filled chunk by chunk, and what is read from it.

Nothing here knows what a chunk computes: the work comes as a function from a chunk to arrays, so that the same code
runs it on threads, on a cluster, or as one job of many.
"""

from __future__ import annotations

from pdsim.sweep.handover import to_dataframe, to_netcdf
from pdsim.sweep.indices import indices
from pdsim.sweep.store import SweepStore, open_sweep

__all__ = ["SweepStore", "indices", "open_sweep", "to_dataframe", "to_netcdf"]
