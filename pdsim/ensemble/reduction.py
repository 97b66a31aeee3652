"""What is kept of an output over time, stretch by stretch, when its course is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pdsim import schema
from pdsim.errors import PdsimError, did_you_mean


class Reduction:
    """First, last, lowest, highest and mean value of an output on each lane; NaN where any value is missing.

    Values are taken in order of time, as they would be stored (float32); the mean adds up in float64.
    """

    def __init__(self, lanes: int) -> None:
        self._count = 0
        self._total = np.zeros(lanes)
        self._first = self._last = np.full(lanes, np.nan, dtype=np.float32)
        self._low, self._high = np.full((2, lanes), np.inf, dtype=np.float32) * np.array([[1], [-1]], dtype=np.float32)
        self._low_at, self._high_at = np.full((2, lanes), np.nan)

    def take(self, times: np.ndarray, values: np.ndarray) -> None:
        """Add a stretch of values (time, lane) at times (time,)."""
        if not len(times):
            return
        values = single(values)
        self._first = self._first if self._count else values[0]
        self._last = values[-1]
        self._count += len(times)
        self._total += values.sum(axis=0, dtype=np.float64)
        low, high = values.min(axis=0), values.max(axis=0)
        self._low_at = np.where(low < self._low, times[values.argmin(axis=0)], self._low_at)
        self._high_at = np.where(high > self._high, times[values.argmax(axis=0)], self._high_at)
        self._low, self._high = np.minimum(self._low, low), np.maximum(self._high, high)

    def result(self, how: str) -> np.ndarray:
        """Value of a reduction, a key of `schema.REDUCTIONS`, (lane,): times in float64, others in float32."""
        found = {
            "first": self._first,
            "last": self._last,
            "min": self._low,
            "max": self._high,
            "mean": single(self._total / max(self._count, 1)),
            "time_of_min": self._low_at,
            "time_of_max": self._high_at,
        }[how]
        return np.where(np.isnan(self._total), np.nan, found).astype(found.dtype)


def single(values: np.ndarray) -> np.ndarray:
    """Values as they are stored: float32, infinite beyond its range of 3e38."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def read_reductions(
    given: Mapping[str, str | Sequence[str]] | None, outputs: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    """Pairs of output and reduction, in the order given.

    Raises
    ------
    PdsimError
        With every name that is no output or no reduction.
    """
    found, mistakes = [], []
    for name, hows in (given or {}).items():
        if name not in outputs:
            mistakes.append(f"reduce: the model has no output '{name}'.{did_you_mean(name, outputs)}")
        for how in [hows] if isinstance(hows, str) else hows:
            found.append((name, how))
            if how not in schema.REDUCTIONS:
                mistakes.append(f"reduce: '{how}' of '{name}' is not known.{did_you_mean(how, schema.REDUCTIONS)}")
    if mistakes:
        raise PdsimError("\n".join([*mistakes, f"Reductions: {', '.join(schema.REDUCTIONS)}"]))
    return tuple(dict.fromkeys(found))
