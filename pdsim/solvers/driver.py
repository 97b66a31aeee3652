"""The driver over one piece of a panel: Radau IIA in lanes, with the Legendre moments of the forcings.

At the nodes of a step each state follows its own linear equation, with the other states as they were found last; where
states depend on one another in a row, as many sweeps as the row is long make this exact. States in rings are found
together by Newton's method, which is repeated until nothing moves. A moment is a quadrature over the same nodes, so it
falls under the same error control.
"""

from __future__ import annotations

from typing import NamedTuple

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers import radau
from pdsim.solvers.arrays import HOT, INNER, Floats, Ints
from pdsim.solvers.coupled import settle_rings
from pdsim.solvers.events import apply_events, next_event
from pdsim.solvers.forcing import concentrations
from pdsim.solvers.rows import (
    add,
    add_chosen,
    collocate,
    enlarge,
    farthest,
    forcing_ratios,
    growths,
    legendre,
    node_slopes,
    node_weights,
    state_ratios,
    take,
    weighted,
    worst,
)
from pdsim.solvers.start import end_piece, reject
from pdsim.solvers.status import OK, TOO_MANY_STEPS

_C = radau.NODES
_B = radau.WEIGHTS
_NODES = radau.STAGES
_SWEEPS = 12  # after which a step whose points still move is turned down
_STILL = 0.5  # of the tolerance: points that move by less are where Newton's method would leave them, to its square
_POWER = -1.0 / 7.0
_SLOW, _QUICK = 0.35, 0.55  # half a piece times two rates of decay, typical of what holds a step to a day
_OPENING = 0.2  # first step after a dose, in time constants of the fastest process that it sets loose


class DriverWork(NamedTuple):
    """Scratch rows of the driver."""

    x: Floats  # (node, state, lane) points
    before: Floats  # (node, state, lane) points of the sweep before
    k: Floats  # (node, 2 state + pull, lane) slopes, behind them rates of decay, and how states in rings pull others
    forced: Floats  # (node, forcing, lane)
    moments: Floats  # (forcing, degree, lane) of the present piece, one degree more than the disease is given
    gain: Floats  # (forcing, degree, lane) what a step adds to them
    weight: Floats  # (node, degree, lane) quadrature weights of a step
    legendre: Floats  # (degree, lane)
    c: Floats  # (node, species, lane)
    decay: Floats  # (compartment, lane)
    time: Floats  # (node, lane)
    step: Floats  # (lane,)
    error: Floats  # (lane,)
    spoilt: Floats  # (lane,)
    growth: Floats  # (lane,)
    moving: Floats  # (lane,) 1 where points still move
    ratio: Floats  # (row, lane) of states and, behind these, forcings
    absolute: Floats  # (state, lane) absolute tolerance
    taken: Floats  # (lane,) 1 where a step is accepted
    level: Ints  # (state,) last sweep in which it moves; none is told in advance where it is -1
    ring: Ints  # (unknown,) states that are found together
    pull: Ints  # (pull, 2) places in `ring` of a state and of one that it reads
    factors: Floats  # (entry, lane) of the matrix of Newton's method, (node, unknown) by (node, unknown)
    diagonal: Floats  # (node, unknown, lane)
    rows: Floats  # (node, unknown, lane)
    order: Ints  # the rest as in `Elimination`
    place: Ints
    below_first: Ints
    below: Ints
    after_first: Ints
    after: Ints


@jit(**HOT)
def _sweep(rates, lanes, count, problem, state, work):
    """Solve for the points of every state that moves in this sweep."""
    states = problem.counted.size
    size = states * W
    species = work.c.size // _NODES
    wide = work.k.size // _NODES
    for node in range(_NODES):
        slopes = work.k[node * wide : (node + 1) * wide]
        rates(
            lanes, work.time[node * W : (node + 1) * W], work.x[node * size : (node + 1) * size], problem.params,
            work.c[node * species : (node + 1) * species], state.present, slopes,
        )  # fmt: skip
        add(size, state.inflow, slopes)
    for i in range(states):
        if work.level[i] >= count:
            collocate(i, states, lanes, work.step, work.moving, state.y, work.k, wide, work.x)
    if work.ring.size > 0:
        settle_rings(lanes, states, state.y, work)


