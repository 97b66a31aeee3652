"""RODAS 4(3) for one patient, with the model's own Jacobian; for patients whose rates are stiff.

Works on the same bundles as the explicit method, on lane 0 alone.
"""

from __future__ import annotations

import numpy as np

from pdsim._abi import JACOBIAN, RATES
from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import INNER, Forcing, Lines, Problem, Record, State, Work, function_type, numba_type
from pdsim.solvers.dense import complete_step, store_here
from pdsim.solvers.events import apply_events, next_event, skip_missed
from pdsim.solvers.explicit import evaluate, first_step, unfit
from pdsim.solvers.forcing import lane_concentration_slopes, lane_concentrations
from pdsim.solvers.status import NAN, OK, STEP_FLOOR, TOO_MANY_STEPS
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
def _transform(problem, state, raw, drift, jacobian, slope_t):
    """Turn the natural Jacobian `raw` (n, n + species + 1) into that of y, and its time part, on lane 0.

    A present counted state is integrated as y = log x, so d(f/x)/dy_j = raw_ij x_j / x_i - delta_ij f_i / x_i.
    """
    n = problem.counted.size
    for i in range(n):
        logarithmic = problem.counted[i] != 0 and state.present[i * W] != 0.0
        divide = np.exp(-state.y[i * W]) if logarithmic else 1.0
        for j in range(n):
            times = 1.0
            if problem.counted[j] != 0:
                times = np.exp(state.y[j * W]) if state.present[j * W] != 0.0 else 0.0
            jacobian[i, j] = raw[i, j] * times * divide
        if logarithmic:
            jacobian[i, i] -= state.slope[i * W]
        total = raw[i, n + drift.size]
        for s in range(drift.size):
            total += raw[i, n + s] * drift[s]
        slope_t[i] = total * divide


@jit(**INNER)
def _step(rates, problem, forcing, state, work, step, jacobian, slope_t, matrix, pivots, stages):
    """One trial step on lane 0: new point into work.trial, six stages into stages (6, n); False if singular."""
    n = problem.counted.size
    for i in range(n):
        for j in range(n):
            matrix[i, j] = -jacobian[i, j]
        matrix[i, i] += 1.0 / (RODAS_GAMMA * step)
    if not factorise(matrix, pivots):
        return False
    for stage in range(6):
        for i in range(n):
            total = state.y[i * W]
            for j in range(stage):
                total += _A[stage, j] * stages[j, i]
            work.trial[i * W] = total
        if stage == 0:
            for i in range(n):
                stages[0, i] = state.slope[i * W]
        else:
            work.time[0] = state.time[0] + _NODES[stage] * step
            evaluate(rates, 1, problem, forcing, state, work, work.trial, work.k)
            for i in range(n):
                stages[stage, i] = work.k[i * W]
        for i in range(n):
            total = stages[stage, i] + step * _TIME[stage] * slope_t[i]
            for j in range(stage):
                total += _C[stage, j] / step * stages[j, i]
            stages[stage, i] = total
        solve(matrix, pivots, stages[stage])
    for i in range(n):
        work.trial[i * W] += stages[5, i]
    return True


@jit(**INNER)
def _error(problem, state, work, stages):
    worst = 0.0
    for i in range(problem.counted.size):
        scale = max(abs(state.y[i * W]), abs(work.trial[i * W]))
        if problem.counted[i] != 0:
            scale = 1.0
        ratio = abs(stages[5, i]) / (problem.absolute[i] + problem.options[0] * scale)
        if not np.isfinite(ratio):
            return np.inf
        worst = max(worst, ratio)
    return worst


@jit(**INNER)
def _poly(state, work, stages, poly):
    """Interpolant of a step as coefficients of share, share^2, share^3 into poly (4, n)."""
    n = poly.size // 4
    for i in range(n):
        third = 0.0
        fourth = 0.0
        for j in range(5):
            third += _D[0, j] * stages[j, i]
            fourth += _D[1, j] * stages[j, i]
        poly[i] = work.trial[i * W] - state.y[i * W] + third
        poly[n + i] = fourth - third
        poly[2 * n + i] = -fourth
        poly[3 * n + i] = 0.0


