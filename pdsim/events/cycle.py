"""A repeating pattern of doses: what arrives and what flows in during one interval."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import numpy as np

_NEAR = 1e-12  # of the period: breakpoints closer than this are one


class Arrival(NamedTuple):
    """Something given in every period.

    `after` is the time from the start of the period, from 0 to below it. A bolus has duration 0 and `value` (patient,)
    is its amount; else `value` is the rate of an infusion, which may outlast the period or never end.
    """

    after: float
    target: int
    duration: float
    value: np.ndarray


class Cycle(NamedTuple):
    """One period as pieces: at `offsets[k]` the amounts `jumps[k]` arrive, and `inflows[k]` run until the next piece.

    offsets : (piece,), ascending from 0; jumps, inflows : (piece, patient, state)
    """

    period: float
    offsets: np.ndarray
    jumps: np.ndarray
    inflows: np.ndarray

    def lengths(self) -> np.ndarray:
        """Time from each piece to the next, (piece,)."""
        return np.diff([*self.offsets, self.period])

    def of(self, patient: int) -> Cycle:
        """Pattern of one patient, as a cycle of one."""
        one = slice(patient, patient + 1)
        return Cycle(self.period, self.offsets, self.jumps[:, one], self.inflows[:, one])

    def without_doses(self) -> Cycle:
        """The same interval with nothing given."""
        nothing = np.zeros_like(self.jumps[:1])
        return Cycle(self.period, self.offsets[:1], nothing, nothing)


def cycle(arrivals: Sequence[Arrival], period: float, patients: int, states: int) -> Cycle:
    """Lay out what is given in every period, infusions from earlier periods included."""
    breaks = [0.0]
    for arrival in arrivals:
        breaks.append(arrival.after)
        if 0.0 < arrival.duration < inf:
            breaks.append((arrival.after + arrival.duration) % period)
    offsets: list[float] = []
    for point in sorted(breaks):
        if point < period * (1.0 - _NEAR) and not (offsets and point - offsets[-1] <= _NEAR * period):
            offsets.append(point)
    jumps = np.zeros((len(offsets), patients, states))
    inflows = np.zeros((len(offsets), patients, states))
    middles = np.array(offsets) + 0.5 * np.diff([*offsets, period])
    for arrival in arrivals:
        if arrival.duration <= 0.0:
            piece = int(np.argmin(np.abs(np.array(offsets) - arrival.after)))
            jumps[piece, :, arrival.target] += arrival.value
        else:
            for piece, middle in enumerate(middles):
                inflows[piece, :, arrival.target] += arrival.value * _running(arrival, middle, period)
    return Cycle(period, np.array(offsets), jumps, inflows)


def _running(arrival: Arrival, time: float, period: float) -> int:
    """How many infusions of an arrival run at a time of the period."""
    if arrival.duration == inf:
        return 1
    since = (time - arrival.after) % period
    return max(int(np.ceil((arrival.duration - since) / period)), 0)
