"""Tsitouras 5(4) for a block of lanes, each with a step size of its own.

Lanes run through their own doses at their own pace; none sees its neighbours, so a patient's result is the same
to the last bit in any block.
"""

from __future__ import annotations

import numpy as np

from pdsim._abi import RATES
from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import (
    HOT,
    INNER,
    PLAIN,
    Forcing,
    Lines,
    Problem,
    Record,
    State,
    Work,
    function_type,
    numba_type,
)
from pdsim.solvers.dense import complete_step, explicit_poly, needs_poly, store_here
from pdsim.solvers.events import apply_events, next_event, skip_missed
from pdsim.solvers.forcing import concentrations
from pdsim.solvers.status import NAN, OK, OVERFLOW, STEP_FLOOR, STIFF, TOO_MANY_STEPS
from pdsim.solvers.tableau import TSIT5_ERROR, TSIT5_NODES, TSIT5_WEIGHTS

_A = TSIT5_WEIGHTS
_C = TSIT5_NODES
_E = TSIT5_ERROR
_LARGEST = 1e300
_LARGEST_LOG = 690.0
_STABILITY_EDGE = 3.0  # |h lambda| where Tsitouras 5(4) begins to be held back by stability


@jit(**HOT)
def evaluate(rates, lanes, problem, forcing, state, work, y, dy):
    """Slopes (state, lane) at stage times `work.time` and states y."""
    concentrations(forcing, lanes, work.time, work.decay, work.c)
    rates(lanes, work.time, y, problem.params, work.c, state.present, dy)
    for i in range(problem.counted.size * W):
        dy[i] += state.inflow[i]


@jit(**INNER)
def _stages(rates, lanes, problem, forcing, state, work):
    """Seven stages from `state` over `work.step`; leaves the new point in trial, its slope in stage 7."""
    states = problem.counted.size
    size = states * W
    k = work.k
    for stage in range(1, 7):
        for lane in range(lanes):
            work.time[lane] = state.time[lane] + _C[stage] * work.step[lane]
        # stage by stage over whole rows: an inner loop over stages would not vectorise
        for at in range(size):
            work.trial[at] = _A[stage, 0] * k[at]
        for j in range(1, stage):
            weight = _A[stage, j]
            for at in range(size):
                work.trial[at] += weight * k[j * size + at]
        for i in range(states):
            for lane in range(lanes):
                at = i * W + lane
                work.trial[at] = state.y[at] + work.step[lane] * work.trial[at]
        if stage == 5:
            for at in range(size):
                work.sixth[at] = work.trial[at]
        evaluate(rates, lanes, problem, forcing, state, work, work.trial, k[stage * size : (stage + 1) * size])


@jit(**HOT)
def _errors(lanes, problem, state, work):
    """Largest error of a step over the states, relative to tolerance, into work.error; NaN if any is not finite."""
    states = problem.counted.size
    size = states * W
    k = work.k
    relative = problem.options[0]
    for lane in range(lanes):
        work.error[lane] = 0.0
        work.time[lane] = 0.0
    for i in range(states):
        for lane in range(lanes):
            at = i * W + lane
            total = _E[0] * k[at]
            for j in range(1, 7):
                total += _E[j] * k[j * size + at]
            scale = max(abs(state.y[at]), abs(work.trial[at]))
            if problem.counted[i] != 0:
                scale = 1.0
            ratio = abs(work.step[lane] * total) / (problem.absolute[i] + relative * scale)
            work.error[lane] = max(work.error[lane], ratio)
            work.time[lane] += 0.0 * ratio
    for lane in range(lanes):
        work.error[lane] += work.time[lane]


@jit(**INNER)
def first_step(problem, state, lane, fastest):
    """A cautious step after an event: a hundredth of the time in which a state changes by itself."""
    size = 0.0
    speed = 0.0
    for i in range(problem.counted.size):
        at = i * W + lane
        scale = abs(state.y[at])
        if problem.counted[i] != 0:
            scale = 1.0
        scale = problem.absolute[i] + problem.options[0] * scale
        size = max(size, abs(state.y[at]) / scale)
        speed = max(speed, abs(state.slope[at]) / scale)
    step = problem.options[1]
    if speed > 0.0 and size > 0.0:
        step = min(step, 0.01 * size / speed)
    if fastest > 0.0:
        step = min(step, 0.1 / fastest)
    return step


@jit(**HOT)
def unfit(problem, state, lane):
    """Status of a lane's present point: OK, NAN or OVERFLOW."""
    for i in range(problem.counted.size):
        at = i * W + lane
        if not (np.isfinite(state.y[at]) and np.isfinite(state.slope[at])):
            return NAN
        if abs(state.y[at]) > (_LARGEST_LOG if problem.counted[i] != 0 else _LARGEST):
            return OVERFLOW
    return OK


