"""Sparse LU of one matrix a lane, all of one pattern: rows are eliminated in an order chosen once, without exchanges.

A lane whose pivots come out of cancellation, or grow beyond all measure, is reported: its caller takes a smaller step.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim._lanes import Separate, get, put
from pdsim.solvers.arrays import HOT, PLAIN, Ints, numba_type

_ROW = {**HOT, "pipeline_class": Separate}  # arrays may be one, what is read and written never overlaps
_LOST = 1e-8  # of a diagonal entry: what is left of it when it becomes a pivot carries no digits
_GROWN = 1e10  # times a diagonal entry: the others have swallowed it


class Elimination(NamedTuple):
    """Where the entries of a matrix (n, n) are stored, and in which order it is taken apart."""

    order: Ints  # (n,) row and column that go at each turn
    place: Ints  # (n, n) where an entry is stored, -1 where it is always zero
    row: Ints  # (entry,)
    column: Ints  # (entry,)
    below_first: Ints  # (n + 1,) first of `below` at each turn
    below: Ints  # rows that the turn's row is taken from
    after_first: Ints  # (n + 1,) first of `after` at each turn
    after: Ints  # columns that the turn's row still has


numba_type(Elimination)


def elimination(pattern: np.ndarray) -> Elimination:
    """Choose an order for matrices that are zero where `pattern`, bool (n, n), is not set, their diagonal apart.

    At each turn the row and column go that fill in least (Markowitz 1957, Manage Sci 3:255).
    """
    return _elimination(np.asarray(pattern, dtype=bool).tobytes(), len(pattern))


@cache
def _elimination(pattern: bytes, size: int) -> Elimination:
    filled = np.frombuffer(pattern, dtype=bool).reshape(size, size) | np.eye(size, dtype=bool)
    left = np.ones(size, dtype=bool)
    order, below, after = [], [], []
    for _ in range(size):
        open_ = filled & left[:, None] & left
        cost = (open_.sum(axis=0) - 1) * (open_.sum(axis=1) - 1)
        turn = int(np.argmin(np.where(left, cost, size**2)))
        left[turn] = False
        order.append(turn)
        below.append(np.flatnonzero(filled[:, turn] & left))
        after.append(np.flatnonzero(filled[turn] & left))
        filled = filled | (filled[:, turn] & left)[:, None] & (filled[turn] & left)
    rows, columns = np.nonzero(filled)
    place = np.full((size, size), -1)
    place[rows, columns] = np.arange(len(rows))
    whole = [order, place.reshape(-1), rows, columns, *_joined(below), *_joined(after)]
    return Elimination(*(np.array(part, dtype=np.int64) for part in whole))


def _joined(parts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return np.cumsum([0, *map(len, parts)]), np.concatenate([*parts, np.zeros(0, dtype=np.int64)])


@jit(**_ROW)
def _invert(lanes, factors, at, diagonal, before, spoilt):
    """Replace a pivot by its inverse; mark lanes on which it is no longer worth anything beside the entry before."""
    for lane in range(lanes):
        pivot = get(factors, at, lane)
        size = abs(get(diagonal, before, lane))
        good = abs(pivot) >= _LOST * size and abs(pivot) <= _GROWN * size and size > 0.0
        put(spoilt, 0, lane, get(spoilt, 0, lane) if good else 1.0)
        put(factors, at, lane, 1.0 / pivot)


@jit(**_ROW)
def _scale(lanes, out, at, factors, place):
    for lane in range(lanes):
        put(out, at, lane, get(out, at, lane) * get(factors, place, lane))


@jit(**_ROW)
def _take_away(lanes, out, at, factors, place, rows, other):
    for lane in range(lanes):
        put(out, at, lane, get(out, at, lane) - get(factors, place, lane) * get(rows, other, lane))


@jit(**PLAIN)
def factorise(lanes, plan, factors, diagonal, spoilt):
    """LU in place on factors (entry, lane); `diagonal` (row, lane) as it was; `spoilt` (lane,) is 1 where it failed."""
    n = plan.order.size
    for lane in range(lanes):
        spoilt[lane] = 0.0
    for turn in range(n):
        k = plan.order[turn]
        pivot = plan.place[k * n + k] * W
        _invert(lanes, factors, pivot, diagonal, k * W, spoilt)
        for b in range(plan.below_first[turn], plan.below_first[turn + 1]):
            i = plan.below[b]
            left = plan.place[i * n + k] * W
            _scale(lanes, factors, left, factors, pivot)
            for a in range(plan.after_first[turn], plan.after_first[turn + 1]):
                j = plan.after[a]
                at, other = plan.place[i * n + j] * W, plan.place[k * n + j] * W
                _take_away(lanes, factors, at, factors, left, factors, other)


@jit(**PLAIN)
def solve(lanes, plan, factors, rows):
    """Solve with the factors of `factorise`, in place on rows (row, lane)."""
    n = plan.order.size
    for turn in range(n):
        k = plan.order[turn]
        for b in range(plan.below_first[turn], plan.below_first[turn + 1]):
            i = plan.below[b]
            _take_away(lanes, rows, i * W, factors, plan.place[i * n + k] * W, rows, k * W)
    for turn in range(n - 1, -1, -1):
        k = plan.order[turn]
        for a in range(plan.after_first[turn], plan.after_first[turn + 1]):
            j = plan.after[a]
            _take_away(lanes, rows, k * W, factors, plan.place[k * n + j] * W, rows, j * W)
        _scale(lanes, rows, k * W, factors, plan.place[k * n + k] * W)
