"""What a row reports: outputs of the model at the row's time, with its parameters and states."""

from __future__ import annotations

from typing import Any

import numpy as np

from pdsim._jit import LANES
from pdsim.solvers.outputs import observe_points
from pdsim.solvers.pointers import address_of, call


def observed(kernels: Any, time: np.ndarray, states: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Outputs (output, row) of rows with their own times, natural states (state, row) and parameters (param, row).

    NaN where a state is.
    """
    counted = np.asarray(kernels.extinct_below)[:, None] > 0.0
    y, present = states, np.zeros((0, len(time)))
    if counted.any():
        present = np.where(counted, states > 0.0, True).astype(float)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(np.where(present > 0.0, states, 1.0))
        y = np.where(counted, np.where(present > 0.0, logs, 0.0), states)
    out = np.empty((len(kernels.outputs), len(time)))
    scratch = [np.ones(rows * LANES) for rows in (1, len(y), len(y), len(values) + kernels.n_derived, len(out))]
    parts = [np.ascontiguousarray(part, dtype=float) for part in (y, present, values)]
    addresses = address_of(kernels.derive), address_of(kernels.observe)
    call(observe_points, LANES, *addresses, np.array(time, dtype=float), *parts, *scratch, out)
    out[:, np.isnan(states.sum(axis=0))] = np.nan
    return out
