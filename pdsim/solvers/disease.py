"""The disease over one piece of a panel, its forcings given as Legendre series: Tsitouras 5(4) in lanes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import HOT, INNER, Floats
from pdsim.solvers.dense import any_crossed, change_sides, explicit_poly, first_crossing, interpolate
from pdsim.solvers.rows import add, legendre, series, spread, step_errors, take, trial_point, worst
from pdsim.solvers.start import end_piece, first_step, reject
from pdsim.solvers.status import OK, TOO_MANY_STEPS
from pdsim.solvers.tableau import TSIT5_NODES

_C = TSIT5_NODES


class DiseaseWork(NamedTuple):
    """Scratch rows of the disease."""

    k: Floats  # (7, state, lane)
    trial: Floats  # (state, lane)
    poly: Floats  # (4, state)
    moments: Floats  # (forcing, degree, lane) of the present piece
    legendre: Floats  # (degree, lane)
    c: Floats  # (forcing, lane)
    time: Floats  # (lane,)
    step: Floats  # (lane,)
    error: Floats  # (lane,)
    steps: Floats  # (state, lane) the step of each lane
    ratio: Floats  # (state, lane)
    absolute: Floats  # (state, lane) absolute tolerance
    fixed: Floats  # (state, lane) 1 where the scale of the error is 1
    taken: Floats  # (lane,) 1 where a step is accepted as a whole
    opening: Floats  # (lane,) size that suited the first step of the piece


@jit(**INNER)
def _forcings(lanes, plan, work):
    """Forcings at work.time into work.c."""
    wide = work.legendre.size // W
    legendre(wide, lanes, work.time, plan.origin, plan.until, work.legendre)
    series(work.c.size // W, wide, lanes, work.moments, work.legendre, work.c)


@jit(**INNER)
def _stages(rates, lanes, problem, state, plan, work):
    """Seven stages over work.step, the first of them given; leaves the new point in trial."""
    size = problem.counted.size * W
    k = work.k
    spread(work.step, problem.counted.size, work.steps)
    for stage in range(1, 7):
        trial_point(
            stage, size, state.y, work.steps, k[:size], k[size : 2 * size], k[2 * size : 3 * size],
            k[3 * size : 4 * size], k[4 * size : 5 * size], k[5 * size : 6 * size], work.trial,
        )  # fmt: skip
        if stage < 6:  # the last two stages fall on the same time
            for lane in range(lanes):
                work.time[lane] = state.time[lane] + _C[stage] * work.step[lane]
            _forcings(lanes, plan, work)
        slope = k[stage * size : (stage + 1) * size]
        rates(lanes, work.time, work.trial, problem.params, work.c, state.present, slope)
        add(size, state.inflow, slope)


@jit(**INNER)
def _errors(lanes, problem, state, work):
    """Largest error of a step relative to tolerance into work.error; NaN if any is not finite."""
    size = problem.counted.size * W
    k = work.k
    step_errors(
        size, problem.options[0], state.y, work.trial, work.steps, work.absolute, work.fixed,
        k[:size], k[size : 2 * size], k[2 * size : 3 * size], k[3 * size : 4 * size], k[4 * size : 5 * size],
        k[5 * size : 6 * size], k[6 * size : 7 * size], work.ratio,
    )  # fmt: skip
    worst(problem.counted.size, lanes, work.ratio, work.error, work.time)


@jit(**INNER)
def _begin(rates, lanes, problem, state, plan, work):
    """Find slopes of lanes that start afresh; a cautious step where one was asked for."""
    any_fresh = False
    for lane in range(lanes):
        if plan.active[lane] != 0 and state.status[lane] == OK and state.time[lane] < plan.until[lane]:
            any_fresh = any_fresh or state.fresh[lane] != 0
    if not any_fresh:
        return
    for lane in range(lanes):
        work.time[lane] = state.time[lane]
    _forcings(lanes, plan, work)
    rates(lanes, work.time, state.y, problem.params, work.c, state.present, work.trial)
    add(work.trial.size, state.inflow, work.trial)
    for lane in range(lanes):
        chosen = plan.active[lane] != 0 and state.fresh[lane] != 0 and state.status[lane] == OK
        work.taken[lane] = 1.0 if chosen else 0.0
    take(problem.counted.size, lanes, work.taken, work.trial, state.slope)
    for lane in range(lanes):
        if work.taken[lane] > 0.0:
            state.fresh[lane] = 0
            if state.step[lane] <= 0.0:
                state.step[lane] = first_step(problem, state, lane, -1.0)


@jit(**HOT)
def _choose_steps(lanes, problem, state, plan, work):
    """Set work.step so that equal steps lead to the end of the piece; 0 for lanes that are done."""
    running = 0
    for lane in range(lanes):
        work.step[lane] = 0.0
        if plan.active[lane] == 0 or state.status[lane] != OK or state.time[lane] >= plan.until[lane]:
            continue
        running += 1
        left = plan.until[lane] - state.time[lane]
        step = min(state.step[lane], problem.options[1])
        work.step[lane] = left / np.ceil(left / step - 0.01) if step < left else left
    return running


@jit(**HOT)
def _accept(problem, state, plan, work, lane):
    """Move a lane to the end of its step, or to the point where a clone dies out or enters."""
    states = problem.counted.size
    step = work.step[lane]
    left = plan.until[lane] - state.time[lane]
    end = plan.until[lane] if step == left else state.time[lane] + step
    state.counts[lane] += 1
    if any_crossed(problem, state, lane, work.trial):
        explicit_poly(lane, step, work.k, work.poly)
        clone, share = first_crossing(problem, state, lane, work.poly, work.trial)
        for i in range(states):
            state.y[i * W + lane] = interpolate(state.y, work.poly, i, i * W + lane, share)
        state.time[lane] += share * step
        change_sides(problem, state, clone, lane)
        state.fresh[lane] = 1
        state.step[lane] = 0.0
        return
    work.taken[lane] = 1.0
    state.time[lane] = end


@jit(**HOT)
def _control(problem, state, plan, work, lane):
    error = work.error[lane]
    step = work.step[lane]
    if error <= 1.0:
        growth = 2.0 if error < 1e-3 else min(2.0, 0.9 * error**-0.2)
        state.step[lane] = max(state.step[lane], step * growth) if step < state.step[lane] else step * growth
        if work.opening[lane] == 0.0:
            work.opening[lane] = state.step[lane]
        _accept(problem, state, plan, work, lane)
        return
    reject(state, lane, step, error)


@jit(**INNER)
def disease_piece(lanes, rates, problem, state, plan, work):
    """Integrate the disease of the active lanes from plan.origin to plan.until under work.moments."""
    size = state.slope.size
    for lane in range(lanes):
        if plan.active[lane] != 0:
            state.fresh[lane] = 1
        work.opening[lane] = 0.0
    while True:
        _begin(rates, lanes, problem, state, plan, work)
        if _choose_steps(lanes, problem, state, plan, work) == 0:
            break
        for at in range(size):
            work.k[at] = state.slope[at]
        _stages(rates, lanes, problem, state, plan, work)
        _errors(lanes, problem, state, work)
        for lane in range(lanes):
            work.taken[lane] = 0.0
            if work.step[lane] > 0.0:
                _control(problem, state, plan, work, lane)
                if state.counts[lane] > problem.options[2]:
                    state.status[lane] = TOO_MANY_STEPS
        take(problem.counted.size, lanes, work.taken, work.trial, state.y)
        take(problem.counted.size, lanes, work.taken, work.k[6 * size : 7 * size], state.slope)
    for lane in range(lanes):
        if plan.active[lane] != 0 and state.status[lane] == OK:
            # a piece begins with a jump of its forcings, as the next one will
            state.step[lane] = work.opening[lane]
        if plan.active[lane] != 0:
            end_piece(problem, state, lane)
