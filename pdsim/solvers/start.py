"""How an explicit integration starts on a lane, turns a step down, and ends: whether its point can be used."""

from __future__ import annotations

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import INNER, LARGEST, LARGEST_LOG
from pdsim.solvers.status import NAN, OK, OVERFLOW, STEP_FLOOR

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


@jit(**INNER)
def end_piece(problem, state, lane):
    """Set the status of a lane at the end of a piece: what its point tells, or that it grew beyond the numbers."""
    if state.status[lane] == OK or state.status[lane] == NAN:
        found = unfit(problem, state, lane)
        if state.status[lane] == OK or found == OVERFLOW:
            state.status[lane] = found


@jit(**INNER)
def reject(state, lane, step, error, growth):
    """Shorten the step of a lane whose error, in tolerances, is more than 1 or no number, by `growth` if it is one."""
    state.counts[W + lane] += 1
    state.step[lane] = step * (max(0.2, growth) if error < 1e300 else 0.1)
    if state.step[lane] < SMALLEST * max(1.0, abs(state.time[lane])):
        state.status[lane] = STEP_FLOOR if error < 1e300 else NAN