@jit(**HOT)
def _settle(lanes, problem, state, work):
    """Let lanes whose points have moved by less than matters rest; return whether any goes on."""
    size = problem.counted.size * W
    for lane in range(lanes):
        work.error[lane] = 0.0
    for node in range(_NODES):
        farthest(
            problem.counted.size, lanes, problem.options[0], state.y, work.before[node * size : (node + 1) * size],
            work.x[node * size : (node + 1) * size], work.absolute, work.error,
        )  # fmt: skip
    goes_on = False
    for lane in range(lanes):
        if work.moving[lane] > 0.0 and work.error[lane] <= _STILL:
            work.moving[lane] = 0.0
        goes_on = goes_on or work.moving[lane] > 0.0
    return goes_on


@jit(**HOT)
def _points(rates, lanes, problem, forcing, state, work):
    """Points of a step from `state` over work.step; lanes whose points do not settle are left marked in work.moving."""
    size = problem.counted.size * W
    species = work.c.size // _NODES
    last = 0
    for i in range(problem.counted.size):
        last = max(last, work.level[i]) if work.level[i] >= 0 else _SWEEPS
    for node in range(_NODES):
        for lane in range(lanes):
            work.time[node * W + lane] = state.time[lane] + _C[node] * work.step[lane]
        concentrations(
            forcing, lanes, work.time[node * W : (node + 1) * W], work.decay,
            work.c[node * species : (node + 1) * species],
        )  # fmt: skip
        for at in range(size):
            work.x[node * size + at] = state.y[at]
    for lane in range(lanes):
        work.moving[lane] = 1.0 if work.step[lane] > 0.0 else 0.0
    for count in range(1, last + 1):
        if last == _SWEEPS:
            for at in range(_NODES * size):
                work.before[at] = work.x[at]
        _sweep(rates, lanes, count, problem, state, work)
        if last == _SWEEPS and not _settle(lanes, problem, state, work):
            break
    if last < _SWEEPS:
        for lane in range(lanes):
            work.moving[lane] = 0.0


