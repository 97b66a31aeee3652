"""Kaplan-Meier curves, medians and rates, with the interval that a trial of a stated size would show."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from pdsim import draws

DAYS_PER_MONTH = 30.4375
_TOLERANCE = 1e-9  # a survival of exactly one half must not miss the median by rounding


class Interval(NamedTuple):
    """An estimate with its 95 % (or other) interval; NaN means not reached."""

    value: float
    low: float
    high: float


def _clean(time: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drop patients without a time; sort by time, events before censorings of the same day."""
    time = np.asarray(time, dtype=float).ravel()
    event = np.asarray(event, dtype=float).ravel() > 0
    known = ~np.isnan(time)
    time, event = time[known], event[known]
    order = np.lexsort((~event, time))
    return time[order], event[order]


def kaplan_meier(time: np.ndarray, event: np.ndarray, level: float = 0.95) -> xr.Dataset:
    """Estimate a survival curve.

    Parameters
    ----------
    time : array of float, (patient,)
        Time to event or censoring, d or any unit; patients with NaN are left out.
    event : array, (patient,)
        1 for an event, 0 for censored.
    level : float
        Level of the pointwise interval (log-log), for this number of patients.

    Returns
    -------
    Dataset
        Dim (time,), from 0: ``survival``, ``low``, ``high``, and ``at_risk`` just before each time. Empty without
        patients.
    """
    time, event = _clean(time, event)
    if not len(time):
        empty = {name: ("time", np.empty(0)) for name in ("survival", "low", "high", "at_risk")}
        return xr.Dataset(empty, coords={"time": np.empty(0)})
    from lifelines import KaplanMeierFitter

    fitter = KaplanMeierFitter(alpha=1 - level).fit(time, event)
    bounds = fitter.confidence_interval_survival_function_.to_numpy()
    variables = {
        "survival": ("time", fitter.survival_function_.to_numpy()[:, 0]),
        "low": ("time", bounds[:, 0]),
        "high": ("time", bounds[:, 1]),
        "at_risk": ("time", fitter.event_table["at_risk"].to_numpy()),
    }
    return xr.Dataset(variables, coords={"time": fitter.survival_function_.index.to_numpy(dtype=float)})


def sample_medians(time: np.ndarray, event: np.ndarray) -> np.ndarray:
    """Medians of many sorted samples (sample, patient); inf where not reached."""
    at_risk = np.arange(time.shape[1], 0, -1)
    survival = np.cumprod(1.0 - event / at_risk, axis=1)
    below = survival <= 0.5 + _TOLERANCE
    first = below.argmax(axis=1)
    return np.where(below.any(axis=1), time[np.arange(len(time)), first], np.inf)


def median_with_interval(
    time: np.ndarray, event: np.ndarray, n: int = 67, level: float = 0.95, replicates: int = 2000, seed: int = 0
) -> Interval:
    """Estimate a median and the interval in which the median of a trial of `n` such patients would fall.

    The median is that of the Kaplan-Meier curve of all patients. The interval holds the middle share `level` of the
    medians of `replicates` trials, each of `n` patients drawn with replacement. It speaks of sampling at the trial's
    size only: not of parameters, not of the model.

    Parameters
    ----------
    time : array of float, (patient,)
        Time to event or censoring, any unit; patients with NaN are left out.
    event : array, (patient,)
        1 for an event, 0 for censored.
    n : int
        Patients of the trial.
    level : float
        Share of trials inside the interval.
    replicates : int
        Trials drawn.
    seed : int
        Seed of the draws.

    Returns
    -------
    Interval
        Median, low and high in the unit of `time`; NaN where not reached.

    Examples
    --------
    >>> median_with_interval([1, 2, 3, 4, 5], [1, 1, 1, 0, 0], n=5).value
    3.0
    """
    time, event = _clean(time, event)
    if not len(time):
        return Interval(np.nan, np.nan, np.nan)
    median = sample_medians(time[None], event[None])[0]
    uniform = draws.uniforms(seed, np.arange(replicates), "endpoints.median", n)
    chosen = np.sort((uniform * len(time)).astype(np.int64), axis=1)
    medians = np.sort(sample_medians(time[chosen], event[chosen]))
    tail = (1 - level) / 2
    low, high = medians[int(tail * replicates)], medians[min(int((1 - tail) * replicates), replicates - 1)]
    return Interval(*(float(found) if np.isfinite(found) else np.nan for found in (median, low, high)))


