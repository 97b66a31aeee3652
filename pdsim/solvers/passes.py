"""Passes over the whole rows of an explicit step: every lane goes through the same operations, so the loops vectorise.

Rows are (state, lane), flat; `step`, `error`, ... are (lane,). Sizes are checked by the caller.
"""

from __future__ import annotations

from math import sqrt

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim._lanemath import exp
from pdsim._lanes import get, pick, put
from pdsim.solvers.arrays import HOT, INNER, LARGEST, LARGEST_LOG, ROWS
from pdsim.solvers.dop853 import FIFTH, THIRD
from pdsim.solvers.tableau import TSIT5_ERROR

_E = tuple(float(e) for e in TSIT5_ERROR)
_F, _T = FIFTH, THIRD


@jit(**HOT)
def larger(a, b):
    """Return the larger of two numbers, NaN if either is: a plain maximum drops NaN or costs a branch."""
    return 0.5 * (a + b + abs(a - b))


@jit(**ROWS)
def judge(lanes, states, relative, absolute, counted, step, y, trial, sixth, slope, k, error, held):
    """Error of a step and its stability, both relative to tolerance.

    `error`: largest over the states, NaN where anything is not finite. `held` (2, lane): squared changes of slope and
    of state between the last two stages, which share one time; their ratio tells (rate of the fastest state)^2.
    """
    n = states * lanes
    for lane in range(lanes):
        error[lane] = 0.0
        held[lane] = 0.0
        put(held, lanes, lane, 0.0)
    for i in range(states):
        at = i * lanes
        fixed = absolute[i]
        share = relative
        if counted[i] != 0:  # a logarithm: its error is relative by itself
            fixed += relative
            share = 0.0
        for lane in range(lanes):
            last, before = get(k, 6 * n + at, lane), get(k, 5 * n + at, lane)
            total = _E[0] * get(slope, at, lane) + _E[1] * get(k, n + at, lane) + _E[2] * get(k, 2 * n + at, lane)
            total += _E[3] * get(k, 3 * n + at, lane) + _E[4] * get(k, 4 * n + at, lane)
            total += _E[5] * before + _E[6] * last
            end = get(trial, at, lane)
            weight = 1.0 / (fixed + share * max(abs(get(y, at, lane)), abs(end)))
            value = abs(step[lane] * total) * weight
            # an infinite point has weight 0 and would pass: 0 * inf is NaN
            error[lane] = larger(error[lane], value + 0.0 * end)
            bend = (last - before) * weight
            gap = (end - get(sixth, at, lane)) * weight
            held[lane] += bend * bend
            put(held, lanes, lane, get(held, lanes, lane) + gap * gap)


@jit(**ROWS)
def judge_eighth(lanes, states, relative, absolute, counted, step, y, trial, k, error, other):
    """Error of a step of DOP853 relative to tolerance, NaN where anything is not finite.

    The estimate of order 5, let fall once more by as much as it lies below that of order 3, which `other` gets: both as
    the largest over the states, as Hairer does, for a state's own may cross zero.
    """
    n = states * lanes
    for lane in range(lanes):
        error[lane] = 0.0
        other[lane] = 0.0
    for i in range(states):
        at = i * lanes
        fixed = absolute[i]
        share = relative
        if counted[i] != 0:  # a logarithm: its error is relative by itself
            fixed += relative
            share = 0.0
        for lane in range(lanes):
            k0, k5, k6 = get(k, at, lane), get(k, 5 * n + at, lane), get(k, 6 * n + at, lane)
            k7, k8, k9 = get(k, 7 * n + at, lane), get(k, 8 * n + at, lane), get(k, 9 * n + at, lane)
            k10, k11 = get(k, 10 * n + at, lane), get(k, 11 * n + at, lane)
            five = _F[0] * k0 + _F[1] * k5 + _F[2] * k6 + _F[3] * k7 + _F[4] * k8 + _F[5] * k9 + _F[6] * k10
            three = _T[0] * k0 + _T[1] * k5 + _T[2] * k6 + _T[3] * k7 + _T[4] * k8 + _T[5] * k9 + _T[6] * k10
            end = get(trial, at, lane)
            size = abs(step[lane]) / (fixed + share * max(abs(get(y, at, lane)), abs(end)))
            # an infinite point has weight 0 and would pass: 0 * inf is NaN
            error[lane] = larger(error[lane], abs(five + _F[7] * k11) * size + 0.0 * end)
            other[lane] = larger(other[lane], abs(three + _T[7] * k11) * size)
    for lane in range(lanes):
        square = error[lane] * error[lane]
        error[lane] = square / sqrt(square + 0.01 * other[lane] * other[lane] + 1e-300)


@jit(**ROWS)
def stretch(lanes, states, relative, absolute, counted, y, sixth, slope, last, held):
    """Squared changes of slope and state between two points at one time, into held (2, lane).

    They are y with its slope and `sixth` with the slope `last`, (state, lane); see `judge`.
    """
    for lane in range(lanes):
        held[lane] = 0.0
        put(held, lanes, lane, 0.0)
    for i in range(states):
        at = i * lanes
        fixed = absolute[i]
        share = relative
        if counted[i] != 0:
            fixed += relative
            share = 0.0
        for lane in range(lanes):
            weight = 1.0 / (fixed + share * abs(get(y, at, lane)))
            bend = (get(slope, at, lane) - get(last, at, lane)) * weight
            gap = (get(y, at, lane) - get(sixth, at, lane)) * weight
            held[lane] += bend * bend
            put(held, lanes, lane, get(held, lanes, lane) + gap * gap)


@jit(**ROWS)
def move(lanes, counted, accept, trial, new_slope, y, slope, largest):
    """Take over trial point and slope on lanes with `accept`; into `largest` the largest state over what it may be."""
    for lane in range(lanes):
        largest[lane] = 0.0
    for i in range(counted.size):
        at = i * lanes
        share = 1.0 / LARGEST_LOG if counted[i] != 0 else 1.0 / LARGEST
        for lane in range(lanes):
            taken = accept[lane] > 0.0
            value = pick(taken, get(trial, at, lane), get(y, at, lane))
            put(y, at, lane, value)
            put(slope, at, lane, pick(taken, get(new_slope, at, lane), get(slope, at, lane)))
            largest[lane] = larger(largest[lane], abs(value) * share)


@jit(**INNER)
def add_inflow(lanes, counted, inflow, present, y, dy):
    """Add running infusions into states to their slopes; a present clone is integrated as its logarithm."""
    for i in range(counted.size):
        for lane in range(lanes):
            at = i * W + lane
            if inflow[at] != 0.0:
                dy[at] += inflow[at] * exp(-y[at]) if counted[i] != 0 and present[at] > 0.0 else inflow[at]
