"""Panels of the cascade: what is kept of each, and when the driver repeats an earlier one.

On a panel (a day) the forcings stand as Legendre moments. Panels of one period of the doses are kept in slots; where
the driver comes to a panel in the state of the kept one, and the same doses follow, the kept moments hold again. Where
a panel without doses left the driver as it was, the next one may be as long as none is given.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import HOT, INNER, Floats, Ints
from pdsim.solvers.events import event_factor, next_event
from pdsim.solvers.forcing import refresh, settle

# where a lane stands: at a panel's end, before one with outputs inside, before one whose driver is to be integrated,
# on one for the first time without the highest moments, on one, at the stop or given up
BETWEEN, DUE, AWAITS, TESTS, RUNS, HALTS = range(6)
REST = 7  # panels that one may cover where the driver rests and nothing is given; most outputs lie on whole weeks
ALIKE = 1e-9  # largest shift of a dose, in the model's time unit, that still counts as the same course


class Panels(NamedTuple):
    """Kept panels; the last slot is for panels that are cut short and never used again."""

    moments: Floats  # (slot, piece, forcing, degree, lane)
    start: Floats  # (slot, row, lane) driver at the start: amounts, infusions, states, infusions into states
    end: Floats  # (slot, row, lane) the same at the end
    pointers: Ints  # (slot, 4, line, lane) next start and stop of each line at the start, and at the end
    begun: Floats  # (slot, lane) time at which the kept panel began
    level: Ints  # (slot, lane) its pieces are 2**level; -1 where nothing is kept
    near: Floats  # (row, lane) how far apart two driver states may be and count as one
    at: Ints  # (lane,) slot at whose end the driver stands now
    depth: Ints  # (lane,) pieces of the next panel are 2**depth
    size: Floats  # (forcing, lane) largest value so far
    shape: Ints  # slots, most pieces, degree of the moments, 1 where panels may be used again
    grid: Floats  # time of the first panel, length of a panel


class Plan(NamedTuple):
    """The panel that each lane is on."""

    begin: Floats  # (lane,)
    end: Floats  # (lane,)
    until: Floats  # (lane,) end of the present piece
    origin: Floats  # (lane,) start of the present piece
    target: Floats  # (lane,) next output on the panel
    slot: Ints  # (lane,)
    mode: Ints  # (lane,) where the lane stands
    rests: Ints  # (lane,) 1 where the driver stays as it is
    again: Ints  # (lane,) 1 where the panel is integrated again in more pieces
    active: Ints  # (lane,) 1 where a piece is being integrated
    pieces: Ints  # (lane,)
    piece: Ints  # (lane,) the present one
    y: Floats  # (state, lane) disease at the start of the panel
    present: Floats  # (state, lane)
    redraw: Ints  # (state, lane)
    step: Floats  # (lane,)
    check: Floats  # (state, lane) disease at its end with moments of one degree less
    check_present: Floats  # (state, lane)
    before: Ints  # (lane,) steps taken before the panel
    tests: Ints  # (lane,) 1 where the effect of the highest moments is to be looked at
    passed: Floats  # (forcing, lane) highest moments that were found to be of little effect
    since: Floats  # (lane,) when that was
    tally: Ints  # panels used again, panels integrated, halvings, driver steps, disease steps


@jit(**INNER)
def keep_driver(rows, slot, forcing, state, lane, time):
    """Write the driver of one lane at `time` into rows (slot, row, lane)."""
    for drug in range(forcing.first.size - 1):
        settle(forcing, drug, lane, time)
    compartments = forcing.first[forcing.first.size - 1]
    states = state.y.size // W
    base = slot * 2 * (compartments + states) * W + lane
    for i in range(compartments):
        rows[base + i * W] = forcing.amounts[i * W + lane]
        rows[base + (compartments + i) * W] = forcing.inflow[i * W + lane]
    base += 2 * compartments * W
    for i in range(states):
        rows[base + i * W] = state.y[i * W + lane]
        rows[base + (states + i) * W] = state.inflow[i * W + lane]


@jit(**INNER)
def restore_driver(rows, slot, forcing, state, lane, time):
    """Set the driver of one lane to what `keep_driver` wrote, as of `time`."""
    compartments = forcing.first[forcing.first.size - 1]
    states = state.y.size // W
    base = slot * 2 * (compartments + states) * W + lane
    for i in range(compartments):
        forcing.amounts[i * W + lane] = rows[base + i * W]
        forcing.inflow[i * W + lane] = rows[base + (compartments + i) * W]
    for drug in range(forcing.first.size - 1):
        forcing.since[drug * W + lane] = time
        refresh(forcing, drug, lane)
    base += 2 * compartments * W
    for i in range(states):
        state.y[i * W + lane] = rows[base + i * W]
        state.inflow[i * W + lane] = rows[base + (states + i) * W]
    state.time[lane] = time
    state.fresh[lane] = 1


@jit(**INNER)
def keep_pointers(panels, lines, slot, lane, at_end):
    """Note where each line of one lane stands at the start (0) or end (1) of a panel."""
    count = lines.drug.size
    for line in range(count):
        base = ((slot * 4 + 2 * at_end) * count + line) * W + lane
        panels.pointers[base] = lines.next_start[line * W + lane]
        panels.pointers[base + count * W] = lines.next_stop[line * W + lane]


@jit(**INNER)
def restore_pointers(panels, lines, slot, lane):
    """Set each line of one lane back to the start of a panel."""
    count = lines.drug.size
    for line in range(count):
        base = (slot * 4 * count + line) * W + lane
        lines.next_start[line * W + lane] = panels.pointers[base]
        lines.next_stop[line * W + lane] = panels.pointers[base + count * W]


@jit(**HOT)
def same_driver(panels, slot, lane):
    """Whether one lane's driver stands now as it did at the start of a kept panel."""
    last = panels.at[lane]
    if last < panels.shape[0] - 1 and panels.level[last * W + lane] >= 0:
        passed = panels.begun[slot * W + lane] - panels.begun[last * W + lane]
        if abs(passed - panels.grid[1]) <= ALIKE:
            return True  # it was kept right behind the one at whose end the driver stands
    rows = panels.near.size // W
    here = panels.at[lane] * rows * W + lane
    there = slot * rows * W + lane
    for row in range(rows):
        now = panels.end[here + row * W]
        then = panels.start[there + row * W]
        if not abs(now - then) <= panels.near[row * W + lane] + 1e-12 * abs(then):
            return False
    return True


