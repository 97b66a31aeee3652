"""Readouts: what each patient of one arm shows, and the one number that patients make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim.cohort.expressions import Expression
from pdsim.endpoints import DAYS_PER_MONTH, median_time, restricted_mean
from pdsim.errors import ConfigError
from pdsim.mechanisms.experiment import CLONE_PREFIX, Arms, Request
from pdsim.schema import RESPONSE
from pdsim.units import days

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.mechanisms.schema import ReadoutTable
    from pdsim.pk import DrugCard


@dataclass(frozen=True)
class View:
    """One simulated arm: trajectory, endpoints, states at its end and covariates of its patients.

    Attributes
    ----------
    request : Request or Joined
    trajectory, visits, endpoints, states, cohort : Dataset
        Of this arm alone, so with dims (patient[, time, visit, clone]).
    cards : mapping of str to DrugCard
        Of the drugs that were given, at least.
    """

    request: Arms
    trajectory: xr.Dataset
    visits: xr.Dataset
    endpoints: xr.Dataset
    states: xr.Dataset
    cohort: xr.Dataset
    cards: Mapping[str, DrugCard]

    @property
    def patients(self) -> np.ndarray:
        """Numbers of the patients, (patient,)."""
        return np.asarray(self.cohort["patient"].values, dtype=np.int64)

    def selected(self, among: Expression | None) -> np.ndarray:
        """Whether each patient was integrated to the end and belongs to those who are read, bool (patient,)."""
        good = self.endpoints["status"].values == 0
        if among is None:
            return good
        return good & (among.evaluate(self._values(self.endpoints, self.cohort), self._levels()) > 0)

    def evaluate(self, expression: Expression) -> np.ndarray:
        """Compute an expression along the trajectory, (patient, time)."""
        values = {
            name: column[:, None] for name, column in self._values(self.states, self.endpoints, self.cohort).items()
        }
        values |= self._values(self.trajectory)
        if "clone_cells" in self.trajectory:
            cells = self.trajectory["clone_cells"].transpose("patient", "time", "clone")
            for number, clone in enumerate(cells["clone"].values):
                values[f"{CLONE_PREFIX}{clone}"] = cells.values[..., number].astype(float)
        shape = (len(self.patients), self.trajectory.sizes["time"])
        return np.broadcast_to(expression.evaluate(values, self._levels()), shape)

    def _values(self, *tables: xr.Dataset) -> dict[str, np.ndarray]:
        return {
            str(name): np.asarray(column.values, dtype=float)
            for table in tables
            for name, column in table.data_vars.items()
            if "clone" not in column.dims
        }

    def _levels(self) -> dict[str, tuple[str, ...]]:
        return {
            str(name): tuple(str(column.attrs.get("flag_meanings", "")).split())
            for name, column in self.cohort.data_vars.items()
        }


def measure(readout: ReadoutTable, view: View) -> np.ndarray:
    """Read every patient of an arm: (patient, 1), or (patient, 2) of time and event; NaN where there is nothing."""
    columns = _MEASURES[readout.kind](readout, view)
    return np.column_stack([np.asarray(column, dtype=float) for column in columns])


def summarise(readout: ReadoutTable, values: np.ndarray, stop: float) -> float:
    """Make one number of patients' values, (patient, 1 or 2); times are restricted to `stop` days."""
    values = values[~np.isnan(values).any(axis=1)]
    if not len(values):
        return float("nan")
    if readout.kind == "time_to":
        return restricted_mean(values[:, 0], values[:, 1], stop)
    if readout.kind == "survival":
        find = median_time if readout.summary == "median" else restricted_mean
        limit = () if readout.summary == "median" else (stop / DAYS_PER_MONTH,)
        return find(values[:, 0] / DAYS_PER_MONTH, values[:, 1], *limit)
    return float(np.median(values) if readout.summary == "median" else values.mean())


