"""What is read of a cascade between the ends of panels: a second course beside the main one, which it never touches."""

from __future__ import annotations

from typing import NamedTuple

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import INNER, PLAIN, Floats, Forcing, Ints, Lines, State, numba_type
from pdsim.solvers.disease import disease_piece
from pdsim.solvers.driver import driver_piece
from pdsim.solvers.events import apply_events
from pdsim.solvers.forcing import lane_concentrations
from pdsim.solvers.panels import DUE, Panels, cut_piece, restore_driver
from pdsim.solvers.status import OK


class Seen(NamedTuple):
    """Where outputs go, and where the states of driver and disease stand among the model's."""

    y: Floats  # (output, state, lane)
    present: Floats  # (output, state, lane)
    concentrations: Floats  # (output, species, lane)
    times: Floats  # (output,)
    driver: Ints  # (driver state,)
    disease: Ints  # (disease state,)
    species: Floats  # (species,) scratch
    size: Floats  # (forcing, lane) scratch


@jit(**INNER)
def _leave_main(panels, seen, aside, lines, other, one, lane, time):
    """Bring the second course of one lane's driver to where the main one stands at `time`."""
    for line in range(lines.drug.size):
        at = line * W + lane
        other.next_start[at] = lines.next_start[at]
        other.next_stop[at] = lines.next_stop[at]
        for i in range(lines.next_stop[at], lines.next_start[at]):
            other.given[i * W + lane] = lines.given[i * W + lane]
    restore_driver(panels.end, panels.at[lane], aside, one, lane, time)
    one.step[lane] = 0.0
    for at in range(lane, seen.size.size, W):
        seen.size[at] = panels.size[at]


@jit(**INNER)
def _copy_disease(two, copy, lane):
    for at in range(lane, two.y.size, W):
        copy.y[at] = two.y[at]
        copy.present[at] = two.present[at]
        copy.redraw[at] = two.redraw[at]
        copy.inflow[at] = two.inflow[at]
    copy.time[lane] = two.time[lane]
    copy.step[lane] = two.step[lane]
    copy.status[lane] = OK
    copy.counts[lane] = 0


@jit(**INNER)
def _show(seen, row, one, two, forcing, lane, time):
    """Write one lane's states and concentrations as an output row."""
    states = seen.driver.size + seen.disease.size
    for i in range(seen.driver.size):
        at = (row * states + seen.driver[i]) * W + lane
        seen.y[at] = one.y[i * W + lane]
        seen.present[at] = 1.0
    for i in range(seen.disease.size):
        at = (row * states + seen.disease[i]) * W + lane
        seen.y[at] = two.y[i * W + lane]
        seen.present[at] = two.present[i * W + lane]
    lane_concentrations(forcing, lane, time, seen.species)
    for s in range(seen.species.size):
        seen.concentrations[(row * seen.species.size + s) * W + lane] = seen.species[s]


@jit(**INNER)
def show_here(aside, lines, other, one, two, panels, seen, row, lane):
    """Write one lane's present point as an output row."""
    _leave_main(panels, seen, aside, lines, other, one, lane, two.time[lane])
    _show(seen, row, one, two, aside, lane, two.time[lane])


@jit(**INNER)
def show_at_start(first, aside, lines, other, one, two, panels, plan, seen, lane):
    """Write one lane's outputs at the start of its panel, doses given; return whether others lie inside the panel."""
    row = two.next_output[lane]
    if row < seen.times.size and seen.times[row] <= plan.begin[lane]:
        _leave_main(panels, seen, aside, lines, other, one, lane, plan.begin[lane])
        one.status[lane] = OK
        apply_events(first, other, aside, one, lane, plan.begin[lane])
        while row < seen.times.size and seen.times[row] <= plan.begin[lane]:
            if one.status[lane] == OK:
                _show(seen, row, one, two, aside, lane, plan.begin[lane])
            row += 1
        two.next_output[lane] = row
    return row < seen.times.size and seen.times[row] < plan.end[lane]


@jit(**INNER)
def _begin_reading(aside, lines, other, one, two, copy, panels, plan, seen):
    """Start the second course of every lane with an output inside its panel; return how many are."""
    due = 0
    for lane in range(W):
        plan.active[lane] = 0
        row = two.next_output[lane]
        if plan.mode[lane] != DUE or row >= seen.times.size or seen.times[row] >= plan.end[lane]:
            continue
        due += 1
        plan.active[lane] = 1
        plan.pieces[lane] = 1 << panels.depth[lane]
        plan.target[lane] = seen.times[row]
        _leave_main(panels, seen, aside, lines, other, one, lane, plan.begin[lane])
        one.status[lane] = OK
        one.counts[lane] = 0
        _copy_disease(two, copy, lane)
    return due


@jit(**INNER)
def write_outputs(
    driver_rates,
    forced,
    disease_rates,
    first,
    second,
    aside,
    lines,
    other,
    one,
    two,
    copy,
    panels,
    plan,
    work,
    under,
    seen,
):
    """Write the outputs inside the planned panels of the lanes where they are due.

    Each is reached from the start of its panel, so that none depends on the others.
    """
    lanes = two.time.size
    while True:
        if _begin_reading(aside, lines, other, one, two, copy, panels, plan, seen) == 0:
            return
        for piece in range(panels.shape[1]):
            for lane in range(W):
                plan.active[lane] = 0
                row = two.next_output[lane]
                if plan.mode[lane] != DUE or row >= seen.times.size or seen.times[row] >= plan.end[lane]:
                    continue
                if cut_piece(plan, lane, piece, plan.target[lane]):
                    plan.active[lane] = 1
            driver_piece(
                lanes, driver_rates, forced, first, aside, other, one, plan, panels.grid[1], work, under.moments,
                seen.size,
            )  # fmt: skip
            disease_piece(lanes, disease_rates, second, copy, plan, under)
        for lane in range(W):
            row = two.next_output[lane]
            if plan.mode[lane] != DUE or row >= seen.times.size or seen.times[row] >= plan.end[lane]:
                continue
            apply_events(first, other, aside, one, lane, plan.target[lane])
            if one.status[lane] == OK and copy.status[lane] == OK:
                _show(seen, row, one, copy, aside, lane, plan.target[lane])
            two.next_output[lane] = row + 1


def _signature():
    from numba import types

    bundles = (Forcing, Lines, Lines, State, State, Panels, Seen)
    return types.void(*(numba_type(bundle) for bundle in bundles), types.float64[::1], types.float64[::1])


SIGNATURE = _signature()


@jit(signature=SIGNATURE, **PLAIN)
def look(aside, lines, other, one, two, panels, seen, y, c):
    """Driver states of every lane at its present time into y (state, lane), free concentrations into c."""
    for lane in range(W):
        _leave_main(panels, seen, aside, lines, other, one, lane, two.time[lane])
        for i in range(seen.driver.size):
            y[seen.driver[i] * W + lane] = one.y[i * W + lane]
        lane_concentrations(aside, lane, two.time[lane], seen.species)
        for s in range(seen.species.size):
            c[s * W + lane] = seen.species[s]
