"""RODAS 4(3) for one patient, with the model's own Jacobian; for patients whose rates are stiff.

Works on one lane of the same bundles as the explicit method.
"""

from __future__ import annotations

import numpy as np

from pdsim._abi import JACOBIAN, RATES
from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import INNER, Forcing, Lines, Problem, Record, State, Work, function_type, numba_type
from pdsim.solvers.dense import change_sides, interpolate, land, store_here
from pdsim.solvers.events import apply_events, flows_into_states, next_event, skip_missed
from pdsim.solvers.explicit import fitted, next_step
from pdsim.solvers.forcing import lane_concentration_slopes, lane_concentrations
from pdsim.solvers.passes import add_inflow
from pdsim.solvers.start import first_step, unfit
from pdsim.solvers.status import OK, TOO_MANY_STEPS
from pdsim.solvers.tableau import (
    RODAS_COUPLING,
    RODAS_DENSE,
    RODAS_GAMMA,
    RODAS_NODES,
    RODAS_STAGES,
    RODAS_TIME,
)

_A = RODAS_STAGES
_C = RODAS_COUPLING
_D = RODAS_DENSE
_NODES = RODAS_NODES
_TIME = RODAS_TIME
_INSIDE = 0.1  # the interpolant may err by ten times the tolerance


@jit(**INNER)
def factorise(matrix, pivots):
    """LU in place with partial pivoting, (n, n); return False if the matrix is singular or not finite."""
    n = pivots.size
    for col in range(n):
        best = col
        for row in range(col + 1, n):
            if abs(matrix[row, col]) > abs(matrix[best, col]):
                best = row
        pivots[col] = best
        if best != col:
            for j in range(n):
                matrix[col, j], matrix[best, j] = matrix[best, j], matrix[col, j]
        pivot = matrix[col, col]
        if not (abs(pivot) > 0.0 and np.isfinite(pivot)):
            return False
        for row in range(col + 1, n):
            if matrix[row, col] != 0.0:
                factor = matrix[row, col] / pivot
                matrix[row, col] = factor
                for j in range(col + 1, n):
                    matrix[row, j] -= factor * matrix[col, j]
    return True


@jit(**INNER)
def solve(matrix, pivots, b):
    """Solve with the factors of `factorise`, in place on b (n,)."""
    n = pivots.size
    for col in range(n):
        best = pivots[col]
        if best != col:
            b[col], b[best] = b[best], b[col]
    for col in range(n):
        for row in range(col + 1, n):
            b[row] -= matrix[row, col] * b[col]
    for col in range(n - 1, -1, -1):
        b[col] /= matrix[col, col]
        for row in range(col):
            b[row] -= matrix[row, col] * b[col]


@jit(**INNER)
def _evaluate(rates, flows, problem, forcing, state, work, lane, y, dy):
    """Slopes of one lane at `work.time` and states y; kernels are shown arrays that begin at the lane."""
    lane_concentrations(forcing, lane, work.time[lane], work.species)
    for s in range(work.species.size):
        work.c[s * W + lane] = work.species[s]
    present = state.present[lane:]
    rates(1, work.time[lane:], y[lane:], problem.params[lane:], work.c[lane:], present, dy[lane:])
    if flows:
        add_inflow(1, problem.counted, state.inflow[lane:], present, y[lane:], dy[lane:])


@jit(**INNER)
def _transform(problem, state, lane, raw, drift, jacobian, slope_t):
    """Turn the natural Jacobian `raw` (n, n + species + 1) into that of y, and its time part.

    A present counted state is integrated as y = log x, so d(f/x)/dy_j = raw_ij x_j / x_i - delta_ij f_i / x_i.
    """
    n = problem.counted.size
    for i in range(n):
        logarithmic = problem.counted[i] != 0 and state.present[i * W + lane] != 0.0
        divide = np.exp(-state.y[i * W + lane]) if logarithmic else 1.0
        for j in range(n):
            times = 1.0
            if problem.counted[j] != 0:
                times = np.exp(state.y[j * W + lane]) if state.present[j * W + lane] != 0.0 else 0.0
            jacobian[i, j] = raw[i, j] * times * divide
        if logarithmic:
            jacobian[i, i] -= state.slope[i * W + lane]
        total = raw[i, n + drift.size]
        for s in range(drift.size):
            total += raw[i, n + s] * drift[s]
        slope_t[i] = total * divide


