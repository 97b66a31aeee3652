"""The disease over one piece of a panel, its forcings given as Legendre series: DOP853 in lanes.

Forcings are smooth within a piece and most of the disease is slow, so one step of high order often covers a day.
States that decay fast would hold the step back. They are integrated as ``exp(a t) (x - x0)`` from the start x0 of each
step, a being their rate of decay there (Lawson 1967, SIAM J Numer Anal 4:372, about a point near rest): what is left is
nearly a quadrature of something small.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers import dop853
from pdsim.solvers.arrays import HOT, INNER, LARGEST, LARGEST_LOG, Floats, Ints
from pdsim.solvers.dense import any_crossed, change_sides, first_crossing, interpolate, long_poly
from pdsim.solvers.rows import (
    add,
    dop853_errors,
    dop853_point,
    fall,
    growths,
    legendre,
    rise,
    series,
    sizes,
    spread,
    take,
    worst,
)
from pdsim.solvers.start import end_piece, first_step, reject
from pdsim.solvers.status import OK, TOO_MANY_STEPS

_C = dop853.NODES
_WAIT = 8  # pieces after a step that was turned down in which none longer than the one in its place is tried
_FALL = 6.0  # most that a fading state's own decay is taken out of a step, as a power of e


class DiseaseWork(NamedTuple):
    """Scratch rows of the disease."""

    k: Floats  # (16, row, lane) slopes of the stages, the last four for the interpolant; rates of decay behind each
    fading: Ints  # (fading,) states that decay fast
    decay: Floats  # (fading, lane) their rates over the present step
    left: Floats  # (fading, lane) share that is left of them at a stage
    trial: Floats  # (state, lane)
    end: Floats  # (state, lane) end of a step in which a clone changes sides
    poly: Floats  # (7, state)
    moments: Floats  # (forcing, degree, lane) of the present piece
    legendre: Floats  # (degree, lane)
    c: Floats  # (forcing, lane)
    time: Floats  # (lane,)
    step: Floats  # (lane,)
    error: Floats  # (lane,)
    growth: Floats  # (lane,)
    steps: Floats  # (state, lane) the step of each lane
    ratio: Floats  # (state, lane) errors in tolerances, of order 5
    third: Floats  # (state, lane) of order 3
    other: Floats  # (lane,) the largest of these
    absolute: Floats  # (state, lane) absolute tolerance
    fixed: Floats  # (state, lane) 1 where the scale of the error is 1
    borne: Floats  # (state,) effect of the highest moments on a panel that is borne, in tolerances
    taken: Floats  # (lane,) 1 where a step is accepted as a whole
    opening: Floats  # (lane,) size that suited the first step of the piece
    size: Floats  # (lane,) largest state as a share of what is borne, NaN where anything is not finite


@jit(**HOT)
def _forcings(lanes, plan, work):
    """Forcings at work.time into work.c."""
    wide = work.legendre.size // W
    legendre(wide, lanes, work.time, plan.origin, plan.until, work.legendre)
    series(work.c.size // W, wide, lanes, work.moments, work.legendre, work.c)


@jit(**HOT)
def _slope(rates, lanes, problem, state, plan, work, y, slope):
    """Slope (row, lane) of the points y (state, lane) at work.time."""
    _forcings(lanes, plan, work)
    rates(lanes, work.time, y, problem.params, work.c, state.present, slope)
    add(state.inflow.size, state.inflow, slope)


@jit(**INNER)
def _set_decay(lanes, size, work):
    """Rates of decay over the steps of the fading states, from behind the slopes of the first stage."""
    for at in range(work.decay.size):
        step = work.step[at % lanes]
        rate = work.k[size + at]
        work.decay[at] = 0.0
        if rate * step > 0.0:
            work.decay[at] = min(rate, _FALL / step)


@jit(**HOT)
def _fall(lanes, node, y, point, work):
    """Let what differs from the start y of a step decay up to a node of it, in `point` (state, lane)."""
    fall(work.fading.size, work.fading, lanes, node, work.step, work.decay, y, point, work.left)


@jit(**HOT)
def _point(stage, lanes, size, state, work):
    """Point at which a stage is evaluated, or after the twelfth the end of the step, into work.trial."""
    dop853_point(stage, size, work.k.size // 16, state.y, work.steps, work.k, work.trial)
    _fall(lanes, _C[stage], state.y, work.trial, work)


@jit(**INNER)
def _stages(rates, lanes, problem, state, plan, work, first, last):
    """Stages from `first` to before `last` over work.step."""
    row = work.k.size // 16
    for stage in range(first, last):
        _point(stage, lanes, state.y.size, state, work)
        for lane in range(lanes):
            work.time[lane] = state.time[lane] + _C[stage] * work.step[lane]
        slope = work.k[stage * row : (stage + 1) * row]
        _slope(rates, lanes, problem, state, plan, work, work.trial, slope)
        rise(work.fading.size, work.fading, lanes, work.decay, work.left, state.y, work.trial, slope)


@jit(**INNER)
def _errors(lanes, problem, state, work):
    """Error of a step relative to tolerance into work.error; NaN if anything is not finite.

    Its estimate of order 5, let fall once more by as much as it lies below that of order 3: both as the largest over
    the states, as Hairer does, for a state's own may cross zero; but by itself for each fading state.
    """
    size = state.y.size
    k = work.k
    row = k.size // 16
    dop853_errors(
        size, problem.options[0], state.y, work.trial, work.steps, work.absolute, work.fixed,
        k[:size], k[5 * row : 5 * row + size], k[6 * row : 6 * row + size], k[7 * row : 7 * row + size],
        k[8 * row : 8 * row + size], k[9 * row : 9 * row + size], k[10 * row : 10 * row + size],
        k[11 * row : 11 * row + size], work.ratio, work.third,
    )  # fmt: skip
    for lane in range(lanes):
        work.growth[lane] = 0.0
    for f in range(work.fading.size):
        for lane in range(lanes):
            at = work.fading[f] * W + lane
            five, three = work.ratio[at] * work.left[f * W + lane], work.third[at] * work.left[f * W + lane]
            work.growth[lane] = max(work.growth[lane], five * five / np.sqrt(five * five + three * three + 1e-300))
            work.ratio[at] = 0.0 * five  # NaN where it is no number
            work.third[at] = 0.0
    worst(problem.counted.size, lanes, work.ratio, work.error, work.time)
    worst(problem.counted.size, lanes, work.third, work.other, work.time)
    for lane in range(lanes):
        five, three = work.error[lane], work.other[lane]
        error = five * five / np.sqrt(five * five + three * three + 1e-300)
        work.error[lane] = work.growth[lane] if error < work.growth[lane] else error
    growths(lanes, work.error, -0.125, work.growth)


@jit(**INNER)
def _begin(rates, lanes, problem, state, plan, work):
    """Find the slopes of lanes that go on, and a cautious step where one is asked for; return how many go on."""
    running = 0
    for lane in range(lanes):
        on = plan.active[lane] != 0 and state.status[lane] == OK and state.time[lane] < plan.until[lane]
        work.taken[lane] = 1.0 if on else 0.0
        work.time[lane] = state.time[lane]
        running += 1 if on else 0
    if running == 0:
        return 0
    _slope(rates, lanes, problem, state, plan, work, state.y, work.k[: work.k.size // 16])
    take(problem.counted.size, lanes, work.taken, work.k[: state.slope.size], state.slope)
    for lane in range(lanes):
        if work.taken[lane] > 0.0 and state.step[lane] <= 0.0:
            state.step[lane] = first_step(problem, state, lane, -1.0)
    return running


@jit(**HOT)
def _choose_steps(lanes, problem, state, plan, work):
    """Set work.step so that equal steps lead to the end of the piece; 0 for lanes that are done."""
    for lane in range(lanes):
        work.step[lane] = 0.0
        if work.taken[lane] == 0.0:
            continue
        left = plan.until[lane] - state.time[lane]
        step = min(state.step[lane], problem.options[1])
        work.step[lane] = left / np.ceil(left / step - 0.01) if step < left else left


@jit(**HOT)
def _control(state, work, lane):
    """Set one lane's next step; mark the present one as taken or turn it down."""
    error = work.error[lane]
    step = work.step[lane]
    if error <= 1.0:
        growth = min(4.0, work.growth[lane])
        state.step[lane] = max(state.step[lane], step * growth) if step < state.step[lane] else step * growth
        if work.opening[lane] == 0.0:
            work.opening[lane] = state.step[lane]
            if state.counts[2 * W + lane] > 0:  # not the step that was turned down a moment ago
                state.counts[2 * W + lane] -= 1
                work.opening[lane] = min(state.step[lane], step)
        state.counts[lane] += 1
        work.taken[lane] = 1.0
        return
    reject(state, lane, step, error, work.growth[lane])
    state.counts[2 * W + lane] = _WAIT


