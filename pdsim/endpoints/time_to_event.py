"""Progression-free survival and time to progression of a run."""

from __future__ import annotations

import numpy as np
import xarray as xr

from pdsim.endpoints.course import Course, last_index, read_course
from pdsim.visits import Progression, ResponseRules


def progression(run: xr.DataTree, rules: ResponseRules | None = None) -> xr.Dataset:
    """Find progression and progression-free survival of every patient.

    Progression is confirmed by two consecutive assessments and dated at the first of them. A criterion met at the last
    assessment only is an event where death or leaving the study follows, and is censored where the simulation merely
    ends. Progression-free survival ends at progression or death, whichever comes first; where neither ``/endpoints``
    nor ``/cohort`` holds ``death_time`` it equals the time to progression. All else is censored at the last evaluable
    assessment: a failed patient at the last one before the failure (a death after it is not counted), a patient
    without a measurable marker at day 0.

    Parameters
    ----------
    run : DataTree
        A run with ``/visits`` (arm, patient, visit).
    rules : ResponseRules, optional
        Classify the stored measurements again; by default the stored classes are taken.

    Returns
    -------
    Dataset
        Dims (arm, patient): ``pfs_time`` and ``ttp_time`` in d (NaN where even the baseline is missing),
        ``pfs_event`` and ``ttp_event`` 0 or 1 (int8).

    Raises
    ------
    StoreError
        The run has no ``/visits``.
    """
    return find_progression(read_course(run, rules))


def find_progression(course: Course) -> xr.Dataset:
    """Do the work of `progression` on a course that is already read."""
    event, onset = progression_onset(course)
    last = last_index(course.evaluable)
    never = last < 0
    ttp_time = np.where(never, np.nan, course.days[np.where(event, onset, np.maximum(last, 0))])
    death = course.left & (course.death_time <= course.stop_time)
    pfs_time = np.where(death & ~event, course.death_time, ttp_time)
    pfs_event = event | death
    return course.dataset(
        pfs_time=pfs_time,
        pfs_event=pfs_event.astype(np.int8),
        ttp_time=ttp_time,
        ttp_event=event.astype(np.int8),
    )


def progression_onset(course: Course) -> tuple[np.ndarray, np.ndarray]:
    """Return whether and at which visit (index, -1 for none) each patient progressed: two arrays (arm, patient)."""
    met = course.classified["progression"] == Progression.UNCONFIRMED
    confirmed = course.confirmed
    index = np.arange(len(course.days))
    onset = last_index(met & (index < confirmed[..., None]))
    last = last_index(course.evaluable)
    onset = np.where(onset < 0, np.minimum(confirmed, last), onset)
    unconfirmed = np.take_along_axis(met, np.maximum(last, 0)[..., None], axis=-1)[..., 0]
    event = (confirmed < len(index)) | (unconfirmed & course.left & (last > 0))
    return event, np.where(event, onset, -1)
