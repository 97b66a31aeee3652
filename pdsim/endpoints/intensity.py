"""Relative dose intensity of a run."""

from __future__ import annotations

import numpy as np
import xarray as xr

from pdsim.endpoints.course import Course, group, last_index, read_course


def dose_intensity(run: xr.DataTree) -> xr.Dataset:
    """Find which share of the planned dosing days each patient was given until the end of treatment.

    Treatment ends with the last interval between visits that was on treatment; planned days after it do not count, so
    stopping at progression does not lower the intensity while holding doses between visits does. The share is taken
    for each drug and averaged over drugs. Without ``/dosing`` the days of the intervals stand for planned days.
    Reduced amounts are not seen here: intervals are on or off.

    Parameters
    ----------
    run : DataTree
        A run with ``dosing`` (arm, patient, visit) in ``/visits`` and ``given`` (arm, drug, day) in ``/dosing``.

    Returns
    -------
    Dataset
        Dims (arm, patient): ``dose_intensity`` 0 to 1, NaN where nothing was planned or the patient was never on
        treatment; ``treatment_time`` d, to the end of the last interval on treatment, 0 for none.

    Raises
    ------
    StoreError
        The run has no ``/visits``.
    """
    return find_intensity(run, read_course(run))


def find_intensity(run: xr.DataTree, course: Course) -> xr.Dataset:
    """Do the work of `dose_intensity` on a course that is already read."""
    on = (course.dosing == 1) & (course.days <= np.minimum(course.death_time, course.stop_time)[..., None])
    planned = _planned_days(run, course)
    last = last_index(on)
    due = np.arange(len(course.days)) <= last[..., None]
    given_days = np.einsum("adv,apv->apd", planned, on)
    due_days = np.einsum("adv,apv->apd", planned, due)
    counted = due_days > 0
    share = np.where(counted, given_days, 0.0) / np.where(counted, due_days, 1.0)
    drugs = counted.sum(axis=-1)
    intensity = np.where(drugs > 0, share.sum(axis=-1) / np.maximum(drugs, 1), np.nan)
    ends = np.append(course.days[1:], course.horizon)
    time = np.where(last >= 0, ends[np.maximum(last, 0)], 0.0)
    time = np.minimum(time, np.minimum(course.death_time, course.stop_time))
    return course.dataset(dose_intensity=intensity, treatment_time=time)


def _planned_days(run: xr.DataTree, course: Course) -> np.ndarray:
    """Return planned dosing days (arm, drug, visit) from each visit to the next."""
    dosing = group(run, "dosing")
    if dosing is None or "given" not in dosing:
        spans = np.diff(course.days, append=course.horizon)
        return np.broadcast_to(spans, (len(course.dosing), 1, len(spans)))
    given = dosing["given"].transpose("arm", "drug", "day")
    days = np.asarray(given["day"].values, dtype=float)
    interval = np.searchsorted(course.days, days, side="right") - 1
    return np.stack([given.values[..., interval == k].sum(axis=-1) for k in range(len(course.days))], axis=-1)