@jit(**INNER)
def _step(rates, flows, problem, forcing, state, work, lane, step, jacobian, slope_t, matrix, pivots, stages):
    """One trial step: new point into work.trial, six stages into stages (6, n); False if singular."""
    n = problem.counted.size
    for i in range(n):
        for j in range(n):
            matrix[i, j] = -jacobian[i, j]
        matrix[i, i] += 1.0 / (RODAS_GAMMA * step)
    if not factorise(matrix, pivots):
        return False
    for stage in range(6):
        for i in range(n):
            total = state.y[i * W + lane]
            for j in range(stage):
                total += _A[stage, j] * stages[j, i]
            work.trial[i * W + lane] = total
        if stage == 0:
            for i in range(n):
                stages[0, i] = state.slope[i * W + lane]
        else:
            work.time[lane] = state.time[lane] + _NODES[stage] * step
            _evaluate(rates, flows, problem, forcing, state, work, lane, work.trial, work.k)
            for i in range(n):
                stages[stage, i] = work.k[i * W + lane]
        for i in range(n):
            total = stages[stage, i] + step * _TIME[stage] * slope_t[i]
            for j in range(stage):
                total += _C[stage, j] / step * stages[j, i]
            stages[stage, i] = total
        solve(matrix, pivots, stages[stage])
    for i in range(n):
        work.trial[i * W + lane] += stages[5, i]
    return True


@jit(**INNER)
def _error(problem, y, trial, lane, found):
    """Largest of the errors `found` (n,) relative to tolerance; infinity where anything is not finite."""
    worst = 0.0
    for i in range(problem.counted.size):
        at = i * W + lane
        scale = 1.0 if problem.counted[i] != 0 else max(abs(y[at]), abs(trial[at]))
        ratio = abs(found[i]) / (problem.absolute[i] + problem.options[0] * scale)
        if not (np.isfinite(ratio) and np.isfinite(trial[at])):
            return np.inf
        worst = max(worst, ratio)
    return worst


@jit(**INNER)
def _poly(y, trial, lane, stages, poly):
    """Interpolant of a step as coefficients of share, share^2, share^3 into poly (4, n)."""
    n = poly.size // 4
    for i in range(n):
        third = 0.0
        fourth = 0.0
        for j in range(5):
            third += _D[0, j] * stages[j, i]
            fourth += _D[1, j] * stages[j, i]
        poly[i] = trial[i * W + lane] - y[i * W + lane] + third
        poly[n + i] = fourth - third
        poly[2 * n + i] = -fourth
        poly[3 * n + i] = 0.0


@jit(**INNER)
def _gap_inside(rates, flows, problem, forcing, state, work, lane, step, matrix, pivots, gap):
    """Estimate the error of the interpolant a quarter into the step: its residual, divided by the step's own matrix.

    A state that follows a concentration closely is right at the end of a step of any size, and wrong inside it, most
    near a quarter and three quarters.
    """
    n = problem.counted.size
    for i in range(n):
        work.sixth[i * W + lane] = interpolate(state.y, work.poly, i, i * W + lane, 0.25)
    work.time[lane] = state.time[lane] + 0.25 * step
    _evaluate(rates, flows, problem, forcing, state, work, lane, work.sixth, work.k)
    for i in range(n):
        slope = (work.poly[i] + 0.5 * work.poly[n + i] + 0.1875 * work.poly[2 * n + i]) / step
        gap[i] = work.k[i * W + lane] - slope
    solve(matrix, pivots, gap)


