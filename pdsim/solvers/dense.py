"""Between two steps: the interpolant, outputs inside a step, and clones that die out or enter inside it."""

from __future__ import annotations

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers import dop853
from pdsim.solvers.arrays import HOT, INNER
from pdsim.solvers.forcing import lane_concentrations
from pdsim.solvers.tableau import TSIT5_DENSE

_DENSE = TSIT5_DENSE
_LONG = dop853.monomials()


@jit(**HOT)
def interpolate(y, poly, i, at, share):
    """Value of state i (at state-lane `at`) a `share` (0-1) into the step that starts at y; poly is (power, state)."""
    states = y.size // W
    place = poly.size - states + i
    total = poly[place]
    while place >= states:
        place -= states
        total = poly[place] + share * total
    return y[at] + share * total


@jit(**INNER)
def explicit_poly(lane, step, k, poly):
    """Interpolant of an explicit step of one lane, as coefficients of share, share^2, ... into poly (4, state)."""
    states = poly.size // 4
    for power in range(4):
        for i in range(states):
            total = 0.0
            for stage in range(7):
                total += _DENSE[stage, power] * k[(stage * states + i) * W + lane]
            poly[power * states + i] = step * total


@jit(**INNER)
def long_poly(lane, step, y, end, k, poly):
    """Interpolant of one lane's step of DOP853 from y to `end`, as coefficients of share, share^2, ... into poly.

    poly is (7, state); k (16, row, lane) holds the slopes of all stages, states before other rows.
    """
    states = poly.size // 7
    apart = k.size // 16
    for i in range(states):
        at = i * W + lane
        for power in range(7):
            total = _LONG[power, 16] * (end[at] - y[at])
            for stage in range(16):
                total += _LONG[power, stage] * step * k[stage * apart + at]
            poly[power * states + i] = total


@jit(**HOT)
def store(record, problem, forcing, state, work, lane, time):
    """Write the lane's next output row; `work.values` holds the states at `time`."""
    row = state.next_output[lane]
    states = problem.counted.size
    species = forcing.species_drug.size
    for i in range(states):
        record.y[(row * states + i) * W + lane] = work.values[i]
        record.present[(row * states + i) * W + lane] = state.present[i * W + lane]
    if species > 0:
        lane_concentrations(forcing, lane, time, work.species)
        for s in range(species):
            record.concentrations[(row * species + s) * W + lane] = work.species[s]
    state.next_output[lane] = row + 1


@jit(**HOT)
def due(output_times, next_output, lane):
    """Time of the lane's next output, or infinity."""
    row = next_output[lane]
    return output_times[row] if row < output_times.size else np.inf


@jit(**INNER)
def store_here(record, problem, forcing, state, work, lane):
    """Write the outputs that are due at the lane's present time, after its doses."""
    time = state.time[lane]
    while due(problem.output_times, state.next_output, lane) <= time:
        for i in range(problem.counted.size):
            work.values[i] = state.y[i * W + lane]
        store(record, problem, forcing, state, work, lane, time)


@jit(**HOT)
def _crossed(problem, state, i, lane, value):
    """Whether counted state i at `value` has changed sides: fell below its floor, or reached its own draw of supply."""
    at = i * W + lane
    if state.present[at] != 0.0:
        return value < problem.floor[i]
    draws = problem.draws.size // (problem.counted.size * W)
    return value >= problem.draws[(i * draws + state.redraw[at] % draws) * W + lane]


@jit(**INNER)
def any_crossed(problem, state, lane, trial):
    """Whether some clone of a lane has died out or entered at the end of a step."""
    for i in range(problem.counted.size):
        if problem.counted[i] != 0 and _crossed(problem, state, i, lane, trial[i * W + lane]):
            return True
    return False


@jit(**HOT)
def mark_crossed(lanes, problem, state, trial, marks):
    """Mark by 1, in marks (lane,), the lanes on which some clone has died out or entered at the end of a step."""
    for lane in range(lanes):
        marks[lane] = 0.0
    for i in range(problem.counted.size):
        if problem.counted[i] != 0:
            for lane in range(lanes):
                if _crossed(problem, state, i, lane, trial[i * W + lane]):
                    marks[lane] = 1.0


@jit(**INNER)
def first_crossing(problem, state, lane, poly, trial):
    """Find the first clone that dies out or enters within a step; return (state, share), (-1, 1) without one."""
    found = -1
    share = 1.0
    for i in range(problem.counted.size):
        at = i * W + lane
        if problem.counted[i] == 0 or not _crossed(problem, state, i, lane, trial[at]):
            continue
        low = 0.0
        high = 1.0
        while high - low > 1e-12:
            middle = 0.5 * (low + high)
            if _crossed(problem, state, i, lane, interpolate(state.y, poly, i, at, middle)):
                high = middle
            else:
                low = middle
        if found < 0 or high < share:
            found = i
            share = high
    return found, share


@jit(**INNER)
def change_sides(problem, state, i, lane):
    """Let clone i of a lane die out (its supply is counted from zero) or enter at its smallest size."""
    at = i * W + lane
    if state.present[at] != 0.0:
        state.present[at] = 0.0
        state.y[at] = 0.0
    else:
        state.present[at] = 1.0
        state.y[at] = problem.floor[i]
        state.redraw[at] += 1
    state.fresh[lane] = 1


@jit(**INNER)
def land(problem, forcing, state, record, work, lane, step, end, poly):
    """Write the outputs inside an accepted step and find where it ends; return (clone, time).

    poly (power, state) is the interpolant. The step ends at `end` (clone -1) or where the first clone changes sides;
    `work.trial` gets the states there.
    """
    clone, share = first_crossing(problem, state, lane, poly, work.trial)
    if clone >= 0:
        end = state.time[lane] + share * step
    while due(problem.output_times, state.next_output, lane) < end:
        time = due(problem.output_times, state.next_output, lane)
        part = (time - state.time[lane]) / step
        for i in range(problem.counted.size):
            work.values[i] = interpolate(state.y, poly, i, i * W + lane, part)
        store(record, problem, forcing, state, work, lane, time)
    if clone >= 0:
        for i in range(problem.counted.size):
            work.trial[i * W + lane] = interpolate(state.y, poly, i, i * W + lane, share)
    return clone, end
