"""Distributions over patients: each turns standard normal scores into values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite, log, sqrt
from typing import Protocol

import numpy as np

from pdsim._normal import quantile, share_below

LEAST_SHARE = 1e-6  # a truncation that keeps less of the normal than this is taken for a slip


class Distribution(Protocol):
    """What every distribution offers."""

    @property
    def correlates(self) -> bool:
        """Whether it may stand in a correlation."""

    def values(self, scores: np.ndarray) -> np.ndarray:
        """Turn standard normal scores (patient,) into values (patient,), rising with the score."""

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is wrong) for every impossible number."""


@dataclass(frozen=True)
class Fixed:
    """The same value in every patient."""

    value: float
    correlates = False

    def values(self, scores: np.ndarray) -> np.ndarray:
        """Repeat the value."""
        return np.full(scores.shape, self.value)

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield what is not finite."""
        yield from _not_finite(value=self.value)


@dataclass(frozen=True)
class Normal:
    """Normal with `mean` and `sd` before it is cut at `low` and `high`."""

    mean: float
    sd: float
    low: float = -inf
    high: float = inf
    correlates = True

    def values(self, scores: np.ndarray) -> np.ndarray:
        """Return mean + sd * score, the score cut to the range."""
        low, high = (self.low - self.mean) / self.sd, (self.high - self.mean) / self.sd
        return np.clip(self.mean + self.sd * _cut(scores, low, high), self.low, self.high)

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield impossible spreads and ranges."""
        yield from _not_finite(mean=self.mean, sd=self.sd)
        yield from _not_positive(sd=self.sd)
        yield from _bad_range(self.low, self.high)
        if self.sd > 0 and self.low < self.high:
            yield from _bad_share((self.low - self.mean) / self.sd, (self.high - self.mean) / self.sd)


@dataclass(frozen=True)
class Lognormal:
    """Lognormal with median `typical` before it is cut at `low` and `high`."""

    typical: float
    log_sd: float
    low: float = 0.0
    high: float = inf
    correlates = True

    def values(self, scores: np.ndarray) -> np.ndarray:
        """Return typical * exp(log_sd * score), the score cut to the range."""
        cut = _cut(scores, self._score(self.low), self._score(self.high))
        return np.clip(self.typical * np.exp(self.log_sd * cut), self.low, self.high)

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield impossible medians, spreads and ranges."""
        yield from _not_finite(typical=self.typical, log_sd=self.log_sd)
        yield from _not_positive(typical=self.typical, log_sd=self.log_sd)
        yield from _bad_range(self.low, self.high)
        if self.low < 0:
            yield "low", f"a lognormal value is never negative; {self.low:g} cuts nothing"
        elif self.typical > 0 and self.log_sd > 0 and self.low < self.high:
            yield from _bad_share(self._score(self.low), self._score(self.high))

    def _score(self, value: float) -> float:
        if value <= 0 or value == inf:
            return inf if value > 0 else -inf
        return log(value / self.typical) / self.log_sd


@dataclass(frozen=True)
class LogitNormal:
    """Normal on the log-odds of the position between `low` and `high`; `typical` is the median."""

    typical: float
    logit_sd: float
    low: float = 0.0
    high: float = 1.0
    correlates = True

    def values(self, scores: np.ndarray) -> np.ndarray:
        """Return low + (high - low) * expit(logit of the typical position + logit_sd * score)."""
        width = self.high - self.low
        place = (self.typical - self.low) / width
        with np.errstate(over="ignore"):
            against = np.exp(log((1.0 - place) / place) - self.logit_sd * scores)
        return self.low + width / (1.0 + against)

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield impossible medians, spreads and ranges."""
        yield from _not_finite(typical=self.typical, logit_sd=self.logit_sd, low=self.low, high=self.high)
        yield from _not_positive(logit_sd=self.logit_sd)
        yield from _bad_range(self.low, self.high)
        if self.low < self.high and not self.low < self.typical < self.high:
            yield "typical", f"{self.typical:g} should lie between low = {self.low:g} and high = {self.high:g}"


@dataclass(frozen=True)
class Uniform:
    """Even between `low` and `high`."""

    low: float
    high: float
    correlates = True

    def values(self, scores: np.ndarray) -> np.ndarray:
        """Return the point of the range that the score's rank names."""
        return self.low + (self.high - self.low) * share_below(scores)

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield an impossible range."""
        yield from _not_finite(low=self.low, high=self.high)
        yield from _bad_range(self.low, self.high)


@dataclass(frozen=True)
class Categorical:
    """One of a few `levels` (names, stored as codes 0, 1, ...) or `numbers` (stored as they are).

    They rise with the score in the order given, which is what a correlation speaks of.
    """

    probability: tuple[float, ...]
    levels: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    correlates = True

    def values(self, scores: np.ndarray) -> np.ndarray:
        """Return codes of the levels, or the numbers."""
        share = np.array(self.probability)
        possible = np.flatnonzero(share)  # so that no rounding of the sum reaches a level of probability 0
        steps = np.cumsum(share[possible])[:-1]
        codes = possible[np.searchsorted(steps, share_below(scores), side="right")]
        return codes.astype(np.int8) if self.levels else np.array(self.numbers, dtype=float)[codes]

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield probabilities that do not fit."""
        count = len(self.levels or self.numbers)
        key = "levels" if self.levels else "values"
        if len(self.probability) != count:
            yield "probability", f"has {len(self.probability)} numbers for the {count} {key}; give one for each"
        elif any(not 0 <= share <= 1 for share in self.probability):
            yield "probability", "every number should lie between 0 and 1"
        elif abs(sum(self.probability) - 1) > 1e-9:
            yield "probability", f"should sum to 1, not {sum(self.probability):.6g}"
        if len(set(self.levels or self.numbers)) < count:
            yield key, "names something twice"


def log_sd_from_cv(cv: float) -> float:
    """Return the log-scale SD of a lognormal whose SD is `cv` times its mean."""
    return sqrt(log(1 + cv * cv))


def _cut(scores: np.ndarray, low: float, high: float) -> np.ndarray:
    """Map standard normal scores onto a standard normal cut at `low` and `high`, keeping their order."""
    if low == -inf and high == inf:
        return scores
    if low > 0:  # the lower tail keeps its digits, the upper one rounds to 1
        return -_cut(-scores, -high, -low)
    below, above = share_below(low), share_below(high)
    return np.clip(quantile(below + (above - below) * share_below(scores)), low, high)


def _not_finite(**numbers: float) -> Iterator[tuple[str, str]]:
    for key, value in numbers.items():
        if not isfinite(value):
            yield key, f"should be a finite number, not {value}"


def _not_positive(**numbers: float) -> Iterator[tuple[str, str]]:
    for key, value in numbers.items():
        if value <= 0:
            yield key, f"should be more than 0, not {value:g}"


def _bad_range(low: float, high: float) -> Iterator[tuple[str, str]]:
    if not low < high:
        yield "low", f"should be below high = {high:g}, not {low:g}"


def _bad_share(low: float, high: float) -> Iterator[tuple[str, str]]:
    share = float(share_below(high) - share_below(low)) if low <= 0 else float(share_below(-low) - share_below(-high))
    if share < LEAST_SHARE:
        yield "low", f"low and high keep only {share:.1g} of the distribution; move them towards its middle"
