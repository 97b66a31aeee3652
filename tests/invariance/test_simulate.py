"""What must not change a simulated patient: company, place, threads, stored times, later days, writing of doses."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import pdsim
from pdsim import Arm, Regimen
from pdsim.simulate import SolverWarning


def patients(rows):
    """Pick rows along patient, where a group has them."""
    return lambda ds: ds.isel(patient=rows) if "patient" in ds.dims else ds


@pytest.mark.parametrize("row", [0, 7, 15, 16, 18])
def test_alone_as_in_the_cohort(simulate, cohort, whole, assert_same, row):
    assert_same(whole, simulate(cohort.isel(patient=[row])), patients([row]))


@pytest.mark.parametrize("shift", [1, 5, 13])
def test_any_place_in_a_block(simulate, cohort, whole, assert_same, shift):
    order = np.roll(np.arange(19), shift)
    assert_same(whole, simulate(cohort.isel(patient=order)), patients(order))


def test_reversed(simulate, cohort, whole, assert_same):
    order = np.arange(19)[::-1]
    assert_same(whole, simulate(cohort.isel(patient=order)), patients(order))


@pytest.mark.parametrize("rows", [[3, 4, 5], [18, 2], list(range(2, 19))], ids=["three", "two", "seventeen"])
def test_part_of_the_cohort(simulate, cohort, whole, assert_same, rows):
    assert_same(whole, simulate(cohort.isel(patient=rows)), patients(rows))


@pytest.mark.parametrize("threads", [2, 5])
def test_threads(simulate, whole, assert_same, threads):
    assert_same(whole, simulate(threads=threads))


def test_patients_are_put_together_anew_between_rare_visits(simulate, cohort, assert_same):
    rare = {"stop": "364 d", "visits": "182 d", "every": "182 d", "counts": "182 d"}
    assert_same(simulate(**rare), simulate(cohort.isel(patient=[18, 2]), **rare), patients([18, 2]))


def test_other_arms(simulate, whole, assert_same, rep):
    both = simulate(arms={"none": None, "rep": rep, "harder": Arm(rep, set={"alkylator_kill": 0.05})})
    assert_same(both, whole, lambda ds: ds.sel(arm=["rep"]) if "arm" in ds.dims else ds)


def test_a_patient_that_fails(simulate, cohort, whole, assert_same):
    broken = cohort.copy(deep=True)
    broken["m_protein_entry"][4] = np.nan
    with pytest.warns(SolverWarning, match=r"1 x bad_input \(rep/4\)"):
        run = simulate(broken)
    others = np.arange(19) != 4
    assert run["endpoints"]["status"].values.tolist() == [[5 if row == 4 else 0 for row in range(19)]]
    for group in ("trajectory", "visits", "states"):
        for name, values in run[group].data_vars.items():
            expected = whole[group][name].isel(patient=others).values
            assert np.array_equal(values.isel(patient=others).values, expected, equal_nan=True), name
            if values.dtype.kind == "f":
                assert np.isnan(values.isel(patient=4).values).all(), name


@pytest.mark.parametrize("every", [1.0, 13.0, 120.0, 0.37])
def test_stored_times(simulate, whole, assert_same, every):
    run = simulate(every=every)
    assert_same(whole, run, groups=("visits", "counts", "endpoints", "states", "dosing"))
    common = np.intersect1d(whole["trajectory"]["time"], run["trajectory"]["time"])
    assert len(common) >= 1
    for name in whole["trajectory"].data_vars:
        one, other = (tree["trajectory"][name].sel(time=common).values for tree in (whole, run))
        assert np.array_equal(one, other), name


def test_blood_counts(simulate, whole, assert_same):
    run = simulate(counts=3.5)
    assert_same(whole, run, groups=("trajectory", "visits", "endpoints", "states", "dosing"))


def test_saved_outputs(simulate, whole, assert_same):
    run = simulate(save=["anc"])
    assert list(run["trajectory"].data_vars) == ["anc"]
    assert np.array_equal(run["trajectory"]["anc"], whole["trajectory"]["anc"])
    assert_same(whole, run, groups=("visits", "counts", "endpoints", "states", "dosing"))


def test_longer_stop(simulate, whole):
    """Equal to the last bit up to the last visit that both have, day 112; then the shorter run fits a step to its end.

    From there on the two differ by the error of that step.
    """
    longer = simulate(stop=200.0)
    for group, dim, days in (("visits", "visit", "day"), ("counts", "count", "day"), ("trajectory", "time", "time")):
        short, long = whole[group].to_dataset(), longer[group].to_dataset()
        shared = int((short[days] <= 112.0).sum())
        for name in short.data_vars:
            one, other = (ds[name].isel({dim: slice(shared)}).values for ds in (short, long))
            assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f"), f"{group}/{name}"
    tail = dict(time=[112.0 + 7.0])
    for name in whole["trajectory"].data_vars:
        one, other = (tree["trajectory"][name].sel(tail).values for tree in (whole, longer))
        # one step at rtol 1e-5, amplified at most tenfold within a week
        assert one == pytest.approx(other, rel=1e-4, abs=1e-6), name


def test_two_half_doses(simulate):
    whole, halves = (Regimen.every("1 d", f"{amount} mg", drug="cyclophosphamide", name="cp") for amount in (100, 50))
    one, two = simulate(arms=whole), simulate(arms={"cp": halves + halves})
    for name, values in one["states"].data_vars.items():
        moment = values.sel(moment="end").values
        # sums of halves round differently; the steps follow the rounding
        assert two["states"][name].sel(moment="end").values == pytest.approx(moment, rel=1e-12, abs=1e-12), name
    same = [np.array_equal(one["trajectory"][name], two["trajectory"][name]) for name in one["trajectory"].data_vars]
    assert np.mean(same) > 0.9  # float32 hides all but a few


def test_unit_of_a_dose(simulate, assert_same):
    runs = [
        simulate(arms=Regimen.every("1 d", amount, drug="cyclophosphamide", name="cp"))
        for amount in ("50 mg", "0.05 g")
    ]
    assert_same(*runs)


def test_unit_of_times(simulate, whole, assert_same):
    assert_same(whole, simulate(stop="2880 h", every="168 h", visits="4 wk", counts="1 wk"))


def test_go_on_from_stored_states(simulate, cohort):
    """Without drugs nothing is left in the body, so that two runs in turn are one run."""
    tight = dict(arms=None, rtol=1e-8, atol=1e-11)
    first = simulate(stop=84.0, **tight)
    second = simulate(stop=84.0, initial=pdsim.state_at(first), **tight)
    both = simulate(stop=168.0, **tight)
    for name, values in both["states"].data_vars.items():
        end = values.sel(moment="end").values
        assert second["states"][name].sel(moment="end").values == pytest.approx(end, rel=1e-6, abs=1e-7), name
    for name, values in both["trajectory"].data_vars.items():
        later = values.sel(time=slice(84.0, None)).values
        assert second["trajectory"][name].values == pytest.approx(later, rel=1e-6, abs=1e-6), name


def test_states_of_patients_without_progression_are_missing(simulate, cohort, whole):
    start = pdsim.state_at(whole, "pd")
    without = start["paraprotein"].isnull().values
    assert without.any()
    with pytest.warns(SolverWarning, match="bad_input"):
        run = simulate(initial=start, stop=28.0)
    assert np.array_equal(run["endpoints"]["status"].values[0] == 5, without)


def test_order_of_a_cohort_and_of_stored_states_may_differ(simulate, cohort, assert_same):
    first = simulate(stop=28.0, arms=None)
    start = pdsim.state_at(first)
    turned = start.isel(patient=slice(None, None, -1))
    assert_same(simulate(stop=28.0, arms=None, initial=start), simulate(stop=28.0, arms=None, initial=turned))


def test_methods_agree(simulate, cohort):
    few = cohort.isel(patient=[0, 5])
    runs = {method: simulate(few, method=method, stop=56.0, rtol=1e-7, atol=1e-10) for method in ("explicit", "stiff")}
    for name, values in runs["explicit"]["trajectory"].data_vars.items():
        found = runs["stiff"]["trajectory"][name].values
        # between doses the stiff method's interpolant is held to ten tolerances
        assert found == pytest.approx(values.values, rel=1e-5, abs=1e-6), name


def test_tolerance_is_met(simulate, cohort):
    few = cohort.isel(patient=slice(6))
    normal, fine = simulate(few), simulate(few, rtol=1e-9, atol=1e-12)
    for name, values in fine["trajectory"].data_vars.items():
        scale = np.abs(values).max("time")
        scale = scale.where(scale > 0.0, 1.0)  # no CAR-T cells without a dose
        error = float((np.abs(normal["trajectory"][name] - values) / scale).max())
        assert error < 2e-4, name  # rtol 1e-5 a step, over 120 days


def test_attributes_know_the_cohort(whole, cohort):
    assert whole.attrs["seed"] == cohort.attrs["seed"]
    xr.testing.assert_identical(whole["cohort"].to_dataset(), cohort)
