"""From block results to a labelled run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import xarray as xr
from xarray.indexes import PandasIndex

from pdsim import schema
from pdsim._duck_arrays import spare_imports
from pdsim.ensemble.decide import LEDGER
from pdsim.ensemble.plan import Plan
from pdsim.ensemble.recording import COUNTS, Wanted

spare_imports()

_Results = Mapping[tuple[str, int], Any]


def assemble(plan: Plan, wanted: Wanted, results: _Results) -> xr.DataTree:
    """Put blocks side by side in patient order and label them; see `pdsim.schema`."""
    labels = _labels(plan)
    parts = {
        "cohort": plan.cohort,
        "trajectory": _trajectory(plan, labels, wanted.save, results),
        "visits": _visits(plan, labels, results),
        "counts": _counts(plan, labels, results),
        "endpoints": _status(plan, labels, results),
        "states": _states(plan, labels, results),
        "dosing": _dosing(plan, labels),
        "doses": _doses(plan, labels, results),
    }
    if any(arm.regimen is not None and arm.regimen.rules for arm in plan.arms.values()):
        parts["ledger"] = _ledger(plan, results)
    if wanted.reduce:
        parts["reduced"] = _reduced(plan, labels, wanted, results)
    if wanted.events:
        parts["events"] = _events(plan, labels, wanted, results)
    tree = xr.DataTree()
    tree.children = {name: xr.DataTree(part) for name, part in parts.items()}  # from_dict copies every group twice
    tree.attrs = {
        "model": plan.model.name,
        "model_hash": plan.model.source_hash,
        "seed": plan.seed,
        "solver": plan.options.method,
        "rtol": plan.options.rtol,
        "atol": plan.options.atol,
        "assay": json.dumps(asdict(plan.assay)),
    }
    return tree


def _text(values: list[str]) -> np.ndarray:
    return np.array(values, dtype=np.dtypes.StringDType())


def _arm_coords(plan: Plan) -> dict[str, Any]:
    arms = plan.arms
    return {
        "arm": _text(list(arms)),
        "regimen": ("arm", _text([arm.regimen.name if arm.regimen else "" for arm in arms.values()])),
        "base_arm": ("arm", _text([arm.base or name for name, arm in arms.items()])),
        "hypothesis": ("arm", _text([arm.hypothesis for arm in arms.values()])),
        "label": ("arm", _text([arm.label or name for name, arm in arms.items()])),
    }


def _labels(plan: Plan) -> xr.Coordinates:
    """Coordinates that most groups share: to make the indexes of text costs more than all else in a group."""
    return xr.Dataset(coords={**_arm_coords(plan), "patient": plan.patients}).coords


def _with(labels: xr.Coordinates, **more: Any) -> xr.Coordinates:
    """Add coordinates: a dimension's own values, or pairs of dimension and values."""
    variables, indexes = dict(labels.variables), dict(labels.xindexes)
    for name, values in more.items():
        given = values if isinstance(values, tuple) else (name, values)
        variables[name] = xr.Variable(*given)
        if given[0] == name:
            indexes[name] = PandasIndex.from_variables({name: variables[name]}, options={})
            variables |= indexes[name].create_variables({name: variables[name]})
    return xr.Coordinates(variables, indexes=indexes)


def _gather(plan: Plan, results: _Results, pick: Any) -> np.ndarray:
    """Stack `pick(result)` (patient, ...) over blocks and arms to (arm, patient, ...)."""
    arms = {arm: row for row, arm in enumerate(plan.arms)}
    whole: np.ndarray | None = None
    for (arm, first), result in results.items():
        part = pick(result)
        if whole is None:
            whole = np.empty((len(arms), len(plan.patients), *part.shape[1:]), dtype=part.dtype)
        whole[arms[arm], first : first + len(part)] = part
    assert whole is not None
    return whole


def _parts(results: _Results, arm: str) -> list[Any]:
    """Results of one arm in patient order."""
    return [results[key] for key in sorted(key for key in results if key[0] == arm)]


