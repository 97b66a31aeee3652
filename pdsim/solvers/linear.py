"""Linear models in closed form: patients that are given doses and infusions at the same times, rows reported between.

Patients lie side by side in lanes. Where a patient's eigenvalues are real and lie apart, amounts are sums of
exponentials from the last dose on and rows are independent of each other; elsewhere each stretch is a matrix
exponential, which also holds where rates meet.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim._lanemath import exp as lane_exp
from pdsim._lanemath import lane as lane_math
from pdsim._lanes import Separate, get, pick, put
from pdsim.solvers.arrays import HOT, INNER, PLAIN, Floats, Ints
from pdsim.solvers.pointers import derive_at, outputs_at

BOLUS, INFLOW, ROW = 0, 1, 2
_ROW = {**INNER, "pipeline_class": Separate}
_KEPT = 8  # lengths whose exponentials are at hand
_ALIKE = 5e-13  # relative difference of lengths that rounded times leave between equal ones
_DEGREE = 13  # of the Taylor series, exact to rounding below a norm of _SMALL
_SMALL = 0.25


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
        "time": 1, "shown": outputs, "lost": 1, "lengths": _KEPT, "flows": _KEPT * 2 * states**2,
    }  # fmt: skip
    parts = {name: np.zeros(size * W) for name, size in per_lane.items()}
    numbers = {name: np.zeros(W, dtype=np.int64) for name in ("modal", "newest")}
    powers, square = np.zeros(3 * (2 * states) ** 2), np.zeros(states**2)
    more = {"every": np.arange(states), "present": np.ones(states * W), "powers": powers, "square": square}
    return Lanes(**parts, **numbers, **more)


@jit(**INNER)
def _exponential(size, length, own, flow):
    """Put ``exp(matrix length)`` of `own.square` and its integral into flow `flow`, as `pdsim.events.closed.flows`."""
    wide = 2 * size
    square = wide * wide
    matrix = own.square
    a, found, other = own.powers[:square], own.powers[square : 2 * square], own.powers[2 * square :]
    norm = 1e-300
    for i in range(size):
        row = 0.0
        for j in range(size):
            row += abs(matrix[i * size + j] * length)
        norm = max(norm, row)
    halvings = 0
    shrink = 1.0
    while 2.0 * norm * shrink > _SMALL and halvings < 1000:
        shrink *= 0.5
        halvings += 1
    for i in range(wide):
        for j in range(wide):
            a[i * wide + j] = 0.0
            found[i * wide + j] = 1.0 if i == j else 0.0
    for i in range(size):
        for j in range(size):
            a[i * wide + j] = matrix[i * size + j] * length * shrink
        a[i * wide + size + i] = norm * shrink
    for step in range(_DEGREE + halvings):
        degree = _DEGREE - step
        for i in range(wide):
            for j in range(wide):
                total = 0.0
                for k in range(wide):
                    total += (a[i * wide + k] if degree > 0 else found[i * wide + k]) * found[k * wide + j]
                if degree > 0:
                    total = total / degree + (1.0 if i == j else 0.0)
                other[i * wide + j] = total
        for at in range(square):
            found[at] = other[at]
    begin = flow * 2 * size * size
    for i in range(size):
        for j in range(size):
            own.flows[begin + i * size + j] = found[i * wide + j]
            own.flows[begin + size * size + i * size + j] = found[i * wide + size + j] * (length / norm)


@jit(**INNER)
def _flow(systems, patient, patients, size, lane, length, own):
    """Place of a flow of this length among those kept of a lane."""
    first = lane * _KEPT
    for place in range(first, first + _KEPT):
        if abs(own.lengths[place] - length) <= _ALIKE * length:
            return place
    for at in range(size * size):
        own.square[at] = systems.matrix[at * patients + patient]
    place = first + own.newest[lane]
    _exponential(size, length, own, place)
    own.lengths[place] = length
    own.newest[lane] = (own.newest[lane] + 1) % _KEPT
    return place


@jit(**INNER)
def _step(systems, patient, patients, size, lane, length, own):
    """Carry one lane's states over a length by the matrix exponential, and show them."""
    if length > 0.0:
        begin = _flow(systems, patient, patients, size, lane, length, own) * 2 * size * size
        for i in range(size):
            total = 0.0
            for j in range(size):
                total += own.flows[begin + i * size + j] * own.y[j * W + lane]
                source = own.constant[j * W + lane] + own.inflow[j * W + lane]
                total += own.flows[begin + size * size + i * size + j] * source
            own.point[i * W + lane] = total
        for i in range(size):
            own.y[i * W + lane] = own.point[i * W + lane]
    total = 0.0
    for i in range(size):
        own.point[i * W + lane] = own.y[i * W + lane]
        total += own.y[i * W + lane]
    own.lost[lane] = np.nan if np.isnan(total) else 0.0


