"""How an explicit integration starts afresh on a lane: a cautious first step, and whether the point can be used."""

from __future__ import annotations

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import INNER, LARGEST, LARGEST_LOG
from pdsim.solvers.status import NAN, OK, OVERFLOW

SMALLEST = 1e-13  # step relative to time, which is taken to be at least 1


@jit(**INNER)
def first_step(problem, state, lane, fastest):
    """A cautious step after an event: a hundredth of the time in which a state changes by itself."""
    size = 0.0
    speed = 0.0
    for i in range(problem.counted.size):
        at = i * W + lane
        scale = 1.0 if problem.counted[i] != 0 else abs(state.y[at])
        scale = problem.absolute[i] + problem.options[0] * scale
        size = max(size, abs(state.y[at]) / scale)
        speed = max(speed, abs(state.slope[at]) / scale)
    step = problem.options[1]
    if speed > 0.0:
        step = min(step, 0.01 * max(size, 1.0) / speed)
    if fastest > 0.0:
        step = min(step, 0.1 / fastest)
    return max(step, SMALLEST)


@jit(**INNER)
def unfit(problem, state, lane):
    """Status of a lane's present point: OK, NAN or OVERFLOW."""
    for i in range(problem.counted.size):
        at = i * W + lane
        if abs(state.y[at]) > (LARGEST_LOG if problem.counted[i] != 0 else LARGEST):
            return OVERFLOW  # whose slope may be beyond the numbers
        if not (np.isfinite(state.y[at]) and np.isfinite(state.slope[at])):
            return NAN
    return OK
