"""Linear models in closed form: patients that are given doses and infusions at the same times, rows reported between.

Where a patient's eigenvalues are real and lie apart, amounts are sums of exponentials and rows are independent of each
other; elsewhere each stretch is a matrix exponential, which also holds where rates meet.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pdsim._jit import jit
from pdsim._lanemath import exp as lane_exp
from pdsim._lanes import Separate, get, put
from pdsim.solvers.arrays import INNER, PLAIN, Floats, Ints

BOLUS, INFLOW, ROW = 0, 1, 2
_ROW = {**INNER, "pipeline_class": Separate}
_KEPT = 8  # lengths whose exponentials are at hand
_ALIKE = 5e-13  # relative difference of lengths that rounded times leave between equal ones
_DEGREE = 13  # of the Taylor series, exact to rounding below a norm of _SMALL
_SMALL = 0.25


class Given(NamedTuple):
    """What happens: kinds, times and states of the instants (op,), and amounts or rates (op, patient)."""

    kinds: Ints
    times: Floats
    targets: Ints  # state, or number of the row
    values: Floats


class Systems(NamedTuple):
    """``dx/dt = matrix x + constant`` of each patient, and its modes where `modal` is 1."""

    modal: Ints  # (patient,)
    rates: Floats  # (patient, state) eigenvalues
    right: Floats  # (patient, state, state)
    left: Floats  # (patient, state, state)
    matrix: Floats  # (patient, state, state)
    constant: Floats  # (patient, state)


class Scratch(NamedTuple):
    """Work space for n states and as many rows as stand between two doses."""

    modes: Floats  # (2, n): what each mode holds, and is driven by
    decay: Floats  # (row,)
    gain: Floats  # (row,)
    shown: Floats  # (n, row)
    point: Floats  # (n,)
    drive: Floats  # (n,)
    lengths: Floats  # (kept,)
    flows: Floats  # (kept, 2, n, n)
    powers: Floats  # (3, 2 n, 2 n)


def make_scratch(states: int, rows: int) -> Scratch:
    """Make work space."""
    sizes = {
        "modes": 2 * states, "decay": rows, "gain": rows, "shown": states * rows, "point": states, "drive": states,
        "lengths": _KEPT, "flows": _KEPT * 2 * states**2, "powers": 3 * (2 * states) ** 2,
    }  # fmt: skip
    return Scratch(**{name: np.zeros(size) for name, size in sizes.items()})


@jit(**INNER)
def _exponential(matrix, first, size, length, scratch, flow):
    """Put ``exp(matrix length)`` and its integral into ``flows[flow]``, as `pdsim.events.closed.flows` does."""
    wide = 2 * size
    square = wide * wide
    a, found, other = scratch.powers[:square], scratch.powers[square : 2 * square], scratch.powers[2 * square :]
    norm = 1e-300
    for i in range(size):
        row = 0.0
        for j in range(size):
            row += abs(matrix[first + i * size + j] * length)
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
            a[i * wide + j] = matrix[first + i * size + j] * length * shrink
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
            scratch.flows[begin + i * size + j] = found[i * wide + j]
            scratch.flows[begin + size * size + i * size + j] = found[i * wide + size + j] * (length / norm)


@jit(**INNER)
def _flow(systems, patient, size, length, scratch, newest):
    """Place among the kept flows of one of this length, and the place that is filled next."""
    for place in range(_KEPT):
        if abs(scratch.lengths[place] - length) <= _ALIKE * length:
            return place, newest
    _exponential(systems.matrix, patient * size * size, size, length, scratch, newest)
    scratch.lengths[newest] = length
    return newest, (newest + 1) % _KEPT


@jit(**INNER)
def _step(systems, patient, size, length, scratch, states, inflow, newest):
    """Carry one patient's states over a length by the matrix exponential."""
    if length <= 0.0:
        return newest
    place, newest = _flow(systems, patient, size, length, scratch, newest)
    begin = place * 2 * size * size
    for i in range(size):
        total = 0.0
        for j in range(size):
            total += scratch.flows[begin + i * size + j] * states[patient * size + j]
            source = systems.constant[patient * size + j] + inflow[patient * size + j]
            total += scratch.flows[begin + size * size + i * size + j] * source
        scratch.point[i] = total
    for i in range(size):
        states[patient * size + i] = scratch.point[i]
    return newest


@jit(**INNER)
def _find_modes(systems, patient, size, scratch, states, inflow):
    """What each mode holds and is driven by."""
    base = patient * size * size
    for k in range(size):
        held = 0.0
        driven = 0.0
        for j in range(size):
            left = systems.left[base + k * size + j]
            held += left * states[patient * size + j]
            driven += left * (systems.constant[patient * size + j] + inflow[patient * size + j])
        scratch.modes[k] = held
        scratch.modes[size + k] = driven


