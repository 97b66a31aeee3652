"""The summary of a finished sweep: rates, medians, means and quantiles over the patients of each scenario and arm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim import schema
from pdsim.config.kept import averaged
from pdsim.endpoints import DAYS_PER_MONTH, median_time, restricted_mean, survival_at
from pdsim.study.sweep.template import factor_coordinates, stored_times
from pdsim.sweep.indices import sensitivity_dataset
from pdsim.sweep.store import SweepStore, text
from pdsim.units import days

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.config.sweep_plan import SweepPlan

_Entry = tuple[Any, dict[str, str], tuple[str, ...]]  # value, attributes, dimensions after scenario and arm
_DEPTHS = {
    "orr": ("PR", "response, PR or better"),
    "vgpr": ("VGPR", "VGPR or better"),
    "cr": ("CR", "CR or better"),
}


def summarise(plan: SweepPlan, store: SweepStore) -> xr.Dataset:
    """Compute the group ``/summary`` from the stored patients and courses, one scenario at a time.

    Response rates are of patients with a baseline; grades of measured patients; means and quantiles of patients who
    have a value. Quantiles of courses are at each stored time.

    Returns
    -------
    Dataset
        (scenario, arm[, quantile[, time]]); see `pdsim.config.kept.summary_names`.
    """
    import xarray as xr

    scenarios = range(len(plan.scenarios))
    rows = [[_row(plan, store, scenario, arm) for arm in range(len(plan.base.arms))] for scenario in scenarios]
    data: dict[str, Any] = {}
    for name, (_, attrs, dims) in rows[0][0].items():
        values = np.array([[cell[name][0] for cell in row] for row in rows])
        data[name] = (("scenario", "arm", *dims), values, attrs)
    coords: dict[str, Any] = {
        "scenario": text(scenario.label for scenario in plan.design.scenarios),
        "arm": text(plan.base.arms),
        **factor_coordinates(plan),
    }
    used = {dim for dims, *_ in data.values() for dim in dims}
    if "quantile" in used:
        coords["quantile"] = ("quantile", np.array(plan.sweep.quantiles), {"long_name": "share of patients below"})
    if "time" in used:
        coords["time"] = stored_times(plan)
    if "clone" in used:
        coords["clone"] = text(plan.base.population.clones)
    return schema.annotate(xr.Dataset(data, coords))


def sensitivity(plan: SweepPlan, summary: xr.Dataset) -> xr.Dataset | None:
    """Compute the group ``/sensitivity``; None where the study asks for none."""
    wanted, places = plan.sensitivity, plan.design.places
    if wanted is None or places is None:
        return None
    return sensitivity_dataset(
        summary,
        places,
        [factor.name for factor in plan.design.factors],
        wanted.methods,
        wanted.endpoints,
        levels=wanted.levels,
        confidence=wanted.confidence,
        resamples=wanted.resamples,
        seed=plan.study.seed,
    )


def _row(plan: SweepPlan, store: SweepStore, scenario: int, arm: int) -> dict[str, _Entry]:
    """Every number of one scenario and arm with its attributes."""
    kept = set(plan.sweep.keep)

    def read(path: str) -> np.ndarray:
        import zarr

        return np.asarray(zarr.open_array(store.root / path, mode="r")[scenario, arm])

    status = read("patients/status")
    known = np.isfinite(read("patients/pfs_time")) if "pfs_time" in kept else np.ones(status.shape, dtype=bool)
    found: dict[str, _Entry] = {
        "n": _number(int(known.sum()), "1", "patients with a baseline"),
        "failed": _number(int((status != 0).sum()), "1", "patients whose integration failed"),
    }
    if "best_response" in kept:
        best = read("patients/best_response")[known]
        for name, (depth, words) in _DEPTHS.items():
            found[name] = _number(_percent(best >= schema.RESPONSE[depth]), "%", words)
    if {"pfs_time", "pfs_event"} <= kept:
        found |= _survival(plan, read("patients/pfs_time"), read("patients/pfs_event"))
    for name in (name for name in plan.sweep.keep if name.startswith("worst_")):
        grade, short = read(f"patients/{name}"), name.removeprefix("worst_")
        found[f"{short}_34"] = _number(_percent(grade[grade >= 0] >= 3), "%", f"grade 3-4 {short.replace('_', ' ')}")
    for name in averaged(plan.study):
        found |= _spread(plan, store, f"patients/{name}", read)
    for name in plan.sweep.save:
        found |= _spread(plan, store, f"courses/{name}", read)
    return found


def _survival(plan: SweepPlan, time: np.ndarray, event: np.ndarray) -> dict[str, _Entry]:
    limit = min(days(one.study.stop) for one in plan.scenarios) / DAYS_PER_MONTH
    months = time.astype(float) / DAYS_PER_MONTH
    return {
        "median_pfs": _number(median_time(months, event), "month", "median progression-free survival"),
        "mean_pfs": _number(
            restricted_mean(months, event, limit),
            "month",
            f"mean progression-free survival up to {limit:.0f} months",
        ),
        "pfs_12_months": _number(100.0 * survival_at(months, event, 12.0), "%", "free of progression at 12 months"),
    }


def _spread(plan: SweepPlan, store: SweepStore, path: str, read: Any) -> dict[str, _Entry]:
    """Quantiles over patients, and of what has no time their mean."""
    import zarr

    array = zarr.open_array(store.root / path, mode="r")
    group, _, name = path.partition("/")
    dims = tuple(getattr(array.metadata, "dimension_names", ()))[3:]
    values = read(path)
    text = str(array.attrs.get("long_name", name))
    kind = {"units": str(array.attrs.get("units", "1"))}
    found: dict[str, _Entry] = {}
    if group == "patients":
        average = _over_patients(values, lambda column: float(column.mean(dtype=np.float64)))
        found[f"mean_{name}"] = (average, {**kind, "long_name": f"mean over patients of: {text}"}, dims)
    quantiles = _over_patients(values, lambda column: np.quantile(column, plan.sweep.quantiles))
    words = f"quantiles over patients of: {text}"
    found[f"{name}_quantile"] = (quantiles, {**kind, "long_name": words}, ("quantile", *dims))
    return found


def _over_patients(values: np.ndarray, reduce: Any) -> np.ndarray:
    """Apply a reduction to the finite values of every column; what it gives comes first: (result, column...)."""
    columns = values.reshape(len(values), -1)
    empty = np.full(np.shape(reduce(np.zeros(1))), np.nan)
    found = []
    for column in columns.T:
        finite = column[np.isfinite(column)]
        found.append(reduce(finite) if len(finite) else empty)
    stacked = np.moveaxis(np.array(found, dtype=float), 0, -1)
    return stacked.reshape((*empty.shape, *values.shape[1:]))


def _percent(outcome: np.ndarray) -> float:
    return 100.0 * float(outcome.mean()) if len(outcome) else float("nan")


def _number(value: float, unit: str, words: str) -> _Entry:
    return value, {"units": unit, "long_name": words}, ()
