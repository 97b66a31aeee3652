"""Worst grades of neutropenia and thrombocytopenia of a run."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from pdsim.endpoints.course import Course, group, read_course
from pdsim.errors import StoreError
from pdsim.visits import ResponseRules

_COUNTS = {"neutropenia": "anc", "thrombocytopenia": "platelets"}


def toxicity(
    run: xr.DataTree, rules: ResponseRules | None = None, source: Literal["visits", "trajectory"] = "visits"
) -> xr.Dataset:
    """Find the worst blood-count grades of every patient.

    Baseline does not count. A count is on treatment when treatment was on since the visit before it; for patients who
    were never on treatment (observation) all counts after baseline are taken. Visits on the first day of a cycle come
    after the week off and miss the nadir; the trajectory shows it, without assay error and as finely as it is stored.

    Parameters
    ----------
    run : DataTree
        A run with ``/visits``, and with ``anc`` and ``platelets`` in ``/trajectory`` for that source.
    rules : ResponseRules, optional
        Limits of the grades; by default the stored grades, or the standard limits for the trajectory.
    source : {"visits", "trajectory"}
        Measured counts of the visits, or true counts on the stored grid.

    Returns
    -------
    Dataset
        Dims (arm, patient), int8 grades 0 to 4, -1 where nothing was measured: ``worst_neutropenia`` and
        ``worst_thrombocytopenia`` on treatment, ``worst_neutropenia_overall`` and
        ``worst_thrombocytopenia_overall`` at any time after baseline.

    Raises
    ------
    StoreError
        The run lacks the group, or the trajectory holds neither count.
    ValueError
        Another source.
    """
    if source not in ("visits", "trajectory"):
        raise ValueError(f"source {source!r}: choose 'visits' or 'trajectory'")
    course = read_course(run, rules)
    if source == "visits":
        return find_toxicity(course)
    grades, times = _trajectory_grades(run, course)
    return _worst(course, grades, times)


def find_toxicity(course: Course) -> xr.Dataset:
    """Do the work of `toxicity` on the visits of a course that is already read."""
    return _worst(course, {name: course.classified[name] for name in _COUNTS}, course.days)


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


def _trajectory_grades(run: xr.DataTree, course: Course) -> tuple[dict[str, np.ndarray], np.ndarray]:
    from pdsim.visits import classify

    trajectory = group(run, "trajectory")
    counts = [] if trajectory is None else [name for name in _COUNTS.values() if name in trajectory]
    if trajectory is None or not counts:
        raise StoreError("the run stores neither 'anc' nor 'platelets' in '/trajectory'; add them to 'save'")
    times = np.asarray(trajectory["time"].values, dtype=float)
    arrays = {name: trajectory[name].transpose("arm", "patient", "time").values for name in counts}
    shape = arrays[counts[0]].shape
    flat = {name: value.reshape(-1, len(times)) for name, value in arrays.items()}
    graded = classify(times, flat, rules=course.rules)
    gone = times > np.minimum(course.death_time, course.stop_time)[..., None]
    return {name: np.where(gone, -1, graded[name].reshape(shape)) for name in _COUNTS}, times
