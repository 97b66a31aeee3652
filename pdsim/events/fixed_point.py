"""Steady state of a repeating pattern of doses: the states that one interval leads back to themselves.

A linear interval map is solved at once; another by Newton's method with differences for its slopes, which takes some
five intervals where hundreds of doses would be needed. Integrals, states that no rate reads, have no steady state and
keep their value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pdsim._jit import LANES
from pdsim.events.cycle import Cycle
from pdsim.solvers.status import OK

if TYPE_CHECKING:
    from pdsim.events.course import OdeCourse

_NEIGHBOUR = 1e-4  # relative distance of the states that give a slope
_CLOSED = 10.0  # a Newton step of so many tolerances ends the search
_AT_REST = 0.01  # an interval that changes so little of a tolerance is its own end
_TRIALS = (3, 20, 100, 500)  # intervals simply lived through before each attempt of Newton's method
_ROUNDS = 12
_HALVINGS = 6


def resting(structure: Mapping) -> np.ndarray:
    """Which states may settle, bool (state,): all but those that no rate reads."""
    reads: Mapping[str, Sequence[str]] = structure["reads"]
    read = {name for names in reads.values() for name in names}
    return np.array([name in read for name in reads], dtype=bool)


def fixed_point(course: OdeCourse, cycle: Cycle, patient: int) -> np.ndarray:
    """Find the states of one patient just before the pattern begins anew.

    Parameters
    ----------
    course : OdeCourse
        Its time ends the last interval; rates that depend on time must repeat with the pattern.
    cycle : Cycle
        Of this patient alone.
    patient : int
        Place in the course.

    Returns
    -------
    array, (state,)

    Raises
    ------
    ArithmeticError
        If there is none within reach.
    """
    free = resting(course.kernels.structure)
    interval = _Interval(course, cycle, patient, free)
    values = course.states[patient].copy()
    if not free.any():
        return values
    for intervals in _TRIALS:
        for _ in range(intervals):
            values, before = interval(values[None])[0], values
            if not np.isfinite(values[free]).all():
                raise ArithmeticError("no steady state: the doses before the record cannot be integrated")
            if interval.size(values - before, values) <= _AT_REST:
                return values
        found = _newton(interval, values)
        if found is not None:
            return found
    change = np.abs(interval(values[None])[0] - values) / np.maximum(np.abs(values), 1e-300)
    name = course.kernels.states[int(np.argmax(np.where(free, change, 0.0)))]
    raise ArithmeticError(f"no steady state: after {sum(_TRIALS)} intervals '{name}' still moves by {change.max():.1g}")


class _Interval:
    """Map of states over one interval, for up to LANES neighbours at a time."""

    def __init__(self, course: OdeCourse, cycle: Cycle, patient: int, free: np.ndarray) -> None:
        self.course = course.copies(patient, LANES)
        self.end = course.time
        self.cycle = cycle
        self.free = free
        self.relative = course.block.options.rtol
        self.absolute = course.block.problem.absolute
        self.scale = self.absolute / course.block.options.atol

    def __call__(self, starts: np.ndarray) -> np.ndarray:
        """States (point, state) after the interval; integrals keep their value."""
        ends = np.concatenate([self._pass(starts[first : first + LANES]) for first in range(0, len(starts), LANES)])
        return np.where(self.free, ends, starts)

    def _pass(self, starts: np.ndarray) -> np.ndarray:
        course, cycle = self.course, self.cycle
        begin = self.end - cycle.period
        course.block.state.status[:] = OK
        course.rewind(begin)
        course.set_states(np.concatenate([starts, np.repeat(starts[:1], LANES - len(starts), axis=0)]))
        for piece, stop in enumerate([*(begin + cycle.offsets[1:]), self.end]):
            for target in np.flatnonzero(cycle.jumps[piece, 0]).tolist():
                course.add(target, np.repeat(cycle.jumps[piece, :, target], LANES))
            for target in range(starts.shape[1]):
                course.set_inflow(target, np.repeat(cycle.inflows[piece, :, target], LANES))
            course.advance(float(stop))
        return course.states[: len(starts)]

    def size(self, difference: np.ndarray, values: np.ndarray) -> float:
        """Largest difference, in tolerances of the integration."""
        tolerance = self.absolute + self.relative * np.abs(values)
        return float(np.max((np.abs(difference) / tolerance)[self.free]))


def _newton(interval: _Interval, values: np.ndarray) -> np.ndarray | None:
    """Newton's method with halved steps where a whole one leads away; None where it does not converge."""
    free = np.flatnonzero(interval.free)
    was_near = False
    for _ in range(_ROUNDS):
        shifts = _NEIGHBOUR * np.maximum(np.abs(values[free]), 1e-3 * interval.scale[free])
        starts = np.repeat(values[None], len(free) + 1, axis=0)
        starts[np.arange(1, len(free) + 1), free] += shifts
        ends = interval(starts)
        missing = ends[0] - values
        slopes = (ends[1:, free] - ends[0, free]).T / shifts
        if not np.isfinite(slopes).all():
            return None
        try:
            step = np.linalg.solve(np.eye(len(free)) - slopes, missing[free])
        except np.linalg.LinAlgError:
            return None
        whole = np.zeros_like(values)
        whole[free] = step
        gap = interval.size(missing, values)
        if interval.size(whole, values) <= _CLOSED or (gap <= 1.0 and was_near):
            if np.abs(np.linalg.eigvals(slopes)).max() > 1.0 + _NEIGHBOUR:
                raise ArithmeticError("no steady state: a state moves away from where its rates are in balance")
            return values + whole
        was_near = gap <= 1.0
        moved = _shortened(interval, values, whole, gap)
        if moved is None:
            return None
        values = moved
    return None


def _shortened(interval: _Interval, values: np.ndarray, step: np.ndarray, missing: float) -> np.ndarray | None:
    """Go along a step as far as it brings the interval nearer to closing; halves are tried side by side."""
    shares = 0.5 ** np.arange(_HALVINGS)
    trials = values + shares[:, None] * step
    ends = interval(trials)
    for trial, end in zip(trials, ends, strict=True):
        if np.isfinite(end).all() and interval.size(end - trial, trial) < missing:
            return trial
    return None