@jit(**INNER)
def _restart(rates, problem, forcing, lines, state, record, work, stop):
    """Give due doses, write due outputs; after an event choose a cautious step. Slopes are found anew."""
    fastest = -1.0
    if state.stop[0] <= state.time[0]:
        fastest = apply_events(problem, lines, forcing, state, 0, state.time[0])
        state.stop[0] = next_event(lines, 0)
    store_here(record, problem, forcing, state, work, 0)
    work.time[0] = state.time[0]
    evaluate(rates, 1, problem, forcing, state, work, state.y, work.k)
    for i in range(problem.counted.size):
        state.slope[i * W] = work.k[i * W]
    if fastest >= 0.0 or state.fresh[0] != 0:
        state.step[0] = first_step(problem, state, 0, fastest)
        state.fresh[0] = 0
    state.status[0] = unfit(problem, state, 0)


def _signature():
    from numba import types

    bundles = (Problem, Forcing, Lines, State, Record, Work)
    return types.void(
        function_type(RATES), function_type(JACOBIAN), *(numba_type(bundle) for bundle in bundles), types.float64
    )


@jit(signature=_signature())
def advance_stiff(rates, jacobian, problem, forcing, lines, state, record, work, stop):
    """Integrate lane 0 to `stop`; doses at `stop` itself wait for the next call. Inputs checked by the caller."""
    n = problem.counted.size
    species = forcing.species_drug.size
    raw = np.zeros((n, n + species + 1))
    own = np.zeros((n, n))
    matrix = np.zeros((n, n))
    pivots = np.zeros(n, np.int64)
    slope_t = np.zeros(n)
    drift = np.zeros(species)
    stages = np.zeros((6, n))
    skip_missed(lines, 0, state.time[0])
    state.stop[0] = next_event(lines, 0)
    state.counts[0] = 0
    fresh_point = True
    while state.time[0] < stop:
        if fresh_point:
            _restart(rates, problem, forcing, lines, state, record, work, stop)
            if state.status[0] != OK:
                return
            lane_concentrations(forcing, 0, state.time[0], work.c)
            for s in range(species - 1, -1, -1):
                work.c[s * W] = work.c[s]
            lane_concentration_slopes(forcing, 0, state.time[0], drift)
            work.time[0] = state.time[0]
            jacobian(0, work.time, state.y, problem.params, work.c, state.present, raw)
            _transform(problem, state, raw, drift, own, slope_t)
        left = min(state.stop[0], stop) - state.time[0]
        step = min(state.step[0], problem.options[1])
        if step >= 0.99 * left:
            step = left
        elif 2.0 * step > left:
            step = 0.5 * left
        error = np.inf
        if _step(rates, problem, forcing, state, work, step, own, slope_t, matrix, pivots, stages):
            error = _error(problem, state, work, stages)
        if error <= 1.0:
            end = min(state.stop[0], stop) if step == left else state.time[0] + step
            _poly(state, work, stages, work.poly)
            complete_step(problem, forcing, state, record, work, 0, step, end)
            grown = step * (5.0 if error < 1e-3 else min(5.0, 0.9 * error**-0.25))
            state.step[0] = max(state.step[0], grown) if step < state.step[0] else grown
            state.counts[0] += 1
            fresh_point = True
        else:
            state.counts[W] += 1
            state.step[0] = step * (max(0.2, 0.9 * error**-0.25) if error < np.inf else 0.1)
            fresh_point = False
            if state.step[0] < 1e-13 * max(1.0, abs(state.time[0])):
                state.status[0] = STEP_FLOOR if np.isfinite(error) else NAN
                return
        if state.counts[0] + state.counts[W] > problem.options[2]:
            state.status[0] = TOO_MANY_STEPS
            return