def _trajectory(plan: Plan, labels: xr.Coordinates, save: tuple[str, ...], results: _Results) -> xr.Dataset:
    clones = list(plan.kernels.clones)
    variables: dict[str, Any] = {}
    for name, dim in plan.kernels.output_dims.items():
        flats = [flat for flat in save if flat.partition("[")[0] == name]
        if not flats:
            continue
        columns = [_gather(plan, results, lambda r, flat=flat: r.trajectory[flat]) for flat in flats]
        dims = ("arm", "patient", "time")
        variables[name] = (dims, columns[0]) if dim is None else ((*dims, dim), np.stack(columns, axis=-1))
    by_clone = any(len(dims) == 4 for dims, _ in variables.values())
    coords = _with(labels, time=plan.grid.times, **({"clone": _text(clones)} if by_clone else {}))
    return _labelled(plan, xr.Dataset(variables, coords))


def _labelled(plan: Plan, ds: xr.Dataset) -> xr.Dataset:
    """Attach units and sentences: the registry's, and the model's for names that only the model knows."""
    for name in set(ds.data_vars) - set(schema.VARIABLES):
        declared = {**plan.model.states, **plan.model.outputs}[str(name)]
        ds.variables[name].attrs.update(units=declared.unit, long_name=declared.sentence)
    return schema.annotate(ds)


def _visits(plan: Plan, labels: xr.Coordinates, results: _Results) -> xr.Dataset:
    names = list(next(iter(results.values())).visits)
    variables = {
        name: (("arm", "patient", "visit"), _gather(plan, results, lambda r, name=name: r.visits[name]))
        for name in names
    }
    days = plan.grid.visits
    coords = _with(labels, visit=np.arange(len(days)), day=("visit", days))
    ds = _labelled(plan, xr.Dataset(variables, coords))
    ds.attrs["response_rules"] = json.dumps(asdict(plan.rules))
    return ds


def _counts(plan: Plan, labels: xr.Coordinates, results: _Results) -> xr.Dataset:
    have = [name for name in COUNTS if name in next(iter(results.values())).counts]
    variables = {
        name: (("arm", "patient", "count"), _gather(plan, results, lambda r, name=name: r.counts[name]))
        for name in have
    }
    days = plan.grid.counts
    return _labelled(plan, xr.Dataset(variables, _with(labels, count=np.arange(len(days)), day=("count", days))))


def _status(plan: Plan, labels: xr.Coordinates, results: _Results) -> xr.Dataset:
    status = _gather(plan, results, lambda r: r.status).astype(np.int8)
    return _labelled(plan, xr.Dataset({"status": (("arm", "patient"), status)}, labels))


def _reduced(plan: Plan, labels: xr.Coordinates, wanted: Wanted, results: _Results) -> xr.Dataset:
    variables: dict[str, Any] = {}
    for base, how in wanted.reduce:
        name, dim, declared = f"{base}_{how}", plan.kernels.output_dims[base], plan.model.outputs[base]
        values = _gather(plan, results, lambda r, name=name: r.reduced[name])
        known = schema.VARIABLES.get(base)
        attrs = schema.reduced_attributes(how, declared.unit, known.text if known else declared.sentence)
        variables[name] = (("arm", "patient", dim) if dim else ("arm", "patient"), values, attrs)
    by_clone = any("clone" in dims for dims, *_ in variables.values())
    coords = _with(labels, clone=_text(list(plan.kernels.clones))) if by_clone else labels
    return schema.annotate(xr.Dataset(variables, coords))


def _events(plan: Plan, labels: xr.Coordinates, wanted: Wanted, results: _Results) -> xr.Dataset:
    times = [_gather(plan, results, lambda r, name=event.name: r.events[name]) for event in wanted.events]
    coords = _with(
        labels,
        event=_text([event.name for event in wanted.events]),
        condition=("event", _text([event.text for event in wanted.events])),
    )
    ds = xr.Dataset({"event_time": (("arm", "patient", "event"), np.stack(times, axis=-1))}, coords)
    return schema.annotate(ds, "events")


