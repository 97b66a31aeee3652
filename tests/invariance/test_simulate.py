"""What must not change a simulated patient: neighbours, order, threads, the stored grid."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import pdsim

STOP = "84 d"


@pytest.fixture(scope="module")
def model():
    return pdsim.load_model("myeloma")


@pytest.fixture(scope="module")
def cohort():
    return pdsim.sample_cohort("len_refractory", 20, seed=7)


@pytest.fixture(scope="module")
def simulate(model):
    arms = {"none": None, "rep": pdsim.Arm(pdsim.load_regimen("rep"), until="progression")}

    def run(patients, **more):
        return pdsim.simulate(model, patients, arms, stop=STOP, **{"every": "7 d", "threads": 1, **more})

    return run


@pytest.fixture(scope="module")
def whole(simulate, cohort):
    return simulate(cohort)


def assert_same(one: xr.DataTree, other: xr.DataTree, groups=("trajectory", "visits", "counts", "endpoints", "states")):
    """Every value of `other` equals that of `one` bit for bit; `other` may hold fewer patients, in another order."""
    for group in groups:
        here = other[group].to_dataset()
        there = one[group].to_dataset().sel(patient=here["patient"])
        xr.testing.assert_identical(here, there)


def test_threads(simulate, cohort, whole):
    assert_same(whole, simulate(cohort, threads=2))


@pytest.mark.parametrize("rows", [[0], [17], [3, 19, 11]], ids=str)
def test_a_patient_alone_is_the_patient_in_the_cohort(simulate, cohort, whole, rows):
    assert_same(whole, simulate(cohort.isel(patient=rows)))


def test_order_of_patients(simulate, cohort, whole):
    assert_same(whole, simulate(cohort.isel(patient=slice(None, None, -1))))


@pytest.mark.parametrize("every", ["1 d", "13 d"])
def test_the_stored_grid(simulate, cohort, whole, every):
    finer = simulate(cohort, every=every)
    assert_same(whole, finer, groups=("visits", "counts", "endpoints", "states"))
    common = np.intersect1d(whole["trajectory"]["time"], finer["trajectory"]["time"])
    assert len(common) > 0
    xr.testing.assert_identical(
        finer["trajectory"].to_dataset().sel(time=common), whole["trajectory"].to_dataset().sel(time=common)
    )


def test_a_patient_that_fails_takes_nobody_along(simulate, cohort, whole):
    broken = cohort.copy(deep=True)
    broken["growth_net"][5] = np.nan
    run = simulate(broken, on_failure="keep")
    status = run["endpoints"]["status"]
    assert (status.sel(patient=5) == 5).all()
    assert run["trajectory"]["m_protein"].sel(patient=5).isnull().all()
    others = [row for row in range(20) if row != 5]
    assert (status.isel(patient=others) == 0).all()
    xr.testing.assert_identical(
        run["trajectory"].to_dataset().isel(patient=others), whole["trajectory"].to_dataset().isel(patient=others)
    )


def test_two_half_doses_are_one(model, cohort):
    # 1e-6: two doses at one instant add up in another order, and the step control follows the last bits
    half = pdsim.Regimen.every("1 d", "25 mg", drug="cyclophosphamide")
    whole_dose = pdsim.Regimen.every("1 d", "50 mg", drug="cyclophosphamide")
    few = cohort.isel(patient=slice(0, 4))
    drugs = {name: pdsim.load_drug(name) for name in ("lenalidomide", "cyclophosphamide", "prednisone")}
    runs = [
        pdsim.simulate(model, few, regimen, stop="28 d", drugs=drugs, threads=1)
        for regimen in (half + half, whole_dose)
    ]
    for name in ("m_protein", "anc", "treg"):
        one, other = (run["trajectory"][name].values for run in runs)
        np.testing.assert_allclose(one, other, rtol=1e-6)
