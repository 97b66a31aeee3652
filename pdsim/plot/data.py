"""What the figures read from a run: arms, curves with their gaps, quantiles, counts."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pdsim.errors import PdsimError, did_you_mean
from pdsim.plot.style import MONTH_DAYS

if TYPE_CHECKING:
    import xarray as xr

COVERAGE = 0.9


@dataclass(frozen=True)
class Curves:
    """One variable of one arm over time.

    Attributes
    ----------
    months : (time,) months from randomisation.
    values : (patient, time) float64; NaN from a patient's failure on.
    failed : number of patients that failed.
    """

    months: np.ndarray
    values: np.ndarray
    failed: int

    @property
    def covered(self) -> np.ndarray:
        """(time,) bool: at least 90 % of the patients have a value."""
        return np.isfinite(self.values).sum(axis=0) >= max(COVERAGE * self.values.shape[0], 1)

    def quantiles(self, *levels: float) -> np.ndarray:
        """(level, time) quantiles over patients; NaN where too many patients have failed."""
        out = np.full((len(levels), self.months.size), np.nan)
        keep = self.covered
        if keep.any():
            values = self.values[:, keep]
            # the same numbers; nanquantile goes through the columns one by one
            quantile = np.nanquantile if np.isnan(values).any() else np.quantile
            out[:, keep] = quantile(values, levels, axis=0)
        return out


def dataset(run: xr.DataTree, group: str) -> xr.Dataset:
    """One group of a run; `PdsimError` if the run has none or holds no patients."""
    if group not in run.children:
        have = ", ".join(sorted(run.children)) or "nothing"
        message = f"The run has no group '{group}' (it holds {have}). Is this a run written by pdsim.simulate?"
        raise PdsimError(message)
    found = run[group].to_dataset()
    if found.sizes.get("patient", 1) == 0:
        message = f"The run holds no patients in '{group}': there is nothing to draw."
        raise PdsimError(message)
    return found


def variable(run: xr.DataTree, group: str, name: str) -> xr.DataArray:
    """One variable of a group; `PdsimError` with the way to store it if it is absent."""
    found = dataset(run, group)
    if name not in found:
        message = f"The run holds no '{name}' in '{group}'.{did_you_mean(name, map(str, found.data_vars))}"
        if group == "trajectory":
            message += f" Add '{name}' to `save` in the study and run again."
        raise PdsimError(message)
    return found[name]


def arm_names(run: xr.DataTree) -> list[str]:
    """Labels of all arms, in the order of the run."""
    return [
        str(name) for name in dataset(run, "endpoints" if "endpoints" in run.children else "trajectory")["arm"].values
    ]


def arm_text(run: xr.DataTree, arm: str, coordinate: str, default: str) -> str:
    """Text of a coordinate along `arm` (label, base_arm, hypothesis); `default` where the run has none."""
    found = dataset(run, "endpoints" if "endpoints" in run.children else "trajectory")
    if coordinate not in found.coords:
        return default
    return str(found[coordinate].values[arm_names(run).index(arm)]) or default


def plain_arms(run: xr.DataTree) -> list[str]:
    """Arms of the study itself, without its hypothesis variants."""
    return [arm for arm in arm_names(run) if not arm_text(run, arm, "hypothesis", "")]


def hypothesis_arms(run: xr.DataTree) -> dict[str, list[str]]:
    """Base arm -> its hypothesis arms."""
    found: dict[str, list[str]] = {}
    for arm in arm_names(run):
        if arm_text(run, arm, "hypothesis", ""):
            found.setdefault(arm_text(run, arm, "base_arm", arm.split(":")[0]), []).append(arm)
    return found


def pick_arm(run: xr.DataTree, arm: str | None) -> str:
    """Check an arm's name; without one the run must have a single plain arm."""
    names = arm_names(run)
    if arm is None:
        plain = plain_arms(run)
        if len(plain) == 1:
            return plain[0]
        example = (plain or names)[-1]
        message = f"The run has {len(plain)} arms: say which, such as arm='{example}'. Arms: {', '.join(names)}."
        raise PdsimError(message)
    if arm not in names:
        message = f"The run has no arm '{arm}'.{did_you_mean(arm, names)} Arms: {', '.join(names)}."
        raise PdsimError(message)
    return arm


def of_arm(found: xr.DataArray, arm: str) -> xr.DataArray:
    """The part of a variable that belongs to one arm."""
    labels = [str(name) for name in found["arm"].values]
    return found.isel(arm=labels.index(arm))


def curves(run: xr.DataTree, arm: str, name: str) -> Curves:
    """Trajectory of `name` in one arm."""
    found = of_arm(variable(run, "trajectory", name), arm)
    values = found.transpose("patient", "time").values.astype(float)
    return Curves(found["time"].values.astype(float) / MONTH_DAYS, values, failures(run, arm))


def failures(run: xr.DataTree, arm: str) -> int:
    """Patients of one arm whose integration failed."""
    return int((~patients_ok(run, arm)).sum())


def patients_ok(run: xr.DataTree, arm: str) -> np.ndarray:
    """(patient,) bool: status 0, or, in a run without endpoints, no gap in any trajectory."""
    if "endpoints" in run.children and "status" in dataset(run, "endpoints"):
        return of_arm(variable(run, "endpoints", "status"), arm).values == 0
    found = dataset(run, "trajectory")
    ok = np.ones(found.sizes["patient"], bool)
    for name in map(str, found.data_vars):
        if {"arm", "patient"} <= set(found[name].dims):
            ok &= np.isfinite(of_arm(found[name], arm).transpose("patient", ...).values.reshape(ok.size, -1)).all(
                axis=1
            )
    return ok


def with_baseline(run: xr.DataTree, arm: str) -> np.ndarray:
    """(patient,) bool: measured before the first dose; `pfs_time` is missing only without that."""
    found = dataset(run, "endpoints")
    if "pfs_time" in found:
        return np.isfinite(of_arm(found["pfs_time"], arm).values)
    return np.ones(found.sizes["patient"], bool)


def arm_label(run: xr.DataTree, arm: str, width: int = 34) -> str:
    """The arm's label for titles and legends, wrapped to `width` letters."""
    return textwrap.fill(arm_text(run, arm, "label", arm), width)


def headcount(total: int, failed: int, more: str = "") -> str:
    """One short line: how many patients, how many failed."""
    parts = [f"n = {total}", f"{failed} failed" if failed else "", more]
    return ", ".join(part for part in parts if part)
