"""Tsitouras 5(4) for a block of lanes, each with a step size of its own.

Lanes run through their own doses at their own pace; none sees its neighbours, so a patient's result is the same
to the last bit in any block.
"""

from __future__ import annotations

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import HOT, INNER, PLAIN, Forcing, Lines, Problem, Record, State, Work, numba_type
from pdsim.solvers.dense import change_sides, due, explicit_poly, land, mark_crossed, store_here
from pdsim.solvers.events import apply_events, begin_stretch, flows_into_states, next_event
from pdsim.solvers.forcing import concentrations, fill_concentrations
from pdsim.solvers.passes import add_inflow, judge, move
from pdsim.solvers.pointers import rates_at
from pdsim.solvers.rows import growths, spread, trial_point
from pdsim.solvers.start import SMALLEST, first_step, unfit
from pdsim.solvers.status import NAN, OK, OVERFLOW, STEP_FLOOR, STIFF, TOO_MANY_STEPS
from pdsim.solvers.tableau import TSIT5_NODES

_C = TSIT5_NODES
_STABILITY_EDGE = 3.0  # |h lambda| where Tsitouras 5(4) begins to be held back by stability
_WORTH = 200.0  # steps to the next event from which a change of method pays


@jit(**HOT)
def evaluate(rates, lanes, flows, problem, state, work, y, dy):
    """Slopes (state, lane) at stage times `work.time`, concentrations `work.c` and states y."""
    rates(lanes, work.time, y, problem.params, work.c, state.present, dy)
    if flows:
        add_inflow(lanes, problem.counted, state.inflow, state.present, y, dy)


@jit(**HOT)
def _stages(rates, lanes, flows, problem, forcing, state, work):
    """Stages two to seven from `state` over `work.step`; leaves the new point in trial, its slope in stage 7."""
    states = problem.counted.size
    size = states * W
    k = work.k
    spread(work.step, states, work.steps)
    for stage in range(1, 7):
        for lane in range(lanes):
            work.time[lane] = state.time[lane] + _C[stage] * work.step[lane]
        if stage < 6:  # the last two stages share one time
            fill_concentrations(forcing, lanes, work.time, work.decay, work.c)
        point = work.sixth if stage == 5 else work.trial
        trial_point(
            stage, size, state.y, work.steps, state.slope, k[size : 2 * size], k[2 * size : 3 * size],
            k[3 * size : 4 * size], k[4 * size : 5 * size], k[5 * size : 6 * size], point,
        )  # fmt: skip
        evaluate(rates, lanes, flows, problem, state, work, point, k[stage * size : (stage + 1) * size])


@jit(**INNER)
def fitted(step, left, largest):
    """Step that does not pass a stop `left` away, nor leaves a sliver before it."""
    step = min(step, largest)
    if step >= 0.99 * left:
        return left
    return 0.5 * left if 2.0 * step > left else step


@jit(**INNER)
def next_step(steps, lane, step, growth, time, error):
    """Set a lane's next step after one of size `step`; return its status."""
    kept = step < steps[lane] and error <= 1.0  # cut short by a stop: the step before it still holds
    steps[lane] = max(steps[lane], step * growth) if kept else step * growth
    if growth < 1.0 and steps[lane] < SMALLEST * max(1.0, abs(time)):
        return STEP_FLOOR if np.isfinite(error) else NAN
    return OK


@jit(**HOT)
def begin(rates, lanes, flows, problem, forcing, lines, state, record, work, stop):
    """Give due doses, write due outputs, find slopes and steps of lanes that start afresh; count running lanes.

    Sets work.step, 0 for lanes that are done.
    """
    running = 0
    jumped = False
    for lane in range(lanes):
        work.step[lane] = 0.0
        if state.status[lane] != OK or state.time[lane] >= stop:
            continue
        fastest = 0.0
        if state.stop[lane] <= state.time[lane]:
            fastest = apply_events(problem, lines, forcing, state, lane, state.time[lane])
            state.stop[lane] = next_event(lines, lane)
            if fastest >= 0.0 and state.fresh[lane] == 0:
                state.step[lane] = first_step(problem, state, lane, fastest)
                state.counts[2 * W + lane] = 0
        if due(problem.output_times, state.next_output, lane) <= state.time[lane]:
            store_here(record, problem, forcing, state, work, lane)
        work.error[lane] = fastest
        jumped |= state.fresh[lane] != 0
        running += 1
        work.step[lane] = 1.0
    if jumped:
        _find_slopes(rates, lanes, flows, problem, forcing, state, work)
    for lane in range(lanes):
        if work.step[lane] > 0.0 and state.status[lane] == OK:
            left = min(state.stop[lane], stop) - state.time[lane]
            work.step[lane] = fitted(state.step[lane], left, problem.options[1])
    return running