@lane_math
def _risen(x):
    """``(exp(x) - 1) / x``, by Taylor to degree 13 where the difference would lose digits."""
    p = 1.1470745597729725e-11
    p = p * x + 1.6059043836821613e-10
    p = p * x + 2.08767569878681e-09
    p = p * x + 2.505210838544172e-08
    p = p * x + 2.755731922398589e-07
    p = p * x + 2.7557319223985893e-06
    p = p * x + 2.48015873015873e-05
    p = p * x + 1.984126984126984e-04
    p = p * x + 1.3888888888888889e-03
    p = p * x + 8.333333333333333e-03
    p = p * x + 4.1666666666666664e-02
    p = p * x + 1.6666666666666666e-01
    p = p * x + 0.5
    p = p * x + 1.0
    near = abs(x) < 0.5
    return pick(near, p, (lane_exp(x) - 1.0) / pick(near, 1.0, x))


@jit(**_ROW)
def _weigh(lanes, size, rows, matrix, values, sums):
    """Some rows of matrices (row, column, lane) times values (column, lane)."""
    for i in rows:
        for lane in range(lanes):
            put(sums, i * lanes, lane, get(matrix, i * size * lanes, lane) * values[lane])
        for j in range(1, size):
            at = (i * size + j) * lanes
            for lane in range(lanes):
                more = get(matrix, at, lane) * get(values, j * lanes, lane)
                put(sums, i * lanes, lane, get(sums, i * lanes, lane) + more)


@jit(**_ROW)
def _add(size, one, other, out):
    for at in range(size):
        out[at] = one[at] + other[at]


@jit(**_ROW)
def _decay(size, length, rates, held, mode):
    """What is left of each mode after a length."""
    for at in range(size):
        mode[at] = held[at] * lane_exp(rates[at] * length)


@jit(**_ROW)
def _rise(size, length, rates, driven, mode):
    """Add what has flowed into each mode over a length."""
    for at in range(size):
        mode[at] += driven[at] * length * _risen(rates[at] * length)


@jit(**_ROW)
def _find_lost(lanes, size, values, lost):
    for lane in range(lanes):
        lost[lane] = values[lane]
    for i in range(1, size):
        for lane in range(lanes):
            lost[lane] += get(values, i * lanes, lane)
    for lane in range(lanes):
        lost[lane] = pick(lost[lane] == lost[lane], 0.0, np.nan)


@jit(**HOT)
def _find_modes(lanes, size, own):
    """What each mode holds and is driven by; return whether any is driven."""
    _weigh(lanes, size, own.every, own.left, own.y, own.held)
    _add(size * lanes, own.constant, own.inflow, own.source)
    flows = False
    for at in range(size * W):
        flows |= own.source[at] != 0.0
    if flows:
        _weigh(lanes, size, own.every, own.left, own.source, own.driven)
    return flows


@jit(**HOT)
def _reach(lanes, size, length, driven, rows, own):
    """Some states a length after the last dose into `own.point`, and into `own.lost` what is lost there."""
    if length <= 0.0:
        for at in range(size * W):
            own.point[at] = own.y[at]
        _find_lost(lanes, size, own.y, own.lost)
        return
    _decay(size * lanes, length, own.rates, own.held, own.mode)
    if driven:
        _rise(size * lanes, length, own.rates, own.driven, own.mode)
    _weigh(lanes, size, rows, own.right, own.mode, own.point)
    _find_lost(lanes, size, own.mode, own.lost)


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
    for place in range(W * _KEPT):
        own.lengths[place] = -1.0
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
            _step(systems, min(first + lane, patients - 1), patients, size, lane, length, own)


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
def _report(observe, lanes, size, time, number, wanted, first, own, out):
    """Write the row of that number of every lane."""
    count = min(W, wanted.first.size - first)
    shown = wanted.states.size
    for i in range(shown):
        row = wanted.states[i] * W
        for lane in range(count):
            out[i, wanted.first[first + lane] + number] = own.point[row + lane]
    if wanted.outputs.size == 0:
        return
    for lane in range(W):
        own.time[lane] = time
    observe(lanes, own.time, own.point, own.params, own.shown[:0], own.present, own.shown)
    for i in range(wanted.outputs.size):
        row = wanted.outputs[i] * W
        for lane in range(count):
            out[shown + i, wanted.first[first + lane] + number] = own.shown[row + lane] + own.lost[lane]


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
        driven = _find_modes(lanes, size, own)
        now = start  # of the last dose
        reached = start  # by lanes without modes
        stale = False
        for op in range(given.kinds.size):
            time = given.times[op]
            if given.kinds[op] == ROW or time > now:
                if stale:
                    driven = _find_modes(lanes, size, own)
                    stale = False
                rows = wanted.read if given.kinds[op] == ROW else own.every
                _reach(lanes, size, time - now, driven, rows, own)
                if not all_modal:
                    _step_others(systems, first, size, time - reached, own)
                reached = max(reached, time)
            if given.kinds[op] == ROW:
                _report(observe, lanes, size, time, given.targets[op], wanted, first, own, out)
                continue
            if time > now:
                for at in range(size * W):
                    own.y[at] = own.point[at]
                now = time
            _act(given, op, first, patients, own)
            stale = True
        if reached > now:  # rows came last
            _reach(lanes, size, reached - now, driven, own.every, own)
            if not all_modal:
                _step_others(systems, first, size, 0.0, own)
            for at in range(size * W):
                own.y[at] = own.point[at]
        _leave(states, inflow, first, patients, own)
