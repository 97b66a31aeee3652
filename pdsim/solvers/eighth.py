"""DOP853 for a block of lanes: explicit steps of order 8, which take fewer evaluations than those of order 5 but for
loose tolerances.

As in `pdsim.solvers.explicit` each lane has steps and doses of its own. Slopes at the start of a step are found on all
lanes together, so that one behind a dose costs nothing. What the first step behind a dose may be is learned from the
doses of that line before: it decides how exact the whole is, and one cautious enough for all drugs costs more steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers import dop853
from pdsim.solvers.arrays import HOT, INNER, PLAIN, Forcing, Lines, Problem, Record, State, Work, numba_type
from pdsim.solvers.dense import due, land, long_poly, mark_crossed, store, store_here
from pdsim.solvers.events import apply_events, begin_stretch, flows_into_states, next_event
from pdsim.solvers.explicit import advance, control, evaluate, fitted, settle_lanes
from pdsim.solvers.forcing import fill_concentrations
from pdsim.solvers.passes import judge_eighth, stretch
from pdsim.solvers.pointers import rates_at
from pdsim.solvers.rows import dop853_point, spread
from pdsim.solvers.start import first_step, unfit
from pdsim.solvers.status import OK, STIFF, TOO_MANY_STEPS

LOOSE = 1e-2  # relative tolerance from which steps of order 5 take less work
_C = dop853.NODES
_END = 12  # the stage at the end of a step; those behind it serve the interpolant alone
_POWER = -0.125  # how the step follows from the error
_GROWTH = 3.0  # most that a step may grow: behind a dose, much more would step over what the dose sets going
_FIRST = 0.03  # of the tolerance, what the first step behind a dose may err by: all that follows rests on it
_AIM = 0.73  # of the step that would just do there, what is taken behind the next dose: to err by a thousandth
_RANGE = (0.3, 5.0)  # least and most of it, in cautious steps
_STABILITY_EDGE = 6.1  # |h lambda| where the method begins to be held back by stability
_PATIENCE = 0.4  # of the steps that a stiffness test waits for: they take more than twice the evaluations
_SWING = 0.0084  # largest value within a step of what the last coefficient of the interpolant is the factor of


@jit(**INNER)
def _stages(rates, lanes, flows, problem, forcing, state, work, first, last):
    """Slopes of stages from `first` to before `last` over `work.step`, but for the one at the end of the step."""
    size = problem.counted.size * W
    for stage in range(first, last):
        for lane in range(lanes):
            work.time[lane] = state.time[lane] + _C[stage] * work.step[lane]
        fill_concentrations(forcing, lanes, work.time, work.decay, work.c)
        point = work.sixth if stage == _END - 1 else work.inside
        dop853_point(stage, size, size, state.y, work.steps, work.k, point)
        evaluate(rates, lanes, flows, problem, state, work, point, work.k[stage * size : (stage + 1) * size])


@jit(**HOT)
def _begin(rates, lanes, flows, problem, forcing, lines, state, record, work, stop, known):
    """Give due doses, write due outputs, find slopes and steps of all lanes; count running lanes.

    Sets work.step, 0 for lanes that are done. `known`: the last stage of the step before stands there yet.
    """
    running = 0
    for lane in range(lanes):
        work.error[lane] = -1.0  # fastest rate set loose
        work.time[lane] = state.time[lane]
        if state.status[lane] != OK or state.time[lane] >= stop:
            continue
        if state.stop[lane] <= state.time[lane]:
            work.error[lane] = apply_events(problem, lines, forcing, state, lane, state.time[lane])
            state.stop[lane] = next_event(lines, lane)
        if due(problem.output_times, state.next_output, lane) <= state.time[lane]:
            store_here(record, problem, forcing, state, work, lane)
        running += 1
    if running == 0:
        return 0
    states = problem.counted.size
    slope = work.k[: states * W]
    fill_concentrations(forcing, lanes, work.time, work.decay, work.c)
    evaluate(rates, lanes, flows, problem, state, work, state.y, slope)
    if known and problem.options[3] < np.inf:
        stretch(
            lanes, states, problem.options[0], problem.absolute, problem.counted, state.y, work.sixth, slope,
            work.k[(_END - 1) * states * W : _END * states * W], work.held,
        )  # fmt: skip
    for lane in range(lanes):
        work.step[lane] = 0.0
        if state.status[lane] != OK or state.time[lane] >= stop:
            continue
        if state.fresh[lane] != 0 or work.error[lane] >= 0.0:
            _start(problem, lines, state, work, lane)
        if state.status[lane] == OK:
            left = min(state.stop[lane], stop) - state.time[lane]
            work.step[lane] = fitted(state.step[lane], left, problem.options[1])
    return running


@jit(**INNER)
def _start(problem, lines, state, work, lane):
    """Set the first step of a lane behind a dose or a jump, and its status."""
    for at in range(lane, state.slope.size, W):
        state.slope[at] = work.k[at]
    step = first_step(problem, state, lane, max(work.error[lane], 0.0))
    known = np.inf
    work.rules[lane] = -1.0
    for line in range(lines.drug.size):
        at = line * W + lane
        if work.error[lane] >= 0.0 and lines.latest[at] == state.time[lane]:
            learned = lines.suited[at] if lines.suited[at] > 0.0 else step
            if learned < known:
                known = learned
                work.rules[lane] = line
    if work.rules[lane] >= 0.0:
        step = min(max(known, _RANGE[0] * step), _RANGE[1] * step)
    state.step[lane] = step
    state.counts[2 * W + lane] = 0
    work.held[lane] = 0.0
    if state.fresh[lane] != 0:
        state.fresh[lane] = 0
        state.status[lane] = unfit(problem, state, lane)


@jit(**HOT)
def _learn(lanes, lines, work):
    """Keep what the first steps behind doses should have been; once one is accepted the next ones are free."""
    for lane in range(lanes):
        if work.rules[lane] >= 0.0 and work.step[lane] > 0.0:
            at = np.int64(work.rules[lane]) * W + lane
            lines.suited[at] = work.step[lane] * min(3.0, max(0.2, _AIM * work.growth[lane]))
            if work.accept[lane] > 0.0:
                work.rules[lane] = -1.0


@jit(**INNER)
def _rough(problem, state, work, lane):
    """Whether a lane's interpolant, in work.long_poly, may err by more than the tolerance inside the step."""
    states = problem.counted.size
    for i in range(states):
        at = i * W + lane
        scale = 1.0 if problem.counted[i] != 0 else max(abs(state.y[at]), abs(work.trial[at]))
        scale = problem.absolute[i] + problem.options[0] * scale
        if not _SWING * abs(work.long_poly[6 * states + i]) <= scale:
            return True
    return False


