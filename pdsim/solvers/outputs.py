"""Outputs at every time of a record, in one compiled loop: a call from Python costs more than the outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import INNER, PLAIN
from pdsim.solvers.pointers import address_of, call, derive_at, outputs_at


def observe_record(
    kernel: Any, times: np.ndarray, p: np.ndarray, y: np.ndarray, c: np.ndarray, present: np.ndarray, out: np.ndarray
) -> None:
    """Fill `out` (time, output, lane) from `y`, `present` (time, state, lane) and `c` (time, species, lane).

    All arrays are flat rows of float64 of those sizes; none overlaps another.
    """
    call(_observe_rows, W, address_of(kernel), times, np.empty(W), p, y, c, present, out)


def _signature():
    from numba import types

    return types.void(types.int64, types.int64, *[types.float64[::1]] * 7)


@jit(signature=_signature(), **PLAIN)
def _observe_rows(lanes, kernel, times, time, p, y, c, present, out):
    observe_rows(outputs_at(kernel), lanes, times, time, p, y, c, present, out)


@jit(**INNER)
def observe_rows(observe, lanes, times, time, p, y, c, present, out):
    """Outputs of a kernel at every time of a record; see `observe_record`. `time` (lane,) is scratch."""
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


def _points_signature():
    from numba import types

    row, table = types.float64[::1], types.float64[:, ::1]
    return types.void(*[types.int64] * 3, row, *[table] * 3, *[row] * 5, table)


@jit(signature=_points_signature(), **PLAIN)
def observe_points(lanes, derive_kernel, observe_kernel, times, y, present, p, time, own, here, values, shown, out):
    """Outputs (output, point) of points with times, `y`, `present` (state, point) and parameters `p` (param, point).

    `present` without rows: no state can be absent. The five rows after `p` are scratch of `lanes` points each, `here`
    filled with 1. Kernels are addresses; the caller checks the sizes.
    """
    derive = derive_at(derive_kernel)
    observe = outputs_at(observe_kernel)
    for first in range(0, times.size, W):
        count = min(W, times.size - first)
        for lane in range(W):
            time[lane] = times[first + min(lane, count - 1)]
        for i in range(y.shape[0]):
            for lane in range(W):
                own[i * W + lane] = y[i, first + min(lane, count - 1)]
        for i in range(present.shape[0]):
            for lane in range(W):
                here[i * W + lane] = present[i, first + min(lane, count - 1)]
        for i in range(p.shape[0]):
            for lane in range(W):
                values[i * W + lane] = p[i, first + min(lane, count - 1)]
        derive(lanes, values)
        observe(lanes, time, own, values, shown[:0], here, shown)
        for i in range(out.shape[0]):
            for lane in range(count):
                out[i, first + lane] = shown[i * W + lane]
