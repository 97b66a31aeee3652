"""Scores of trials: scales, half intervals, samples of survival times, deaths, draws of parameters, summaries."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.statistics import logrank_test

import pdsim
from pdsim.endpoints import DeathHazard, death, overall_survival
from pdsim.errors import ConfigError
from pdsim.library import Library
from pdsim.library.families import family
from pdsim.trial.followup import stop_times
from pdsim.trial.predict import Figure, split_pair
from pdsim.trial.run_in import _chosen
from pdsim.trial.scales import from_scale, half_interval, observed_interval, standardised, to_scale, wilson
from pdsim.trial.schema import CensoringTable, OutcomeTable
from pdsim.trial.score import Scored, Traits, contrasts, summary
from pdsim.trial.survival import hazard_ratio, log_rank, medians, rates_at
from pdsim.trial.uncertainty import log_spreads, spreads

LIBRARY = Library(paths=[])


def outcome(**given):
    return OutcomeTable(**{"arm": "a", "endpoint": "ORR_ge_PR", "set": "fit", "observed": 50.0, **given})


def sample(seed, n=60, tie=1.0):
    generator = np.random.default_rng(seed)
    time = np.ceil(generator.exponential(12, n) / tie) * tie
    return time, (generator.random(n) < 0.7).astype(float)


@pytest.mark.parametrize(
    ("value", "unit", "n"), [(0.0, "%", 30), (100.0, "%", None), (37.0, "%", 67), (8.6, "months", None)]
)
def test_scale_and_back(value, unit, n):
    assert np.isfinite(to_scale(value, unit, n))
    assert from_scale(to_scale(value, unit, n), unit, n) == pytest.approx(value, abs=1e-9)


def test_half_intervals_are_those_of_the_rules():
    median = outcome(endpoint="median_PFS", unit="months", observed=12.1)
    assert half_interval(median, 67) == pytest.approx(1.96 * 1.25 / math.sqrt(0.7 * 67), rel=1e-4)
    assert half_interval(median, None) == pytest.approx(math.log(1.3))
    assert half_interval(median, 10**6) == pytest.approx(math.log(1.10))
    printed = outcome(endpoint="median_PFS", unit="months", observed=10.0, low=8.0, high=12.5)
    assert half_interval(printed, 60) == pytest.approx(math.log(12.5 / 8.0) / 2)
    assert observed_interval(printed, 60) == (8.0, 12.5)
    low, high = wilson(0.67, 67)
    assert (low, high) == pytest.approx((0.551, 0.771), abs=2e-3)
    share = (0.5 * 10**6 + 0.5) / (10**6 + 1)
    assert half_interval(outcome(), 10**6) == pytest.approx(4 / (100 * share * (1 - share)))


def test_error_is_signed_and_counted_in_half_intervals():
    one = outcome(endpoint="HR_PFS", against="b", unit="ratio", observed=0.5)
    z, error = standardised(0.5 * 1.3, one, None)
    assert (z, error) == pytest.approx((1.0, math.log(1.3)))
    assert standardised(0.4, one, None)[1] < 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("tie", [1.0, 6.0])
def test_samples_agree_with_lifelines(seed, tie):
    time, event = sample(seed, tie=tie)
    fitter = KaplanMeierFitter().fit(time, event)
    if np.isfinite(fitter.median_survival_time_):
        assert medians(time[None], event[None])[0] == fitter.median_survival_time_
    assert rates_at(time[None], event[None], 9.0)[0] == pytest.approx(float(fitter.predict(9.0)))
    side = np.arange(len(time)) % 2
    fit = CoxPHFitter().fit(pd.DataFrame({"t": time, "e": event, "g": side}), "t", "e")
    assert hazard_ratio(time, event, side) == pytest.approx(float(np.exp(fit.params_["g"])), rel=1e-3)
    test = logrank_test(time[side == 1], time[side == 0], event[side == 1], event[side == 0])
    assert log_rank(time, event, side) ** 2 == pytest.approx(test.test_statistic)


def test_medians_beyond_the_end_are_those_of_an_exponential():
    time = np.full((1, 4), 10.0)
    assert medians(time, np.array([[1.0, 0.0, 0.0, 0.0]]))[0] == pytest.approx(10 * math.log(2) / -math.log(0.75))
    assert medians(time, np.zeros((1, 4)))[0] == pytest.approx(10 * math.log(2) / -math.log(1 - 0.125))
    assert rates_at(time, np.array([[1.0, 0.0, 0.0, 0.0]]), 20.0)[0] == pytest.approx(0.75**2)


def test_ratio_without_events_on_a_side():
    side = np.array([1.0, 1.0, 0.0, 0.0])
    assert hazard_ratio(np.arange(4.0), np.array([0.0, 0.0, 1.0, 1.0]), side) == 0.0
    assert hazard_ratio(np.arange(4.0), np.array([1.0, 1.0, 0.0, 0.0]), side) == np.inf
    assert np.isnan(hazard_ratio(np.arange(4.0), np.zeros(4), side))


@pytest.mark.parametrize("bank", [10, 200])
def test_arms_of_a_replicate_hold_different_patients(bank):
    numbers = np.arange(bank, dtype=float)
    for number in range(20):
        first, second = split_pair([numbers[None], numbers[None]], [39, 39], 1, number)
        assert first.shape == second.shape == (1, 39)
        assert not set(first[0]) & set(second[0])
    again = split_pair([numbers[None], numbers[None]], [39, 39], 1, 5)
    np.testing.assert_array_equal(again[0], split_pair([numbers[None], numbers[None]], [39, 39], 1, 5)[0])


def observed_run(burden, age=65.0, platelets=150.0, visits=40):
    """A run of two patients a burden with constant burden and counts, by hand."""
    days = 28.0 * np.arange(visits)
    shape = (1, len(burden), visits)
    full = np.broadcast_to(np.asarray(burden, dtype=float)[None, :, None], shape)
    values = {"m_protein": np.full(shape, 20.0), "flc": np.full(shape, 30.0), "anc": np.full(shape, 3.0),
              "platelets": np.full(shape, platelets), "burden_true": full}  # fmt: skip
    flags = {"response": 1, "progression": 0, "neutropenia": 0, "thrombocytopenia": 0, "mrd_negative": 0, "dosing": 1}
    dims = ("arm", "patient", "visit")
    data = {name: (dims, value.astype(np.float32)) for name, value in values.items()}
    data |= {name: (dims, np.full(shape, value, dtype=np.int8)) for name, value in flags.items()}
    coords = {"arm": ["a"], "patient": np.arange(len(burden)), "day": ("visit", days)}
    cohort = xr.Dataset({"age": ("patient", np.full(len(burden), age))}, coords={"patient": np.arange(len(burden))})
    return xr.DataTree.from_dict({"visits": xr.Dataset(data, coords), "cohort": cohort})


def test_deaths_follow_the_hazard():
    size = 4000
    hazard = DeathHazard(myeloma=0.5, burden_power=1.0, other=0.0)
    found = death(observed_run(np.full(size, 1e12)), hazard, seed=2)
    year = (found["death_time"].values < 365.25).mean()
    assert year == pytest.approx(1 - math.exp(-0.5), abs=3 * math.sqrt(0.24 / size))
    fewer = death(observed_run(np.full(size, 1e11)), hazard, seed=2)["death_time"].values
    later = np.nan_to_num(fewer, nan=1e9) >= np.nan_to_num(found["death_time"].values, nan=1e9)
    assert later.all()


def test_age_and_marrow_raise_the_hazard():
    burden = np.full(500, 1e11)
    plain = np.isfinite(death(observed_run(burden), seed=1)["death_time"]).sum()
    old = death(observed_run(burden, age=90.0), seed=1)
    assert np.isfinite(old["death_time"]).sum() > plain
    assert (old["death_cause"] == 2).sum() > (old["death_cause"] == 1).sum() / 10
    assert np.isfinite(death(observed_run(burden, platelets=10.0), seed=1)["death_time"]).sum() > plain
    with pytest.raises(ConfigError, match="later_lines"):
        DeathHazard(later_lines=1.5)


def test_overall_survival_ends_at_death_or_the_end_of_follow_up():
    run = observed_run(np.full(2, 1e11))
    run["endpoints"] = xr.Dataset(
        {"death_time": (("arm", "patient"), [[100.0, np.nan]]), "stop_time": ("patient", [500.0, 300.0])},
        coords={"arm": ["a"], "patient": [0, 1]},
    )
    found = overall_survival(run)
    assert found["os_time"].values.tolist() == [[100.0, 300.0]]
    assert found["os_event"].values.tolist() == [[1, 0]]


def test_follow_up_by_accrual_and_loss():
    patients = np.arange(4000)
    stops = stop_times(CensoringTable(accrual="1 yr", dropout=0.0), 1461.0, patients, 1)
    assert stops.min() > 1461 - 365.25
    assert stops.mean() == pytest.approx(1461 - 365.25 / 2, rel=0.01)
    lost = stop_times(CensoringTable(dropout=0.2), 1461.0, patients, 1)
    assert (lost < 365.25).mean() == pytest.approx(0.2, abs=0.02)


def test_parameters_are_drawn_in_pairs():
    model = pdsim.load_model("myeloma")
    found = spreads(model, LIBRARY, 6, seed=1)
    assert set(found) == set(log_spreads(model, LIBRARY))
    for factor in found.values():
        np.testing.assert_allclose(factor[::2] * factor[1::2], 1.0)
    assert spreads(model, LIBRARY, 0, seed=1) == {}
    longer = spreads(model, LIBRARY, 12, seed=1)
    np.testing.assert_array_equal(longer["cereblon_kill"][:6], found["cereblon_kill"])


def test_family_of_an_arm():
    model = pdsim.load_model("myeloma")
    cards = {name: LIBRARY.load_drug(name) for name in LIBRARY.names("drugs")}
    cheap = family([], model, cards)
    assert "lenalidomide" in cheap
    assert not {"bortezomib", "daratumumab", "carfilzomib", "ide_cel"} & set(cheap)
    beside = set(family(["bortezomib", "dexamethasone"], model, cards))
    assert {"bortezomib", "dexamethasone", "lenalidomide"} < beside < {*cheap, "bortezomib"}
    assert set(family(["bortezomib", "melphalan"], model, cards)) == {*beside, "melphalan"}


def test_run_in_goes_down_until_a_dose_is_safe():
    harmed = {"high": np.ones(50, dtype=bool), "middle": np.zeros(50, dtype=bool), "low": np.zeros(50, dtype=bool)}
    assert _chosen(harmed, 6, 0.33, 20, 1) == {"high": 0.0, "middle": 1.0, "low": 0.0, "none": 0.0}
    mixed = {"high": np.arange(100) < 40}
    found = _chosen(mixed, 6, 0.34, 4000, 1)
    assert found["high"] == pytest.approx(sum(math.comb(6, k) * 0.4**k * 0.6 ** (6 - k) for k in range(3)), abs=0.03)
    assert found["none"] == pytest.approx(1 - found["high"])


def scored(predicted, observed, arm="a", low=None, high=None, sealed=False, **given):
    one = outcome(arm=arm, observed=observed, **given)
    figure = Figure(predicted, low or 0.5 * predicted, high or 2 * predicted, 100, math.nan)
    return Scored("T", arm, "t", one, 100, figure, sealed, Traits(2.0, 0.5, 2))


def test_summary_counts_what_is_open_once():
    members = [
        scored(50.0, 50.0), scored(20.0, 50.0, arm="b"), scored(50.0, 50.0, duplicate_of=3),
        scored(10.0, 90.0, set="check", sealed=True),
    ]  # fmt: skip
    found = summary(members, frozen=False)
    assert found["fit"]["figures"] == 2
    assert found["fit"]["all"]["within_1"] == 0.5
    assert found["sealed_figures"] == 1
    assert found["fit"]["contrasts"]["n"] == 1
    assert found["fit"]["coverage"] == 0.5
    assert math.isnan(members[3].z)


def test_contrasts_ask_for_sign_and_size():
    times = {"endpoint": "median_PFS", "unit": "months"}
    right = [scored(10.0, 12.0, **times), scored(5.0, 6.5, arm="b", **times)]
    assert contrasts(right) == {"n": 1, "sign": 1.0, "close": 1.0, "right": 1.0}
    wrong = [scored(5.0, 12.0, **times), scored(10.0, 6.5, arm="b", **times)]
    assert contrasts(wrong)["sign"] == 0.0
    other = [scored(10.0, 12.0, **times), scored(5.0, 6.5, arm="b", subgroup="some", **times)]
    assert contrasts(other)["n"] == 0
