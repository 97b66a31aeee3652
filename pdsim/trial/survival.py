"""Medians, landmark rates, hazard ratios and log-rank tests of many small samples at once."""

from __future__ import annotations

import numpy as np

_TOLERANCE = 1e-9


def ordered(time: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sort samples (sample, patient) by time, events before censorings; times, events and Kaplan-Meier survival."""
    order = np.lexsort((event < 0.5, time), axis=-1)
    time, event = np.take_along_axis(time, order, axis=-1), np.take_along_axis(event, order, axis=-1)
    at_risk = np.arange(time.shape[-1], 0, -1)
    return time, event, np.cumprod(1.0 - event / at_risk, axis=-1)


def medians(time: np.ndarray, event: np.ndarray) -> np.ndarray:
    """Medians of samples (sample, patient) -> (sample,).

    Where the curve ends above one half, the median of an exponential curve through its end; without an event, through
    half an event.
    """
    time, event, survival = ordered(time, event)
    below = survival <= 0.5 + _TOLERANCE
    first = below.argmax(axis=-1)
    reached = np.take_along_axis(time, first[..., None], axis=-1)[..., 0]
    end = np.minimum(survival[..., -1], 1.0 - 0.5 / time.shape[-1])
    with np.errstate(divide="ignore"):
        later = time[..., -1] * np.log(2.0) / -np.log(end)
    return np.where(below.any(axis=-1), reached, later)


def rates_at(time: np.ndarray, event: np.ndarray, at: float) -> np.ndarray:
    """Kaplan-Meier survival of samples (sample, patient) at a time, carried on exponentially after the last patient."""
    time, event, survival = ordered(time, event)
    passed = (time <= at).sum(axis=-1)
    found = np.where(passed > 0, np.take_along_axis(survival, np.maximum(passed - 1, 0)[..., None], axis=-1)[..., 0], 1)
    end, last = survival[..., -1], np.maximum(time[..., -1], _TOLERANCE)
    beyond = (passed == time.shape[-1]) & (last < at) & (end > 0)
    with np.errstate(divide="ignore"):
        return np.where(beyond, np.exp(np.log(np.maximum(end, 1e-300)) * at / last), found)


def hazard_ratio(time: np.ndarray, event: np.ndarray, treated: np.ndarray) -> float:
    """Cox hazard ratio of the treated (1) to the others (0), Efron's handling of ties, by Newton's method.

    Parameters
    ----------
    time, event, treated : array, (patient,)

    Returns
    -------
    float
        0 or inf where only one side has events; NaN where none has.
    """
    events = event > 0.5
    sides = (treated[events] > 0.5).mean() if events.any() else np.nan
    if not 0.0 < sides < 1.0:
        return np.nan if np.isnan(sides) else (np.inf if sides == 1.0 else 0.0)
    risk, dead = _counts(time, events, treated > 0.5)
    beta = 0.0
    for _ in range(50):
        ratio = np.exp(beta)
        weight = ratio * risk[1] / (risk[0] + ratio * risk[1])
        gradient = dead - weight.sum()
        slope = (weight * (1.0 - weight)).sum()
        step = np.clip(gradient / slope, -2.0, 2.0) if slope > 0 else 0.0
        beta += step
        if abs(step) < 1e-9:
            break
    return float(np.exp(beta))


def _counts(time: np.ndarray, events: np.ndarray, treated: np.ndarray) -> tuple[np.ndarray, float]:
    """Patients at risk on each side (2, event) at every event, tied events taken one after the other as Efron does."""
    moments, place, ties = np.unique(time[events], return_inverse=True, return_counts=True)
    risk = np.array([_at_risk(time[treated == side], moments) for side in (False, True)], dtype=float)
    tied = np.array(
        [np.bincount(place[treated[events] == side], minlength=len(moments)) for side in (False, True)], dtype=float
    )
    which = np.repeat(np.arange(len(moments)), ties)
    rank = np.arange(len(which)) - np.repeat(np.cumsum(ties) - ties, ties)
    return risk[:, which] - tied[:, which] * rank / ties[which], float(treated[events].sum())


def _at_risk(time: np.ndarray, moments: np.ndarray) -> np.ndarray:
    return len(time) - np.searchsorted(np.sort(time), moments, side="left")


def log_rank(time: np.ndarray, event: np.ndarray, treated: np.ndarray) -> float:
    """Return the signed log-rank statistic, standard normal without effect, below 0 where the treated fare better."""
    events, side = event > 0.5, treated > 0.5
    moments = np.unique(time[events])
    one, all_ = _at_risk(time[side], moments), _at_risk(time, moments)
    dead = np.array([np.searchsorted(np.sort(time[events]), moments, side="right")], dtype=float)[0]
    dead = np.diff(np.concatenate([[0.0], dead]))
    seen = float((events & side).sum())
    share = one / all_
    spread = dead * share * (1 - share) * (all_ - dead) / np.maximum(all_ - 1, 1)
    total = spread.sum()
    return float((seen - (dead * share).sum()) / np.sqrt(total)) if total > 0 else 0.0
