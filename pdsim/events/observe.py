"""What a row reports: outputs of the model at the row's time, with its parameters and states."""

from __future__ import annotations

from typing import Any

import numpy as np

from pdsim._jit import LANES
from pdsim.events.linear import filled_params


def observed(kernels: Any, time: np.ndarray, states: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Outputs (row, output) of rows with their own times, natural states and parameters; NaN where a state is."""
    count = len(states)
    out = np.full((count, len(kernels.outputs)), np.nan)
    counted = np.asarray(kernels.extinct_below) > 0.0
    present = np.where(counted, states > 0.0, True)
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.where(counted, np.where(present, np.log(np.where(present, states, 1.0)), 0.0), states)
    row = np.zeros(len(kernels.outputs) * LANES)
    for first in range(0, count, LANES):
        rows = np.minimum(np.arange(first, first + LANES), count - 1)
        given = [np.ascontiguousarray(part[rows].T, dtype=float).reshape(-1) for part in (y, present)]
        kernels.observe(LANES, time[rows], given[0], filled_params(kernels, values[rows]), np.zeros(0), given[1], row)
        here = min(LANES, count - first)
        out[first : first + here] = row.reshape(-1, LANES).T[:here]
    out[np.isnan(states).any(axis=1)] = np.nan
    return out
