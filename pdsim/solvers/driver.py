"""The driver over one piece of a panel: Tsitouras 5(4) in lanes, with the Legendre moments of the forcings.

The rates kernel writes the forcings behind the slopes of the driver's states. A moment is a quadrature beside the
steps, so it falls under their error control.
"""

from __future__ import annotations

from typing import NamedTuple

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import HOT, INNER, Floats
from pdsim.solvers.events import apply_events, next_event
from pdsim.solvers.forcing import concentrations
from pdsim.solvers.rows import (
    add,
    add_chosen,
    enlarge,
    legendre,
    moment_errors,
    spread,
    step_errors,
    take,
    trial_point,
    weighted,
    worst,
)
from pdsim.solvers.start import end_piece, first_step, reject, unfit
from pdsim.solvers.status import OK, TOO_MANY_STEPS
from pdsim.solvers.tableau import TSIT5_NODES

_C = TSIT5_NODES


class DriverWork(NamedTuple):
    """Scratch rows; a row is a driver state or, behind these, a forcing."""

    k: Floats  # (7, row, lane)
    slope: Floats  # (row, lane)
    trial: Floats  # (state, lane)
    gain: Floats  # (forcing, degree, lane) what a step adds to the moments
    weight: Floats  # (7, degree, lane) quadrature weights of a step
    legendre: Floats  # (degree, lane)
    c: Floats  # (species, lane)
    decay: Floats  # (compartment, lane)
    time: Floats  # (lane,)
    step: Floats  # (lane,)
    error: Floats  # (lane,)
    steps: Floats  # (state, lane) the step of each lane
    ratio: Floats  # (row, lane)
    absolute: Floats  # (state, lane) absolute tolerance
    fixed: Floats  # (state, lane) zeros: no scale of an error is fixed
    taken: Floats  # (lane,) 1 where a step is accepted


@jit(**HOT)
def _evaluate(rates, lanes, problem, forcing, state, work, y, dy):
    concentrations(forcing, lanes, work.time, work.decay, work.c)
    rates(lanes, work.time, y, problem.params, work.c, state.present, dy)
    add(state.inflow.size, state.inflow, dy)


@jit(**INNER)
def _stages(rates, lanes, problem, forcing, state, work):
    size = problem.counted.size * W
    rows = work.slope.size
    k = work.k
    spread(work.step, problem.counted.size, work.steps)
    for stage in range(1, 7):
        for lane in range(lanes):
            work.time[lane] = state.time[lane] + _C[stage] * work.step[lane]
        trial_point(
            stage, size, state.y, work.steps, k[:size], k[rows : rows + size], k[2 * rows : 2 * rows + size],
            k[3 * rows : 3 * rows + size], k[4 * rows : 4 * rows + size], k[5 * rows : 5 * rows + size], work.trial,
        )  # fmt: skip
        _evaluate(rates, lanes, problem, forcing, state, work, work.trial, k[stage * rows : (stage + 1) * rows])


@jit(**INNER)
def _gains(lanes, state, plan, work):
    """What a step adds to every moment, into work.gain."""
    rows = work.slope.size
    wide = work.legendre.size // W
    forcings = work.gain.size // (wide * W)
    for stage in range(7):
        for lane in range(lanes):
            work.time[lane] = state.time[lane] + _C[stage] * work.step[lane]
        legendre(wide, lanes, work.time, plan.origin, plan.until, work.legendre)
        for lane in range(lanes):
            work.error[lane] = work.step[lane] / (plan.until[lane] - plan.origin[lane])
        for j in range(wide):
            for lane in range(lanes):
                share = work.error[lane] * work.legendre[j * W + lane]
                work.weight[(stage * wide + j) * W + lane] = (2.0 * j + 1.0) * share
    weighted(lanes, wide, forcings, work.k, rows - forcings * W, rows, work.weight, work.gain)


