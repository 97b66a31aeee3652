"""Patients on their way through a linear model, exact by the matrix exponential."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pdsim._jit import LANES
from pdsim.events.cycle import Cycle
from pdsim.events.fixed_point import resting
from pdsim.events.linear import filled_params, system
from pdsim.solvers.pointers import address_of, call
from pdsim.solvers.status import BAD_INPUT, NAN, OK

if TYPE_CHECKING:
    from pdsim.dosing.timeline import Op

Step = tuple[np.ndarray, np.ndarray]

_APART = 50.0  # condition of the modes up to which they keep a relative error of some 1e-13
_DEGREE = 13  # of the Taylor series, exact to rounding below a norm of _SMALL
_SMALL = 0.25
_LEAVES = 1e-12  # part of every mode that must leave within an interval, or nothing settles
KINDS = {"bolus": 0, "inflow": 1, "row": 2}  # as `pdsim.solvers.linear` numbers them
_NOTHING = np.zeros((0, 0))


class Stretch(NamedTuple):
    """Boluses, infusions and rows that follow each other, (op,) each; see `pdsim.solvers.linear.Given`."""

    kinds: np.ndarray
    targets: np.ndarray
    places: np.ndarray
    times: np.ndarray

    @classmethod
    def of(cls, ops: Sequence[Op], places: np.ndarray) -> Stretch:
        """Lay out ops, whose amounts or rates stand at `places` among those of their group."""
        kinds, targets = (np.array(part) for part in ([KINDS[op.kind] for op in ops], [op.target for op in ops]))
        return cls(kinds, targets, places, np.array([op.time for op in ops], dtype=float))


class ClosedCourse:
    """Patients that share the times of everything that happens to them; the twin of `OdeCourse` for linear models.

    Between two instants ``x(t + h) = E x(t) + G (constant + inflow)``: by modes where they lie apart, else by the
    matrix exponential; see `pdsim.solvers.linear`.

    Parameters
    ----------
    kernels : Kernels
        Of a model that `pdsim.events.linear.not_linear` has nothing against.
    params : array, (patient, param)
    wanted : sequence of str, optional
        Flat names of states, then of outputs, that rows report.
    first : array of int, (patient,), optional
        Where the rows of each patient begin.
    """

    def __init__(
        self, kernels: Any, params: np.ndarray, wanted: Sequence[str] = (), first: np.ndarray | None = None
    ) -> None:
        from pdsim.solvers.linear import Wanted, make_lanes

        self.kernels = kernels
        self.patients = len(params)
        states = [kernels.states.index(name) for name in wanted if name not in kernels.outputs]
        outputs = [kernels.outputs.index(name) for name in wanted if name in kernels.outputs]
        reads = [kernels.structure["outputs"][kernels.outputs[place]]["states"] for place in outputs]
        read = sorted({*states, *(kernels.states.index(name) for names in reads for name in names)})
        places = np.zeros(self.patients) if first is None else first
        self._wanted = Wanted(*(np.array(part, dtype=np.int64) for part in (states, outputs, read, places)))
        self._lanes = make_lanes(len(kernels.states), len(kernels.params) + kernels.n_derived, len(kernels.outputs))
        self.time = 0.0
        self.reasons: dict[int, str] = {}
        self.failed = np.zeros(self.patients, dtype=np.int8)
        self.states = np.zeros((self.patients, len(kernels.states)))
        self.inflow = np.zeros_like(self.states)
        self._params = np.zeros((0, 0))
        self.set_params(params)

    def set_params(self, params: np.ndarray) -> None:
        """Go on with other parameters, (patient, param)."""
        if np.array_equal(params, self._params):
            return
        self._params = params
        matrix, self.constant = system(self.kernels, params)
        finite = np.isfinite(matrix).all(axis=(1, 2)) & np.isfinite(self.constant).all(axis=1)
        self._fail(~finite, BAD_INPUT)
        self.matrix = np.where(finite[:, None, None], matrix, 0.0)
        self._systems = _systems(self.matrix, self.constant, params)

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

    def advance(self, stop: float) -> None:
        """Go to `stop`."""
        nothing = np.zeros(1, dtype=np.int64)
        pause = Stretch(nothing, nothing, nothing, np.array([stop]))
        self.follow(pause, np.zeros((1, self.patients)), _NOTHING)

    def follow(self, stretch: Stretch, values: np.ndarray, out: np.ndarray) -> None:
        """Go through boluses, infusions and rows.

        Parameters
        ----------
        stretch : Stretch
        values : array, (value, patient)
            Amounts and rates.
        out : array, (column, row)
            Gets what is wanted.
        """
        from pdsim.solvers.linear import Given, follow

        given = Given(stretch.kinds, stretch.times, stretch.targets, stretch.places, _flat(values))
        states, inflow = _flat(self.states.T), _flat(self.inflow.T)
        kernels = address_of(self.kernels.derive), address_of(self.kernels.observe)
        bundles = given, self._systems, self._wanted, self._lanes
        call(follow, LANES, *kernels, *bundles, float(self.time), states, inflow, out)
        self.states, self.inflow = (
            np.ascontiguousarray(part.reshape(-1, self.patients).T) for part in (states, inflow)
        )
        self.time = float(stretch.times[-1])
        self._fail(np.isnan(self.states.sum(axis=1)), NAN)

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
        pieces = flows(self.matrix, cycle.lengths())
        for (step, integral), jump, inflow in zip(pieces, cycle.jumps, cycle.inflows, strict=True):
            flow = step @ flow
            load = _apply(step, load + jump) + _apply(integral, self.constant + inflow)
        free = np.flatnonzero(resting(self.kernels.structure))
        found = np.full_like(self.states, np.nan)
        flow = flow[:, free[:, None], free]
        for row in np.flatnonzero(self.failed == OK):
            if np.abs(np.linalg.eigvals(flow[row])).max(initial=0.0) < 1.0 - _LEAVES:
                found[row, free] = np.linalg.solve(np.eye(len(free)) - flow[row], load[row, free])
        return found


def _systems(matrix: np.ndarray, constant: np.ndarray, params: np.ndarray) -> Any:
    """Modes of every patient, where they are real and lie apart."""
    from pdsim.solvers.linear import Systems

    rates, right = np.linalg.eig(matrix)
    modal = ~np.any(np.imag(rates) != 0.0, axis=1)
    rates, right = np.real(rates), np.real(right)
    left = np.zeros_like(right)
    try:
        left[modal] = np.linalg.inv(right[modal])
    except np.linalg.LinAlgError:  # somewhere two rates meet
        for row in np.flatnonzero(modal):
            try:
                left[row] = np.linalg.inv(right[row])
            except np.linalg.LinAlgError:
                modal[row] = False
    modal &= np.sqrt((right**2).sum(axis=(1, 2)) * (left**2).sum(axis=(1, 2))) < _APART
    parts = (rates, right, left, matrix, constant, params)
    return Systems(modal.astype(np.int64), *(_flat(np.moveaxis(part, 0, -1)) for part in parts))


def _flat(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=float).reshape(-1)


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
