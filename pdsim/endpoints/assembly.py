"""All endpoints of a run in one Dataset, as stored beside it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from pdsim.endpoints.best_response import find_response
from pdsim.endpoints.course import Course, group, read_course
from pdsim.endpoints.dosing import find_changes
from pdsim.endpoints.grades import find_toxicity
from pdsim.endpoints.intensity import find_intensity
from pdsim.endpoints.time_to_event import find_progression
from pdsim.visits import ResponseRules


def assemble(run: xr.DataTree, rules: ResponseRules | None = None) -> xr.Dataset:
    """Find all endpoints of the group ``/endpoints`` of a run.

    Parameters
    ----------
    run : DataTree
        A run with ``/visits``. ``status`` (arm, patient) is taken from ``/endpoints``, ``/visits`` or
        ``/trajectory``; where none holds it, a patient whose measurements break off counts as ``nan``.
    rules : ResponseRules, optional
        Classify the stored measurements again; by default the stored classes are taken.

    Returns
    -------
    Dataset
        Dims (arm, patient): ``best_response``, ``best_change``, ``pfs_time`` d, ``pfs_event``, ``ttp_time`` d,
        ``ttp_event``, ``dose_intensity``, ``worst_neutropenia``, ``worst_thrombocytopenia``, ``status``; with
        ``/doses`` ``drug_intensity`` (arm, patient, drug); where an arm has rules ``holds``,
        ``time_to_first_reduction`` d and ``time_to_stop`` d. See `response`, `progression`, `toxicity`,
        `dose_intensity` and `dose_changes`.

    Raises
    ------
    StoreError
        The run has no ``/visits``.
    """
    course = read_course(run, rules)
    changes = find_changes(run, course)
    return xr.merge(
        [
            find_response(course)[["best_response", "best_change"]],
            find_progression(course),
            find_intensity(run, course).drop_vars("treatment_time"),
            *([] if changes is None else [changes]),
            find_toxicity(run, course)[["worst_neutropenia", "worst_thrombocytopenia"]],
            course.dataset(status=read_status(run, course)),
        ],
        join="exact",
        compat="no_conflicts",
    )


def read_status(run: xr.DataTree, course: Course) -> np.ndarray:
    """Return the status of every patient, int8 (arm, patient)."""
    for place in ("endpoints", "visits", "trajectory"):
        found = group(run, place)
        if found is not None and "status" in found:
            return found["status"].transpose("arm", "patient").values.astype(np.int8)
    lost = np.all([np.isnan(value[..., -1]) for value in course.measured.values()], axis=0)
    return lost.astype(np.int8)