@jit(**INNER)
def _look_inside(rates, lanes, flows, problem, forcing, state, record, work):
    """Write the outputs inside accepted steps, and end steps where a clone changes sides; work.crossed has these.

    Where the interpolant does not do, an output is found by a shorter step from the same start, and a crossing waits
    for one.
    """
    size = problem.counted.size * W
    for lane in range(lanes):
        work.time[lane] = state.time[lane] + work.step[lane]
    evaluate(rates, lanes, flows, problem, state, work, work.trial, work.k[_END * size : (_END + 1) * size])
    _stages(rates, lanes, flows, problem, forcing, state, work, _END + 1, 16)
    rough = False
    for lane in range(lanes):
        clone = -1
        stored = due(problem.output_times, state.next_output, lane) < work.end[lane]
        work.other[lane] = 0.0
        if work.accept[lane] > 0.0 and (stored or work.crossed[lane] > 0.0):
            long_poly(lane, work.step[lane], state.y, work.trial, work.k, work.long_poly)
            if not _rough(problem, state, work, lane):
                clone, end = land(
                    problem, forcing, state, record, work, lane, work.step[lane], work.end[lane], work.long_poly
                )
                work.end[lane] = end
            elif work.crossed[lane] > 0.0:
                work.accept[lane] = 0.0
                state.step[lane] = 0.5 * work.step[lane]
                state.counts[lane] -= 1
                state.counts[W + lane] += 1
            else:
                work.other[lane] = 1.0
                rough = True
        work.crossed[lane] = clone
    if rough:
        _step_to_outputs(rates, lanes, flows, problem, forcing, state, record, work)