@jit(**INNER)
def _cross(rates, lanes, problem, state, plan, work):
    """End the steps in which a clone dies out or enters at that point."""
    crossing = False
    for lane in range(lanes):
        crossing = crossing or (work.taken[lane] > 0.0 and any_crossed(problem, state, lane, work.trial))
    if not crossing:
        return
    size = work.end.size
    for at in range(size):
        work.end[at] = work.trial[at]
    _stages(rates, lanes, problem, state, plan, work, 12, 16)
    for at in range(size):
        work.trial[at] = work.end[at]
    # the interpolant is that of what is integrated in the place of fading states
    _fall(lanes, -1.0, state.y, work.end, work)
    for lane in range(lanes):
        if work.taken[lane] == 0.0 or not any_crossed(problem, state, lane, work.end):
            continue
        long_poly(lane, work.step[lane], state.y, work.end, work.k, work.poly)
        clone, share = first_crossing(problem, state, lane, work.poly, work.end)
        for i in range(problem.counted.size):
            work.poly[i] = interpolate(state.y, work.poly, i, i * W + lane, share)
        for f in range(work.fading.size):
            i = work.fading[f]
            before = state.y[i * W + lane]
            work.poly[i] = before + (work.poly[i] - before) * np.exp(
                -work.decay[f * W + lane] * share * work.step[lane]
            )
        for i in range(problem.counted.size):
            state.y[i * W + lane] = work.poly[i]
        state.time[lane] += share * work.step[lane]
        change_sides(problem, state, clone, lane)
        state.step[lane] = 0.0
        work.taken[lane] = 0.0