def _output(readout: ReadoutTable, view: View) -> tuple[Any, ...]:
    series = view.evaluate(Expression.read(str(readout.of)))
    times = view.trajectory["time"].values.astype(float)
    if readout.relative:
        series = series / (series[:, :1] if readout.relative == "entry" else series.max(axis=1, keepdims=True))
    if readout.over == "progression":
        return (_at_progression(series, times, view.endpoints),)
    low = days(readout.from_) if readout.from_ else 0.0
    high = days(readout.to) if readout.to else np.inf
    chosen = (times >= low) & (times <= high)
    series, times = series[:, chosen], times[chosen]
    match readout.over:
        case "last":
            return (series[:, -1],)
        case "mean":
            return (np.trapezoid(series, times, axis=1) / (times[-1] - times[0]),)
        case "auc":
            return (np.trapezoid(series, times, axis=1),)
        case "min":
            return (series.min(axis=1),)
    return (series.max(axis=1),)


def _at_progression(series: np.ndarray, times: np.ndarray, endpoints: xr.Dataset) -> np.ndarray:
    """Return the last stored value before progression, NaN without one."""
    place = np.searchsorted(times, endpoints["ttp_time"].values, side="right") - 1
    found = series[np.arange(len(series)), np.clip(place, 0, len(times) - 1)]
    return np.where(endpoints["ttp_event"].values == 1, found, np.nan)


def _response(readout: ReadoutTable, view: View) -> tuple[Any, ...]:
    least = RESPONSE[str(readout.least or "PR")]
    return (view.endpoints["best_response"].values >= least,)


def _mrd(readout: ReadoutTable, view: View) -> tuple[Any, ...]:
    return (view.endpoints["mrd_negative"].values == 1,)


def _survival(readout: ReadoutTable, view: View) -> tuple[Any, ...]:
    return view.endpoints[f"{readout.of}_time"].values, view.endpoints[f"{readout.of}_event"].values


def _grade(readout: ReadoutTable, view: View) -> tuple[Any, ...]:
    return (view.endpoints[f"worst_{readout.of}"].values >= int(readout.least or 3),)


def _time_to_best(readout: ReadoutTable, view: View) -> tuple[Any, ...]:
    """Months to the visit that first shows the best confirmed response, among those with a partial one."""
    classes = view.visits["response"].transpose("patient", "visit").values
    best = view.endpoints["best_response"].values
    day = np.asarray(view.visits["day"].values, dtype=float)
    first = (classes >= best[:, None]).argmax(axis=1)
    return (np.where(best >= RESPONSE["PR"], day[first] / DAYS_PER_MONTH, np.nan),)


def _time_to(readout: ReadoutTable, view: View) -> tuple[Any, ...]:
    """Days until an expression is first true, and whether it was."""
    times = view.trajectory["time"].values.astype(float)
    start = np.zeros(len(view.patients))
    if readout.since == "progression":
        seen = view.endpoints["ttp_event"].values == 1
        start = np.where(seen, view.endpoints["ttp_time"].values, np.nan)
    met = (view.evaluate(Expression.read(str(readout.of))) > 0) & (times >= start[:, None])
    event = met.any(axis=1)
    found = np.where(event, times[met.argmax(axis=1)], times[-1])
    return found - start, np.where(np.isnan(start), np.nan, event)


def _exposure(readout: ReadoutTable, view: View) -> tuple[Any, ...]:
    """Mean concentration of a drug over the arm, in nM, from its clearance: the closed form, not the simulation."""
    from pdsim.pk import LinearSystem, exposure

    request = view.request
    assert isinstance(request, Request)  # only survival is read from joined lines
    system = view.cards[str(readout.of)].system(view.cohort)
    if not isinstance(system, LinearSystem):
        raise ConfigError(f"exposure of {readout.of}: only a drug with linear kinetics has one in closed form.")
    lines = [] if request.regimen is None else request.regimen.lines(request.group.stop)
    total = np.zeros(len(view.patients))
    for line in lines:
        if line.drug == readout.of:
            reached = exposure(system, system.route_of(line.route), line.amount * len(line.times))
            total = total + reached.auc[0]
    return (total / request.group.stop,)


def _intensity(readout: ReadoutTable, view: View) -> tuple[Any, ...]:
    return (view.endpoints["dose_intensity"].values,)


_MEASURES = {
    "output": _output,
    "response": _response,
    "mrd": _mrd,
    "survival": _survival,
    "grade": _grade,
    "time_to_best": _time_to_best,
    "time_to": _time_to,
    "exposure": _exposure,
    "intensity": _intensity,
}
