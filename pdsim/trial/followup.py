"""How long each patient of a trial is followed: accrual, loss to follow-up, death."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from pdsim import draws
from pdsim.endpoints import DeathHazard, assemble, death, overall_survival, response
from pdsim.endpoints.death import DAYS_PER_YEAR
from pdsim.units import days
from pdsim.visits import Response, ResponseRules

if TYPE_CHECKING:
    from pdsim.trial.schema import CensoringTable


YEAR_OF_VISITS = 360.0
"""Days between the first and last negative visit that count as a year; visits are every 28 days."""


def stop_times(censoring: CensoringTable, follow_up: float, patients: np.ndarray, seed: int) -> np.ndarray:
    """Draw when each patient is last followed, d: by the day of entry, and by loss to follow-up."""
    uniform = draws.uniforms(seed, patients, "trial.censoring", 2)
    accrual = days(censoring.accrual) if censoring.accrual else 0.0
    rate = -np.log1p(-censoring.dropout) / DAYS_PER_YEAR
    lost = -np.log(uniform[:, 1]) / rate if rate > 0 else np.full(len(patients), np.inf)
    return np.minimum(follow_up - uniform[:, 0] * accrual, lost)


def endpoints_of(
    run: xr.DataTree, censoring: CensoringTable, follow_up: float, hazard: DeathHazard, seed: int
) -> xr.Dataset:
    """Let patients of a run die and leave, and find their endpoints.

    Returns
    -------
    Dataset
        (arm, patient): those of `pdsim.endpoints.assemble` and `response`, ``os_time``, ``os_event``, ``death_time``,
        ``death_cause``, ``stop_time``, ``mrd_start`` and ``mrd_sustained`` (-1 where burden was not known),
        ``time_to_best`` d, ``measurable_start`` and ``band_gone``.
    """
    patients = run["visits"]["patient"].values
    stops = stop_times(censoring, follow_up, patients, seed)
    drawn = death(run, hazard, seed)
    plain = run["endpoints"].to_dataset().assign(death_time=drawn["death_time"], stop_time=("patient", stops))
    ended = xr.DataTree.from_dict({**{name: run[name].to_dataset() for name in run.children}, "endpoints": plain})
    ended.attrs = dict(run.attrs)
    found = xr.merge(
        [assemble(ended), response(ended), overall_survival(ended), drawn], join="exact", compat="no_conflicts"
    )
    rules = ResponseRules(**json.loads(run["visits"].attrs["response_rules"]))
    return found.assign(stop_time=("patient", stops), **_residual(run, found), **_depth(run, found, rules))


def _residual(run: xr.DataTree, found: xr.Dataset) -> dict[str, tuple[tuple[str, str], np.ndarray]]:
    """Residual disease at the start, and whether it stayed negative over a year before progression."""
    visits = run["visits"].to_dataset().transpose("arm", "patient", "visit")
    negative, day = visits["mrd_negative"].values, visits["day"].values.astype(float)
    before = day <= found["pfs_time"].values[..., None]
    longest = np.zeros(negative.shape[:2])
    since = np.full(negative.shape[:2], np.nan)
    for place, now in enumerate(day):
        clean = (negative[..., place] == 1) & before[..., place]
        since = np.where(clean, np.where(np.isnan(since), now, since), np.nan)
        longest = np.fmax(longest, now - since)
    known = (negative >= 0).any(axis=-1)
    sustained = np.where(known, longest >= YEAR_OF_VISITS, -1).astype(np.int8)
    dims = ("arm", "patient")
    return {"mrd_start": (dims, negative[..., 0]), "mrd_sustained": (dims, sustained)}


def _depth(run: xr.DataTree, found: xr.Dataset, rules: ResponseRules) -> dict[str, tuple[tuple[str, str], np.ndarray]]:
    """When the best response was reached, whether a marker was measurable at the start and its band ever gone."""
    visits = run["visits"].to_dataset().transpose("arm", "patient", "visit")
    day = visits["day"].values.astype(float)
    best = found["best_response"].values
    first = (visits["response"].values >= best[..., None]).argmax(axis=-1)
    until = day <= found["pfs_time"].values[..., None]
    m_protein, flc = visits["m_protein"].values, visits["flc"].values
    measurable = (m_protein[..., 0] >= rules.measurable_m_protein) | (flc[..., 0] >= rules.measurable_flc)
    low = (m_protein < rules.very_good_m_protein) & until
    gone = (low[..., 1:] & low[..., :-1]).any(axis=-1) & (m_protein[..., 0] >= rules.measurable_m_protein)
    dims = ("arm", "patient")
    return {
        "time_to_best": (dims, np.where(best >= Response.PR, day[first], np.nan)),
        "measurable_start": (dims, measurable.astype(np.int8)),
        "band_gone": (dims, gone.astype(np.int8)),
    }
