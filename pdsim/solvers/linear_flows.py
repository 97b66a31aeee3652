"""Lanes of linear models carried by the matrix exponential, which also holds where rates meet.

`own` is the bundle `pdsim.solvers.linear.Lanes`.
"""

from __future__ import annotations

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import INNER

KEPT = 8  # lengths whose exponentials are at hand
_ALIKE = 5e-13  # relative difference of lengths that rounded times leave between equal ones
_DEGREE = 13  # of the Taylor series, exact to rounding below a norm of _SMALL
_SMALL = 0.25


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
    first = lane * KEPT
    for place in range(first, first + KEPT):
        if abs(own.lengths[place] - length) <= _ALIKE * length:
            return place
    for at in range(size * size):
        own.square[at] = systems.matrix[at * patients + patient]
    place = first + own.newest[lane]
    _exponential(size, length, own, place)
    own.lengths[place] = length
    own.newest[lane] = (own.newest[lane] + 1) % KEPT
    return place


@jit(**INNER)
def step(systems, patient, patients, size, lane, length, own):
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
