"""The cascade: the driver first, panel by panel, then the disease under the forcings that the driver gives.

Lanes keep panels, pieces and steps of their own; none sees its neighbours, nor waits for them before it comes to a
panel whose driver is to be integrated, to an output inside a panel, or to the stop. On panels where the driver is
integrated, the disease runs twice, the first time without the highest moments: where that shows, the panel is halved.
Where it hardly showed, this is not looked at again for a week, or until the highest moments are larger.
"""

from __future__ import annotations

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import (
    HOT,
    INNER,
    PLAIN,
    Forcing,
    Lines,
    Problem,
    State,
    numba_type,
)
from pdsim.solvers.disease import DiseaseWork, close_disease, disease_step, open_disease
from pdsim.solvers.driver import DriverWork, close_driver, driver_step, open_driver
from pdsim.solvers.events import apply_events, next_event, skip_missed
from pdsim.solvers.panels import (
    AWAITS,
    BETWEEN,
    DUE,
    HALTS,
    RUNS,
    TESTS,
    Panels,
    Plan,
    cut_piece,
    keep_driver,
    keep_pointers,
    load_moments,
    pass_over,
    plan_panel,
    restore_driver,
    restore_pointers,
    reuse,
    store_moments,
)
from pdsim.solvers.pointers import rates_at
from pdsim.solvers.readings import Seen, show_at_start, show_here, write_outputs
from pdsim.solvers.status import OK, STIFF
from pdsim.solvers.trust import effect_of, note_effect, to_be_tested

_STUCK = 40.0  # steps on a panel, in those that a stiffness test waits for, at which a lane is given up
_VANISHES = 0.04  # effect, in what is borne, at which the next is cut into half as many pieces: moments show far more


@jit(**INNER)
def _keep_disease(plan, state, lane):
    for at in range(lane, state.y.size, W):
        plan.y[at] = state.y[at]
        plan.present[at] = state.present[at]
        plan.redraw[at] = state.redraw[at]
    plan.step[lane] = state.step[lane]


@jit(**INNER)
def _restore_disease(plan, state, lane):
    for at in range(lane, state.y.size, W):
        state.y[at] = plan.y[at]
        state.present[at] = plan.present[at]
        state.redraw[at] = plan.redraw[at]
    state.step[lane] = plan.step[lane]
    state.time[lane] = plan.begin[lane]
    state.status[lane] = OK


@jit(**INNER)
def _restart_driver(panels, plan, forcing, lines, state, lane):
    """Bring one lane's driver to the start of its panel; the first time note that start in the panel's slot."""
    slot = plan.slot[lane]
    if plan.again[lane] != 0:
        restore_pointers(panels, lines, slot, lane)
    else:
        slots = panels.shape[0]
        rows = panels.start.size // (slots * W)
        for row in range(rows):
            panels.start[(slot * rows + row) * W + lane] = panels.end[(panels.at[lane] * rows + row) * W + lane]
        keep_pointers(panels, lines, slot, lane, 0)
    panels.begun[slot * W + lane] = plan.begin[lane]
    panels.level[slot * W + lane] = panels.depth[lane]
    plan.pieces[lane] = 1 << panels.depth[lane]
    plan.piece[lane] = 0
    restore_driver(panels.start, slot, forcing, state, lane, plan.begin[lane])


@jit(**INNER)
def _leave_driver(panels, plan, problem, forcing, lines, state, work, moments, lane):
    """End the piece of one lane's driver and keep its moments; begin the next one, or keep the end of the panel."""
    slot = plan.slot[lane]
    plan.active[lane] = 0
    close_driver(problem, state, work, moments, lane)
    store_moments(panels, slot, plan.piece[lane], lane, moments)
    if state.status[lane] != OK:
        return
    plan.piece[lane] += 1
    if cut_piece(plan, lane, plan.piece[lane], plan.end[lane]):
        plan.active[lane] = 1
        open_driver(lines, state, work, lane)
        return
    keep_driver(panels.end, slot, forcing, state, lane, plan.end[lane])
    keep_pointers(panels, lines, slot, lane, 1)
    panels.at[lane] = slot
    plan.tally[1] += 1


@jit(**INNER)
def _run_driver(rates, forced, problem, forcing, lines, state, panels, plan, work, moments):
    """Integrate the driver of the lanes that wait for it over their panels and keep moments and end."""
    for lane in range(W):
        plan.active[lane] = 0
        if plan.mode[lane] == AWAITS:
            plan.active[lane] = 1
            _restart_driver(panels, plan, forcing, lines, state, lane)
            cut_piece(plan, lane, 0, plan.end[lane])
            open_driver(lines, state, work, lane)
    lanes = state.time.size  # a number that LLVM knew would cost the SIMD: it unrolls loops of 16 before it looks
    while (
        driver_step(lanes, rates, forced, problem, forcing, lines, state, plan, panels.grid[1], work, panels.size) > 0
    ):
        for lane in range(W):
            if plan.active[lane] != 0 and (state.status[lane] != OK or state.time[lane] >= plan.until[lane]):
                _leave_driver(panels, plan, problem, forcing, lines, state, work, moments, lane)


