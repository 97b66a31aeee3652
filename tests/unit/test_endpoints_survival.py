"""Survival curves, medians and rates."""

from __future__ import annotations

import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from lifelines.utils import median_survival_times
from scipy.stats import binom

from pdsim.endpoints import kaplan_meier, median_with_interval, rate_with_interval, survival_at


def sample(n=200, seed=4, visit=28.0):
    generator = np.random.default_rng(seed)
    time = np.ceil(generator.exponential(400, n) / visit) * visit
    leave = np.ceil(generator.exponential(900, n) / visit) * visit
    return np.minimum(time, leave), (time <= leave).astype(int)


def test_curve_is_the_one_of_lifelines():
    time, event = sample()
    curve = kaplan_meier(time, event)
    fitter = KaplanMeierFitter().fit(time, event)
    np.testing.assert_array_equal(curve["time"], fitter.survival_function_.index)
    np.testing.assert_array_equal(curve["survival"], fitter.survival_function_.iloc[:, 0])
    np.testing.assert_array_equal(curve["at_risk"], fitter.event_table["at_risk"])
    assert (curve["low"] <= curve["survival"]).all()


@pytest.mark.parametrize("seed", range(5))
def test_median_and_landmark_agree_with_lifelines(seed):
    time, event = sample(n=131, seed=seed)
    fitter = KaplanMeierFitter().fit(time, event)
    assert median_with_interval(time, event, replicates=10).value == median_survival_times(fitter.survival_function_)
    assert survival_at(time, event, 365.25) == pytest.approx(fitter.predict(365.25), rel=1e-12)


def test_curve_by_hand():
    # 1 of 4 falls at 1, a patient leaves at 2, 1 of 2 falls at 3
    curve = kaplan_meier([1, 2, 3, 4], [1, 0, 1, 0])
    np.testing.assert_allclose(curve["survival"], [1, 0.75, 0.75, 0.375, 0.375])


def test_patients_without_a_time_are_left_out():
    time, event = sample()
    more = np.append(time, [np.nan] * 20), np.append(event, [1] * 20)
    assert kaplan_meier(*more).equals(kaplan_meier(time, event))
    assert median_with_interval(*more) == median_with_interval(time, event)


def test_interval_of_the_median_speaks_of_the_trial_size():
    time, event = sample(n=2000)
    small, large = (median_with_interval(time, event, n=n) for n in (67, 600))
    assert small.low < large.low < large.value < large.high < small.high
    # uncensored exponential: the median of n has standard error T / (ln 2 sqrt(n)) = 0.176 T at n = 67
    exact = np.random.default_rng(0).exponential(1.0, 20000)
    found = median_with_interval(exact, np.ones(20000), n=67)
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(1 / np.sqrt(67), rel=0.08)  # 2,000 trials, two tails


def test_interval_repeats_and_follows_the_seed():
    time, event = sample(visit=0.01)
    assert median_with_interval(time, event, seed=1) == median_with_interval(time, event, seed=1)
    assert median_with_interval(time, event, seed=1) != median_with_interval(time, event, seed=2)


def test_median_not_reached_is_missing():
    found = median_with_interval(np.arange(1.0, 11), np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0]), n=10)
    assert found.value == 5.0
    assert np.isnan(found.high)
    assert np.isnan(median_with_interval(np.arange(1.0, 11), np.zeros(10))).all()
    assert np.isnan(median_with_interval(np.empty(0), np.empty(0))).all()


def test_landmark_beyond_follow_up_is_missing():
    assert np.isnan(survival_at([1, 2, 3], [1, 0, 0], at=4))
    assert survival_at([1, 2, 3], [1, 0, 1], at=4) == 0.0
    assert survival_at([1, 2, 3], [1, 0, 0], at=3) == pytest.approx(2 / 3)
    assert survival_at([1, 2, 3], [1, 0, 0], at=0.5) == 1.0


def test_rate_interval_is_binomial_for_a_large_cohort():
    found = rate_with_interval(300_000, 1_000_000, n=67)
    assert found.value == 0.3
    assert (found.low, found.high) == tuple(binom(67, 0.3).ppf([0.025, 0.975]) / 67)


def test_rate_interval_of_none_is_not_a_point():
    assert rate_with_interval(0, 20, n=67).high > 0
    assert np.isnan(rate_with_interval(0, 0)).all()
