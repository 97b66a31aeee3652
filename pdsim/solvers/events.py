"""Doses: which comes next on a lane, and what it does.

Lines are taken in their order at one instant; infusions of a line may overlap, and one that ends goes before one that
begins. A dose is taken at its time and enters after its lag.
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


@jit(**INNER)
def flows_into_states(lines, inflow):
    """Whether anything is infused into a state, now or by a line to come."""
    found = False
    for line in range(lines.drug.size):
        found |= lines.drug[line] < 0 and lines.duration[line] > 0.0
    for at in range(inflow.size):
        found |= inflow[at] != 0.0
    return found


@jit(**HOT)
def event_factor(lines, line, i, lane):
    """Share of its planned amount at which an event is given: as it was taken, or as the line stands now."""
    taken = lines.given[i * W + lane]
    return lines.factor[line * W + lane] if np.isnan(taken) else taken


@jit(**HOT)
def next_event(lines, lane):
    """Time of the earliest pending start or end of a dose, or infinity."""
    earliest = np.inf
    for line in range(lines.drug.size):
        at = line * W + lane
        if lines.opens[at] >= earliest:
            continue
        i = lines.next_start[at]
        while i < lines.first[line + 1] and lines.given[i * W + lane] == 0.0:  # held when it was taken, and lagging
            i += 1
        if i < lines.first[line + 1] and event_factor(lines, line, i, lane) != 0.0:
            earliest = min(earliest, lines.times[i] + lines.lag[at])
        i = lines.next_stop[at]
        if lines.duration[line] > 0.0 and i < lines.next_start[at]:
            earliest = min(earliest, lines.times[i] + lines.lag[at] + lines.duration[line])
    return earliest


@jit(**HOT)
def begin_stretch(lanes, lines, state):
    """Find every lane's next event from where it stands, and begin to count its steps."""
    for lane in range(lanes):
        skip_missed(lines, lane, state.time[lane])
        state.stop[lane] = next_event(lines, lane)
        state.counts[lane] = 0
        state.counts[W + lane] = 0


@jit(**HOT)
def _seen(forcing, drug, compartment, lane):
    """Whether an amount in a compartment shows at once in a concentration."""
    for species in range(forcing.species_drug.size):
        row = forcing.species_first[species] + compartment
        if forcing.species_drug[species] == drug and forcing.readout[row * W + lane] != 0.0:
            return True
    return False


@jit(**INNER)
def _enter_state(problem, state, target, lane, amount, rate):
    """Add an amount at once, and a rate from now on, to a state; an absent clone becomes present by it."""
    at = target * W + lane
    if problem.counted[target] == 0:
        state.y[at] += amount
    elif amount > 0.0:
        before = 0.0
        if state.present[at] != 0.0:
            before = np.exp(state.y[at])
        else:
            state.redraw[at] += 1
        state.y[at] = np.log(before + amount)
        state.present[at] = 1.0
    state.inflow[at] += rate
    if abs(state.inflow[at]) < 1e-12 * abs(rate):
        state.inflow[at] = 0.0
    state.fresh[lane] = 1


@jit(**HOT)
def _change(problem, lines, forcing, state, line, lane, amount, rate, time):
    """Add an amount at once and a rate from now on; return the fastest rate of the drug, or 0."""
    drug = lines.drug[line]
    lines.latest[line * W + lane] = time
    if drug < 0:
        _enter_state(problem, state, lines.target[line], lane, amount, rate)
        return 0.0
    settle(forcing, drug, lane, time)
    at = (forcing.first[drug] + lines.target[line]) * W + lane
    forcing.amounts[at] += amount
    forcing.inflow[at] += rate
    if abs(forcing.inflow[at]) < 1e-12 * abs(rate):
        forcing.inflow[at] = 0.0
    refresh(forcing, drug, lane)
    # concentrations do not jump with what enters elsewhere, nor with infusions: the slope holds
    if amount != 0.0 and _seen(forcing, drug, lines.target[line], lane):
        state.fresh[lane] = 1
    return fastest_rate(forcing, drug, lane)


@jit(**INNER)
def apply_events(problem, lines, forcing, state, lane, time):
    """Give every dose due at `time`; return the fastest rate set loose, or -1 if nothing was due.

    Marks the lane as fresh where the slope of a state jumps.
    """
    fastest = -1.0
    for line in range(lines.drug.size):
        at = line * W + lane
        if lines.opens[at] > time:
            continue
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
            factor = event_factor(lines, line, start, lane)
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
