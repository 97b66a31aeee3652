"""Concentrations at output times in closed form, for drugs whose doses stop no integration."""

from __future__ import annotations

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim._lanemath import exp as lane_exp
from pdsim._lanes import get, put
from pdsim.solvers.arrays import HOT, PLAIN, ROWS, Forcing, Lines, Problem, Record, State, Work, numba_type
from pdsim.solvers.events import apply_events, next_event, skip_missed
from pdsim.solvers.forcing import lane_concentrations


def _signature():
    from numba import types

    bundles = (Problem, Forcing, Lines, State, Record, Work)
    row = types.float64[::1]
    return types.void(types.int64, *(numba_type(bundle) for bundle in bundles), row, types.float64)


@jit(**ROWS)
def _sums(lanes, modes, apart, times, since, rates, weights, steady, out):
    """Sums of exponentials of (mode, lane) at some times, `apart` entries of `out` from each to the next."""
    for row in range(times.size):
        at = row * apart
        for lane in range(lanes):
            put(out, at, lane, steady[lane])
        for k in range(modes):
            for lane in range(lanes):
                left = lane_exp(get(rates, k * lanes, lane) * (times[row] - since[lane]))
                put(out, at, lane, get(out, at, lane) + get(weights, k * lanes, lane) * left)


@jit(**HOT)
def _write(lanes, forcing, times, row, until, values, out):
    """Write the concentrations of some rows, between which nothing is given; `values` (species,) is scratch."""
    species = forcing.species_drug.size
    for s in range(species):
        drug = forcing.species_drug[s]
        begin, end = forcing.species_first[s] * W, forcing.species_first[s + 1] * W
        first = forcing.first[drug] * W
        _sums(
            lanes, (end - begin) // W, species * W, times[row:until], forcing.since[drug * W : (drug + 1) * W],
            forcing.rates[first : first + end - begin], forcing.modes[begin:end],
            forcing.steady[s * W : (s + 1) * W], out[(row * species + s) * W :],
        )  # fmt: skip
    for lane in range(W):
        confluent = False
        for drug in range(forcing.first.size - 1):
            confluent |= forcing.confluent[drug * W + lane] != 0
        for here in range(row, until if confluent else row):
            lane_concentrations(forcing, lane, times[here], values)
            for s in range(species):
                out[(here * species + s) * W + lane] = values[s]


@jit(**HOT)
def _give(problem, forcing, lines, course, lane, time, stop):
    """Give what is due to a lane up to a time, and before `stop`."""
    while course.stop[lane] <= time and course.stop[lane] < stop:
        apply_events(problem, lines, forcing, course, lane, course.stop[lane])
        course.stop[lane] = next_event(lines, lane)


@jit(signature=_signature(), **PLAIN)
def read_off(lanes, problem, forcing, lines, course, record, work, times, stop):
    """Give doses and write the concentrations at `times` (output,), up to `stop`, whose own doses wait.

    `course` holds the lanes' time, next dose and next output; its status is that of the integration.
    """
    for lane in range(lanes):
        skip_missed(lines, lane, course.time[lane])
        course.stop[lane] = next_event(lines, lane)
    row = course.next_output[0]
    while row < times.size and times[row] <= stop:
        earliest = stop
        for lane in range(lanes):
            _give(problem, forcing, lines, course, lane, times[row], stop)
            earliest = min(earliest, course.stop[lane])
        until = row + 1
        while until < times.size and times[until] <= stop and (times[until] < earliest or earliest >= stop):
            until += 1
        _write(lanes, forcing, times, row, until, work.species, record.concentrations)
        row = until
    course.next_output[0] = row
    for lane in range(lanes):
        _give(problem, forcing, lines, course, lane, stop, stop)
        course.time[lane] = stop
