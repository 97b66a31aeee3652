"""What a visit changes of the doses to come."""

from __future__ import annotations

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import INNER, PLAIN, Lines, numba_type


def _signature():
    from numba import types

    return types.void(numba_type(Lines), *[types.float64[::1]] * 3)


@jit(signature=_signature(), **PLAIN)
def change_doses(lines, factor, time, until):
    """Give other shares of the planned amounts from `time` (lane,) on, and none from `until` on.

    factor, until : (line, lane); `until` is empty where no line ends. What was taken before `time` enters after its
    lag as it was taken. Sizes are the caller's to check.
    """
    for line in range(lines.drug.size):
        changed = False
        for at in range(line * W, (line + 1) * W):
            changed |= lines.factor[at] != factor[at]
        if changed:
            _note_taken(lines, line, time)
            for at in range(line * W, (line + 1) * W):
                lines.factor[at] = factor[at]
        if until.size > 0:
            _end(lines, line, time, until)


@jit(**INNER)
def _note_taken(lines, line, time):
    """Note at what share the events of a line before `time` were taken, those that were not noted yet."""
    for i in range(lines.first[line], lines.first[line + 1]):
        for lane in range(W):
            if lines.times[i] < time[lane] and np.isnan(lines.given[i * W + lane]):
                lines.given[i * W + lane] = lines.factor[line * W + lane]


@jit(**INNER)
def _end(lines, line, time, until):
    """Let a line give nothing from `until` on, and what its factor says before."""
    for i in range(lines.first[line], lines.first[line + 1]):
        for lane in range(W):
            if lines.times[i] >= time[lane]:
                lines.given[i * W + lane] = 0.0 if lines.times[i] >= until[line * W + lane] else np.nan