@jit(**HOT)
def _gains(forced, lanes, problem, state, plan, work):
    """Forcings at the nodes, and what the step adds to every moment, into work.gain."""
    size = problem.counted.size * W
    species = work.c.size // _NODES
    count = work.forced.size // _NODES
    wide = work.legendre.size // W
    for node in range(_NODES):
        time = work.time[node * W : (node + 1) * W]
        forced(
            lanes, time, work.x[node * size : (node + 1) * size], problem.params,
            work.c[node * species : (node + 1) * species], state.present,
            work.forced[node * count : (node + 1) * count],
        )  # fmt: skip
        legendre(wide, lanes, time, plan.origin, plan.until, work.legendre)
        node_weights(
            wide, lanes, _B[node], work.step, plan.origin, plan.until, work.legendre,
            work.weight[node * wide * W : (node + 1) * wide * W],
        )  # fmt: skip
    weighted(lanes, wide, count // W, work.forced, work.weight, work.gain)


@jit(**HOT)
def _errors(lanes, problem, state, panel, size, work):
    """Largest error of a step relative to tolerance into work.error; NaN if any is not finite.

    That of a forcing counts against a panel's worth of it.
    """
    states = problem.counted.size
    first = states * W
    node_slopes(states, lanes, state.y, work.x, work.before)
    end = work.x[(_NODES - 1) * first : _NODES * first]
    own, others = work.ratio[:first], work.ratio[first:]
    state_ratios(states, lanes, problem.options[0], state.y, work.before, end, work.absolute, own)
    tolerance = panel * problem.options[0]
    forcing_ratios(size.size // W, lanes, tolerance, work.step, work.forced, size, others)
    worst(work.ratio.size // W, lanes, work.ratio, work.error, work.spoilt)
    for lane in range(lanes):
        if work.moving[lane] > 0.0:
            work.error[lane] = max(work.error[lane], 1e3)
    growths(lanes, work.error, _POWER, work.growth)


@jit(**HOT)
def _begin(problem, forcing, lines, state, plan, lane):
    """Give due doses; a cautious step after them, or where none is known."""
    if state.stop[lane] <= state.time[lane]:
        fastest = apply_events(problem, lines, forcing, state, lane, state.time[lane])
        state.stop[lane] = next_event(lines, lane)
        if fastest > 0.0:
            state.step[lane] = _OPENING / fastest
    if state.step[lane] <= 0.0:
        state.step[lane] = 0.01 * (plan.until[lane] - plan.origin[lane])


@jit(**HOT)
def _choose_steps(lanes, problem, forcing, lines, state, plan, work):
    """Give due doses and set work.step, 0 for lanes that are done; return how many are not."""
    running = 0
    for lane in range(lanes):
        work.step[lane] = 0.0
        if plan.active[lane] == 0 or state.status[lane] != OK or state.time[lane] >= plan.until[lane]:
            continue
        running += 1
        _begin(problem, forcing, lines, state, plan, lane)
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
        reject(state, lane, step, error, work.growth[lane])
        return
    bound = min(state.stop[lane], plan.until[lane])
    state.time[lane] = bound if step == bound - state.time[lane] else state.time[lane] + step
    work.taken[lane] = 1.0
    growth = min(6.0, work.growth[lane])
    state.step[lane] = max(state.step[lane], step * growth) if step < state.step[lane] else step * growth
    state.counts[lane] += 1


@jit(**HOT)
def _fold(work, moments, lane):
    """Give one lane's moments to the disease, the highest by what it does there.

    A state that decays at the rate r turns the moment of degree n of a piece of length h into about (r h / 2)^n / (2n
    + 1)!! of itself. So the highest moment does to states of two rates what a little more of the next two would; to
    states without decay it does nothing, nor does that, and to others the difference is small.
    """
    wide = work.legendre.size // W
    own = wide - 1
    for f in range(moments.size // (own * W)):
        at = f * own * W + lane
        found = f * wide * W + lane
        for j in range(own):
            moments[at + j * W] = work.moments[found + j * W]
        highest = work.moments[found + own * W]
        if own > 3:  # means and slopes stay as they are
            moments[at + (own - 1) * W] += (_SLOW + _QUICK) / (2.0 * own + 1.0) * highest
            moments[at + (own - 2) * W] -= _SLOW * _QUICK / ((2.0 * own + 1.0) * (2.0 * own - 1.0)) * highest


@jit(**HOT)
def open_driver(lines, state, work, lane):
    """Begin a piece of one lane."""
    for at in range(lane, work.moments.size, W):
        work.moments[at] = 0.0
    state.stop[lane] = next_event(lines, lane)


@jit(**HOT)
def close_driver(problem, state, work, moments, lane):
    """End a piece of one lane and give its `moments` (forcing, degree, lane)."""
    _fold(work, moments, lane)
    end_piece(problem, state, lane)


@jit(**INNER)
def driver_step(lanes, rates, forced, problem, forcing, lines, state, plan, panel, work, size):
    """Take the active lanes one step towards plan.until; return how many were not there. Doses at the end wait.

    `size` (forcing, lane) largest value so far.
    """
    states = problem.counted.size
    running = _choose_steps(lanes, problem, forcing, lines, state, plan, work)
    if running == 0:
        return 0
    _points(rates, lanes, problem, forcing, state, work)
    _gains(forced, lanes, problem, state, plan, work)
    _errors(lanes, problem, state, panel, size, work)
    for lane in range(lanes):
        work.taken[lane] = 0.0
        if work.step[lane] > 0.0:
            _control(state, plan, work, lane)
            if state.counts[lane] > problem.options[2]:
                state.status[lane] = TOO_MANY_STEPS
    take(states, lanes, work.taken, work.x[(_NODES - 1) * states * W :], state.y)
    add_chosen(work.moments.size // W, lanes, work.taken, work.gain, work.moments)
    enlarge(size.size // W, lanes, work.taken, work.forced, size)
    return running


@jit(**INNER)
def driver_piece(lanes, rates, forced, problem, forcing, lines, state, plan, panel, work, moments, size):
    """Integrate the driver of the active lanes from plan.origin to plan.until and give the moments of the forcings."""
    for lane in range(lanes):
        if plan.active[lane] != 0:
            open_driver(lines, state, work, lane)
    while driver_step(lanes, rates, forced, problem, forcing, lines, state, plan, panel, work, size) > 0:
        pass
    for lane in range(lanes):
        if plan.active[lane] != 0:
            close_driver(problem, state, work, moments, lane)
