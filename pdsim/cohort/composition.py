"""Shares of the clones at entry: a composition that varies between patients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np


@dataclass(frozen=True)
class Slope:
    """What a number of the patient does to one clone, for each unit of it; clone 0 is the first."""

    clone: int
    variable: str
    amount: float


@dataclass(frozen=True)
class Composition:
    """Logistic-normal shares: the log-ratio of each clone to the first clone is normal.

    With typical shares ``T``, standard normal scores ``z`` and numbers ``x`` of the patient, the weights are
    ``w[0] = 1`` and ``w[k] = T[k] / T[0] * exp(sum(shift[k] * x) + sd[k] * z[k])``, where
    ``sd[k] = log_odds_sd[k] * exp(sum(widening[k] * x))``; the shares are ``w / sum(w)``.

    So `typical` is the patient whose scores and numbers are all 0, and ``T[k] / T[0]`` is the median ratio of clone k
    to the first clone over such patients. It is neither the mean nor the median of the shares: these follow from the
    spreads as well.

    Attributes
    ----------
    typical : tuple of float, (clone,)
        Shares above 0 that sum to 1.
    log_odds_sd : tuple of float, (clone,)
        SD of the log-ratio to the first clone; the entry of the first clone is not used. All 0 gives every patient
        the same shares.
    source, status : str
    shift, widening : tuple of Slope
        What prior treatment and the like add to the log-ratio of a clone, and to the logarithm of its SD.
    """

    typical: tuple[float, ...]
    log_odds_sd: tuple[float, ...]
    source: str = ""
    status: str = ""
    shift: tuple[Slope, ...] = ()
    widening: tuple[Slope, ...] = ()

    def shares(self, scores: Sequence[np.ndarray], values: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
        """Turn scores into shares.

        Parameters
        ----------
        scores : sequence of array, (patient,)
            Of all clones but the first.
        values : mapping of str to array, (patient,)
            At least the numbers that `shift` and `widening` name.

        Returns
        -------
        array, (patient, clone)
        """
        logs = [np.zeros(scores[0].shape) if scores else np.zeros(1)]
        for clone, score in enumerate(scores, 1):
            spread = self.log_odds_sd[clone] * np.exp(_total(self.widening, clone, values))
            ratio = np.log(self.typical[clone] / self.typical[0]) + _total(self.shift, clone, values)
            logs.append(ratio + spread * score)
        # One clone after the other: a reduction may change its order of summing with the number of patients.
        top = logs[0]
        for each in logs[1:]:
            top = np.maximum(top, each)
        weights = [np.exp(each - top) for each in logs]
        total = weights[0]
        for each in weights[1:]:
            total = total + each
        return np.stack([each / total for each in weights], axis=-1)

    def mistakes(self, clones: int) -> Iterator[tuple[str, str]]:
        """Yield (key, what is wrong) for every impossible number."""
        if len(self.typical) != clones:
            yield "typical", f"has {len(self.typical)} numbers for {clones} clones"
        elif any(not (isfinite(share) and share > 0) for share in self.typical):
            yield "typical", "every share should be more than 0; give a clone that is absent a tiny share such as 1e-9"
        elif abs(sum(self.typical) - 1) > 1e-6:
            yield "typical", f"should sum to 1, not {sum(self.typical):.6g}"
        if len(self.log_odds_sd) != clones:
            yield (
                "log_odds_sd",
                f"has {len(self.log_odds_sd)} numbers for {clones} clones; give one for each, or one number",
            )
        elif any(not (isfinite(spread) and spread >= 0) for spread in self.log_odds_sd):
            yield "log_odds_sd", "should be finite and not negative"


def _total(slopes: Sequence[Slope], clone: int, values: Mapping[str, np.ndarray] | None) -> np.ndarray | float:
    total: np.ndarray | float = 0.0
    for slope in slopes:
        if slope.clone == clone and values is not None:
            total = total + slope.amount * values[slope.variable]
    return total
