"""Linear models in closed form: patients that are given doses and infusions at the same times, rows reported between.

Patients lie side by side in lanes. Where a patient's eigenvalues are real and lie apart, amounts are sums of
exponentials from the last dose on, and evenly spaced rows share them; elsewhere each stretch is a matrix exponential,
which also holds where rates meet.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim._lanes import get, put
from pdsim.solvers.arrays import HOT, INNER, PLAIN, Floats, Ints
from pdsim.solvers.linear_flows import KEPT, step
from pdsim.solvers.linear_modes import ROW, TABLE, find_modes, jump, look
from pdsim.solvers.pointers import derive_at, outputs_at

BOLUS, INFLOW = 0, 1


class Given(NamedTuple):
    """What happens: kinds, times and targets of the instants (op,), and amounts or rates (value, patient)."""

    kinds: Ints
    times: Floats
    targets: Ints  # state, or number of the row
    places: Ints  # of its amounts or rates among the values
    values: Floats


class Systems(NamedTuple):
    """``dx/dt = matrix x + constant`` of each patient, its modes where `modal` is 1, and what outputs read."""

    modal: Ints  # (patient,)
    rates: Floats  # (state, patient) eigenvalues
    right: Floats  # (state, state, patient)
    left: Floats  # (state, state, patient)
    matrix: Floats  # (state, state, patient)
    constant: Floats  # (state, patient)
    params: Floats  # (param, patient)


class Wanted(NamedTuple):
    """Which states and outputs are reported, in this order, and the place of each patient's first row."""

    states: Ints
    outputs: Ints
    read: Ints  # states that must be known for that
    first: Ints  # (patient,)


class Lanes(NamedTuple):
    """Patients under way, and work space."""

    rates: Floats  # (state, lane)
    right: Floats  # (state, state, lane)
    left: Floats  # (state, state, lane)
    constant: Floats  # (state, lane)
    params: Floats  # (param and derived, lane)
    modal: Ints  # (lane,)
    y: Floats  # (state, lane) at the last dose
    inflow: Floats  # (state, lane)
    source: Floats  # (state, lane) all that flows in
    held: Floats  # (state, lane) what each mode holds at the last dose
    driven: Floats  # (state, lane) what flows into each mode
    mode: Floats  # (state, lane) what each mode holds at a row
    anchor: Floats  # (state, lane) the same at the row from which the next ones are reached
    table: Floats  # (multiple, state, lane) exponentials of multiples of the rows' distance
    spacing: Floats  # length at the anchor (-1: none), rows since, their distance, multiples in the table
    point: Floats  # (state, lane) states at a row
    time: Floats  # (lane,)
    present: Floats  # (state, lane) filled with 1
    shown: Floats  # (output, lane)
    lost: Floats  # (lane,) 0, or NaN where a state is
    every: Ints  # (state,) numbers of all
    newest: Ints  # (lane,) place among the kept flows that is filled next
    lengths: Floats  # (lane, kept)
    flows: Floats  # (lane, kept, 2, n, n)
    powers: Floats  # (3, 2 n, 2 n)
    square: Floats  # (n, n) matrix of one lane


def make_lanes(states: int, params: int, outputs: int) -> Lanes:
    """Make work space; `params` counts derived ones too."""
    per_lane = {
        "rates": states, "right": states**2, "left": states**2, "constant": states, "params": params, "y": states,
        "inflow": states, "source": states, "held": states, "driven": states, "mode": states, "point": states,
        "anchor": states, "table": TABLE * states,
        "time": 1, "shown": outputs, "lost": 1, "lengths": KEPT, "flows": KEPT * 2 * states**2,
    }  # fmt: skip
    parts = {name: np.zeros(size * W) for name, size in per_lane.items()}
    numbers = {name: np.zeros(W, dtype=np.int64) for name in ("modal", "newest")}
    powers, square = np.zeros(3 * (2 * states) ** 2), np.zeros(states**2)
    more = {"every": np.arange(states), "present": np.ones(states * W), "powers": powers, "square": square}
    more["spacing"] = np.zeros(4)
    return Lanes(**parts, **numbers, **more)


