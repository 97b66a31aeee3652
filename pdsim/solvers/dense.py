"""Between two steps: the interpolant, outputs inside a step, and clones that die out or enter inside it."""

from __future__ import annotations

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import HOT, INNER
from pdsim.solvers.forcing import lane_concentrations
from pdsim.solvers.tableau import TSIT5_DENSE

_DENSE = TSIT5_DENSE


@jit(**INNER)
def interpolate(y, poly, i, at, share):
    """Value of state i (at state-lane `at`) a `share` (0-1) into the step that starts at y; poly is (4, state)."""
    states = poly.size // 4
    return y[at] + share * (
        poly[i] + share * (poly[states + i] + share * (poly[2 * states + i] + share * poly[3 * states + i]))
    )


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
def store(record, row, problem, forcing, state, work, lane, time):
    """Write one output row of one lane; `work.values` holds the states at `time`."""
    states = problem.counted.size
    species = forcing.species_drug.size
    for i in range(states):
        record.y[(row * states + i) * W + lane] = work.values[i]
        record.present[(row * states + i) * W + lane] = state.present[i * W + lane]
    lane_concentrations(forcing, lane, time, work.species)
    for s in range(species):
        record.concentrations[(row * species + s) * W + lane] = work.species[s]


@jit(**INNER)
def store_inside(record, problem, forcing, state, work, lane, step, end):
    """Write the outputs that lie before `end` in a step from the lane's time, `end` excluded."""
    states = problem.counted.size
    row = state.next_output[lane]
    while row < problem.output_times.size and problem.output_times[row] < end:
        share = (problem.output_times[row] - state.time[lane]) / step
        for i in range(states):
            work.values[i] = interpolate(state.y, work.poly, i, i * W + lane, share)
        store(record, row, problem, forcing, state, work, lane, problem.output_times[row])
        row += 1
    state.next_output[lane] = row


@jit(**INNER)
def store_here(record, problem, forcing, state, work, lane):
    """Write the outputs that are due at the lane's present time, after its doses."""
    states = problem.counted.size
    row = state.next_output[lane]
    if row >= problem.output_times.size or problem.output_times[row] > state.time[lane]:
        return
    for i in range(states):
        work.values[i] = state.y[i * W + lane]
    while row < problem.output_times.size and problem.output_times[row] <= state.time[lane]:
        store(record, row, problem, forcing, state, work, lane, state.time[lane])
        row += 1
    state.next_output[lane] = row


@jit(**HOT)
def _bound(problem, state, i, lane):
    """Value of y at which counted state i changes sides: its floor, or its own exponential draw of supply."""
    if state.present[i * W + lane] != 0.0:
        return problem.floor[i]
    draws = problem.draws.size // (problem.counted.size * W)
    return problem.draws[(i * draws + state.redraw[i * W + lane] % draws) * W + lane]


@jit(**HOT)
def _crossed(problem, state, i, lane, value):
    if state.present[i * W + lane] != 0.0:
        return value < _bound(problem, state, i, lane)
    return value >= _bound(problem, state, i, lane)


@jit(**HOT)
def any_crossed(problem, state, lane, trial):
    """Whether some clone of a lane has died out or entered at the end of a step."""
    for i in range(problem.counted.size):
        if problem.counted[i] != 0 and _crossed(problem, state, i, lane, trial[i * W + lane]):
            return True
    return False


@jit(**INNER)
def first_crossing(problem, state, lane, poly, trial):
    """Find the first clone that dies out or enters within a step; return (state, share)."""
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


@jit(**HOT)
def complete_step(problem, forcing, state, record, work, lane, step, end):
    """Move a lane over an accepted step: outputs inside it, then its end or the point where a clone changes sides.

    `work.trial` holds the states at `end`; `work.poly` the interpolant. Returns True if a clone changed sides.
    """
    clone = -1
    share = 1.0
    if any_crossed(problem, state, lane, work.trial):
        clone, share = first_crossing(problem, state, lane, work.poly, work.trial)
        end = state.time[lane] + share * step
    store_inside(record, problem, forcing, state, work, lane, step, end)
    for i in range(problem.counted.size):
        at = i * W + lane
        state.y[at] = interpolate(state.y, work.poly, i, at, share) if clone >= 0 else work.trial[at]
    state.time[lane] = end
    if clone >= 0:
        change_sides(problem, state, clone, lane)
        state.fresh[lane] = 1
    return clone >= 0


@jit(**HOT)
def needs_poly(problem, state, lane, end, trial):
    """Whether a step holds an output or a clone that changes sides, so that its interpolant is wanted."""
    row = state.next_output[lane]
    inside = row < problem.output_times.size and problem.output_times[row] < end
    return inside or any_crossed(problem, state, lane, trial)