@jit(**INNER)
def _restart(rates, flows, problem, forcing, lines, state, record, work, lane):
    """Give due doses, write due outputs; after an event choose a cautious step. Slopes are found anew."""
    fastest = -1.0
    if state.stop[lane] <= state.time[lane]:
        fastest = apply_events(problem, lines, forcing, state, lane, state.time[lane])
        state.stop[lane] = next_event(lines, lane)
    store_here(record, problem, forcing, state, work, lane)
    work.time[lane] = state.time[lane]
    _evaluate(rates, flows, problem, forcing, state, work, lane, state.y, work.k)
    for i in range(problem.counted.size):
        state.slope[i * W + lane] = work.k[i * W + lane]
    if fastest >= 0.0 or state.fresh[lane] != 0:
        state.step[lane] = first_step(problem, state, lane, fastest)
        state.fresh[lane] = 0
    state.status[lane] = unfit(problem, state, lane)


@jit(**INNER)
def _accept(problem, forcing, state, record, work, lane, step, end):
    """Move the lane to the end of an accepted step, or to where a clone changes sides."""
    clone, end = land(problem, forcing, state, record, work, lane, step, end)
    for i in range(problem.counted.size):
        state.y[i * W + lane] = work.trial[i * W + lane]
    state.time[lane] = end
    if clone >= 0:
        change_sides(problem, state, clone, lane)


def _signature():
    from numba import types

    bundles = (Problem, Forcing, Lines, State, Record, Work)
    kernels = (function_type(RATES), function_type(JACOBIAN))
    return types.void(*kernels, *(numba_type(bundle) for bundle in bundles), types.int64, types.float64)


@jit(signature=_signature())
def advance_stiff(rates, jacobian, problem, forcing, lines, state, record, work, lane, stop):
    """Integrate one lane to `stop`; doses at `stop` itself wait for the next call. Inputs checked by the caller."""
    n = problem.counted.size
    species = forcing.species_drug.size
    raw = np.zeros((n, n + species + 1))
    own = np.zeros((n, n))
    matrix = np.zeros((n, n))
    pivots = np.zeros(n, np.int64)
    slope_t = np.zeros(n)
    drift = np.zeros(species)
    stages = np.zeros((6, n))
    gap = np.zeros(n)
    skip_missed(lines, lane, state.time[lane])
    flows = flows_into_states(lines, state.inflow)
    state.stop[lane] = next_event(lines, lane)
    made = 0
    fresh_point = True
    while state.time[lane] < stop:
        if fresh_point:
            _restart(rates, flows, problem, forcing, lines, state, record, work, lane)
            if state.status[lane] != OK:
                return
            lane_concentration_slopes(forcing, lane, state.time[lane], drift)
            jacobian(lane, state.time, state.y, problem.params, work.c, state.present, raw)
            _transform(problem, state, lane, raw, drift, own, slope_t)
        left = min(state.stop[lane], stop) - state.time[lane]
        step = fitted(state.step[lane], left, problem.options[1])
        error = np.inf
        if _step(rates, flows, problem, forcing, state, work, lane, step, own, slope_t, matrix, pivots, stages):
            error = _error(problem, state.y, work.trial, lane, stages[5])
            if error <= 1.0:
                _poly(state.y, work.trial, lane, stages, work.poly)
                _gap_inside(rates, flows, problem, forcing, state, work, lane, step, matrix, pivots, gap)
                error = max(error, _INSIDE * _error(problem, state.y, work.trial, lane, gap))
        fresh_point = error <= 1.0
        if fresh_point:
            end = min(state.stop[lane], stop) if step == left else state.time[lane] + step
            _accept(problem, forcing, state, record, work, lane, step, end)
            growth = 5.0 if error < 1e-3 else min(5.0, 0.9 * error**-0.25)
            state.counts[lane] += 1
        else:
            growth = max(0.2, 0.9 * error**-0.25) if error < np.inf else 0.1
            state.counts[W + lane] += 1
        state.status[lane] = next_step(state.step, lane, step, growth, state.time[lane], error)
        if state.status[lane] != OK:
            return
        made += 1
        if made > problem.options[2]:
            state.status[lane] = TOO_MANY_STEPS
            return