@jit(**INNER)
def _begin(rates, lanes, problem, forcing, lines, state, record, work, stop):
    """Give due doses, write due outputs, find slopes and step of lanes that start afresh."""
    states = problem.counted.size
    any_fresh = False
    for lane in range(lanes):
        work.error[lane] = 0.0
        if state.status[lane] != OK:
            continue
        if state.stop[lane] <= state.time[lane] < stop:
            fastest = apply_events(problem, lines, forcing, state, lane, state.time[lane])
            if fastest >= 0.0:
                state.fresh[lane] = 1
                work.error[lane] = fastest
            state.stop[lane] = next_event(lines, lane)
        if state.time[lane] < stop:
            store_here(record, problem, forcing, state, work, lane)
        if state.fresh[lane] != 0:
            any_fresh = True
    if not any_fresh:
        return
    for lane in range(lanes):
        work.time[lane] = state.time[lane]
    evaluate(rates, lanes, problem, forcing, state, work, state.y, work.trial)
    for lane in range(lanes):
        if state.fresh[lane] == 0 or state.status[lane] != OK:
            continue
        for i in range(states):
            state.slope[i * W + lane] = work.trial[i * W + lane]
        state.step[lane] = first_step(problem, state, lane, work.error[lane])
        state.counts[2 * W + lane] = 0
        state.status[lane] = unfit(problem, state, lane)


@jit(**HOT)
def _choose_steps(lanes, problem, state, work, stop):
    """Set work.step: the lane's step, fitted to its next stop; 0 for lanes that are done. Count the others."""
    running = 0
    for lane in range(lanes):
        work.step[lane] = 0.0
        if state.status[lane] != OK or state.time[lane] >= stop:
            continue
        running += 1
        left = min(state.stop[lane], stop) - state.time[lane]
        step = min(state.step[lane], problem.options[1])
        if step >= 0.99 * left:
            step = left
        elif 2.0 * step > left:
            step = 0.5 * left
        work.step[lane] = step
    return running


@jit(**HOT)
def _held_back(problem, state, work, lane):
    """Whether stability, not accuracy, set the step just made (Hairer and Wanner, section IV.2)."""
    size = problem.counted.size * W
    num = 0.0
    den = 0.0
    for i in range(problem.counted.size):
        at = i * W + lane
        num += (work.k[6 * size + at] - work.k[5 * size + at]) ** 2
        den += (work.trial[at] - work.sixth[at]) ** 2
    return den > 0.0 and work.step[lane] ** 2 * num > _STABILITY_EDGE**2 * den


@jit(**HOT)
def _accept(problem, forcing, state, record, work, lane, stop):
    """Move a lane to the end of its step and watch for stiffness."""
    states = problem.counted.size
    step = work.step[lane]
    bound = min(state.stop[lane], stop)
    end = bound if step == bound - state.time[lane] else state.time[lane] + step
    held_back = _held_back(problem, state, work, lane)
    if needs_poly(problem, state, lane, end, work.trial):
        explicit_poly(lane, step, work.k, work.poly)
    complete_step(problem, forcing, state, record, work, lane, step, end)
    for i in range(states):
        state.slope[i * W + lane] = work.k[(6 * states + i) * W + lane]
    state.counts[lane] += 1
    state.counts[2 * W + lane] = state.counts[2 * W + lane] + 1 if held_back else 0
    if state.counts[2 * W + lane] > problem.options[3]:
        state.status[lane] = STIFF


@jit(**HOT)
def _control(problem, forcing, state, record, work, lane, stop):
    """Accept or reject one lane's step and choose the next."""
    error = work.error[lane]
    step = work.step[lane]
    if error <= 1.0:
        growth = 5.0 if error < 1e-4 else min(5.0, 0.9 * error**-0.2)
        _accept(problem, forcing, state, record, work, lane, stop)
        state.step[lane] = max(state.step[lane], step * growth) if step < state.step[lane] else step * growth
        if state.status[lane] == OK:
            state.status[lane] = unfit(problem, state, lane)
        return
    state.counts[W + lane] += 1
    state.step[lane] = step * (max(0.2, 0.9 * error**-0.2) if error < np.inf else 0.1)
    if state.step[lane] < 1e-13 * max(1.0, abs(state.time[lane])):
        state.status[lane] = STEP_FLOOR if np.isfinite(error) else NAN


def _signature():
    from numba import types

    bundles = (Problem, Forcing, Lines, State, Record, Work)
    return types.void(types.int64, function_type(RATES), *(numba_type(bundle) for bundle in bundles), types.float64)


@jit(signature=_signature(), **PLAIN)
def advance(lanes, rates, problem, forcing, lines, state, record, work, stop):
    """Integrate every lane to `stop`; doses at `stop` itself wait for the next call. Inputs checked by the caller."""
    states = problem.counted.size
    for lane in range(lanes):
        skip_missed(lines, lane, state.time[lane])
        state.stop[lane] = next_event(lines, lane)
        state.counts[lane] = 0
    while True:
        _begin(rates, lanes, problem, forcing, lines, state, record, work, stop)
        if _choose_steps(lanes, problem, state, work, stop) == 0:
            return
        for i in range(states * W):
            work.k[i] = state.slope[i]
        _stages(rates, lanes, problem, forcing, state, work)
        _errors(lanes, problem, state, work)
        for lane in range(lanes):
            if work.step[lane] > 0.0:
                state.fresh[lane] = 0
                _control(problem, forcing, state, record, work, lane, stop)
                if state.counts[lane] > problem.options[2]:
                    state.status[lane] = TOO_MANY_STEPS


@jit(**PLAIN)
def finish(lanes, problem, forcing, state, record, work):
    """Write the outputs that are due at the end of the run."""
    for lane in range(lanes):
        if state.status[lane] == OK:
            store_here(record, problem, forcing, state, work, lane)