@jit(**INNER)
def _risen(rate, length):
    """Integral of an exponential from 0 to `length`."""
    x = rate * length
    return length * (np.expm1(x) / x) if x != 0.0 else length


@jit(**INNER)
def _jump(systems, patient, size, length, scratch, states, inflow):
    """Carry one patient's states over a length by its modes."""
    if length <= 0.0:
        return
    _find_modes(systems, patient, size, scratch, states, inflow)
    base = patient * size * size
    for i in range(size):
        states[patient * size + i] = 0.0
    for k in range(size):
        rate = systems.rates[patient * size + k]
        value = scratch.modes[k] * lane_exp(rate * length)
        if scratch.modes[size + k] != 0.0:
            value += scratch.modes[size + k] * _risen(rate, length)
        for i in range(size):
            states[patient * size + i] += systems.right[base + i * size + k] * value


@jit(**_ROW)
def _add(count, weight, rows, out, begin):
    for r in range(count):
        put(out, begin, r, get(out, begin, r) + weight * get(rows, 0, r))


@jit(**_ROW)
def _decays(count, rate, held, times, first, now, decay):
    for r in range(count):
        put(decay, 0, r, held * lane_exp(rate * (get(times, first, r) - now)))


@jit(**INNER)
def _show(systems, patient, size, given, first, last, now, scratch, states, inflow, rows, out):
    """Report rows `first` to `last` of the ops, each by itself from the states at `now`."""
    count = last - first
    if count == 0:
        return
    _find_modes(systems, patient, size, scratch, states, inflow)
    base = patient * size * size
    for at in range(size * count):
        scratch.shown[at] = 0.0
    for k in range(size):
        rate = systems.rates[patient * size + k]
        _decays(count, rate, scratch.modes[k], given.times, first, now, scratch.decay)
        if scratch.modes[size + k] != 0.0:
            for r in range(count):
                scratch.decay[r] += scratch.modes[size + k] * _risen(rate, given.times[first + r] - now)
        for i in range(size):
            weight = systems.right[base + i * size + k]
            if weight != 0.0:
                _add(count, weight, scratch.decay, scratch.shown, i * count)
    begin = rows[patient, given.targets[first]]
    together = rows[patient, given.targets[last - 1]] - begin == count - 1
    for i in range(size):
        for r in range(count):
            place = begin + r if together else rows[patient, given.targets[first + r]]
            out[i, place] = scratch.shown[i * count + r]


@jit(**INNER)
def _act(given, op, patient, patients, size, states, inflow):
    value = given.values[op * patients + patient]
    at = patient * size + given.targets[op]
    if given.kinds[op] == BOLUS:
        states[at] += value
    else:
        inflow[at] = value


def _signature():
    from numba import types

    from pdsim.solvers.arrays import numba_type

    row = types.float64[::1]
    bundles = (numba_type(bundle) for bundle in (Given, Systems, Scratch))
    return types.void(*bundles, types.float64, row, row, types.int64[:, ::1], types.float64[:, ::1])


@jit(signature=_signature(), **PLAIN)
def follow(given, systems, scratch, start, states, inflow, rows, out):
    """Lead patients from `start` through all ops, to the time of the last.

    `states` and `inflow` (patient, state) move along; `rows` (patient, number) are places in `out` (state, place).
    The caller checks the sizes; times ascend.
    """
    count = given.kinds.size
    patients = systems.modal.size
    size = states.size // patients
    for patient in range(patients):
        now = start
        newest = 0
        for place in range(_KEPT):
            scratch.lengths[place] = -1.0
        op = 0
        while op < count:
            last = op
            while last < count and given.kinds[last] == ROW:
                last += 1
            if last == op:
                length = given.times[op] - now
                if systems.modal[patient] != 0:
                    _jump(systems, patient, size, length, scratch, states, inflow)
                else:
                    newest = _step(systems, patient, size, length, scratch, states, inflow, newest)
                now = max(now, given.times[op])
                _act(given, op, patient, patients, size, states, inflow)
                op += 1
                continue
            while op < last and given.times[op] <= now:
                for i in range(size):
                    out[i, rows[patient, given.targets[op]]] = states[patient * size + i]
                op += 1
            if systems.modal[patient] != 0:
                _show(systems, patient, size, given, op, last, now, scratch, states, inflow, rows, out)
            else:
                for row in range(op, last):
                    newest = _step(systems, patient, size, given.times[row] - now, scratch, states, inflow, newest)
                    now = max(now, given.times[row])
                    for i in range(size):
                        out[i, rows[patient, given.targets[row]]] = states[patient * size + i]
            op = last
        if systems.modal[patient] != 0 and count > 0:
            _jump(systems, patient, size, given.times[count - 1] - now, scratch, states, inflow)
