"""Lays drawn values out as the Dataset of a cohort."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim import schema
from pdsim._duck_arrays import spare_imports
from pdsim._loading import loading
from pdsim.cohort.population import FRACTION, Population, Trait, Variable

if TYPE_CHECKING:
    import xarray as xr


def to_dataset(
    population: Population,
    patients: np.ndarray,
    values: Mapping[str, np.ndarray],
    shares: np.ndarray | None,
    **attributes: Any,
) -> xr.Dataset:
    """Lay values out with units and names.

    Parameters
    ----------
    population : Population
    patients : array of int, (patient,)
    values : mapping of str to array, (patient,)
        Every variable of the population; codes for categories.
    shares : array, (patient, clone), or None
    **attributes
        Of the Dataset, besides population, source and version.

    Returns
    -------
    Dataset
        Attribute ``role`` of a variable is ``"parameter"``, ``"covariate"`` or ``"trait"``.
    """
    with loading():
        import xarray as xr

    from pdsim import __version__

    spare_imports()
    coords: dict[str, Any] = {"patient": ("patient", patients)}
    found: dict[str, Any] = {}
    if population.clones:
        coords["clone"] = ("clone", np.array(population.clones, dtype=np.dtypes.StringDType()))
        shape = (len(patients), len(population.clones))
        for trait in population.traits:
            filled = np.broadcast_to(np.array(trait.values), shape).copy()
            found[trait.name] = (("patient", "clone"), filled, _labels(trait, "trait"))
        if shares is not None and population.composition is not None:
            labels = {"source": population.composition.source, "status": population.composition.status}
            full = np.broadcast_to(shares, shape).copy()
            found[FRACTION] = (("patient", "clone"), full, {**_kept(labels), "role": "covariate"})
    for variable in population.variables:
        found[variable.name] = (("patient",), values[variable.name], _labels(variable, variable.role))
    named = {"population": population.name, "source": population.source, **attributes, "pdsim_version": __version__}
    return schema.annotate(xr.Dataset(found, coords=coords, attrs=_kept(named)), "cohort")


def _labels(what: Variable | Trait, role: str) -> dict[str, Any]:
    found: dict[str, Any] = {"units": what.unit}
    if what.long_name or what.name not in schema.VARIABLES:
        found["long_name"] = what.long_name or what.name.replace("_", " ").replace(".", " ")
    if isinstance(what, Variable) and what.levels:
        found["flag_values"] = np.arange(len(what.levels), dtype=np.int8)
        found["flag_meanings"] = " ".join(what.levels)
    rule = getattr(getattr(what, "rule", None), "text", "")
    return _kept({**found, "source": what.source, "status": what.status, "expression": rule, "role": role})


def _kept(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out empty texts, which NetCDF gives back as something else."""
    return {key: value for key, value in attributes.items() if not (isinstance(value, str) and not value)}
