"""The shipped disease model under lenalidomide, cyclophosphamide and prednisone, three years of dosing throughout."""

from __future__ import annotations

from dataclasses import replace

import xarray as xr

import pdsim
from benchmarks.problem import Problem, Setup

POPULATION, SEED = "len_refractory", 20260103


def _cohort(count: int) -> xr.Dataset:
    return pdsim.sample_cohort(POPULATION, count, seed=SEED, sampling="random")


def myeloma_rep() -> Problem:
    """Serum markers, blood counts and clones."""
    clones = tuple(f"clone_cells[{name}]" for name in _cohort(1)["clone"].values.tolist())
    return Problem(
        name="myeloma_rep",
        title="shipped model, REP, 3 years",
        setup=Setup("myeloma", _cohort, replace(pdsim.load_regimen("rep"), until=None)),
        span=1092.0,
        every=28.0,
        tracked=("m_protein", "flc", "anc", "platelets", *clones),
        patients=8,
    )
