"""Outputs at every time of a record, in one compiled loop: a call from Python costs more than the outputs."""

from __future__ import annotations

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import PLAIN
from pdsim.solvers.pointers import outputs_at


def _signature():
    from numba import types

    row = types.float64[::1]
    return types.void(types.int64, types.int64, *[row] * 7)


@jit(signature=_signature(), **PLAIN)
def observe_rows(lanes, address, times, time, p, y, c, present, out):
    """Fill `out` (time, output, lane) from `y`, `present` (time, state, lane) and `c` (time, species, lane).

    `address` is that of the kernel; `time` (lane,) is scratch. The caller checks the sizes; no array overlaps another.
    """
    observe = outputs_at(address)
    count = times.size
    if count == 0:
        return
    states, species, outputs = y.size // count, c.size // count, out.size // count
    for row in range(count):
        for lane in range(W):
            time[lane] = times[row]
        observe(
            lanes,
            time,
            y[row * states : (row + 1) * states],
            p,
            c[row * species : (row + 1) * species],
            present[row * states : (row + 1) * states],
            out[row * outputs : (row + 1) * outputs],
        )
