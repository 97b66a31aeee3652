"""What a row reports: outputs of the model at the row's time, with its parameters and states."""

from __future__ import annotations

from typing import Any

import numpy as np

from pdsim._jit import LANES
from pdsim.solvers.outputs import observe_points
from pdsim.solvers.pointers import address_of, call


def observed(kernels: Any, time: np.ndarray, states: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Outputs (row, output) of rows with their own times, natural states and parameters; NaN where a state is."""
    counted = np.asarray(kernels.extinct_below) > 0.0
    y, present = states.T, np.zeros((0, len(states)))
    if counted.any():
        present = np.where(counted, states > 0.0, True).T.astype(float)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(np.where(present.T > 0.0, states, 1.0))
        y = np.where(counted, np.where(present.T > 0.0, logs, 0.0), states).T
    out = np.empty((len(kernels.outputs), len(states)))
    scratch = [np.ones(rows * LANES) for rows in (1, len(y), len(y), values.shape[1] + kernels.n_derived, len(out))]
    parts = [np.ascontiguousarray(part, dtype=float) for part in (y, present, values.T)]
    addresses = address_of(kernels.derive), address_of(kernels.observe)
    call(observe_points, LANES, *addresses, np.ascontiguousarray(time, dtype=float), *parts, *scratch, out)
    lost = np.isnan(states.sum(axis=1))
    if lost.any():
        out[:, lost] = np.nan
    return out.T