@jit(**INNER)
def _errors(lanes, problem, state, panel, size, plan, work):
    """Largest error of a step relative to tolerance into work.error; NaN if any is not finite.

    That of a forcing counts against a panel's worth of it; its highest moment hardly moves the disease.
    """
    rows = work.slope.size
    wide = work.legendre.size // W
    forcings = size.size // W
    first = rows - forcings * W
    k = work.k
    step_errors(
        first, problem.options[0], state.y, work.trial, work.steps, work.absolute, work.fixed,
        k[:first], k[rows : rows + first], k[2 * rows : 2 * rows + first], k[3 * rows : 3 * rows + first],
        k[4 * rows : 4 * rows + first], k[5 * rows : 5 * rows + first], k[6 * rows : 6 * rows + first],
        work.ratio[:first],
    )  # fmt: skip
    moment_errors(
        lanes, wide, forcings, problem.options[0], panel, work.step, plan.origin, plan.until, k, first, rows,
        work.weight, size, work.ratio[first:],
    )  # fmt: skip
    worst(rows // W, lanes, work.ratio, work.error, work.time)


@jit(**INNER)
def _begin(rates, lanes, problem, forcing, lines, state, plan, work):
    """Give due doses; find slopes, and after a dose a cautious step, of lanes that start afresh."""
    any_fresh = False
    for lane in range(lanes):
        work.error[lane] = -1.0
        if plan.active[lane] == 0 or state.status[lane] != OK or state.time[lane] >= plan.until[lane]:
            continue
        if state.stop[lane] <= state.time[lane]:
            work.error[lane] = apply_events(problem, lines, forcing, state, lane, state.time[lane])
            state.stop[lane] = next_event(lines, lane)
            state.fresh[lane] = 1
        if state.fresh[lane] != 0:
            any_fresh = True
    if not any_fresh:
        return
    for lane in range(lanes):
        work.time[lane] = state.time[lane]
    _evaluate(rates, lanes, problem, forcing, state, work, state.y, work.slope)
    for lane in range(lanes):
        if plan.active[lane] == 0 or state.fresh[lane] == 0 or state.status[lane] != OK:
            continue
        for at in range(lane, state.slope.size, W):
            state.slope[at] = work.slope[at]
        if work.error[lane] >= 0.0 or state.step[lane] <= 0.0:
            state.step[lane] = first_step(problem, state, lane, work.error[lane])
        state.status[lane] = unfit(problem, state, lane)
        state.fresh[lane] = 0


@jit(**HOT)
def _choose_steps(lanes, problem, state, plan, work):
    running = 0
    for lane in range(lanes):
        work.step[lane] = 0.0
        if plan.active[lane] == 0 or state.status[lane] != OK or state.time[lane] >= plan.until[lane]:
            continue
        running += 1
        left = min(state.stop[lane], plan.until[lane]) - state.time[lane]
        step = min(state.step[lane], problem.options[1])
        if step >= 0.99 * left:
            step = left
        elif 2.0 * step > left:
            step = 0.5 * left
        work.step[lane] = step
    return running


@jit(**HOT)
def _control(state, plan, work, lane):
    error = work.error[lane]
    step = work.step[lane]
    if not error <= 1.0:
        reject(state, lane, step, error)
        return
    bound = min(state.stop[lane], plan.until[lane])
    state.time[lane] = bound if step == bound - state.time[lane] else state.time[lane] + step
    work.taken[lane] = 1.0
    growth = 5.0 if error < 1e-4 else min(5.0, 0.9 * error**-0.2)
    state.step[lane] = max(state.step[lane], step * growth) if step < state.step[lane] else step * growth
    state.counts[lane] += 1


@jit(**INNER)
def driver_piece(lanes, rates, problem, forcing, lines, state, plan, panel, work, moments, size):
    """Integrate the driver of the active lanes from plan.origin to plan.until and give the moments of the forcings.

    Doses at the end itself wait. `moments` (forcing, degree, lane); `size` (forcing, lane) largest value so far.
    """
    rows = work.slope.size
    for lane in range(lanes):
        if plan.active[lane] != 0:
            for at in range(lane, moments.size, W):
                moments[at] = 0.0
            state.stop[lane] = next_event(lines, lane)
            state.fresh[lane] = 1
    while True:
        _begin(rates, lanes, problem, forcing, lines, state, plan, work)
        if _choose_steps(lanes, problem, state, plan, work) == 0:
            break
        for at in range(rows):
            work.k[at] = state.slope[at]
        _stages(rates, lanes, problem, forcing, state, work)
        _gains(lanes, state, plan, work)
        _errors(lanes, problem, state, panel, size, plan, work)
        for lane in range(lanes):
            work.taken[lane] = 0.0
            if work.step[lane] > 0.0:
                _control(state, plan, work, lane)
                if state.counts[lane] > problem.options[2]:
                    state.status[lane] = TOO_MANY_STEPS
        take(problem.counted.size, lanes, work.taken, work.trial, state.y)
        take(rows // W, lanes, work.taken, work.k[6 * rows : 7 * rows], state.slope)
        add_chosen(moments.size // W, lanes, work.taken, work.gain, moments)
        enlarge(size.size // W, lanes, work.taken, work.k[7 * rows - size.size : 7 * rows], size)
    for lane in range(lanes):
        if plan.active[lane] != 0:
            end_piece(problem, state, lane)
