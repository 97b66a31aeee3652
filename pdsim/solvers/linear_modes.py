"""Lanes of linear models carried by their modes: what each holds at the last dose, and at a row.

`own` is the bundle `pdsim.solvers.linear.Lanes`.
"""

from __future__ import annotations

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim._lanemath import exp as lane_exp
from pdsim._lanemath import lane as lane_math
from pdsim._lanes import Separate, get, pick, put
from pdsim.solvers.arrays import HOT, INNER

ROW = 2  # kind of an op that reports
TABLE = 32  # multiples of a distance whose exponentials are at hand
_ROW = {**INNER, "pipeline_class": Separate}
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
def _spread(size, length, rates, table):
    """Exponentials of a length."""
    for at in range(size):
        table[at] = lane_exp(rates[at] * length)


@jit(**_ROW)
def _scale(size, rest, rates, anchor, table, mode):
    """What is left of each mode some rows after the anchor; `rest` is what rounding adds to the length."""
    for at in range(size):
        mode[at] = anchor[at] * table[at] * (1.0 + rates[at] * rest)


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
def find_modes(lanes, size, own):
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
def _stay(lanes, size, own):
    """States and what is lost where the lanes stand."""
    for at in range(size * W):
        own.point[at] = own.y[at]
    _find_lost(lanes, size, own.y, own.lost)


@jit(**HOT)
def _reach(lanes, size, length, driven, rows, own):
    """Some states a length after the last dose into `own.point`, from `own.mode`, and what is lost there."""
    if driven:
        _rise(size * lanes, length, own.rates, own.driven, own.mode)
    _weigh(lanes, size, rows, own.right, own.mode, own.point)
    _find_lost(lanes, size, own.mode, own.lost)


@jit(**HOT)
def jump(lanes, size, length, driven, own):
    """All states a length after the last dose."""
    if length <= 0.0:
        _stay(lanes, size, own)
        return
    _decay(size * lanes, length, own.rates, own.held, own.mode)
    _reach(lanes, size, length, driven, own.every, own)


@jit(**HOT)
def look(lanes, size, given, op, length, driven, rows, own):
    """States that are read at a row."""
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
        _scale(wide, rest, own.rates, own.anchor, table, own.mode)
        even[1] = step
        _reach(lanes, size, length, driven, rows, own)
        return
    _decay(wide, max(length, 0.0), own.rates, own.held, own.anchor)
    even[0] = max(length, 0.0)
    even[1] = 0.0
    if op + 1 < given.kinds.size and given.kinds[op + 1] == ROW:
        gap = given.times[op + 1] - given.times[op]
        if gap > 0.0 and abs(gap - even[2]) > _EVEN * even[2]:
            even[2] = gap
            even[3] = 0.0
    if length <= 0.0:
        _stay(lanes, size, own)
        return
    for at in range(wide):
        own.mode[at] = own.anchor[at]
    _reach(lanes, size, length, driven, rows, own)