@jit(**INNER)
def _gather(values, first, patients, own):
    """Take lanes (entry, lane) from patients (entry, patient); lanes beyond the last repeat it."""
    for i in range(values.size // patients):
        for lane in range(W):
            own[i * W + lane] = values[i * patients + min(first + lane, patients - 1)]


@jit(**INNER)
def _board(systems, states, inflow, first, own):
    """Let the patients from `first` on take the lanes; return whether all have modes."""
    patients = systems.modal.size
    _gather(systems.rates, first, patients, own.rates)
    _gather(systems.right, first, patients, own.right)
    _gather(systems.left, first, patients, own.left)
    _gather(systems.constant, first, patients, own.constant)
    _gather(systems.params, first, patients, own.params)
    _gather(states, first, patients, own.y)
    _gather(inflow, first, patients, own.inflow)
    all_modal = True
    for lane in range(W):
        own.modal[lane] = systems.modal[min(first + lane, patients - 1)]
        all_modal &= own.modal[lane] != 0
        own.newest[lane] = 0
    for place in range(W * KEPT):
        own.lengths[place] = -1.0
    own.spacing[0] = -1.0
    own.spacing[2] = 0.0
    return all_modal


@jit(**INNER)
def _leave(states, inflow, first, patients, own):
    for i in range(states.size // patients):
        for lane in range(min(W, patients - first)):
            states[i * patients + first + lane] = own.y[i * W + lane]
            inflow[i * patients + first + lane] = own.inflow[i * W + lane]


@jit(**HOT)
def _step_others(systems, first, size, length, own):
    """Carry the lanes without modes."""
    patients = systems.modal.size
    for lane in range(W):
        if own.modal[lane] == 0:
            step(systems, min(first + lane, patients - 1), patients, size, lane, length, own)


@jit(**HOT)
def _act(given, op, first, patients, own):
    """Give a dose, or set an infusion."""
    at = given.targets[op] * W
    values = given.places[op] * patients
    for lane in range(W):
        value = given.values[values + min(first + lane, patients - 1)]
        if given.kinds[op] == BOLUS:
            own.y[at + lane] += value
        else:
            own.inflow[at + lane] = value


@jit(**HOT)
def _report(observe, lanes, time, number, wanted, first, own, out):
    """Write the row of that number of every lane."""
    count = min(W, wanted.first.size - first)
    places = wanted.first[first : first + count]
    shown = wanted.states.size
    for i in range(shown):
        row = wanted.states[i] * W
        column = out[i]
        for lane in range(count):
            put(column, places[lane], number, get(own.point, row, lane))
    if wanted.outputs.size == 0:
        return
    for lane in range(W):
        own.time[lane] = time
    observe(lanes, own.time, own.point, own.params, own.shown[:0], own.present, own.shown)
    for i in range(wanted.outputs.size):
        row = wanted.outputs[i] * W
        column = out[shown + i]
        for lane in range(count):
            put(column, places[lane], number, get(own.shown, row, lane) + own.lost[lane])


def _signature():
    from numba import types

    from pdsim.solvers.arrays import numba_type

    row, number = types.float64[::1], types.int64
    bundles = (numba_type(bundle) for bundle in (Given, Systems, Wanted, Lanes))
    return types.void(number, number, number, *bundles, types.float64, row, row, types.float64[:, ::1])


@jit(signature=_signature(), **PLAIN)
def follow(lanes, derive_kernel, observe_kernel, given, systems, wanted, own, start, states, inflow, out):
    """Lead patients from `start` through all ops, to the time of the last.

    `states` and `inflow` (state, patient) move along; rows go into `out` (state or output, place). Kernels are
    addresses. The caller checks the sizes; times ascend.
    """
    derive = derive_at(derive_kernel)
    observe = outputs_at(observe_kernel)
    patients = systems.modal.size
    size = states.size // patients
    for first in range(0, patients, W):
        all_modal = _board(systems, states, inflow, first, own)
        if wanted.outputs.size > 0:
            derive(lanes, own.params)
        flows = find_modes(lanes, size, own)
        now = start  # of the last dose
        reached = start  # by lanes without modes
        stale = False
        for op in range(given.kinds.size):
            time = given.times[op]
            if given.kinds[op] == ROW or time > now:
                if stale:
                    flows = find_modes(lanes, size, own)
                    stale = False
                if given.kinds[op] == ROW:
                    look(lanes, size, given, op, time - now, flows, wanted.read, own)
                else:
                    jump(lanes, size, time - now, flows, own)
                if not all_modal:
                    _step_others(systems, first, size, time - reached, own)
                reached = max(reached, time)
            if given.kinds[op] == ROW:
                _report(observe, lanes, time, given.targets[op], wanted, first, own, out)
                continue
            if time > now:
                for at in range(size * W):
                    own.y[at] = own.point[at]
                now = time
            _act(given, op, first, patients, own)
            own.spacing[0] = -1.0
            stale = True
        if reached > now:  # rows came last
            jump(lanes, size, reached - now, flows, own)
            if not all_modal:
                _step_others(systems, first, size, 0.0, own)
            for at in range(size * W):
                own.y[at] = own.point[at]
        _leave(states, inflow, first, patients, own)