@jit(**INNER)
def _next_given(lines, line, lane, i, stop, span, end):
    """First event from i on that is given and whose start (span 0) or end lies before `end`; `stop` without one."""
    over = lines.lag[line * W + lane] + span
    while i < stop and lines.times[i] + over < end:
        if event_factor(lines, line, i, lane) != 0.0:
            return i
        i += 1
    return stop


@jit(**HOT)
def _alike(lines, line, lane, before, passed, here, stop, span, shift, end):
    """Whether a line's events before `end` are those `before` to `before + passed` of a kept panel, held ones apart."""
    i = before
    j = here
    while True:
        while i < before + passed and lines.given[i * W + lane] == 0.0:
            i += 1
        j = _next_given(lines, line, lane, j, stop, span, end)
        if i == before + passed or j == stop:
            return i == before + passed and j == stop
        if lines.given[i * W + lane] != event_factor(lines, line, j, lane):
            return False
        if abs(lines.times[j] - lines.times[i] - shift) > ALIKE:
            return False
        i += 1
        j += 1


@jit(**HOT)
def _behind(lines, line, lane, i, stop, span, end):
    """First event from i on whose start (span 0) or end does not lie before `end`, at most `stop`."""
    over = lines.lag[line * W + lane] + span
    while i < stop and lines.times[i] + over < end:
        i += 1
    return i


@jit(**HOT)
def same_doses(panels, lines, slot, lane, begin, end):
    """Whether the doses of one lane from `begin` to `end` are those of a kept panel."""
    count = lines.drug.size
    shift = begin - panels.begun[slot * W + lane]
    for line in range(count):
        base = (slot * 4 * count + line) * W + lane
        before = panels.pointers[base]
        passed = panels.pointers[base + 2 * count * W] - before
        here = lines.next_start[line * W + lane]
        last = lines.first[line + 1]
        if not _alike(lines, line, lane, before, passed, here, last, 0.0, shift, end):
            return False
        span = lines.duration[line]
        if span > 0.0:
            before = panels.pointers[base + count * W]
            passed = panels.pointers[base + 3 * count * W] - before
            started = _behind(lines, line, lane, here, last, 0.0, end)
            here = lines.next_stop[line * W + lane]
            if not _alike(lines, line, lane, before, passed, here, started, span, shift, end):
                return False
    return True


@jit(**HOT)
def pass_over(lines, lane, end):
    """Move one lane's lines over a panel that is used again; `same_doses` has found them alike."""
    for line in range(lines.drug.size):
        at = line * W + lane
        i = lines.next_start[at]
        started = _behind(lines, line, lane, i, lines.first[line + 1], 0.0, end)
        while i < started:
            lines.given[i * W + lane] = event_factor(lines, line, i, lane)
            i += 1
        lines.next_start[at] = started
        span = lines.duration[line]
        ended = _behind(lines, line, lane, lines.next_stop[at], started, span, end) if span > 0.0 else started
        lines.next_stop[at] = ended


