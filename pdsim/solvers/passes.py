"""Passes over the whole rows of an explicit step: every lane goes through the same operations, so the loops vectorise.

Rows are (state, lane), flat; `step`, `error`, ... are (lane,). Sizes are checked by the caller.
"""

from __future__ import annotations

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim._lanemath import exp
from pdsim.solvers.arrays import INNER, LARGEST, LARGEST_LOG
from pdsim.solvers.tableau import TSIT5_ERROR

_E = TSIT5_ERROR


@jit(**INNER)
def larger(a, b):
    """Return the larger of two numbers, NaN if either is: a plain maximum drops NaN or costs a branch."""
    return 0.5 * (a + b + abs(a - b))


@jit(**INNER)
def judge(lanes, states, relative, absolute, counted, step, y, trial, sixth, k, error, held):
    """Error of a step and its stability, both relative to tolerance.

    `error`: largest over the states, NaN where anything is not finite. `held` (2, lane): squared changes of slope and
    of state between the last two stages, which share one time; their ratio tells (rate of the fastest state)^2.
    """
    n = states * W
    for lane in range(lanes):
        error[lane] = 0.0
        held[lane] = 0.0
        held[W + lane] = 0.0
    for i in range(states):
        fixed = absolute[i]
        share = relative
        if counted[i] != 0:  # a logarithm: its error is relative by itself
            fixed += relative
            share = 0.0
        for lane in range(lanes):
            at = i * W + lane
            total = _E[0] * k[at] + _E[1] * k[n + at] + _E[2] * k[2 * n + at] + _E[3] * k[3 * n + at]
            total += _E[4] * k[4 * n + at] + _E[5] * k[5 * n + at] + _E[6] * k[6 * n + at]
            weight = 1.0 / (fixed + share * larger(abs(y[at]), abs(trial[at])))
            # an infinite point has weight 0 and would pass: 0 * inf is NaN
            error[lane] = larger(error[lane], abs(step[lane] * total) * weight + 0.0 * trial[at])
            bend = (k[6 * n + at] - k[5 * n + at]) * weight
            gap = (trial[at] - sixth[at]) * weight
            held[lane] += bend * bend
            held[W + lane] += gap * gap


@jit(**INNER)
def move(lanes, counted, accept, trial, new_slope, y, slope, largest):
    """Take over trial point and slope on lanes with `accept`; into `largest` the largest state over what it may be."""
    for lane in range(lanes):
        largest[lane] = 0.0
    for i in range(counted.size):
        share = 1.0 / LARGEST_LOG if counted[i] != 0 else 1.0 / LARGEST
        for lane in range(lanes):
            at = i * W + lane
            take = accept[lane] > 0.0
            old = y[at]
            new = trial[at]
            old_slope = slope[at]
            here = new_slope[at]
            value = new if take else old
            y[at] = value
            slope[at] = here if take else old_slope
            largest[lane] = larger(largest[lane], abs(value) * share)


@jit(**INNER)
def add_inflow(lanes, counted, inflow, present, y, dy):
    """Add running infusions into states to their slopes; a present clone is integrated as its logarithm."""
    for i in range(counted.size):
        for lane in range(lanes):
            at = i * W + lane
            if inflow[at] != 0.0:
                dy[at] += inflow[at] * exp(-y[at]) if counted[i] != 0 and present[at] > 0.0 else inflow[at]
