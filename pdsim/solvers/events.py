"""Doses: which comes next on a lane, and what it does.

Lines are taken in their order at one instant; an infusion ends before the next one of its line begins.
"""

from __future__ import annotations

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import HOT, INNER
from pdsim.solvers.forcing import fastest_rate, refresh, settle


@jit(**INNER)
def skip_missed(lines, lane, time):
    """Pass over events that lie before `time`: they fell while their line was not given."""
    for line in range(lines.drug.size):
        at = line * W + lane
        i = lines.next_start[at]
        idle = lines.next_stop[at] == i
        while i < lines.first[line + 1] and lines.times[i] + lines.lag[at] < time:
            lines.given[i * W + lane] = 0.0
            i += 1
        lines.next_start[at] = i
        if idle:
            lines.next_stop[at] = i


@jit(**HOT)
def next_event(lines, lane):
    """Time of the earliest pending start or end of a dose, or infinity."""
    earliest = np.inf
    for line in range(lines.drug.size):
        at = line * W + lane
        i = lines.next_start[at]
        if i < lines.first[line + 1] and lines.factor[at] != 0.0:
            earliest = min(earliest, lines.times[i] + lines.lag[at])
        i = lines.next_stop[at]
        if lines.duration[line] > 0.0 and i < lines.next_start[at]:
            earliest = min(earliest, lines.times[i] + lines.lag[at] + lines.duration[line])
    return earliest


@jit(**INNER)
def _change(problem, lines, forcing, state, line, lane, amount, rate, time):
    """Add an amount at once and a rate from now on; return the fastest rate of the drug, or 0."""
    drug = lines.drug[line]
    if drug < 0:
        target = lines.target[line]
        at = target * W + lane
        if problem.counted[target] != 0:
            cells = amount + (np.exp(state.y[at]) if state.present[at] != 0.0 else 0.0)
            state.y[at] = np.log(cells)
            state.present[at] = 1.0
        else:
            state.y[at] += amount
        state.inflow[at] += rate
        return 0.0
    settle(forcing, drug, lane, time)
    at = (forcing.first[drug] + lines.target[line]) * W + lane
    forcing.amounts[at] += amount
    forcing.inflow[at] += rate
    if abs(forcing.inflow[at]) < 1e-12 * abs(rate):
        forcing.inflow[at] = 0.0
    refresh(forcing, drug, lane)
    return fastest_rate(forcing, drug, lane)


@jit(**INNER)
def apply_events(problem, lines, forcing, state, lane, time):
    """Give every dose due at `time`; return the fastest rate set loose, or -1 if nothing was due."""
    fastest = -1.0
    for line in range(lines.drug.size):
        at = line * W + lane
        lag = lines.lag[at]
        span = lines.duration[line]
        while True:
            start = lines.next_start[at]
            stop = lines.next_stop[at]
            if span > 0.0 and stop < start and lines.times[stop] + lag + span <= time:
                rate = -lines.amount[at] * lines.given[stop * W + lane] / span
                fastest = max(fastest, _change(problem, lines, forcing, state, line, lane, 0.0, rate, time))
                lines.next_stop[at] = stop + 1
                continue
            due = start < lines.first[line + 1] and lines.times[start] + lag <= time
            if not due:
                break
            factor = lines.factor[at]
            lines.given[start * W + lane] = factor
            lines.next_start[at] = start + 1
            if span <= 0.0:
                lines.next_stop[at] = start + 1
            if factor == 0.0:
                continue
            amount = lines.amount[at] * factor
            if span > 0.0:
                fastest = max(fastest, _change(problem, lines, forcing, state, line, lane, 0.0, amount / span, time))
            else:
                fastest = max(fastest, _change(problem, lines, forcing, state, line, lane, amount, 0.0, time))
    return fastest
