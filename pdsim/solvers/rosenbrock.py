"""Rodas5P for a block of lanes, each with a step size of its own, for patients whose rates are stiff.

Shares bundles, events and control with the explicit method. The model's own Jacobian is taken apart on all lanes at
once; none sees its neighbours.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import INNER, PLAIN, Floats, Forcing, Lines, Problem, Record, State, Work, numba_type
from pdsim.solvers.dense import due, land, mark_crossed
from pdsim.solvers.elimination import Elimination, elimination, factorise, solve
from pdsim.solvers.events import begin_stretch, flows_into_states
from pdsim.solvers.explicit import begin, control, evaluate, settle_lanes
from pdsim.solvers.forcing import concentrations, lane_concentration_slopes
from pdsim.solvers.passes import larger
from pdsim.solvers.pointers import jacobian_at, rates_at
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
_STAGES = 8
_INSIDE = 0.2  # the interpolant may err by five times the tolerance
_LOOK = 0.4  # where in a step the interpolant is looked at: it errs most near here, and near 0.87
# what the stages add to the straight line from start to end there, and to its slope
_VALUE_THERE = _LOOK * (1 - _LOOK) * (_D[0] + _LOOK * (_D[1] + _LOOK * _D[2]))
_SLOPE_THERE = _D[0] + _LOOK * (2 * (_D[1] - _D[0]) + _LOOK * (3 * (_D[2] - _D[1]) - 4 * _LOOK * _D[2]))
_HALVE = (0.9 / 0.5) ** 5  # an error that makes the next step half as long


class Linear(NamedTuple):
    """Scratch rows of the stiff method."""

    own: Floats  # (entry, lane) Jacobian of the integrated states
    factors: Floats  # (entry, lane)
    diagonal: Floats  # (state, lane) of the step's matrix
    slope_t: Floats  # (state, lane) derivatives of the slopes by time
    stages: Floats  # (8, state, lane)
    inverse: Floats  # (state, lane) 1 / step
    sums: Floats  # (state, lane)
    spoilt: Floats  # (lane,) 1 where the matrix could not be taken apart
    stale: Floats  # (lane,) 1 where the Jacobian is that of an earlier point
    drift: Floats  # (species,) of one lane
    natural: Floats  # (state,) of one lane


def make_linear(states: int, species: int, structure: Any = None) -> tuple[Linear, Elimination, np.ndarray]:
    """Make scratch rows, the order of elimination, and room for one lane's natural Jacobian.

    `structure` is that of the kernels; without one every state may depend on every other.
    """
    pattern = np.ones((states, states), dtype=bool)
    if structure is not None:
        reads = structure["reads"]
        names = list(reads)
        pattern = np.array([[other in reads[name] for other in names] for name in names], dtype=bool)
    plan = elimination(pattern)
    rows = {"own": len(plan.row), "factors": len(plan.row), "stages": _STAGES * states}
    rows |= {"spoilt": 1, "stale": 1}
    sizes = {name: rows.get(name, states) * W for name in Linear._fields} | {"drift": species, "natural": states}
    return (
        Linear(**{name: np.zeros(size) for name, size in sizes.items()}),
        plan,
        np.zeros((states, states + species + 1)),
    )


@jit(**INNER)
def _natural_to_own(problem, state, plan, linear, lane, raw):
    """Turn the natural Jacobian `raw` (n, n + species + 1) of a lane into that of y, and its time part.

    A present counted state is integrated as y = log x, so d(f/x)/dy_j = raw_ij x_j / x_i - delta_ij f_i / x_i.
    """
    n = problem.counted.size
    natural = linear.natural
    for i in range(n):
        natural[i] = 1.0
        if problem.counted[i] != 0:
            natural[i] = np.exp(state.y[i * W + lane]) if state.present[i * W + lane] != 0.0 else 0.0
    for entry in range(plan.row.size):
        i, j = plan.row[entry], plan.column[entry]
        logarithmic = problem.counted[i] != 0 and state.present[i * W + lane] != 0.0
        value = raw[i, j] * natural[j]
        if logarithmic:
            value /= natural[i]
            if i == j:
                value -= state.slope[i * W + lane]
        linear.own[entry * W + lane] = value
    for i in range(n):
        total = raw[i, n + linear.drift.size]
        for s in range(linear.drift.size):
            total += raw[i, n + s] * linear.drift[s]
        logarithmic = problem.counted[i] != 0 and state.present[i * W + lane] != 0.0
        linear.slope_t[i * W + lane] = total / natural[i] if logarithmic else total


@jit(**INNER)
def _linearise(jacobian, lanes, problem, forcing, state, work, plan, linear, raw):
    """Find the Jacobians of the lanes that have moved."""
    for lane in range(lanes):
        work.time[lane] = state.time[lane]
    concentrations(forcing, lanes, work.time, work.decay, work.c)
    for lane in range(lanes):
        if linear.stale[lane] == 0.0 or work.step[lane] == 0.0:
            continue
        linear.stale[lane] = 0.0
        lane_concentration_slopes(forcing, lane, state.time[lane], linear.drift)
        jacobian(lane, state.time, state.y, problem.params, work.c, state.present, raw)
        _natural_to_own(problem, state, plan, linear, lane, raw)


@jit(**INNER)
def _take_apart(lanes, states, plan, linear, work):
    """Matrices 1 / (gamma step) - Jacobian of all lanes, factorised; sets `inverse`."""
    for i in range(states):
        for lane in range(lanes):
            # a lane that waits needs a step to compute with, of any size
            linear.inverse[i * W + lane] = 1.0 / work.step[lane] if work.step[lane] > 0.0 else 1.0
    for at in range(linear.own.size):
        linear.factors[at] = -linear.own[at]
    for i in range(states):
        at = plan.place[i * states + i] * W
        for lane in range(lanes):
            linear.factors[at + lane] += linear.inverse[lane] / RODAS_GAMMA
            linear.diagonal[i * W + lane] = linear.factors[at + lane]
    factorise(lanes, plan, linear.factors, linear.diagonal, linear.spoilt)


@jit(**INNER)
def _add_scaled(size, factor, rows, out):
    for at in range(size):
        out[at] += factor * rows[at]


@jit(**INNER)
def _right_side(size, share, rates, slope_t, inverse, sums, out):
    """Right side of a stage: slopes, what earlier stages add over the step, and the part of time."""
    for at in range(size):
        out[at] = rates[at] + sums[at] * inverse[at] + share * slope_t[at] / inverse[at]


@jit(**INNER)
def _slopes_at(rates, lanes, flows, problem, forcing, state, work, share, point, out):
    """Slopes of all lanes at a share of their steps."""
    for lane in range(lanes):
        work.time[lane] = state.time[lane] + share * work.step[lane]
    concentrations(forcing, lanes, work.time, work.decay, work.c)
    evaluate(rates, lanes, flows, problem, state, work, point, out)


@jit(**INNER)
def _stages(rates, lanes, flows, problem, forcing, state, work, plan, linear):
    """Eight stages from `state` over `work.step`; leaves the new point in trial and the error in the last stage."""
    states = problem.counted.size
    size = states * W
    slopes = work.k[:size]
    for stage in range(_STAGES):
        now = linear.stages[stage * size : (stage + 1) * size]
        if stage > 5:
            _add_scaled(size, 1.0, linear.stages[(stage - 1) * size : stage * size], work.trial)
        else:
            for at in range(size):
                work.trial[at] = state.y[at]
            for j in range(stage):
                _add_scaled(size, _A[stage, j], linear.stages[j * size : (j + 1) * size], work.trial)
        if stage == 0:
            for at in range(size):
                slopes[at] = state.slope[at]
        else:
            _slopes_at(rates, lanes, flows, problem, forcing, state, work, _NODES[stage], work.trial, slopes)
        for at in range(size):
            linear.sums[at] = 0.0
        for j in range(stage):
            _add_scaled(size, _C[stage, j], linear.stages[j * size : (j + 1) * size], linear.sums)
        _right_side(size, _TIME[stage], slopes, linear.slope_t, linear.inverse, linear.sums, now)
        solve(lanes, plan, linear.factors, now)
    _add_scaled(size, 1.0, linear.stages[(_STAGES - 1) * size :], work.trial)


@jit(**INNER)
def _largest(lanes, problem, y, trial, found, share, error):
    """Raise `error` (lane,) to a share of what was `found` (state, lane) relative to tolerance; NaN stays NaN."""
    relative = problem.options[0]
    for i in range(problem.counted.size):
        fixed = problem.absolute[i]
        part = relative
        if problem.counted[i] != 0:  # a logarithm: its error is relative by itself
            fixed += relative
            part = 0.0
        for lane in range(lanes):
            at = i * W + lane
            weight = share / (fixed + part * larger(abs(y[at]), abs(trial[at])))
            # an infinite point has weight 0 and would pass: 0 * inf is NaN
            error[lane] = larger(error[lane], abs(found[at]) * weight + 0.0 * trial[at])


@jit(**INNER)
def _lane_poly(lane, state, work, stages):
    """Interpolant of one lane's step, as coefficients of share, share^2, ... into work.poly (4, state)."""
    states = work.poly.size // 4
    size = states * W
    for i in range(states):
        at = i * W + lane
        first = 0.0
        second = 0.0
        third = 0.0
        for j in range(_STAGES):
            first += _D[0, j] * stages[j * size + at]
            second += _D[1, j] * stages[j * size + at]
            third += _D[2, j] * stages[j * size + at]
        work.poly[i] = work.trial[at] - state.y[at] + first
        work.poly[states + i] = second - first
        work.poly[2 * states + i] = third - second
        work.poly[3 * states + i] = -third


