"""Concentrations at output times in closed form, for drugs whose doses stop no integration."""

from __future__ import annotations

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import PLAIN, Forcing, Lines, Problem, Record, State, Work, numba_type
from pdsim.solvers.events import apply_events, next_event, skip_missed
from pdsim.solvers.forcing import concentrations


def _signature():
    from numba import types

    bundles = (Problem, Forcing, Lines, State, Record, Work)
    row = types.float64[::1]
    return types.void(types.int64, *(numba_type(bundle) for bundle in bundles), row, types.float64)


@jit(signature=_signature(), **PLAIN)
def read_off(lanes, problem, forcing, lines, course, record, work, times, stop):
    """Give doses and write the concentrations at `times` (output,), up to `stop`, whose own doses wait.

    `course` holds the lanes' time, next dose and next output; its status is that of the integration.
    """
    species = forcing.species_drug.size
    for lane in range(lanes):
        skip_missed(lines, lane, course.time[lane])
        course.stop[lane] = next_event(lines, lane)
    row = course.next_output[0]
    while row < times.size and times[row] <= stop:
        for lane in range(lanes):
            work.time[lane] = times[row]
            while course.stop[lane] <= times[row] and course.stop[lane] < stop:
                apply_events(problem, lines, forcing, course, lane, course.stop[lane])
                course.stop[lane] = next_event(lines, lane)
        begin = row * species * W
        concentrations(forcing, lanes, work.time, work.decay, record.concentrations[begin : begin + species * W])
        row += 1
    course.next_output[0] = row
    for lane in range(lanes):
        while course.stop[lane] < stop:
            apply_events(problem, lines, forcing, course, lane, course.stop[lane])
            course.stop[lane] = next_event(lines, lane)
        course.time[lane] = stop
