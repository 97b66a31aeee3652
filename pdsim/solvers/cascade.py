"""The cascade: the driver first, panel by panel, then the disease under the forcings that the driver gives.

Lanes keep panels, pieces and steps of their own; none sees its neighbours. On panels where the driver is integrated,
the disease runs twice, the first time without the highest moments: where that shows, the panel is halved. Where it
hardly showed, this is not looked at again for four weeks while the highest moments would not show by their size.
"""

from __future__ import annotations

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import (
    INNER,
    PLAIN,
    Forcing,
    Lines,
    Problem,
    State,
    numba_type,
)
from pdsim.solvers.disease import DiseaseWork, disease_piece
from pdsim.solvers.driver import DriverWork, driver_piece
from pdsim.solvers.events import apply_events, next_event, skip_missed
from pdsim.solvers.panels import (
    Panels,
    Plan,
    cut_piece,
    keep_driver,
    keep_pointers,
    load_moments,
    pass_over,
    plan_panels,
    restore_driver,
    restore_pointers,
    reuse,
    store_moments,
)
from pdsim.solvers.pointers import rates_at
from pdsim.solvers.readings import Seen, show_here, write_outputs
from pdsim.solvers.status import OK, STIFF

_STUCK = 40.0  # steps on a panel, in those that a stiffness test waits for, at which a lane is given up
_TRUST = 28.0  # panels, used again or not, during which highest moments that hardly showed are taken on trust
_VANISHES = 0.04  # effect, in what is borne, at which the next is cut into half as many pieces: moments show far more
_HARDLY = 0.3  # effect up to which highest moments are taken on trust
_ROOM = 10.0  # largest factor by which these may grow meanwhile


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
def _restart_driver(panels, plan, forcing, lines, state, lane, again):
    """Bring one lane's driver to the start of its panel; the first time note that start in the panel's slot."""
    slot = plan.slot[lane]
    if again:
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
    restore_driver(panels.start, slot, forcing, state, lane, plan.begin[lane])


@jit(**INNER)
def _run_driver(rates, forced, problem, forcing, lines, state, panels, plan, work, moments):
    """Integrate the driver of the live lanes over their panels and keep moments and end."""
    lanes = state.time.size
    for piece in range(panels.shape[1]):
        any_active = False
        for lane in range(W):
            plan.active[lane] = 0
            if plan.live[lane] != 0 and state.status[lane] == OK and cut_piece(plan, lane, piece, plan.end[lane]):
                plan.active[lane] = 1
                any_active = True
        if not any_active:
            break
        driver_piece(
            lanes, rates, forced, problem, forcing, lines, state, plan, panels.grid[1], work, moments, panels.size
        )
        for lane in range(W):
            if plan.active[lane] != 0:
                store_moments(panels, plan.slot[lane], piece, lane, moments)
    for lane in range(W):
        if plan.live[lane] != 0 and state.status[lane] == OK:
            keep_driver(panels.end, plan.slot[lane], forcing, state, lane, plan.end[lane])
            keep_pointers(panels, lines, plan.slot[lane], lane, 1)
            panels.at[lane] = plan.slot[lane]
            plan.tally[1] += 1


@jit(**INNER)
def _run_disease(rates, problem, state, panels, plan, work, dropped, tests_only):
    """Integrate the disease over the panels of all lanes at their start, or of those tested; without some moments."""
    lanes = state.time.size
    for piece in range(panels.shape[1]):
        any_active = False
        for lane in range(W):
            chosen = plan.tests[lane] != 0 if tests_only else state.time[lane] < plan.end[lane]
            plan.active[lane] = 0
            if chosen and state.status[lane] == OK and cut_piece(plan, lane, piece, plan.end[lane]):
                plan.active[lane] = 1
                any_active = True
        if not any_active:
            return
        load_moments(panels, plan, piece, work.moments, dropped)
        disease_piece(lanes, rates, problem, state, plan, work)


@jit(**INNER)
def _highest(panels, plan, f, lane):
    """Highest moment of a forcing on one lane's panel, the largest of its pieces."""
    wide = panels.shape[2] + 1
    forcings = panels.size.size // W
    found = 0.0
    for piece in range(plan.pieces[lane]):
        row = ((plan.slot[lane] * panels.shape[1] + piece) * forcings + f) * wide + wide - 1
        found = max(found, abs(panels.moments[row * W + lane]))
    return found


