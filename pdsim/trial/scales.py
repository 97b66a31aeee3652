"""The working scale of a figure, its half interval, and how far a prediction is from it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pdsim.trial.schema import OutcomeTable

UNSTATED_N = 50
_Z95 = 1.959963984540054
_RATIO_FLOOR = math.log(1.10)
_POINTS_FLOOR = 4.0
_NO_N = math.log(1.3)


def to_scale(value: np.ndarray | float, unit: str, n: int | None) -> np.ndarray:
    """Return values on the working scale: log of times and ratios, logit of percentages.

    A percentage becomes ``p = (x + 0.5) / (n + 1)`` first, so that 0 % and 100 % are finite; 50 patients where `n` is
    not known.
    """
    given = np.asarray(value, dtype=float)
    if unit == "%":
        count = n or UNSTATED_N
        share = (given / 100.0 * count + 0.5) / (count + 1.0)
        return np.log(share / (1.0 - share))
    with np.errstate(divide="ignore"):
        return np.log(given)


def from_scale(value: np.ndarray | float, unit: str, n: int | None) -> np.ndarray:
    """Return values of the working scale in the unit of the figure; the inverse of `to_scale`."""
    given = np.asarray(value, dtype=float)
    if unit == "%":
        count = n or UNSTATED_N
        share = 1.0 / (1.0 + np.exp(-given))
        return np.clip((share * (count + 1.0) - 0.5) / count, 0.0, 1.0) * 100.0
    return np.exp(given)


def half_interval(one: OutcomeTable, n: int | None) -> float:
    """Half the 95 % interval of an observed figure on the working scale, not below its floor.

    Where none is printed: Wilson's from `n` for a percentage, ``1.96 * 1.25 / sqrt(0.7 n)`` for a median, ``ln 1.3``
    for other figures and medians without `n`. Floors: ``ln 1.10``, or four points at the observed percentage.
    """
    assert one.observed is not None
    if one.low is not None and one.high is not None:
        ends = to_scale(np.array([one.low, one.high]), one.unit, n)
        half = float(ends[1] - ends[0]) / 2
    elif one.unit == "%":
        ends = to_scale(100 * np.array(wilson(one.observed / 100, n or UNSTATED_N)), one.unit, n)
        half = float(ends[1] - ends[0]) / 2
    elif n and one.unit != "ratio":
        half = _Z95 * 1.25 / math.sqrt(0.7 * n)
    else:
        half = _NO_N
    return max(half, _floor(one, n))


def _floor(one: OutcomeTable, n: int | None) -> float:
    if one.unit != "%":
        return _RATIO_FLOOR
    assert one.observed is not None
    count = n or UNSTATED_N
    share = (one.observed / 100 * count + 0.5) / (count + 1.0)
    return _POINTS_FLOOR / (100.0 * share * (1.0 - share))


def wilson(share: float, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share seen in `n` patients, both 0 to 1."""
    spread = _Z95**2 / n
    middle = (share + spread / 2) / (1 + spread)
    half = _Z95 / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def observed_interval(one: OutcomeTable, n: int | None) -> tuple[float, float]:
    """Return the interval of an observed figure: the printed one, or that which `half_interval` stands for."""
    assert one.observed is not None
    if one.low is not None and one.high is not None:
        return one.low, one.high
    middle, half = float(to_scale(one.observed, one.unit, n)), half_interval(one, n)
    low, high = from_scale(np.array([middle - half, middle + half]), one.unit, n)
    return float(low), float(high)


def standardised(predicted: float, one: OutcomeTable, n: int | None) -> tuple[float, float]:
    """Return the standardised error ``z`` and the signed error on the working scale."""
    assert one.observed is not None
    error = float(to_scale(predicted, one.unit, n) - to_scale(one.observed, one.unit, n))
    return abs(error) / half_interval(one, n), error