def _states(plan: Plan, labels: xr.Coordinates, results: _Results) -> xr.Dataset:
    whole = _gather(plan, results, lambda r: np.moveaxis(r.states, 2, 0))  # (arm, patient, moment, state)
    variables: dict[str, Any] = {}
    for name in plan.model.states:
        rows = [i for i, flat in enumerate(plan.kernels.states) if flat.partition("[")[0] == name]
        if not rows:
            continue
        dims = ("arm", "patient", "moment")
        scalar = plan.kernels.states[rows[0]] == name
        variables[name] = (dims, whole[..., rows[0]]) if scalar else ((*dims, "clone"), whole[..., rows])
    more = {"clone": _text(list(plan.kernels.clones))} if plan.kernels.clones else {}
    coords = _with(labels, moment=_text(["end", "pd"]), **more)
    return _labelled(plan, xr.Dataset(variables, coords))


def _dosing(plan: Plan, labels: xr.Coordinates) -> xr.Dataset:
    days = np.arange(int(np.ceil(plan.grid.stop)))
    given: dict[str, dict[str, np.ndarray]] = {
        name: arm.regimen.days(plan.grid.stop) if arm.regimen else {} for name, arm in plan.arms.items()
    }
    drugs = sorted({drug for found in given.values() for drug in found})
    values = np.zeros((len(plan.arms), len(drugs), len(days)), dtype=np.int8)
    for a, found in enumerate(given.values()):
        for drug, on in found.items():
            values[a, drugs.index(drug), on] = 1
    coords = _with(labels, drug=_text(drugs), day=days)
    ds = xr.Dataset({"given": (("arm", "drug", "day"), values)}, coords).drop_vars("patient")
    return _labelled(plan, ds)


def _doses(plan: Plan, labels: xr.Coordinates, results: _Results) -> xr.Dataset:
    """Amounts given and planned from visit to visit, in the unit of each drug's first dose line."""
    units: dict[str, str] = {}
    for dosing in plan.dosing.values():
        for line in dosing.lines:
            units.setdefault(line.line.drug, line.line.unit)
    drugs = sorted(units)
    shape = (len(plan.arms), len(plan.patients), len(drugs), len(plan.grid.visits))
    whole = {name: np.zeros(shape, dtype=np.float32) for name in ("taken", "planned")}
    for a, (arm, dosing) in enumerate(plan.dosing.items()):
        places = [drugs.index(drug) for drug in dosing.drugs]
        for name, values in whole.items():
            found = np.concatenate([part.doses[name] for part in _parts(results, arm)], axis=2)
            values[a][:, places] = np.moveaxis(found, 2, 0)
    unit = ("drug", _text([units[drug] for drug in drugs]))
    days = {"visit": np.arange(shape[3]), "day": ("visit", plan.grid.visits)}
    coords = _with(labels, **days, drug=_text(drugs), dose_unit=unit)
    dims = ("arm", "patient", "drug", "visit")
    ds = xr.Dataset({f"dose_{name}": (dims, values) for name, values in whole.items()}, coords)
    return schema.annotate(ds, group="doses")


def _ledger(plan: Plan, results: _Results) -> xr.Dataset:
    """All dose decisions, by arm, patient and day."""
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ("arm", *LEDGER)}
    for arm in plan.arms:
        parts = [part.ledger for part in _parts(results, arm)]
        joined = {name: np.concatenate([part[name] for part in parts]) for name in LEDGER}
        # decisions of one patient are in order already
        order = np.argsort(joined["patient"], kind="stable")
        for name, column in joined.items():
            columns[name].append(column[order])
        columns["arm"].append(np.full(len(order), arm, dtype=object))
    whole = {name: np.concatenate(parts) for name, parts in columns.items()}
    whole["patient"] = plan.patients[whole["patient"]]
    variables = {
        name: ("entry", _text(column.tolist()) if column.dtype == object else column) for name, column in whole.items()
    }
    return schema.annotate(xr.Dataset(variables), group="ledger")
