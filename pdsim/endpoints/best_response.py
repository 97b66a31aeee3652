"""Best response, its timing and depth, and minimal residual disease of a run."""

from __future__ import annotations

import numpy as np
import xarray as xr

from pdsim.endpoints.course import Course, first_index, last_index, read_course
from pdsim.endpoints.time_to_event import find_progression
from pdsim.visits import MARKERS, Response, ResponseRules


def response(run: xr.DataTree, rules: ResponseRules | None = None) -> xr.Dataset:
    """Find the best confirmed response of every patient.

    Responses count until progression. Best change is the lowest single reading of the marker that the patient is
    followed by (M-protein, else light chain), confirmed or not, up to the visit that confirms progression.

    Parameters
    ----------
    run : DataTree
        A run with ``/visits`` (arm, patient, visit).
    rules : ResponseRules, optional
        Classify the stored measurements again; by default the stored classes are taken.

    Returns
    -------
    Dataset
        Dims (arm, patient): ``best_response`` code; ``time_to_response`` d, to the first of the two visits that
        confirm PR or better, NaN without; ``duration_of_response`` d and ``duration_event``, from there to
        progression or death; ``best_change``, -1 is complete loss of the marker, NaN without marker;
        ``mrd_negative`` 1 where any visit before progression was, -1 where burden was not known; ``mrd_time`` d.

    Raises
    ------
    StoreError
        The run has no ``/visits``.
    """
    return find_response(read_course(run, rules))


def find_response(course: Course) -> xr.Dataset:
    """Do the work of `response` on a course that is already read."""
    classes = course.classified["response"]
    responded = _first_of_pair(course, classes >= Response.PR)
    start = np.where(responded >= 0, course.days[responded], np.nan)
    survival = find_progression(course)
    event = np.where(responded >= 0, survival["pfs_event"].values, 0)
    negative = course.classified["mrd_negative"]
    counted = course.until_progression & (negative >= 0)
    first_negative = first_index(counted & (negative == 1))
    ever = first_negative < len(course.days)
    return course.dataset(
        best_response=classes.max(axis=-1).astype(np.int8),
        time_to_response=start,
        duration_of_response=survival["pfs_time"].values - start,
        duration_event=event.astype(np.int8),
        best_change=_best_change(course),
        mrd_negative=np.where(counted.any(axis=-1), ever, -1).astype(np.int8),
        mrd_time=np.where(ever, course.days[np.where(ever, first_negative, 0)], np.nan),
    )


def _first_of_pair(course: Course, confirmed: np.ndarray) -> np.ndarray:
    """Return the evaluable visit before the first confirmed one, or -1."""
    first = first_index(confirmed)
    found = first < len(course.days)
    before = last_index(course.evaluable & (np.arange(len(course.days)) < first[..., None]))
    return np.where(found, before, -1)


def _best_change(course: Course) -> np.ndarray:
    from pdsim.visits import classify

    shape = course.evaluable.shape
    baseline = {name: course.measured[name][..., 0].reshape(-1, 1) for name in MARKERS}
    marker = classify(course.days[:1], baseline, rules=course.rules)["marker"].reshape(shape[:2])
    values = np.where((marker == 1)[..., None], course.measured["m_protein"], course.measured["flc"]).astype(float)
    counted = course.until_progression & course.evaluable & ~np.isnan(values)
    lowest = np.where(counted, values, np.inf).min(axis=-1)
    known = (marker > 0) & (marker < 3) & np.isfinite(lowest)
    return np.where(known, np.where(known, lowest, 1.0) / np.where(known, values[..., 0], 1.0) - 1.0, np.nan)
