"""Patients on their way through a linear model, exact by the matrix exponential."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pdsim._jit import LANES
from pdsim.events.cycle import Cycle
from pdsim.events.fixed_point import resting
from pdsim.events.linear import filled_params, system
from pdsim.solvers.status import BAD_INPUT, NAN, OK

Step = tuple[np.ndarray, np.ndarray]

_KEPT = 256  # steps whose exponentials are remembered
_AT_ONCE = 64  # steps worked out together
_DEGREE = 13  # of the Taylor series, exact to rounding below a norm of _SMALL
_SMALL = 0.25
_LEAVES = 1e-12  # part of every mode that must leave within an interval, or nothing settles


class ClosedCourse:
    """Patients that share the times of everything that happens to them; the twin of `OdeCourse` for linear models.

    Between two instants ``x(t + h) = E x(t) + G (constant + inflow)``; see `flows`.

    Parameters
    ----------
    kernels : Kernels
        Of a model that `pdsim.events.linear.not_linear` has nothing against.
    params : array, (patient, param)
    """

    def __init__(self, kernels: Any, params: np.ndarray) -> None:
        self.kernels = kernels
        self.patients = len(params)
        self.time = 0.0
        self.reasons: dict[int, str] = {}
        self.failed = np.zeros(self.patients, dtype=np.int8)
        self.states = np.zeros((self.patients, len(kernels.states)))
        self.inflow = np.zeros_like(self.states)
        self.set_params(params)

    def set_params(self, params: np.ndarray) -> None:
        """Go on with other parameters, (patient, param)."""
        self._params = params
        matrix, self.constant = system(self.kernels, params)
        finite = np.isfinite(matrix).all(axis=(1, 2)) & np.isfinite(self.constant).all(axis=1)
        self._fail(~finite, BAD_INPUT)
        self.matrix = np.where(finite[:, None, None], matrix, 0.0)
        self._steps: dict[float, Step] = {}

    def _fail(self, patients: np.ndarray, code: int) -> None:
        self.failed[patients & (self.failed == OK)] = code
        self.states[self.failed != OK] = np.nan

    def reset(self, time: float) -> None:
        """Put the clock at `time`, the states at their entry values, and end every infusion."""
        self.time = time
        self.inflow[:] = 0.0
        entry = np.zeros((len(self.kernels.states), LANES))
        for first in range(0, self.patients, LANES):
            rows = np.minimum(np.arange(first, first + LANES), self.patients - 1)
            self.kernels.initial(LANES, filled_params(self.kernels, self._params[rows]), entry.reshape(-1))
            self.states[rows] = entry.T
        self._fail(np.isnan(self.states.sum(axis=1)), BAD_INPUT)

    def add(self, target: int, amounts: np.ndarray) -> None:
        """Give amounts (patient,) into a state."""
        self.states[:, target] += amounts

    def set_inflow(self, target: int, rates: np.ndarray) -> None:
        """Infuse into a state at rates (patient,) from here on."""
        self.inflow[:, target] = rates

    def advance(self, stop: float, at: Sequence[float] | np.ndarray = ()) -> np.ndarray:
        """Go to `stop`; return the states at times before it, (time, patient, state)."""
        source = self.constant + self.inflow
        lengths = np.diff([self.time, *at, stop])
        passed = np.empty((len(lengths), *self.states.shape))
        for first in range(0, len(lengths), _AT_ONCE):
            for place, (flow, load) in enumerate(self._over(lengths[first : first + _AT_ONCE]), start=first):
                self.states = passed[place] = _apply(flow, self.states) + _apply(load, source)
        self.time = stop
        self._fail(np.isnan(self.states.sum(axis=1)), NAN)
        return passed[:-1]

    def _over(self, lengths: np.ndarray) -> list[Step]:
        """Exponential and its integral over steps of these lengths, (patient, state, state) each."""
        wanted = [float(f"{length:.13g}") for length in lengths]  # so that equal steps of rounded times are found again
        new = [length for length in dict.fromkeys(wanted) if length not in self._steps]
        if len(self._steps) + len(new) > _KEPT:
            self._steps.clear()
            new = list(dict.fromkeys(wanted))
        for length, step in zip(new, flows(self.matrix, np.array(new)), strict=True):
            self._steps[length] = step
        return [self._steps[length] for length in wanted]

    def settle(self, cycle: Cycle, added: bool) -> None:
        """Bring in the steady state of a repeating pattern that ends here; `added` leaves what is there in place."""
        found = self._fixed(cycle)
        if added:
            found = self.states + found - self._fixed(cycle.without_doses())
        free = resting(self.kernels.structure)
        lost = ~np.isfinite(found[:, free]).all(axis=1)
        for row in np.flatnonzero(lost).tolist():
            self.reasons[row] = "no steady state: something that is given or made never leaves"
        self.states = np.where(free, found, self.states)
        self._fail(lost, NAN)

    def _fixed(self, cycle: Cycle) -> np.ndarray:
        """States just before the pattern begins anew, (patient, state); NaN where there are none."""
        size = self.matrix.shape[1]
        flow = np.broadcast_to(np.eye(size), self.matrix.shape)
        load = np.zeros_like(self.states)
        for (step, integral), jump, inflow in zip(self._over(cycle.lengths()), cycle.jumps, cycle.inflows, strict=True):
            flow = step @ flow
            load = _apply(step, load + jump) + _apply(integral, self.constant + inflow)
        free = np.flatnonzero(resting(self.kernels.structure))
        found = np.full_like(self.states, np.nan)
        flow = flow[:, free[:, None], free]
        for row in np.flatnonzero(self.failed == OK):
            if np.abs(np.linalg.eigvals(flow[row])).max(initial=0.0) < 1.0 - _LEAVES:
                found[row, free] = np.linalg.solve(np.eye(len(free)) - flow[row], load[row, free])
        return found


def _apply(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return np.einsum("pij,pj->pi", matrices, vectors)


def flows(matrix: np.ndarray, lengths: np.ndarray) -> list[Step]:
    """Matrix exponential ``E = exp(matrix h)`` and its integral ``G`` from 0 to h, for several lengths h.

    Both come from one exponential of twice the size, which needs no inverse of the matrix; Taylor series, scaling and
    squaring. Every patient's numbers are the same to the last bit in any company.

    Parameters
    ----------
    matrix : array, (patient, n, n)
    lengths : array, (length,)

    Returns
    -------
    list of (E, G), each (patient, n, n)
    """
    count, size = matrix.shape[:2]
    scaled = lengths[:, None, None, None] * matrix
    norm = np.maximum(np.abs(scaled).sum(axis=-1).max(axis=-1), 1e-300)
    double = np.zeros((len(lengths), count, 2 * size, 2 * size))
    double[..., :size, :size] = scaled
    double[..., :size, size:] = norm[..., None, None] * np.eye(size)
    halvings = np.maximum(np.ceil(np.log2(2.0 * norm / _SMALL)), 0.0)
    double /= np.exp2(halvings)[..., None, None]
    found = unit = np.broadcast_to(np.eye(2 * size), double.shape)
    for degree in range(_DEGREE, 0, -1):
        found = unit + double @ found / degree
    for squaring in range(int(halvings.max(initial=0.0))):
        found = np.where((squaring < halvings)[..., None, None], found @ found, found)
    loads = found[..., :size, size:] * (lengths[:, None] / norm)[..., None, None]
    return list(zip(found[..., :size, :size], loads, strict=True))