@jit(**HOT)
def _open_piece(panels, plan, work, lane):
    """Begin the present piece of one lane's disease, if its panel has so many; return whether it has."""
    if not cut_piece(plan, lane, plan.piece[lane], plan.end[lane]):
        return False
    load_moments(panels, plan, work.moments, 1 if plan.mode[lane] == TESTS else 0, lane)
    open_disease(work, lane)
    return True


@jit(**INNER)
def _enter_panel(panels, plan, work, mode, lane):
    """Begin the disease of one lane on its panel, whose moments are known."""
    plan.mode[lane] = mode
    plan.piece[lane] = 0
    _open_piece(panels, plan, work, lane)


@jit(**HOT)
def _change_depth(panels, plan, change, lane):
    """Cut one lane's next panels into more or fewer pieces: moments of pieces say little of those of a whole panel."""
    panels.depth[lane] += change
    for f in range(panels.size.size // W):
        plan.passed[f * W + lane] = -1.0


@jit(**INNER)
def _settle_panel(problem, state, panels, plan, borne, lane):
    """Accept one lane's panel, or let it be integrated again in twice as many pieces; return whether it is accepted."""
    effect = effect_of(problem, state, plan, borne, lane)
    note_effect(panels, plan, lane, effect)
    if effect > 1.0 and 2 * plan.pieces[lane] <= panels.shape[1]:
        _change_depth(panels, plan, 1, lane)
        plan.tally[2] += 1
        plan.mode[lane] = AWAITS
        plan.again[lane] = 1
        _restore_disease(plan, state, lane)
        return False
    if effect < _VANISHES and panels.depth[lane] > 0:
        _change_depth(panels, plan, -1, lane)
    return True


@jit(**INNER)
def _leave_piece(problem, state, one, panels, plan, work, lane):
    """End the piece of one lane's disease and go on to the next one, or to what follows the panel."""
    close_disease(problem, state, work, lane)
    if state.status[lane] != OK:
        plan.mode[lane] = HALTS
        return
    plan.piece[lane] += 1
    if _open_piece(panels, plan, work, lane):
        return
    if plan.mode[lane] == TESTS:
        for at in range(lane, state.y.size, W):
            plan.check[at] = state.y[at]
            plan.check_present[at] = state.present[at]
        _restore_disease(plan, state, lane)
        _enter_panel(panels, plan, work, RUNS, lane)
        return
    plan.mode[lane] = BETWEEN
    if plan.tests[lane] == 0 or _settle_panel(problem, state, panels, plan, work.borne, lane):
        _give_up_stuck(problem, plan, one, state, lane)


@jit(**INNER)
def _give_to_disease(problem, lines, nothing, state, stop, lane):
    """Give the doses due now that enter the disease's own states of one lane."""
    if state.stop[lane] <= state.time[lane] < stop:
        apply_events(problem, lines, nothing, state, lane, state.time[lane])
        state.stop[lane] = next_event(lines, lane)
        state.step[lane] = 0.0


@jit(**INNER)
def _find_moments(lines, panels, plan, work, lane):
    """Take the moments of one lane's panel from a kept one, or let it wait for the driver."""
    slot = plan.slot[lane]
    plan.tests[lane] = 0
    plan.again[lane] = 0
    plan.mode[lane] = AWAITS
    if plan.rests[lane] != 0:
        plan.pieces[lane] = 1
        pass_over(lines, lane, plan.end[lane])
    elif slot < panels.shape[0] - 1 and reuse(panels, lines, lane, slot, plan.begin[lane], plan.end[lane]):
        plan.pieces[lane] = 1 << panels.level[slot * W + lane]
    else:
        return
    plan.tally[0] += 1
    _enter_panel(panels, plan, work, RUNS, lane)


@jit(**INNER)
def _next_panel(first, second, aside, nothing, lines, own, other, one_aside, two, panels, plan, work, seen, stop, lane):
    """Take one lane from the end of a panel into the next one, or to what it has to wait for."""
    if two.status[lane] != OK or two.time[lane] >= stop:
        plan.mode[lane] = HALTS
        return
    _give_to_disease(second, own, nothing, two, stop, lane)
    plan_panel(panels, plan, lines, two, stop, lane)
    if show_at_start(first, aside, lines, other, one_aside, two, panels, plan, seen, lane):
        plan.mode[lane] = DUE
    else:
        _find_moments(lines, panels, plan, work, lane)


@jit(**INNER)
def _begin_disease(problem, two, panels, plan, work):
    """Put the lanes whose driver has been integrated on their panels."""
    for lane in range(W):
        if plan.mode[lane] != AWAITS:
            continue
        if two.status[lane] != OK:
            plan.mode[lane] = HALTS
            continue
        _keep_disease(plan, two, lane)
        plan.tests[lane] = 1 if to_be_tested(panels, plan, lane) else 0
        _enter_panel(panels, plan, work, TESTS if plan.tests[lane] != 0 else RUNS, lane)


@jit(**INNER)
def _count_steps(one, two, lane):
    """Steps of one lane in this call, driver and disease, rejected ones included."""
    return one.counts[lane] + one.counts[W + lane] + two.counts[lane] + two.counts[W + lane]


@jit(**INNER)
def _give_up_stuck(problem, plan, one, two, lane):
    """Mark a lane that took far too many steps on its panel: something is faster than explicit steps can follow."""
    taken = _count_steps(one, two, lane) - plan.before[lane]
    plan.before[lane] += taken
    if taken > _STUCK * problem.options[3]:
        two.status[lane] = STIFF


@jit(**HOT)
def _all_there(plan, mode):
    """Whether a lane stands there, and none is on its way to the first such panel: it may have to wait there too."""
    first = np.inf
    for lane in range(W):
        if plan.mode[lane] == mode:
            first = min(first, plan.begin[lane])
    behind = 0
    for lane in range(W):
        behind += 1 if plan.begin[lane] < first and plan.mode[lane] != HALTS else 0
    return first < np.inf and behind == 0


@jit(**INNER)
def _run_disease(rates, problem, one, state, panels, plan, work):
    """Take the disease of the lanes that are on a panel one step further; return how many are."""
    for lane in range(W):
        plan.active[lane] = 1 if plan.mode[lane] == TESTS or plan.mode[lane] == RUNS else 0
    running = disease_step(state.time.size, rates, problem, state, plan, work)
    for lane in range(W):
        if plan.active[lane] != 0 and (state.status[lane] != OK or state.time[lane] >= plan.until[lane]):
            _leave_piece(problem, state, one, panels, plan, work, lane)
    return running


def _signature():
    from numba import types

    bundles = (
        Problem, Problem, Forcing, Forcing, Forcing, Lines, Lines, Lines, State, State, State, State,
        Panels, Plan, DriverWork, DiseaseWork, Seen,
    )  # fmt: skip
    return types.void(types.int64, types.int64, types.int64, *(numba_type(bundle) for bundle in bundles), types.float64)


SIGNATURE = _signature()


@jit(signature=SIGNATURE, **PLAIN)
def advance_cascade(
    driver_kernel, forcing_kernel, disease_kernel, first, second, forcing, aside, nothing, lines, own, other, one, two,
    one_aside, two_aside, panels, plan, work, under, seen, stop,
):  # fmt: skip
    """Integrate every lane to `stop`; doses at `stop` itself wait for the next call. Inputs checked by the caller.

    driver_kernel, disease_kernel : addresses of the rates; forcing_kernel : that of the forcings
    first, one, lines : the driver's problem, state and doses; second, two, own : the disease's; forcing : kinetics,
    `nothing` kinetics of no drug; aside, other, one_aside, two_aside : a second course for readings inside a panel.
    """
    driver_rates = rates_at(driver_kernel)
    forced = rates_at(forcing_kernel)
    disease_rates = rates_at(disease_kernel)
    for lane in range(W):
        skip_missed(lines, lane, two.time[lane])
        skip_missed(own, lane, two.time[lane])
        two.stop[lane] = next_event(own, lane)
        plan.before[lane] = 0
        plan.mode[lane] = BETWEEN
        for row in range(3):
            two.counts[row * W + lane] = 0
            one.counts[row * W + lane] = 0
    while True:
        for lane in range(W):
            if plan.mode[lane] == BETWEEN:
                _next_panel(
                    first, second, aside, nothing, lines, own, other, one_aside, two, panels, plan, under, seen, stop,
                    lane,
                )  # fmt: skip
        if _all_there(plan, DUE):
            write_outputs(
                driver_rates, forced, disease_rates, first, second, aside, lines, other, one_aside, two, two_aside,
                panels, plan, work, under, seen,
            )  # fmt: skip
            for lane in range(W):
                if plan.mode[lane] == DUE:
                    _find_moments(lines, panels, plan, under, lane)
        elif _all_there(plan, AWAITS):
            _run_driver(driver_rates, forced, first, forcing, lines, one, panels, plan, work, under.moments)
            _begin_disease(second, two, panels, plan, under)
        elif _run_disease(disease_rates, second, one, two, panels, plan, under) == 0:
            return


def _finish_signature():
    from numba import types

    return types.void(*(numba_type(bundle) for bundle in (Forcing, Lines, Lines, State, State, Panels, Seen)))


FINISH_SIGNATURE = _finish_signature()


@jit(signature=FINISH_SIGNATURE, **PLAIN)
def finish_cascade(aside, lines, other, one_aside, two, panels, seen):
    """Write the outputs that are due at the end of the run."""
    for lane in range(W):
        row = two.next_output[lane]
        if two.status[lane] != OK:
            continue
        while row < seen.times.size and seen.times[row] <= two.time[lane]:
            show_here(aside, lines, other, one_aside, two, panels, seen, row, lane)
            row += 1
        two.next_output[lane] = row
