"""What the store of a sweep holds: its arrays, coordinates and attributes, known before anything is simulated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim import schema
from pdsim.sweep.layout import chunk_shape, chunks_of
from pdsim.sweep.store import Field, Template, text

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.config.sweep_plan import SweepPlan
    from pdsim.sweep.layout import Chunk

_DIMS = ("scenario", "arm", "patient")
ALWAYS = "status"


def kept_endpoints(plan: SweepPlan) -> tuple[str, ...]:
    """Endpoints that are stored of each patient."""
    return tuple(dict.fromkeys((*plan.sweep.keep, ALWAYS)))


def reductions(plan: SweepPlan) -> list[tuple[str, str]]:
    """Pairs of output and reduction."""
    given = plan.sweep.reduce.items()
    return [(name, how) for name, hows in given for how in ([hows] if isinstance(hows, str) else hows)]


def all_chunks(plan: SweepPlan) -> tuple[Chunk, ...]:
    """The chunks of a sweep."""
    return chunks_of(len(plan.scenarios), plan.study.cohort.size, plan.sweep.chunk)


def template_of(plan: SweepPlan, attrs: Mapping[str, Any]) -> Template:
    """Return the template of a sweep's store.

    Parameters
    ----------
    plan : SweepPlan
    attrs : mapping
        Attributes of the root: provenance.
    """
    study = plan.study
    clones = tuple(getattr(plan.base.population, "clones", ()) or ())
    times = stored_times(plan)
    fields = _fields(plan)
    sizes = {
        "scenario": len(plan.scenarios),
        "arm": len(plan.base.arms),
        "patient": study.cohort.size,
        "time": len(times),
        "clone": len(clones),
        "event": len(plan.sweep.events),
    }
    return Template(
        sizes=sizes,
        chunk=chunk_shape(sizes["scenario"], sizes["patient"], plan.sweep.chunk),
        fields=fields,
        groups=_groups(plan, fields, clones, times, attrs),
    )


def stored_times(plan: SweepPlan) -> np.ndarray:
    """Days of stored courses."""
    from pdsim.ensemble.prepare import make_grid
    from pdsim.units import days

    study = plan.study
    return make_grid(days(study.stop), days(study.every), days(study.visits), 7.0).times


def _fields(plan: SweepPlan) -> tuple[Field, ...]:
    from pdsim.endpoints import endpoint_attributes

    outputs = plan.base.model.outputs
    found = []
    for name in kept_endpoints(plan):
        attrs = endpoint_attributes(name)
        found.append(Field(f"patients/{name}", _DIMS, "int8" if "flag_values" in attrs else "float32", attrs))
    for name, how in reductions(plan):
        attrs = schema.reduced_attributes(how, outputs[name].unit, _sentence(plan, name))
        found.append(Field(f"patients/{name}_{how}", _with_clone(_DIMS, outputs[name]), "float32", attrs))
    if plan.sweep.events:
        attrs = schema.variable("event_time").attributes()
        found.append(Field("patients/event_time", (*_DIMS, "event"), "float32", attrs))
    for name in plan.sweep.save:
        attrs = {"units": outputs[name].unit, "long_name": _sentence(plan, name)}
        found.append(Field(f"courses/{name}", _with_clone((*_DIMS, "time"), outputs[name]), "float32", attrs))
    return tuple(found)


def _with_clone(dims: tuple[str, ...], output: Any) -> tuple[str, ...]:
    return (*dims, output.dim) if output.dim else dims


def _sentence(plan: SweepPlan, name: str) -> str:
    known = schema.VARIABLES.get(name)
    return known.text if known else str(plan.base.model.outputs[name].sentence)


def _groups(
    plan: SweepPlan, fields: tuple[Field, ...], clones: tuple[str, ...], times: np.ndarray, attrs: Mapping[str, Any]
) -> dict[str, xr.Dataset]:
    """Coordinates of the root and of each group."""
    import xarray as xr

    study, arms = plan.study, plan.base.arms
    root = xr.Dataset(
        coords={
            "scenario": text(scenario.label for scenario in plan.design.scenarios),
            "arm": text(arms),
            "label": ("arm", text(arm.label or name for name, arm in arms.items())),
            "patient": np.arange(study.cohort.size, dtype=np.int64),
            **factor_coordinates(plan),
        },
        attrs=dict(attrs),
    )
    root["scenario"].attrs["long_name"] = "setting of all factors"
    groups: dict[str, xr.Dataset] = {"/": schema.annotate(root)}
    for group in dict.fromkeys(field.path.partition("/")[0] for field in fields):
        dims = {dim for field in fields if field.path.startswith(f"{group}/") for dim in field.dims}
        coords: dict[str, Any] = {}
        if "time" in dims:
            coords["time"] = times
        if "clone" in dims:
            coords["clone"] = text(clones)
        if "event" in dims:
            coords |= {"event": text(plan.sweep.events), "condition": ("event", text(plan.sweep.events.values()))}
        groups[group] = schema.annotate(xr.Dataset(coords=coords))
    return groups


def factor_coordinates(plan: SweepPlan) -> dict[str, Any]:
    """What every factor is in every scenario, as coordinates: numbers with a unit where it has them, else text."""
    found: dict[str, Any] = {}
    for factor in plan.design.factors:
        levels = [scenario.levels.get(factor.name) for scenario in plan.design.scenarios]
        attrs = {"long_name": factor.title, "key": json.dumps(factor.keys)}
        numbers = [level.number if level is not None else np.nan for level in levels]
        if all(level is None or np.isfinite(level.number) for level in levels):
            found[factor.name] = ("scenario", np.array(numbers), {**attrs, "units": factor.axis_unit or "1"})
        else:
            found[factor.name] = ("scenario", text(level.label if level else "" for level in levels), attrs)
    return found