@jit(**INNER)
def copy_panel(panels, source, slot, lane):
    """Keep one lane's panel of slot `source` in another slot as well."""
    slots = panels.shape[0]
    for array in (panels.moments, panels.start, panels.end):
        rows = array.size // (slots * W)
        for row in range(rows):
            array[(slot * rows + row) * W + lane] = array[(source * rows + row) * W + lane]
    rows = panels.pointers.size // (slots * W)
    for row in range(rows):
        panels.pointers[(slot * rows + row) * W + lane] = panels.pointers[(source * rows + row) * W + lane]
    panels.begun[slot * W + lane] = panels.begun[source * W + lane]
    panels.level[slot * W + lane] = panels.level[source * W + lane]


@jit(**HOT)
def reuse(panels, lines, lane, slot, begin, end):
    """Use a kept panel for one lane's next one, if the driver repeats it; return whether it does."""
    if panels.shape[3] == 0:
        return False
    last = panels.at[lane]
    for candidate in (slot, last):
        if candidate == panels.shape[0] - 1 or panels.level[candidate * W + lane] < 0:
            continue
        if same_driver(panels, candidate, lane) and same_doses(panels, lines, candidate, lane, begin, end):
            pass_over(lines, lane, end)
            if candidate != slot:
                copy_panel(panels, candidate, slot, lane)
            panels.at[lane] = slot
            return True
    return False


@jit(**HOT)
def load_moments(panels, plan, moments, dropped, lane):
    """Copy the moments of one lane's piece to the front (forcing, degree, lane), without the last ones."""
    wide = panels.shape[2] + 1
    size = panels.size.size * wide
    base = (plan.slot[lane] * panels.shape[1] + plan.piece[lane]) * size
    for at in range(lane, size, W):
        moments[at] = panels.moments[base + at]
    for last in range(wide - dropped, wide):
        for at in range(last * W + lane, size, wide * W):
            moments[at] = 0.0


@jit(**INNER)
def store_moments(panels, slot, piece, lane, moments):
    """Keep the moments of one lane's piece."""
    rows = panels.size.size // W * (panels.shape[2] + 1)
    base = (slot * panels.shape[1] + piece) * rows * W + lane
    for row in range(rows):
        panels.moments[base + row * W] = moments[row * W + lane]


@jit(**HOT)
def _at_rest(panels, lane):
    """Whether one lane's driver went through the panel that it stands behind unchanged, and nothing was given there."""
    slot = panels.at[lane]
    if panels.shape[3] == 0 or slot == panels.shape[0] - 1 or panels.level[slot * W + lane] != 0:
        return False
    half = panels.pointers.size // (2 * panels.shape[0])
    for at in range(slot * 2 * half + lane, slot * 2 * half + half, W):
        if panels.pointers[at] != panels.pointers[at + half]:
            return False
    return same_driver(panels, slot, lane)


@jit(**HOT)
def _rest(panels, plan, lines, lane, number, stop):
    """Lengthen one lane's panel, which is the `number`th and a whole one, while its driver rests."""
    start, length = panels.grid[0], panels.grid[1]
    end = min(start + (np.floor(number / REST) + 1.0) * REST * length, stop)
    if end <= plan.end[lane] or not _at_rest(panels, lane):
        return
    due = next_event(lines, lane)
    if due < end:
        end = start + np.floor((due - start) / length + 1e-9) * length
    if end > plan.end[lane]:
        plan.end[lane] = end
        plan.slot[lane] = panels.at[lane]
        plan.rests[lane] = 1


@jit(**HOT)
def plan_panel(panels, plan, lines, state, stop, lane):
    """Choose the next panel of one lane."""
    time = state.time[lane]
    number = np.floor((time - panels.grid[0]) / panels.grid[1] + 1e-9)
    begin = panels.grid[0] + number * panels.grid[1]
    whole = panels.grid[0] + (number + 1.0) * panels.grid[1]
    plan.begin[lane] = time
    plan.end[lane] = min(whole, state.stop[lane], stop)
    plan.rests[lane] = 0
    cut = time != begin or plan.end[lane] != whole
    slots = panels.shape[0] - 1
    plan.slot[lane] = slots if cut else np.int64(number) % slots
    if not cut:
        _rest(panels, plan, lines, lane, number, min(state.stop[lane], stop))


@jit(**HOT)
def cut_piece(plan, lane, piece, end):
    """Set origin and until of one lane's piece of its panel, or of the part of it before `end`, if there is one."""
    if piece >= plan.pieces[lane]:
        return False
    span = end - plan.begin[lane]
    plan.origin[lane] = plan.begin[lane] + span * piece / plan.pieces[lane]
    last = piece + 1 == plan.pieces[lane]
    plan.until[lane] = end if last else plan.begin[lane] + span * (piece + 1) / plan.pieces[lane]
    return True