def median_time(time: np.ndarray, event: np.ndarray) -> float:
    """Estimate the median of a survival curve.

    Parameters
    ----------
    time, event : array, (patient,)
        As for `kaplan_meier`.

    Returns
    -------
    float
        In the unit of `time`; NaN where it is not reached.
    """
    time, event = _clean(time, event)
    median = sample_medians(time[None], event[None])[0] if len(time) else np.inf
    return float(median) if np.isfinite(median) else np.nan


def restricted_mean(time: np.ndarray, event: np.ndarray, limit: float) -> float:
    """Estimate the mean time to event, counted up to a limit: the area under the survival curve.

    Unlike the median it is reached by any cohort, so arms can be compared where few have had events.

    Parameters
    ----------
    time, event : array, (patient,)
        As for `kaplan_meier`.
    limit : float
        End of the area, in the unit of `time`; survival stays level after the last patient.

    Examples
    --------
    >>> restricted_mean([1, 3], [1, 1], limit=2)
    1.5
    """
    time, event = _clean(time, event)
    if not len(time):
        return np.nan
    survival = np.cumprod(1.0 - event / np.arange(len(time), 0, -1))
    edges = np.minimum(np.concatenate([[0.0], time, [limit]]), limit)
    return float(np.sum(np.diff(edges) * np.concatenate([[1.0], survival])))


def survival_at(time: np.ndarray, event: np.ndarray, at: float) -> float:
    """Estimate the share free of events at a time.

    Parameters
    ----------
    time, event : array, (patient,)
        As for `kaplan_meier`.
    at : float
        Time in the unit of `time`.

    Returns
    -------
    float
        Kaplan-Meier survival, 0 to 1; NaN where the last patient was censored before.

    Examples
    --------
    >>> survival_at([1, 2, 3, 4], [1, 1, 0, 0], at=3.5)
    0.5
    """
    time, event = _clean(time, event)
    if not len(time):
        return np.nan
    survival = np.cumprod(1.0 - event / np.arange(len(time), 0, -1))
    passed = int(np.searchsorted(time, at, side="right"))
    if passed == len(time):
        return 0.0 if survival[-1] == 0 else (float(survival[-1]) if time[-1] == at else np.nan)
    return float(survival[passed - 1]) if passed else 1.0


def rate_with_interval(count: int, total: int, n: int = 67, level: float = 0.95) -> Interval:
    """Estimate a rate and the interval in which the rate seen in a trial of `n` such patients would fall.

    The number of responders of the trial is beta-binomial: the rate has the Jeffreys posterior of the simulated
    ``count`` of ``total``. So a large cohort leaves the sampling at the trial's size and a small one adds its own.
    Parameters and model are not covered.

    Parameters
    ----------
    count, total : int
        Simulated patients with the outcome, and all of them.
    n : int
        Patients of the trial.
    level : float
        Share of trials inside the interval.

    Returns
    -------
    Interval
        Rate, low and high, 0 to 1; NaN where `total` is 0.

    Examples
    --------
    >>> rate_with_interval(500, 1000, n=67).value
    0.5
    """
    if not total:
        return Interval(np.nan, np.nan, np.nan)
    from scipy.stats import betabinom

    trial = betabinom(n, count + 0.5, total - count + 0.5)
    tail = (1 - level) / 2
    return Interval(count / total, float(trial.ppf(tail)) / n, float(trial.ppf(1 - tail)) / n)