@jit(**INNER)
def _gap_inside(rates, lanes, flows, problem, forcing, state, work, plan, linear):
    """Estimate the error of the interpolant inside the step: its residual, divided by the step's own matrix.

    A state that follows a concentration closely is right at the end of a step of any size, and wrong inside it.
    """
    size = problem.counted.size * W
    slopes = linear.sums
    for at in range(size):
        rise = work.trial[at] - state.y[at]
        work.sixth[at] = state.y[at] + _LOOK * rise
        slopes[at] = rise
    for j in range(_STAGES):
        rows = linear.stages[j * size : (j + 1) * size]
        _add_scaled(size, _VALUE_THERE[j], rows, work.sixth)
        _add_scaled(size, _SLOPE_THERE[j], rows, slopes)
    _slopes_at(rates, lanes, flows, problem, forcing, state, work, _LOOK, work.sixth, work.k[:size])
    for at in range(size):
        slopes[at] = work.k[at] - slopes[at] * linear.inverse[at]
    solve(lanes, plan, linear.factors, slopes)


@jit(**INNER)
def _judge(rates, lanes, flows, problem, forcing, state, work, plan, linear):
    """Errors of the steps at their ends and inside, relative to tolerance."""
    size = problem.counted.size * W
    for lane in range(lanes):
        work.error[lane] = 0.0
        work.held[lane] = 0.0  # never held back by stability
        work.held[W + lane] = 1.0
    _largest(lanes, problem, state.y, work.trial, linear.stages[(_STAGES - 1) * size :], 1.0, work.error)
    _gap_inside(rates, lanes, flows, problem, forcing, state, work, plan, linear)
    _largest(lanes, problem, state.y, work.trial, linear.sums, _INSIDE, work.error)
    for lane in range(lanes):
        if linear.spoilt[lane] > 0.0 and work.error[lane] < np.inf:
            work.error[lane] = max(work.error[lane], _HALVE)


