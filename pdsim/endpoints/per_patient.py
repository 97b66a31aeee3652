"""Endpoints by name, one value a patient, for results that keep some of them and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from pdsim import schema
from pdsim.endpoints.assembly import read_status
from pdsim.endpoints.attributes import described
from pdsim.endpoints.best_response import find_response
from pdsim.endpoints.course import read_course
from pdsim.endpoints.dosing import find_changes
from pdsim.endpoints.grades import find_toxicity
from pdsim.endpoints.intensity import find_intensity
from pdsim.endpoints.time_to_event import find_progression
from pdsim.errors import PdsimError, did_you_mean
from pdsim.visits import ResponseRules

NAMES = (
    "best_response",
    "best_change",
    "time_to_response",
    "duration_of_response",
    "duration_event",
    "mrd_negative",
    "mrd_time",
    "pfs_time",
    "pfs_event",
    "ttp_time",
    "ttp_event",
    "dose_intensity",
    "treatment_time",
    "holds",
    "time_to_first_reduction",
    "time_to_stop",
    "worst_neutropenia",
    "worst_thrombocytopenia",
    "worst_neutropenia_overall",
    "worst_thrombocytopenia_overall",
    "status",
)


def endpoint_attributes(name: str) -> dict[str, Any]:
    """Return ``units``, ``long_name`` and CF flags of an endpoint; PdsimError with the nearest names if it is none."""
    if name not in NAMES:
        raise PdsimError(f"'{name}' is no endpoint of a patient.{did_you_mean(name, NAMES)} Known: {', '.join(NAMES)}.")
    return described(name) or schema.variable(name).attributes()


def per_patient(run: xr.DataTree, names: Sequence[str], rules: ResponseRules | None = None) -> xr.Dataset:
    """Find some endpoints of every patient.

    Parameters
    ----------
    run : DataTree
        A run with ``/visits``.
    names : sequence of str
        Of `NAMES`. What dosing rules did (``holds``, ``time_to_first_reduction``, ``time_to_stop``) is 0 and missing
        where no arm has rules.
    rules : ResponseRules, optional
        Classify the stored measurements again.

    Returns
    -------
    Dataset
        Dims (arm, patient), in the order of `names`.

    Raises
    ------
    PdsimError
        A name is no endpoint.
    StoreError
        The run has no ``/visits``, or neither neutrophils nor platelets where a grade is wanted.
    """
    for name in names:
        endpoint_attributes(name)
    course = read_course(run, rules)
    toxicity = [find_toxicity(run, course)] if any(name.startswith("worst_") for name in names) else []
    found = xr.merge(
        [find_response(course), find_progression(course), find_intensity(run, course), *toxicity],
        join="exact",
        compat="no_conflicts",
    )
    changes = find_changes(run, course)
    shape = course.dosing.shape[:2]
    for name in ("holds", "time_to_first_reduction", "time_to_stop"):
        empty = np.full(shape, 0.0 if name == "holds" else np.nan)
        found[name] = (("arm", "patient"), empty if changes is None else changes[name].values)
    found["status"] = (("arm", "patient"), read_status(run, course))
    return found[list(names)]
