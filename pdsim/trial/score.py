"""Scores of predicted figures: standardised errors, ranks, contrasts inside a study, coverage, and the baselines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from pdsim.trial.predict import Figure
from pdsim.trial.scales import from_scale, observed_interval, standardised, to_scale
from pdsim.trial.schema import OutcomeTable

CLASSES = ("response", "time", "toxicity")
CLOSE = 0.25
LARGE = 30
VERDICTS = ((1.0, "close"), (2.0, "near"), (math.inf, "off"))


@dataclass(frozen=True)
class Traits:
    """What the baseline regression knows of an arm: median prior lines, refractory share, active drugs."""

    prior_lines: float
    refractory: float
    drugs: int


@dataclass(frozen=True)
class Scored:
    """An outcome with its prediction.

    Attributes
    ----------
    trial, regimen_id, file : str
        Names in the published results; file of the trial.
    one : OutcomeTable
    n : int or None
        Patients that the figure speaks of.
    figure : Figure
    sealed : bool
        Whether the observed value may not be looked at.
    traits : Traits
    """

    trial: str
    regimen_id: str
    file: str
    one: OutcomeTable
    n: int | None
    figure: Figure
    sealed: bool
    traits: Traits

    @property
    def open(self) -> bool:
        """Whether there is something to score."""
        return self.one.observed is not None and not self.sealed and math.isfinite(self.figure.value)

    @property
    def counted(self) -> bool:
        """Whether it counts in summaries: scored, and not printed elsewhere."""
        return self.open and not self.one.duplicate_of

    @property
    def z(self) -> float:
        """Standardised error, NaN where it may not be known."""
        return standardised(self.figure.value, self.one, self.n)[0] if self.open else math.nan

    @property
    def error(self) -> float:
        """Signed error on the working scale."""
        return standardised(self.figure.value, self.one, self.n)[1] if self.open else math.nan

    @property
    def observed(self) -> tuple[float, float, float]:
        """Observed figure with its interval, NaN where sealed or not there."""
        if self.one.observed is None or self.sealed:
            return math.nan, math.nan, math.nan
        return (self.one.observed, *observed_interval(self.one, self.n))

    @property
    def verdict(self) -> str:
        """close (z <= 1), near (z <= 2), off; sealed, or predicted where nothing is observed."""
        if self.sealed:
            return "sealed"
        if self.one.observed is None:
            return "predicted"
        if not math.isfinite(self.figure.value):
            return "no figure"
        return next(word for limit, word in VERDICTS if self.z <= limit)

    @property
    def covered(self) -> bool:
        """Whether the observed figure lies inside the predictive interval."""
        return self.figure.low <= self.observed[0] <= self.figure.high


def summary(scored: Sequence[Scored], frozen: bool) -> dict[str, Any]:
    """Return the summary of each set: classes, ranks, contrasts, coverage, baselines; plain values, NaN as None.

    The check set has one table for known drugs and one for new ones, and none before parameters are frozen.
    """
    found: dict[str, Any] = {"sealed": not frozen, "interval": "90 %"}
    fit = [one for one in scored if one.counted and one.one.set == "fit"]
    groups = {"fit": fit}
    if frozen:
        check = [one for one in scored if one.counted and one.one.set == "check"]
        groups |= {f"check_{drugs}": [one for one in check if one.one.drugs == drugs] for drugs in ("known", "new")}
    for name, members in groups.items():
        found[name] = _plain(_group(members, fit))
    found["sealed_figures"] = sum(one.sealed for one in scored)
    return found


def _group(members: list[Scored], fit: list[Scored]) -> dict[str, Any]:
    pairs = contrasts(members)
    close = sum(one.z <= 1 for one in members)
    double = 2 * pairs["n"]
    whole = len(members) + double
    return {
        "figures": len(members),
        "all": errors(members),
        **{name: errors([one for one in members if one.one.kind == name]) for name in CLASSES},
        "ranks": {"time": _rank(members, _is_median), "response": _rank(members, _is_response)},
        "contrasts": pairs,
        "combined": (close + double * (pairs["right"] if pairs["n"] else 0.0)) / whole if whole else math.nan,
        "coverage": float(np.mean([one.covered for one in members])) if members else math.nan,
        "baselines": {"median": _by_median(members, fit), "regression": _by_regression(members, fit)},
    }


def errors(members: Sequence[Scored], z: Sequence[float] | None = None) -> dict[str, Any]:
    """Return number, median z, shares with z <= 1 and z <= 2, and mean signed error of some figures."""
    if not members:
        return {"n": 0, "median_z": math.nan, "within_1": math.nan, "within_2": math.nan, "mean_error": math.nan}
    values = np.array([one.z for one in members] if z is None else z)
    found = {
        "n": len(members),
        "median_z": float(np.median(values)),
        "within_1": float((values <= 1).mean()),
        "within_2": float((values <= 2).mean()),
    }
    return found | ({"mean_error": float(np.mean([one.error for one in members]))} if z is None else {})


def _is_median(one: Scored) -> bool:
    return one.one.endpoint in ("median_PFS", "median_TTP") and (one.n is None or one.n >= LARGE)


def _is_response(one: Scored) -> bool:
    return one.one.endpoint == "ORR_ge_PR"


def _rank(members: Iterable[Scored], wanted: Any) -> dict[str, Any]:
    from scipy.stats import spearmanr

    chosen = [one for one in members if wanted(one)]
    if len(chosen) < 3:
        return {"n": len(chosen), "rho": math.nan}
    predicted = [float(to_scale(one.figure.value, one.one.unit, one.n)) for one in chosen]
    observed = [float(to_scale(one.observed[0], one.one.unit, one.n)) for one in chosen]
    return {"n": len(chosen), "rho": float(spearmanr(predicted, observed).statistic)}


def contrasts(members: Iterable[Scored]) -> dict[str, Any]:
    """Compare arms of one file: sign right, and log ratio within 0.25 of the observed; each counts double."""
    pairs = []
    for one, other in combinations(list(members), 2):
        same = (one.file, one.one.endpoint, one.one.subgroup, one.one.timepoint, one.one.unit)
        if one.one.against or same != (other.file, other.one.endpoint, other.one.subgroup, other.one.timepoint,
                                       other.one.unit) or one.one.arm == other.one.arm:  # fmt: skip
            continue
        seen = _log_ratio(one.observed[0], other.observed[0])
        told = _log_ratio(one.figure.value, other.figure.value)
        pairs.append((seen, told))
    ratios = [one for one in members if one.one.against]
    pairs += [(math.log(one.observed[0]), math.log(max(one.figure.value, 1e-3))) for one in ratios]
    if not pairs:
        return {"n": 0, "sign": math.nan, "close": math.nan, "right": math.nan}
    seen, told = np.array(pairs).T
    sign, close = np.sign(seen) == np.sign(told), np.abs(seen - told) <= CLOSE
    return {
        "n": len(pairs),
        "sign": float(sign.mean()),
        "close": float(close.mean()),
        "right": float((sign & close).mean()),
    }


def _log_ratio(one: float, other: float) -> float:
    return math.log(max(one, 0.1) / max(other, 0.1))


def _by_median(members: list[Scored], fit: list[Scored]) -> dict[str, Any]:
    """Score the prediction that every arm is the median of all arms of the fit set, endpoint by endpoint."""
    guess = {}
    for one in members:
        key = (one.one.endpoint, one.one.unit)
        alike = [other.observed[0] for other in fit if (other.one.endpoint, other.one.unit) == key]
        guess[id(one)] = float(np.median(alike)) if alike else math.nan
    return _guessed(members, guess)


def _by_regression(members: list[Scored], fit: list[Scored]) -> dict[str, Any]:
    """Score a regression on prior lines, refractory share and number of drugs, fitted on the fit set by endpoint."""
    guess = {}
    for one in members:
        key = (one.one.endpoint, one.one.unit)
        alike = [other for other in fit if (other.one.endpoint, other.one.unit) == key]
        if len(alike) < 5:
            guess[id(one)] = float(np.median([other.observed[0] for other in alike])) if alike else math.nan
            continue
        rows = np.array([_features(other) for other in alike])
        target = np.array([float(to_scale(other.observed[0], other.one.unit, other.n)) for other in alike])
        # a little shrinkage: some endpoints have no more arms than coefficients
        weights = np.linalg.solve(rows.T @ rows + np.diag([0.0, 0.1, 0.1, 0.1]), rows.T @ target)
        guess[id(one)] = float(from_scale(float(_features(one) @ weights), one.one.unit, one.n))
    return _guessed(members, guess)


def _features(one: Scored) -> np.ndarray:
    traits = one.traits
    return np.array([1.0, math.log2(max(traits.prior_lines, 0.5)), traits.refractory, float(traits.drugs)])


def _guessed(members: list[Scored], guess: dict[int, float]) -> dict[str, Any]:
    known = [one for one in members if math.isfinite(guess[id(one)])]
    return errors(known, [standardised(guess[id(one)], one.one, one.n)[0] for one in known])


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
