"""Lanes of linear models carried by their modes: what each holds at the last dose, and at a row.

`own` is the bundle `pdsim.solvers.linear.Lanes`.
"""

from __future__ import annotations

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim._lanemath import exp as lane_exp
from pdsim._lanemath import lane as lane_math
from pdsim._lanes import get, pick, put
from pdsim.solvers.arrays import HOT, ROWS

ROW = 2  # kind of an op that reports
TABLE = 32  # multiples of a distance whose exponentials are at hand
_EVEN = 1e-10  # difference of distances, relative to them, up to which rows count as evenly spaced


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


@jit(**HOT)
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


@jit(**HOT)
def _find_lost(lanes, size, values, lost):
    """0, or NaN where any of the values (state, lane) is."""
    for lane in range(lanes):
        lost[lane] = values[lane]
    for i in range(1, size):
        for lane in range(lanes):
            lost[lane] += get(values, i * lanes, lane)
    for lane in range(lanes):
        lost[lane] = pick(lost[lane] == lost[lane], 0.0, np.nan)


@jit(**HOT)
def _arrive(lanes, size, length, flows, rows, rates, driven, right, mode, point, lost):
    """Add what has flowed into each mode over a length, and turn modes into states."""
    if flows:
        for at in range(size * lanes):
            mode[at] += driven[at] * length * _risen(rates[at] * length)
    _weigh(lanes, size, rows, right, mode, point)
    _find_lost(lanes, size, mode, lost)


@jit(**ROWS)
def _go(lanes, size, length, flows, rows, rates, held, driven, right, left, mode, point, lost):
    """States a length after the last dose; `left` gets what is left of what each mode held then."""
    for at in range(size * lanes):
        left[at] = held[at] * lane_exp(rates[at] * length)
    for at in range(size * lanes):
        mode[at] = left[at]
    _arrive(lanes, size, length, flows, rows, rates, driven, right, mode, point, lost)


@jit(**ROWS)
def _go_on(lanes, size, length, rest, flows, rows, rates, driven, right, anchor, table, mode, point, lost):
    """States some even rows after the anchor; `rest` is what rounding adds to the length."""
    for at in range(size * lanes):
        mode[at] = anchor[at] * table[at] * (1.0 + rates[at] * rest)
    _arrive(lanes, size, length, flows, rows, rates, driven, right, mode, point, lost)


@jit(**ROWS)
def _stay(lanes, size, y, point, lost):
    """States and what is lost where the lanes stand."""
    for at in range(size * lanes):
        point[at] = y[at]
    _find_lost(lanes, size, y, lost)


@jit(**ROWS)
def _spread(size, length, rates, table):
    """Exponentials of a length."""
    for at in range(size):
        table[at] = lane_exp(rates[at] * length)


@jit(**ROWS)
def _find(lanes, size, rows, left, y, constant, inflow, source, held, driven):
    """What each mode holds and is driven by."""
    _weigh(lanes, size, rows, left, y, held)
    for at in range(size * lanes):
        source[at] = constant[at] + inflow[at]
    _weigh(lanes, size, rows, left, source, driven)


@jit(**HOT)
def find_modes(lanes, size, own):
    """What each mode holds and is driven by; return whether any is driven."""
    _find(
        lanes, size, own.every, own.left, own.y, own.constant, own.inflow, own.source, own.held, own.driven,
    )  # fmt: skip
    flows = False
    for at in range(size * W):
        flows |= own.source[at] != 0.0
    return flows


@jit(**HOT)
def jump(lanes, size, length, flows, own):
    """All states a length after the last dose."""
    if length <= 0.0:
        _stay(lanes, size, own.y, own.point, own.lost)
        return
    _go(
        lanes, size, length, flows, own.every, own.rates, own.held, own.driven, own.right, own.anchor, own.mode,
        own.point, own.lost,
    )  # fmt: skip


@jit(**HOT)
def _gap(given, op):
    """Time from a row to the next, 0 where none follows at once."""
    if op + 1 >= given.kinds.size or given.kinds[op] != ROW or given.kinds[op + 1] != ROW:
        return 0.0
    return given.times[op + 1] - given.times[op]


@jit(**HOT)
def look(lanes, size, given, op, length, flows, rows, own):
    """States that are read at a row; rows as far from each other as the ones before share exponentials."""
    wide = size * lanes
    even = own.spacing
    step = even[1] + 1.0
    rest = length - even[0] - step * even[2]
    if even[0] >= 0.0 and step < TABLE and abs(rest) < _EVEN * even[2]:
        begin = np.int64(step) * wide
        table = own.table[begin : begin + wide]
        if step > even[3]:
            _spread(wide, step * even[2], own.rates, table)
            even[3] = step
        even[1] = step
        _go_on(
            lanes, size, length, rest, flows, rows, own.rates, own.driven, own.right, own.anchor, table, own.mode,
            own.point, own.lost,
        )  # fmt: skip
        return
    _go(
        lanes, size, max(length, 0.0), flows, rows, own.rates, own.held, own.driven, own.right, own.anchor, own.mode,
        own.point, own.lost,
    )  # fmt: skip
    even[0] = max(length, 0.0)
    even[1] = 0.0
    gap = _gap(given, op)
    # a single odd one, as from a dose to the next row, is not worth the table of the others
    if gap > 0.0 and abs(gap - even[2]) > _EVEN * even[2] and abs(_gap(given, op + 1) - gap) <= _EVEN * gap:
        even[2] = gap
        even[3] = 0.0
    if length <= 0.0:
        _stay(lanes, size, own.y, own.point, own.lost)