@jit(**HOT)
def open_disease(work, lane):
    """Begin a piece of one lane."""
    work.opening[lane] = 0.0


@jit(**HOT)
def close_disease(problem, state, work, lane):
    """End a piece of one lane."""
    if state.status[lane] == OK:
        # a piece begins with a jump of its forcings, as the next one will
        state.step[lane] = work.opening[lane]
    if state.status[lane] != OK or not work.size[lane] <= 1.0:
        end_piece(problem, state, lane)


@jit(**INNER)
def disease_step(lanes, rates, problem, state, plan, work):
    """Take the active lanes one step towards plan.until under work.moments; return how many were not there."""
    running = _begin(rates, lanes, problem, state, plan, work)
    if running == 0:
        return 0
    _choose_steps(lanes, problem, state, plan, work)
    spread(work.step, problem.counted.size, work.steps)
    _set_decay(lanes, state.y.size, work)
    _stages(rates, lanes, problem, state, plan, work, 1, 12)
    _point(12, lanes, state.y.size, state, work)
    _errors(lanes, problem, state, work)
    for lane in range(lanes):
        work.taken[lane] = 0.0
        if work.step[lane] > 0.0:
            _control(state, work, lane)
            if state.counts[lane] > problem.options[2]:
                state.status[lane] = TOO_MANY_STEPS
    _cross(rates, lanes, problem, state, plan, work)
    take(problem.counted.size, lanes, work.taken, work.trial, state.y)
    sizes(problem.counted.size, lanes, state.y, state.slope, work.fixed, LARGEST, LARGEST_LOG, work.size)
    for lane in range(lanes):
        if work.taken[lane] > 0.0:
            step = work.step[lane]
            whole = step == plan.until[lane] - state.time[lane]
            state.time[lane] = plan.until[lane] if whole else state.time[lane] + step
    return running


@jit(**INNER)
def disease_piece(lanes, rates, problem, state, plan, work):
    """Integrate the disease of the active lanes from plan.origin to plan.until under work.moments."""
    for lane in range(lanes):
        if plan.active[lane] != 0:
            open_disease(work, lane)
    while disease_step(lanes, rates, problem, state, plan, work) > 0:
        pass
    for lane in range(lanes):
        if plan.active[lane] != 0:
            close_disease(problem, state, work, lane)