@jit(**INNER)
def _take(rates, lanes, flows, problem, forcing, state, record, work, linear):
    """Move accepted lanes to the end of their steps, find the slopes there and judge where they stand."""
    states = problem.counted.size
    size = states * W
    mark_crossed(lanes, problem, state, work.trial, work.crossed)
    for lane in range(lanes):
        clone = -1
        if work.accept[lane] > 0.0:
            linear.stale[lane] = 1.0
            if due(problem.output_times, state.next_output, lane) < work.end[lane] or work.crossed[lane] > 0.0:
                _lane_poly(lane, state, work, linear.stages)
                clone, end = land(
                    problem, forcing, state, record, work, lane, work.step[lane], work.end[lane], work.poly
                )
                work.end[lane] = end
        work.crossed[lane] = clone
    for lane in range(lanes):
        work.time[lane] = work.end[lane] if work.accept[lane] > 0.0 else state.time[lane]
    concentrations(forcing, lanes, work.time, work.decay, work.c)
    evaluate(rates, lanes, flows, problem, state, work, work.trial, work.k[:size])
    settle_lanes(lanes, problem, state, work, work.k[:size], problem.options[3])


def _signature():
    from numba import types

    bundles = (Problem, Forcing, Lines, State, Record, Work, Elimination, Linear)
    whole = types.int64, types.int64, types.int64, *(numba_type(bundle) for bundle in bundles)
    return types.void(*whole, types.float64[:, ::1], types.float64)


@jit(signature=_signature(), **PLAIN)
def advance_stiff(
    lanes, rates_kernel, jacobian_kernel, problem, forcing, lines, state, record, work, plan, linear, raw, stop
):
    """Integrate every lane to `stop`; doses at `stop` itself wait for the next call. Inputs checked by the caller.

    Kernels are addresses.
    """
    rates = rates_at(rates_kernel)
    jacobian = jacobian_at(jacobian_kernel)
    states = problem.counted.size
    flows = flows_into_states(lines, state.inflow)
    begin_stretch(lanes, lines, state)
    for lane in range(lanes):
        linear.stale[lane] = 1.0
    while begin(rates, lanes, flows, problem, forcing, lines, state, record, work, stop) > 0:
        _linearise(jacobian, lanes, problem, forcing, state, work, plan, linear, raw)
        _take_apart(lanes, states, plan, linear, work)
        _stages(rates, lanes, flows, problem, forcing, state, work, plan, linear)
        _judge(rates, lanes, flows, problem, forcing, state, work, plan, linear)
        control(lanes, problem, state, work, stop, -0.2, 5.0, 1.0)
        _take(rates, lanes, flows, problem, forcing, state, record, work, linear)
        for lane in range(lanes):
            made = state.counts[lane] + state.counts[W + lane]
            if state.status[lane] == OK and made > problem.options[2]:
                state.status[lane] = TOO_MANY_STEPS