@jit(**INNER)
def _find_slopes(rates, lanes, flows, problem, forcing, state, work):
    """Slopes, cautious steps and status of fresh lanes; `work.error` holds the fastest rates set loose."""
    for lane in range(lanes):
        work.time[lane] = state.time[lane]
    concentrations(forcing, lanes, work.time, work.decay, work.c)
    evaluate(rates, lanes, flows, problem, state, work, state.y, work.trial)
    for lane in range(lanes):
        if state.fresh[lane] == 0 or work.step[lane] == 0.0:
            continue
        state.fresh[lane] = 0
        for i in range(problem.counted.size):
            state.slope[i * W + lane] = work.trial[i * W + lane]
        state.step[lane] = first_step(problem, state, lane, work.error[lane])
        state.counts[2 * W + lane] = 0
        state.status[lane] = unfit(problem, state, lane)
        if state.status[lane] != OK:
            work.step[lane] = 0.0


@jit(**HOT)
def control(lanes, problem, state, work, stop, power, most, edge):
    """Accept or reject each lane's step and choose the next: sets work.accept and work.end.

    The next step follows from the error to the `power` and is at most `most` times longer; stability begins to hold it
    back where it is `edge` over the fastest rate.
    """
    growths(lanes, work.error, power, work.growth)
    for lane in range(lanes):
        step = work.step[lane]
        error = work.error[lane]
        work.accept[lane] = 0.0
        if step == 0.0:
            continue
        if error <= 1.0:
            bound = min(state.stop[lane], stop)
            work.accept[lane] = 1.0
            work.end[lane] = bound if step == bound - state.time[lane] else state.time[lane] + step
            growth = min(most, work.growth[lane])
            held_back = step * step * work.held[lane] > edge**2 * work.held[W + lane]
            if held_back and bound - work.end[lane] > _WORTH * step:
                state.counts[2 * W + lane] += 1
            else:
                state.counts[2 * W + lane] = 0
            state.counts[lane] += 1
        else:
            growth = max(0.2, work.growth[lane]) if error < np.inf else 0.1
            state.counts[W + lane] += 1
        state.status[lane] = next_step(state.step, lane, step, growth, state.time[lane], error)


@jit(**HOT)
def _take(lanes, problem, forcing, state, record, work):
    """Move accepted lanes to the end of their steps and judge where they stand."""
    states = problem.counted.size
    mark_crossed(lanes, problem, state, work.trial, work.crossed)
    for lane in range(lanes):
        clone = -1
        stored = due(problem.output_times, state.next_output, lane) < work.end[lane]
        if work.accept[lane] > 0.0 and (stored or work.crossed[lane] > 0.0):
            for i in range(states):
                work.k[i * W + lane] = state.slope[i * W + lane]
            explicit_poly(lane, work.step[lane], work.k, work.poly)
            clone, end = land(problem, forcing, state, record, work, lane, work.step[lane], work.end[lane], work.poly)
            work.end[lane] = end
        work.crossed[lane] = clone
    settle_lanes(lanes, problem, state, work, work.k[6 * states * W :], problem.options[3])


@jit(**HOT)
def settle_lanes(lanes, problem, state, work, last, patience):
    """Let accepted lanes stand at `work.trial` with the slopes `last`, and judge where that is.

    Those that stability has held back for more than `patience` steps in a row are given to the stiff method.
    """
    move(lanes, problem.counted, work.accept, work.trial, last, state.y, state.slope, work.largest)
    for lane in range(lanes):
        if work.accept[lane] == 0.0:
            continue
        state.time[lane] = work.end[lane]
        if work.crossed[lane] >= 0.0:
            change_sides(problem, state, np.int64(work.crossed[lane]), lane)
        if work.largest[lane] > 1.0:
            state.status[lane] = OVERFLOW
        elif state.counts[2 * W + lane] > patience:
            state.status[lane] = STIFF


def _signature():
    from numba import types

    bundles = (Problem, Forcing, Lines, State, Record, Work)
    return types.void(types.int64, types.int64, *(numba_type(bundle) for bundle in bundles), types.float64)


@jit(signature=_signature(), **PLAIN)
def advance(lanes, kernel, problem, forcing, lines, state, record, work, stop):
    """Integrate every lane to `stop`; doses at `stop` itself wait for the next call. Inputs checked by the caller.

    `kernel` is the address of the rates.
    """
    rates = rates_at(kernel)
    states = problem.counted.size
    flows = flows_into_states(lines, state.inflow)
    begin_stretch(lanes, lines, state)
    while begin(rates, lanes, flows, problem, forcing, lines, state, record, work, stop) > 0:
        _stages(rates, lanes, flows, problem, forcing, state, work)
        judge(
            lanes,
            states,
            problem.options[0],
            problem.absolute,
            problem.counted,
            work.step,
            state.y,
            work.trial,
            work.sixth,
            state.slope,
            work.k,
            work.error,
            work.held,
        )
        control(lanes, problem, state, work, stop, -0.2, 5.0, _STABILITY_EDGE)
        _take(lanes, problem, forcing, state, record, work)
        for lane in range(lanes):
            made = state.counts[lane] + state.counts[W + lane]
            if state.status[lane] == OK and made > problem.options[2]:
                state.status[lane] = TOO_MANY_STEPS


@jit(**PLAIN)
def finish(lanes, problem, forcing, state, record, work):
    """Write the outputs that are due at the end of the run."""
    for lane in range(lanes):
        if state.status[lane] in (OK, STIFF):
            store_here(record, problem, forcing, state, work, lane)
