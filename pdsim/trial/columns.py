"""What each patient of an arm contributes to an endpoint."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from pdsim.endpoints import DAYS_PER_MONTH
from pdsim.trial.schema import OutcomeTable
from pdsim.units import days
from pdsim.visits import Response

DETECTED = 1e8
"""CAR-T cells in the body that are found in blood (assumed: a few in a microlitre)."""

_TIMES = {"PFS": "pfs", "TTP": "ttp", "OS": "os", "EFS": "pfs"}
_PER_MONTH = {"months": 1.0, "weeks": DAYS_PER_MONTH / 7.0, "days": DAYS_PER_MONTH}


def columns(one: OutcomeTable, table: xr.Dataset) -> np.ndarray:
    """Read every patient.

    Parameters
    ----------
    one : OutcomeTable
    table : Dataset
        (..., patient), from `pdsim.trial.engine`.

    Returns
    -------
    array of float, (2, ..., patient)
        Time in months and event for endpoints that are times; else 1, 0 and a row of ones. NaN for patients who do not
        count: those that failed, or whom the endpoint does not ask about.
    """
    name = one.endpoint
    found = _columns(name, one, table)
    failed = table["status"].values != 0
    return np.where(failed, np.nan, np.asarray(found, dtype=float))


def _columns(name: str, one: OutcomeTable, table: xr.Dataset) -> np.ndarray:
    if name in _SHARES:
        share = _SHARES[name](table)
        return np.array([share, np.where(np.isnan(share), np.nan, 1.0)])
    if name.startswith("grade"):
        least = 4 if name.startswith("grade4_") else 3
        grade = table[f"worst_{name.split('_')[1]}"].values
        share = np.where(grade < 0, np.nan, grade >= least)
        return np.array([share, np.ones_like(share)])
    if name == "car_t_persistence_rate":
        share = _persisting(one, table)
        return np.array([share, np.ones_like(share)])
    return _times(name, table)


def _times(name: str, table: xr.Dataset) -> np.ndarray:
    if name in ("time_to_response", "time_to_best_response"):
        time = table["time_to_response" if name == "time_to_response" else "time_to_best"].values
        return np.array([time / DAYS_PER_MONTH, np.where(np.isnan(time), np.nan, 1.0)])
    kind = name.replace("median_", "").replace("HR_", "").replace("_rate", "")
    if kind == "DOR":
        time, event = table["duration_of_response"].values, table["duration_event"].values
    else:
        time, event = table[f"{_TIMES[kind]}_time"].values, table[f"{_TIMES[kind]}_event"].values
    time = time / DAYS_PER_MONTH
    return np.array([time, np.where(np.isnan(time), np.nan, event)])


def in_unit(months: np.ndarray, one: OutcomeTable) -> np.ndarray:
    """Months in the unit of an outcome."""
    return months * _PER_MONTH[one.unit]


def _best(low: int, high: int = Response.SCR) -> Callable[[xr.Dataset], np.ndarray]:
    return lambda table: ((table["best_response"] >= low) & (table["best_response"] <= high)).values.astype(float)


def _near_complete(table: xr.Dataset) -> np.ndarray:
    """VGPR in which the marker has all but gone: no band on electrophoresis, only by immunofixation."""
    vgpr = table["best_response"].values == Response.VGPR
    return vgpr & (table["band_gone"].values == 1)


def _of_known(flag: str) -> Callable[[xr.Dataset], np.ndarray]:
    return lambda table: np.where(table[flag].values < 0, np.nan, table[flag].values == 1)


def _converted(table: xr.Dataset) -> np.ndarray:
    return np.where(table["mrd_start"].values == 0, table["mrd_negative"].values == 1, np.nan)


def _deepened(table: xr.Dataset) -> np.ndarray:
    return np.where(table["measurable_start"].values == 1, table["best_response"].values >= Response.PR, np.nan)


def _persisting(one: OutcomeTable, table: xr.Dataset) -> np.ndarray:
    assert one.at is not None
    cells = table["car_t"]
    place = int(np.abs(cells["visit"].values - days(one.at)).argmin())
    return (cells.isel(visit=place).values > DETECTED).astype(float)


_SHARES: dict[str, Callable[[xr.Dataset], np.ndarray]] = {
    "ORR_ge_PR": _best(Response.PR),
    "rate_ge_MR": _best(Response.MR),
    "rate_ge_VGPR": _best(Response.VGPR),
    "rate_VGPR": _best(Response.VGPR, Response.VGPR),
    "rate_CR": _best(Response.CR),
    "rate_nCR": lambda table: _near_complete(table).astype(float),
    "rate_CR_nCR": lambda table: (_near_complete(table) | (_best(Response.CR)(table) > 0)).astype(float),
    "MRD_negative_rate": _of_known("mrd_negative"),
    "MRD_sustained_rate": _of_known("mrd_sustained"),
    "MRD_conversion_rate": _converted,
    "deepening_rate": _deepened,
}
