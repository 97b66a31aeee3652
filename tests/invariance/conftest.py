"""The shipped model with the drugs of REP: one kernel set for every test of this folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import pdsim
from pdsim import Regimen
from pdsim.model import Model
from pdsim.pk import DrugCard

GROUPS = ("trajectory", "visits", "counts", "endpoints", "states", "dosing")


@pytest.fixture(scope="session")
def model() -> Model:
    return pdsim.load_model("myeloma")


@pytest.fixture(scope="session")
def rep() -> Regimen:
    return pdsim.load_regimen("rep")


@pytest.fixture(scope="session")
def cards(rep: Regimen) -> dict[str, DrugCard]:
    """Given to every run, so that arms without drugs share the kernels of those with."""
    return {dose.drug: pdsim.load_drug(dose.drug) for dose in rep.doses}


@pytest.fixture(scope="session")
def cohort() -> xr.Dataset:
    """A block and a bit of patients."""
    return pdsim.sample_cohort("len_refractory", 19, seed=11)


@pytest.fixture(scope="session")
def simulate(model: Model, cohort: xr.Dataset, rep: Regimen, cards: dict[str, DrugCard]) -> Callable[..., xr.DataTree]:
    """Simulate the cohort in REP for 120 days, with changes."""

    def run(patients: xr.Dataset | None = None, arms: Any = rep, **changes: Any) -> xr.DataTree:
        settings = {"stop": 120.0, "drugs": cards, "threads": 1, **changes}
        return pdsim.simulate(model, cohort if patients is None else patients, arms, **settings)

    return run


@pytest.fixture(scope="session")
def whole(simulate: Callable[..., xr.DataTree]) -> xr.DataTree:
    """The run that others are held against."""
    return simulate()


@pytest.fixture(scope="session")
def assert_same() -> Callable[..., None]:
    """Compare two runs to the last bit; `pick` is applied to each group of the first."""

    def compare(
        first: xr.DataTree,
        second: xr.DataTree,
        pick: Callable[[xr.Dataset], xr.Dataset] = lambda ds: ds,
        groups: tuple[str, ...] = GROUPS,
    ) -> None:
        for group in groups:
            a, b = pick(first[group].to_dataset(inherit=False)), second[group].to_dataset(inherit=False)
            assert set(a.data_vars) == set(b.data_vars), group
            for name in a.data_vars:
                assert a[name].dtype == b[name].dtype, f"{group}/{name}"
                numbers = a[name].dtype.kind == "f"
                assert np.array_equal(a[name].values, b[name].values, equal_nan=numbers), f"{group}/{name}"

    return compare
