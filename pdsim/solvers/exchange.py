"""Patients change places: what belongs to their lanes is swapped in one compiled loop.

From Python, a hundred views for each pair took longer than what the change saves. Of kept panels no more is moved than
they hold, mostly a tenth of their room.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba.core import types
from numba.extending import intrinsic

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import INNER, KEPT, PLAIN, lane_rows
from pdsim.solvers.panels import Panels
from pdsim.solvers.pointers import call

if TYPE_CHECKING:
    from pdsim.solvers.block import Block


class Table(NamedTuple):
    """Where a block's arrays (row, lane) of 8-byte words stand; see `table_of`."""

    address: np.ndarray  # (array,)
    rows: np.ndarray  # (array,)
    panels: np.ndarray  # (5,) addresses of `KEPT`; empty without panels
    shape: np.ndarray  # (4,) slots, pieces, rows of a piece's moments, rows of a driver


def table_of(bundles: Sequence[tuple]) -> Table:
    """Find what belongs to single lanes in the bundles of a block; it is valid as long as these stand."""
    rows_at = lane_rows(bundles)
    panels = next((bundle for bundle in bundles if isinstance(bundle, Panels)), None)
    addresses = shape = np.zeros(0, dtype=np.int64)
    if panels is not None:
        kept = [getattr(panels, name) for name in KEPT]
        addresses = np.array([array.ctypes.data for array in kept], dtype=np.int64)
        slots, pieces = panels.shape[:2]
        rows = panels.moments.size // (slots * pieces * W), panels.start.size // (slots * W)
        shape = np.array([slots, pieces, *rows], dtype=np.int64)
    return Table(
        np.array(list(rows_at), dtype=np.int64),
        np.array(list(rows_at.values()), dtype=np.int64),
        addresses,
        shape,
    )


def exchange(blocks: Sequence[Block], moves: np.ndarray) -> None:
    """Let pairs of patients change places, one pair after the other.

    Parameters
    ----------
    blocks : sequence of Block
        Of the same arm and time, with arrays of the same sizes.
    moves : array of int, (pair, 4)
        Block and lane of one, block and lane of the other.
    """
    tables = [block.lane_table for block in blocks]
    call(
        _exchange,
        np.array([table.address for table in tables]),
        tables[0].rows,
        np.array([table.panels for table in tables]),
        tables[0].shape,
        np.ascontiguousarray(moves, dtype=np.int64),
    )


@intrinsic
def _words_at(typingctx, address):
    """Words of 8 bytes from an address on."""
    kind = types.CPointer(types.int64)

    def generate(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(kind))

    return kind(types.int64), generate


def _signature():
    row, table = types.int64[::1], types.int64[:, ::1]
    return types.void(table, row, table, row, table)


@jit(**INNER)
def _swap(one, lane, other, place, rows):
    for at in range(0, rows * W, W):
        mine = one[at + lane]
        theirs = other[at + place]
        if mine != theirs:  # most are alike, doses still to come above all
            one[at + lane] = theirs
            other[at + place] = mine


@jit(**INNER)
def _swap_panels(mine, lane, yours, place, shape):
    """Swap the kept panels of two lanes, and at the end of which they stand; `mine`, `yours` as in `Table.panels`."""
    slots, pieces, moments, driver = shape
    level, other_level = _words_at(mine[0]), _words_at(yours[0])
    at, other_at = _words_at(mine[1]), _words_at(yours[1])
    for slot in range(slots):
        highest = max(level[slot * W + lane], other_level[slot * W + place])
        if highest >= 0 or slot == at[lane] or slot == other_at[place]:
            for bundle in range(3, 5):
                base = 8 * slot * driver * W
                _swap(_words_at(mine[bundle] + base), lane, _words_at(yours[bundle] + base), place, driver)
        if highest >= 0:
            base = 8 * slot * pieces * moments * W
            held = moments << highest
            _swap(_words_at(mine[2] + base), lane, _words_at(yours[2] + base), place, held)
    _swap(level, lane, other_level, place, slots)
    _swap(at, lane, other_at, place, 1)


@jit(signature=_signature(), **PLAIN)
def _exchange(addresses, rows, panels, shape, moves):
    for array in range(rows.size):
        for move in range(moves.shape[0]):
            one, other = addresses[moves[move, 0], array], addresses[moves[move, 2], array]
            _swap(_words_at(one), moves[move, 1], _words_at(other), moves[move, 3], rows[array])
    for move in range(moves.shape[0] if shape.size > 0 else 0):
        one, other = panels[moves[move, 0]], panels[moves[move, 2]]
        _swap_panels(one, moves[move, 1], other, moves[move, 3], shape)