@jit(**INNER)
def _step_to_outputs(rates, lanes, flows, problem, forcing, state, record, work):
    """Write the outputs inside the steps of lanes with work.other, each by a step of its own; slopes are lost."""
    size = problem.counted.size * W
    while True:
        more = False
        for lane in range(lanes):
            time = due(problem.output_times, state.next_output, lane)
            inside = work.other[lane] > 0.0 and time < work.end[lane]
            work.step[lane] = time - state.time[lane] if inside else 0.0
            more |= inside
        if not more:
            return
        spread(work.step, problem.counted.size, work.steps)
        _stages(rates, lanes, flows, problem, forcing, state, work, 1, _END)
        dop853_point(_END, size, size, state.y, work.steps, work.k, work.inside)
        for lane in range(lanes):
            if work.step[lane] > 0.0:
                for i in range(problem.counted.size):
                    work.values[i] = work.inside[i * W + lane]
                time = due(problem.output_times, state.next_output, lane)
                store(record, problem, forcing, state, work, lane, time)


@jit(**HOT)
def _take(rates, lanes, flows, problem, forcing, state, record, work):
    """Move accepted lanes to the end of their steps and judge where they stand.

    Returns whether slopes and points of the last stages stand there yet.
    """
    mark_crossed(lanes, problem, state, work.trial, work.crossed)
    looking = False
    for lane in range(lanes):
        inside = due(problem.output_times, state.next_output, lane) < work.end[lane] or work.crossed[lane] > 0.0
        looking |= work.accept[lane] > 0.0 and inside
    if looking:
        _look_inside(rates, lanes, flows, problem, forcing, state, record, work)
    else:
        for lane in range(lanes):
            work.crossed[lane] = -1.0
    settle_lanes(lanes, problem, state, work, work.k[: problem.counted.size * W], _PATIENCE * problem.options[3])
    return not looking


def _signature():
    from numba import types

    bundles = (Problem, Forcing, Lines, State, Record, Work)
    return types.void(types.int64, types.int64, *(numba_type(bundle) for bundle in bundles), types.float64)


@jit(signature=_signature(), **PLAIN)
def advance_eighth(lanes, kernel, problem, forcing, lines, state, record, work, stop):
    """Integrate every lane to `stop`, as `pdsim.solvers.explicit.advance` does."""
    rates = rates_at(kernel)
    states = problem.counted.size
    flows = flows_into_states(lines, state.inflow)
    begin_stretch(lanes, lines, state)
    for lane in range(lanes):
        work.held[lane] = 0.0
        work.held[W + lane] = 1.0
        work.rules[lane] = -1.0
    known = False
    while _begin(rates, lanes, flows, problem, forcing, lines, state, record, work, stop, known) > 0:
        spread(work.step, states, work.steps)
        _stages(rates, lanes, flows, problem, forcing, state, work, 1, _END)
        dop853_point(_END, states * W, states * W, state.y, work.steps, work.k, work.trial)
        judge_eighth(
            lanes, states, problem.options[0], problem.absolute, problem.counted, work.step, state.y, work.trial,
            work.k, work.error, work.other,
        )  # fmt: skip
        for lane in range(lanes):
            work.error[lane] /= _FIRST if work.rules[lane] >= 0.0 else 1.0
        control(lanes, problem, state, work, stop, _POWER, _GROWTH, _STABILITY_EDGE)
        _learn(lanes, lines, work)
        known = _take(rates, lanes, flows, problem, forcing, state, record, work)
        for lane in range(lanes):
            made = state.counts[lane] + state.counts[W + lane]
            if state.status[lane] == OK and made > problem.options[2]:
                state.status[lane] = TOO_MANY_STEPS
            elif state.status[lane] == STIFF:
                state.fresh[lane] = 1  # its slope is that of the step before


def explicit_solver(rtol: float) -> Any:
    """Explicit method of the order that takes less work for a relative tolerance."""
    return advance if rtol >= LOOSE else advance_eighth
