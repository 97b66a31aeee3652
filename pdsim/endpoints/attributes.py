"""Attributes of the Datasets that endpoints return."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from pdsim import schema

_NO_YES = {"no": 0, "yes": 1}
_GRADE = {"not_measured": -1, **schema.GRADE}

# what the schema of a stored run does not list, or lists without the code of a missing measurement
_VARIABLES: dict[str, tuple[str, str, dict[str, int]]] = {
    "time_to_response": ("d", "time to the first of the two visits that confirm PR or better", {}),
    "duration_of_response": ("d", "time from response to progression, death or censoring", {}),
    "duration_event": ("1", "whether response ended in progression or death", _NO_YES),
    "mrd_negative": ("1", "whether residual disease was ever below the assay's limit", {"not_measured": -1, **_NO_YES}),
    "mrd_time": ("d", "time to the first visit with residual disease below the assay's limit", {}),
    "worst_neutropenia": ("1", "worst CTCAE grade of neutropenia on treatment", _GRADE),
    "worst_thrombocytopenia": ("1", "worst CTCAE grade of thrombocytopenia on treatment", _GRADE),
    "worst_neutropenia_overall": ("1", "worst CTCAE grade of neutropenia after baseline", _GRADE),
    "worst_thrombocytopenia_overall": ("1", "worst CTCAE grade of thrombocytopenia after baseline", _GRADE),
    "death_time": ("d", "time to death, missing for those alive at the end", {}),
    "death_cause": ("1", "cause of death", {"none": 0, "myeloma": 1, "other": 2}),
    "os_time": ("d", "time to death or the end of follow-up", {}),
    "os_event": ("1", "whether death was seen", _NO_YES),
    "treatment_time": ("d", "time to the end of treatment", {}),
}


def describe(dataset: xr.Dataset) -> xr.Dataset:
    """Add ``units``, ``long_name`` and CF flags to the variables of endpoints, in place."""
    for name in _VARIABLES:
        if name in dataset:
            dataset[name].attrs.update(described(name))
    return schema.annotate(dataset, group="endpoints")


def described(name: str) -> dict[str, Any]:
    """Attributes of an endpoint that the schema of a stored run does not list; none for others."""
    if name not in _VARIABLES:
        return {}
    unit, sentence, codes = _VARIABLES[name]
    found: dict[str, Any] = {"units": unit, "long_name": sentence}
    if codes:
        found |= {"flag_values": np.array(list(codes.values()), dtype=np.int8), "flag_meanings": " ".join(codes)}
    return found
