"""Worst grades of neutropenia and thrombocytopenia of a run."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from pdsim.endpoints.course import Course, group, read_course
from pdsim.errors import StoreError
from pdsim.visits import ResponseRules

_COUNTS = {"neutropenia": "anc", "thrombocytopenia": "platelets"}


Source = Literal["counts", "visits", "trajectory"]
_AXES = {"counts": ("count", "day"), "trajectory": ("time", "time")}


def toxicity(run: xr.DataTree, rules: ResponseRules | None = None, source: Source | None = None) -> xr.Dataset:
    """Find the worst blood-count grades of every patient.

    Baseline does not count. A count is on treatment when treatment was on since the visit before it; for patients who
    were never on treatment (observation) all counts after baseline are taken. Visits on the first day of a cycle come
    after the week off and miss the nadir; the blood counts between visits see it, as measured; the trajectory shows
    it without assay error and as finely as it is stored.

    Parameters
    ----------
    run : DataTree
        A run with ``/visits``, and with ``anc`` and ``platelets`` in the group of the source.
    rules : ResponseRules, optional
        Limits of the grades; by default the stored grades of visits, and the standard limits for the others.
    source : {"counts", "visits", "trajectory"}, optional
        Measured counts between visits (the default where the run has them), of the visits (else), or true counts on
        the stored grid.

    Returns
    -------
    Dataset
        Dims (arm, patient), int8 grades 0 to 4, -1 where nothing was measured: ``worst_neutropenia`` and
        ``worst_thrombocytopenia`` on treatment, ``worst_neutropenia_overall`` and
        ``worst_thrombocytopenia_overall`` at any time after baseline.

    Raises
    ------
    StoreError
        The run lacks the group, or the group holds neither count.
    ValueError
        Another source.
    """
    if source not in (None, "visits", *_AXES):
        raise ValueError(f"source {source!r}: choose 'counts', 'visits' or 'trajectory'")
    return find_toxicity(run, read_course(run, rules), source)


def find_toxicity(run: xr.DataTree, course: Course, source: Source | None = None) -> xr.Dataset:
    """Do the work of `toxicity` on a course that is already read."""
    chosen = source or ("counts" if group(run, "counts") is not None else "visits")
    if chosen == "visits":
        return _worst(course, {name: course.classified[name] for name in _COUNTS}, course.days)
    return _worst(course, *_series_grades(run, course, chosen))


def _worst(course: Course, grades: dict[str, np.ndarray], times: np.ndarray) -> xr.Dataset:
    interval = np.searchsorted(course.days, times, side="left") - 1
    after = times > course.days[0]
    treated = (course.dosing[..., np.maximum(interval, 0)] == 1) & after
    treated |= after & ~(course.dosing == 1).any(axis=-1, keepdims=True)
    found = {}
    for name, grade in grades.items():
        found[f"worst_{name}"] = np.where(treated, grade, -1).max(axis=-1).astype(np.int8)
        found[f"worst_{name}_overall"] = np.where(after, grade, -1).max(axis=-1).astype(np.int8)
    return course.dataset(**found)


def _series_grades(run: xr.DataTree, course: Course, source: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    from pdsim.visits import classify

    series = group(run, source)
    counts = [] if series is None else [name for name in _COUNTS.values() if name in series]
    if series is None or not counts:
        raise StoreError(f"the run stores neither 'anc' nor 'platelets' in '/{source}'; add them to 'save'")
    dim, axis = _AXES[source]
    times = np.asarray(series[axis].values, dtype=float)
    arrays = {name: series[name].transpose("arm", "patient", dim).values for name in counts}
    shape = arrays[counts[0]].shape
    flat = {name: value.reshape(-1, len(times)) for name, value in arrays.items()}
    graded = classify(times, flat, rules=course.rules)
    gone = times > np.minimum(course.death_time, course.stop_time)[..., None]
    return {name: np.where(gone, -1, graded[name].reshape(shape)) for name in _COUNTS}, times
