"""Blocks of the cascade that go from stop to stop: one call for all of them, whose threads Python need not wait for.

From Python, what is done at a stop took as long as days of a block, and with several threads each call waited for its
turn to go back into Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import compiled, jit
from pdsim.solvers import cascade, readings
from pdsim.solvers.arrays import INNER, PLAIN, Forcing, Lines, Problem, State, Work
from pdsim.solvers.bundles import bundle_at, words_of
from pdsim.solvers.disease import DiseaseWork
from pdsim.solvers.driver import DriverWork
from pdsim.solvers.outputs import observe_rows
from pdsim.solvers.panels import Panels, Plan
from pdsim.solvers.pointers import address_of, call, function_at, outputs_at
from pdsim.solvers.readings import Seen
from pdsim.solvers.status import OK

if TYPE_CHECKING:
    from pdsim.model.cascade import Cascade
    from pdsim.solvers.cascade_block import CascadeBlock

# places of a block's bundles in a row of a table
(
    FIRST, SECOND, FORCING, ASIDE, NOTHING, LINES, OWN, OTHER, ONE, TWO, ONE_ASIDE, TWO_ASIDE, PANELS, PLAN, WORK,
    UNDER, WHOLE, SCRATCH, SEEN, PROBLEM,
) = range(20)  # fmt: skip

_advance_at = function_at(cascade.SIGNATURE)
_finish_at = function_at(cascade.FINISH_SIGNATURE)
_look_at = function_at(readings.SIGNATURE)
_problem_at, _forcing_at, _lines_at, _state_at = (bundle_at(kind) for kind in (Problem, Forcing, Lines, State))
_panels_at, _plan_at, _seen_at, _work_at = (bundle_at(kind) for kind in (Panels, Plan, Seen, Work))
_driver_work_at, _disease_work_at = bundle_at(DriverWork), bundle_at(DiseaseWork)


def _signature() -> Any:
    from numba import types

    table = types.int64[:, ::1]
    return types.void(types.int64[::1], table, table, types.float64, types.int64)


@jit(signature=_signature(), **PLAIN)
def _advance(codes, tables, loads, stop, last):
    """Lead every block to `stop` and note where it stands; write the outputs due there if it is the last."""
    advance, finish, look = _advance_at(codes[0]), _finish_at(codes[1]), _look_at(codes[2])
    for block in range(tables.shape[0]):
        at = tables[block]
        aside, lines, other = _forcing_at(at[ASIDE]), _lines_at(at[LINES]), _lines_at(at[OTHER])
        one, two, one_aside = _state_at(at[ONE]), _state_at(at[TWO]), _state_at(at[ONE_ASIDE])
        panels, plan, seen = _panels_at(at[PANELS]), _plan_at(at[PLAN]), _seen_at(at[SEEN])
        whole = _state_at(at[WHOLE])
        advance(
            codes[3], codes[4], codes[5], _problem_at(at[FIRST]), _problem_at(at[SECOND]), _forcing_at(at[FORCING]),
            aside, _forcing_at(at[NOTHING]), lines, _lines_at(at[OWN]), other, one, two, one_aside,
            _state_at(at[TWO_ASIDE]), panels, plan, _driver_work_at(at[WORK]), _disease_work_at(at[UNDER]), seen, stop,
        )  # fmt: skip
        for lane in range(W):
            loads[block, lane] = two.counts[lane] + two.counts[W + lane]  # the driver's are mostly of the first weeks
            plan.tally[3] += one.counts[lane] + one.counts[W + lane]
            plan.tally[4] += loads[block, lane]
        look(aside, lines, other, one_aside, two, panels, seen, whole.y, _work_at(at[SCRATCH]).c)
        for i in range(seen.disease.size):
            for lane in range(W):
                whole.y[seen.disease[i] * W + lane] = two.y[i * W + lane]
                whole.present[seen.disease[i] * W + lane] = two.present[i * W + lane]
        for lane in range(W):
            whole.time[lane] = two.time[lane]
        if last != 0:
            finish(aside, lines, other, one_aside, two, panels, seen)


@jit(**INNER)
def _lose(rows, lane):
    for at in range(lane, rows.size, W):
        rows[at] = np.nan


def _observe_signature() -> Any:
    from numba import types

    row, wide = types.float64[::1], types.float64[:, ::1]
    return types.void(types.int64, types.int64, types.int64[:, ::1], row, row, wide, wide)


@jit(signature=_observe_signature(), **PLAIN)
def _observe(lanes, kernel, tables, times, time, found, now):
    """Outputs of every block at `times`, as its record has them, and at its present time; NaN where a lane has failed.

    found (block, time * output * lane), now (block, output * lane); time (lane,) is scratch.
    """
    observe = outputs_at(kernel)
    outputs = now.shape[1]
    for block in range(tables.shape[0]):
        at = tables[block]
        seen, whole, p = _seen_at(at[SEEN]), _state_at(at[WHOLE]), _problem_at(at[PROBLEM]).params
        observe_rows(observe, lanes, times, time, p, seen.y, seen.concentrations, seen.present, found[block])
        for row in range(times.size):
            for lane in range(W):
                if np.isnan(seen.y[row * whole.y.size + lane]):
                    _lose(found[block, row * outputs : (row + 1) * outputs], lane)
        observe(lanes, whole.time, whole.y, p, _work_at(at[SCRATCH]).c, whole.present, now[block])
        for lane in range(W):
            if whole.status[lane] != OK:
                _lose(now[block], lane)


def load() -> None:
    """Load what blocks of a cascade call, but for the solver itself; what no cache has is compiled."""
    for function in (readings.look, cascade.finish_cascade, _advance, _observe):
        compiled(function)


@lru_cache(maxsize=64)
def _codes(parts: Cascade) -> np.ndarray:
    """Addresses of the solver and of the kernels of a cascade."""
    solver = cascade.advance_cascade, cascade.finish_cascade, readings.look
    kernels = parts.driver_rates, parts.forced, parts.disease_rates
    return np.array([address_of(function) for function in (*solver, *kernels)], dtype=np.int64)


def advance_block(block: CascadeBlock, stop: float) -> None:
    """Lead one block to `stop`."""
    call(_advance, _codes(block.cascade), block.table, block.load.reshape(1, W), float(stop), 0)


class CascadeBlocks:
    """Blocks of one arm that are led to the same stops.

    Their own records stay as they are; who watches a block by itself afterwards begins a new one.

    Parameters
    ----------
    blocks : sequence of CascadeBlock
        At one time.
    """

    def __init__(self, blocks: Sequence[CascadeBlock]) -> None:
        self._blocks = blocks
        self._codes = _codes(blocks[0].cascade)
        self._loads = np.zeros((len(blocks), W), dtype=np.int64)
        for block, load in zip(blocks, self._loads, strict=True):
            block.load = load
        self._tables = np.concatenate([block.table for block in blocks])
        # a record of their own: address and size of each field
        self._seen = np.array([words_of(block._seen) for block in blocks])
        self._tables[:, SEEN] = self._seen.ctypes.data + self._seen.strides[0] * np.arange(len(blocks))
        self._next = [block._two.next_output for block in blocks]

    def advance(self, times: np.ndarray, stop: float, last: bool) -> tuple[np.ndarray, np.ndarray]:
        """Lead them to `stop`, which is `last` at the end of the run.

        Parameters
        ----------
        times : array, (time,)
            Of outputs, ascending, from the present time to before `stop`, or to `stop` at the end.

        Returns
        -------
        array, (block, time, output, lane)
            Outputs there; NaN after a failure.
        array, (block, output, lane)
            Outputs at `stop`, before the doses that are due there; NaN for failed lanes.
        """
        kernels, species = self._blocks[0].kernels, len(self._blocks[0].species)
        states, outputs, count = len(kernels.states), len(kernels.outputs), len(self._blocks)
        own = np.ascontiguousarray(times, dtype=np.float64)
        sizes = len(own) * W * np.array([states, states, species])
        record = np.full((count, int(sizes.sum())), np.nan)
        places = Seen._fields.index("y"), Seen._fields.index("present"), Seen._fields.index("concentrations")
        starts = record.ctypes.data + record.strides[0] * np.arange(count)
        for place, offset, size in zip(places, np.cumsum(sizes) - sizes, sizes, strict=True):
            self._seen[:, 2 * place] = starts + 8 * offset
            self._seen[:, 2 * place + 1] = size
        at = 2 * Seen._fields.index("times")
        self._seen[:, at], self._seen[:, at + 1] = own.ctypes.data, own.size
        for row in self._next:
            row[:] = 0
        call(_advance, self._codes, self._tables, self._loads, float(stop), int(last))
        found, now = np.empty((count, len(own) * outputs * W)), np.empty((count, outputs * W))
        call(_observe, W, address_of(kernels.observe), self._tables, own, np.empty(W), found, now)
        return found.reshape(count, len(own), outputs, W), now.reshape(count, outputs, W)
