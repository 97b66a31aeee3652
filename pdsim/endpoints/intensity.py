"""Relative dose intensity of a run, and what rules did to the doses."""

from __future__ import annotations

import numpy as np
import xarray as xr

from pdsim.endpoints.course import Course, group, last_index, read_course


def dose_intensity(run: xr.DataTree) -> xr.Dataset:
    """Find which share of the planned dose each patient was given until the end of treatment.

    Treatment ends with the last interval between visits that was on treatment; doses planned after it do not count, so
    stopping at progression does not lower the intensity, while holding, reducing or dropping one drug of several does.
    The share is taken for each drug and averaged over drugs. Where the run has no ``/doses``, days stand for doses:
    planned days of ``/dosing`` in intervals on treatment.

    Parameters
    ----------
    run : DataTree
        A run with ``dosing`` (arm, patient, visit) in ``/visits`` and ``dose_taken`` and ``dose_planned`` (arm,
        patient, drug, visit) in ``/doses``.

    Returns
    -------
    Dataset
        Dims (arm, patient): ``dose_intensity``, NaN where nothing was planned or the patient was never on treatment;
        ``treatment_time`` d, to the end of the last interval on treatment, 0 for none. With ``/doses`` also
        ``drug_intensity`` (arm, patient, drug), NaN for drugs that the regimen does not plan; more than 1 where a rule
        raised the dose.

    Raises
    ------
    StoreError
        The run has no ``/visits``.
    """
    return find_intensity(run, read_course(run))


def find_intensity(run: xr.DataTree, course: Course) -> xr.Dataset:
    """Do the work of `dose_intensity` on a course that is already read."""
    on = (course.dosing == 1) & (course.days <= np.minimum(course.death_time, course.stop_time)[..., None])
    last = last_index(on)
    due = np.arange(len(course.days)) <= last[..., None]
    doses = group(run, "doses")
    if doses is not None:
        dims = ("arm", "patient", "drug", "visit")
        taken, planned = (doses[f"dose_{name}"].transpose(*dims).values for name in ("taken", "planned"))
        counted = due[:, :, None, :] & ~np.isnan(taken)
        given, wanted = (np.where(counted, amount, 0.0).sum(axis=-1) for amount in (taken, planned))
    else:
        days = _planned_days(run, course)
        given, wanted = (np.einsum("adv,apv->apd", days, marked) for marked in (on, due))
    share = np.where(wanted > 0, given / np.where(wanted > 0, wanted, 1.0), np.nan)
    drugs = (wanted > 0).sum(axis=-1)
    intensity = np.where(drugs > 0, np.nansum(share, axis=-1) / np.maximum(drugs, 1), np.nan)
    found = course.dataset(dose_intensity=intensity, treatment_time=_treatment_time(course, last))
    if doses is None:
        return found
    return found.assign_coords(drug=doses["drug"]).assign(drug_intensity=(("arm", "patient", "drug"), share))


def _treatment_time(course: Course, last: np.ndarray) -> np.ndarray:
    ends = np.append(course.days[1:], course.horizon)
    time = np.where(last >= 0, ends[np.maximum(last, 0)], 0.0)
    return np.minimum(time, np.minimum(course.death_time, course.stop_time))


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