@jit(**INNER)
def _choose_tests(panels, plan):
    """Mark the live lanes on which the effect of the highest moments is to be looked at; return whether any is."""
    any_test = False
    for lane in range(W):
        plan.tests[lane] = 0
        if plan.live[lane] == 0:
            continue
        trusted = plan.begin[lane] - plan.since[lane] < _TRUST * panels.grid[1] and panels.depth[lane] == 0
        for f in range(panels.size.size // W):
            trusted = trusted and _highest(panels, plan, f, lane) <= plan.passed[f * W + lane]
        if not trusted:
            plan.tests[lane] = 1
            any_test = True
    return any_test


@jit(**INNER)
def _pass(panels, plan, lane, effect):
    """Note up to what size the highest moments would hardly show, going by one lane's panel: their effect is linear."""
    trusted = plan.begin[lane] - plan.since[lane] < _TRUST * panels.grid[1]
    room = min(_ROOM, _HARDLY / max(effect, 1e-300))
    for f in range(panels.size.size // W):
        at = f * W + lane
        found = room * _highest(panels, plan, f, lane)
        if panels.depth[lane] > 0 or not effect < _HARDLY:  # moments of pieces say little of those of a whole panel
            plan.passed[at] = -1.0
        elif trusted:
            plan.passed[at] = max(plan.passed[at], found)
        else:
            plan.passed[at] = found
    if not trusted:
        plan.since[lane] = plan.begin[lane]


@jit(**INNER)
def _effect(problem, state, plan, borne, lane):
    """Effect of the highest moments on one lane's disease at the end of a panel, as a share of what is borne."""
    worst = 0.0
    for i in range(problem.counted.size):
        at = i * W + lane
        if plan.check_present[at] != state.present[at]:
            continue
        scale = abs(state.y[at])
        if problem.counted[i] != 0:
            scale = 1.0
        tolerance = problem.absolute[i] + problem.options[0] * scale
        worst = max(worst, abs(plan.check[at] - state.y[at]) / (borne[i] * tolerance))
    return worst


@jit(**INNER)
def _settle_panels(problem, state, panels, plan, borne):
    """Accept the live lanes' panels or mark them for a second run in twice as many pieces; return how many are."""
    again = 0
    for lane in range(W):
        if plan.live[lane] == 0:
            continue
        plan.live[lane] = 0
        if state.status[lane] != OK or plan.tests[lane] == 0:
            continue
        effect = _effect(problem, state, plan, borne, lane)
        _pass(panels, plan, lane, effect)
        if effect > 1.0 and 2 * plan.pieces[lane] <= panels.shape[1]:
            panels.depth[lane] += 1
            plan.live[lane] = 1
            plan.tally[2] += 1
            again += 1
        elif effect < _VANISHES and panels.depth[lane] > 0:
            panels.depth[lane] -= 1
    return again


@jit(**INNER)
def _run_panels(
    driver_rates, forced, disease_rates, first, second, forcing, lines, one, two, panels, plan, work, under
):
    """Take every planned lane over its panel."""
    again = False
    while True:
        any_live = False
        for lane in range(W):
            if plan.live[lane] != 0:
                any_live = True
                _restart_driver(panels, plan, forcing, lines, one, lane, again)
                if again:
                    _restore_disease(plan, two, lane)
        if any_live:
            _run_driver(driver_rates, forced, first, forcing, lines, one, panels, plan, work, under.moments)
            for lane in range(W):
                if plan.live[lane] != 0:
                    _keep_disease(plan, two, lane)
            if _choose_tests(panels, plan):
                _run_disease(disease_rates, second, two, panels, plan, under, 1, True)
            for lane in range(W):
                if plan.tests[lane] != 0 and two.status[lane] == OK:
                    for at in range(lane, two.y.size, W):
                        plan.check[at] = two.y[at]
                        plan.check_present[at] = two.present[at]
                    _restore_disease(plan, two, lane)
        _run_disease(disease_rates, second, two, panels, plan, under, 0, False)
        again = True
        if not any_live or _settle_panels(second, two, panels, plan, under.borne) == 0:
            return


@jit(**INNER)
def _give_to_disease(problem, lines, nothing, state, stop):
    """Give the doses due now that enter the disease's own states."""
    for lane in range(W):
        if state.status[lane] == OK and state.stop[lane] <= state.time[lane] < stop:
            apply_events(problem, lines, nothing, state, lane, state.time[lane])
            state.stop[lane] = next_event(lines, lane)
            state.step[lane] = 0.0


@jit(**INNER)
def _count_steps(one, two, lane):
    """Steps of one lane in this call, driver and disease, rejected ones included."""
    return one.counts[lane] + one.counts[W + lane] + two.counts[lane] + two.counts[W + lane]


@jit(**INNER)
def _give_up_stuck(problem, plan, one, two):
    """Mark lanes that took far too many steps on their panel: something is faster than explicit steps can follow."""
    for lane in range(W):
        taken = _count_steps(one, two, lane) - plan.before[lane]
        plan.before[lane] += taken
        if two.status[lane] == OK and taken > _STUCK * problem.options[3]:
            two.status[lane] = STIFF


def _signature():
    from numba import types

    bundles = (
        Problem, Problem, Forcing, Forcing, Forcing, Lines, Lines, Lines, State, State, State, State,
        Panels, Plan, DriverWork, DiseaseWork, Seen,
    )  # fmt: skip
    return types.void(types.int64, types.int64, types.int64, *(numba_type(bundle) for bundle in bundles), types.float64)


@jit(signature=_signature(), **PLAIN)
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
        for row in range(3):
            two.counts[row * W + lane] = 0
            one.counts[row * W + lane] = 0
    while True:
        _give_to_disease(second, own, nothing, two, stop)
        if plan_panels(panels, plan, lines, two, stop) == 0:
            return
        for lane in range(W):
            plan.live[lane] = plan.active[lane]
        write_outputs(
            driver_rates, forced, disease_rates, first, second, aside, lines, other, one_aside, two, two_aside, panels,
            plan, work, under, seen,
        )  # fmt: skip
        for lane in range(W):
            if plan.live[lane] == 0:
                continue
            slot = plan.slot[lane]
            if plan.rests[lane] != 0:
                plan.live[lane] = 0
                plan.pieces[lane] = 1
                pass_over(lines, lane, plan.end[lane])
                plan.tally[0] += 1
                continue
            if slot < panels.shape[0] - 1 and reuse(panels, lines, lane, slot, plan.begin[lane], plan.end[lane]):
                plan.live[lane] = 0
                plan.pieces[lane] = 1 << panels.level[slot * W + lane]
                plan.tally[0] += 1
        _run_panels(
            driver_rates, forced, disease_rates, first, second, forcing, lines, one, two, panels, plan, work, under
        )
        _give_up_stuck(second, plan, one, two)


def _finish_signature():
    from numba import types

    return types.void(*(numba_type(bundle) for bundle in (Forcing, Lines, Lines, State, State, Panels, Seen)))


@jit(signature=_finish_signature(), **PLAIN)
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
