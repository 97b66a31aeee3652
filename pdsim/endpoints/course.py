"""What all endpoints read from a run: the visits as plain arrays, masked after death or leaving the study."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import xarray as xr

from pdsim.endpoints.attributes import describe
from pdsim.errors import StoreError, did_you_mean
from pdsim.visits import MARKERS, Progression, ResponseRules

CLASSIFIED = ("response", "progression", "neutropenia", "thrombocytopenia", "mrd_negative")
_DIMS = ("arm", "patient", "visit")


@dataclass(frozen=True)
class Course:
    """Visits of a run: arrays (arm, patient, visit), days (visit,) in d, and times (arm, patient) in d."""

    days: np.ndarray
    measured: dict[str, np.ndarray]
    classified: dict[str, np.ndarray]
    dosing: np.ndarray
    evaluable: np.ndarray  # an assessment of response was made
    death_time: np.ndarray  # inf: alive at the end
    stop_time: np.ndarray  # inf: never left the study
    horizon: float  # end of follow-up
    rules: ResponseRules
    coords: dict[str, xr.Variable]

    def dataset(self, **variables: np.ndarray) -> xr.Dataset:
        """Wrap arrays (arm, patient) with the coordinates of the run."""
        return describe(xr.Dataset({name: (_DIMS[:2], value) for name, value in variables.items()}, coords=self.coords))

    @property
    def confirmed(self) -> np.ndarray:
        """Index of the visit that confirmed PD, or the number of visits: (arm, patient)."""
        return first_index(self.evaluable & (self.classified["progression"] == Progression.CONFIRMED))

    @property
    def left(self) -> np.ndarray:
        """Died or left within follow-up while still measured, so not after a failure: bool, (arm, patient)."""
        end = np.minimum(self.death_time, self.stop_time)
        seen = ~np.all([np.isnan(value) for value in self.measured.values()], axis=0)
        before = self.days <= end[..., None]
        return (end <= self.horizon) & (last_index(before & seen) == last_index(before))

    @property
    def until_progression(self) -> np.ndarray:
        """Post-baseline visits up to the one that confirmed PD: bool, (arm, patient, visit)."""
        index = np.arange(len(self.days))
        return (index > 0) & (index <= self.confirmed[..., None])


def first_index(found: np.ndarray) -> np.ndarray:
    """Return the first true index of the last dimension, or its length."""
    return np.where(found.any(axis=-1), found.argmax(axis=-1), found.shape[-1])


def last_index(found: np.ndarray) -> np.ndarray:
    """Return the last true index of the last dimension, or -1."""
    return np.where(found.any(axis=-1), found.shape[-1] - 1 - found[..., ::-1].argmax(axis=-1), -1)


def group(run: xr.DataTree, name: str) -> xr.Dataset | None:
    """Return a group of the run as a Dataset, or None where it has none."""
    return run[name].to_dataset() if name in run.children else None


def read_course(run: xr.DataTree, rules: ResponseRules | None = None) -> Course:
    """Read the visits of a run.

    Parameters
    ----------
    run : DataTree
        A run with ``/visits``; ``death_time`` or ``stop_time`` (d) in ``/endpoints`` or ``/cohort`` end a patient's
        visits.
    rules : ResponseRules, optional
        Classify the stored measurements again with these; by default the stored classes are taken.

    Returns
    -------
    Course

    Raises
    ------
    StoreError
        The run has no ``/visits``, or a variable is missing from it.
    """
    visits = group(run, "visits")
    if visits is None:
        raise StoreError(
            f"the run has no group '/visits' (it has {sorted(run.children)}); endpoints need its measurements"
        )
    _require(visits, ("day", "dosing"))
    visits = visits.transpose(*_DIMS, ...)
    days = np.asarray(visits["day"].values, dtype=float)
    shape = tuple(visits.sizes[dim] for dim in _DIMS)
    measured = {name: _full(visits, name, shape) for name in (*MARKERS, "burden_true")}
    stored = {name: visits[name].values for name in CLASSIFIED if name in visits}
    chosen = rules or _stored_rules(visits)
    missing = rules is not None or len(stored) < len(CLASSIFIED)
    classified = _classify(days, measured, chosen) if missing else stored
    death, stop = (_end_time(run, name, shape[:2]) for name in ("death_time", "stop_time"))
    gone = days > np.minimum(death, stop)[..., None]
    classified = {name: np.where(gone, 0 if name == "progression" else -1, flags) for name, flags in classified.items()}
    evaluable = (classified["response"] >= 0) | (classified["progression"] == Progression.UNCONFIRMED)
    evaluable[..., 0] = ~(np.isnan(measured["m_protein"][..., 0]) & np.isnan(measured["flc"][..., 0]))
    coords = {
        str(name): value.variable for name, value in visits.coords.items() if set(value.dims) <= {"arm", "patient"}
    }
    return Course(
        days, measured, classified, visits["dosing"].values, evaluable, death, stop, _horizon(run, days), chosen, coords
    )


def _require(visits: xr.Dataset, names: tuple[str, ...]) -> None:
    for name in names:
        if name not in visits:
            raise StoreError(f"'/visits' has no variable '{name}'.{did_you_mean(name, map(str, visits.variables))}")


def _full(visits: xr.Dataset, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name in visits:
        return np.asarray(visits[name].values, dtype=np.float32)
    return np.full(shape, np.nan, dtype=np.float32)


def _stored_rules(visits: xr.Dataset) -> ResponseRules:
    text = visits.attrs.get("response_rules")
    return ResponseRules(**json.loads(text)) if text else ResponseRules()


def _classify(days: np.ndarray, measured: dict[str, np.ndarray], rules: ResponseRules) -> dict[str, np.ndarray]:
    from pdsim.visits import classify

    shape = measured["m_protein"].shape
    flat = {name: value.reshape(-1, shape[-1]) for name, value in measured.items()}
    found = classify(days, flat, flat["burden_true"], rules)
    return {name: found[name].reshape(shape) for name in CLASSIFIED}


def _horizon(run: xr.DataTree, days: np.ndarray) -> float:
    trajectory = group(run, "trajectory")
    stored = days if trajectory is None or "time" not in trajectory else trajectory["time"].values
    return float(max(days[-1], stored[-1]))


def _end_time(run: xr.DataTree, name: str, shape: tuple[int, ...]) -> np.ndarray:
    for place in ("endpoints", "cohort"):
        found = group(run, place)
        if found is not None and name in found:
            times = found[name].transpose(..., "patient").values
            return np.broadcast_to(np.where(np.isnan(times), np.inf, times), shape)
    return np.full(shape, np.inf)
