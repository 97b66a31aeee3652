"""Distributions of a population against scipy.stats, and the shares of the clones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import logit, ndtr

from pdsim.cohort.composition import Composition
from pdsim.cohort.distributions import Categorical, Fixed, LogitNormal, Lognormal, Normal, Uniform, log_sd_from_cv

SCORES = np.array([-6.0, -2.0, -0.5, 0.0, 1.0, 3.0, 6.0])


def cut(dist, low, high):
    """Quantiles of a scipy distribution cut at low and high."""
    below, above = dist.cdf(low), dist.cdf(high)
    return lambda rank: dist.ppf(below + rank * (above - below))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Normal(80, 25), stats.norm(80, 25).ppf),
        (Normal(80, 25, low=15, high=140), cut(stats.norm(80, 25), 15, 140)),
        (Normal(80, 25, low=15), cut(stats.norm(80, 25), 15, np.inf)),
        (Lognormal(25, 0.6), stats.lognorm(0.6, scale=25).ppf),
        (Lognormal(25, 0.6, low=6, high=80), cut(stats.lognorm(0.6, scale=25), 6, 80)),
        (Uniform(2, 5), stats.uniform(2, 3).ppf),
    ],
    ids=["normal", "normal_cut", "normal_above", "lognormal", "lognormal_cut", "uniform"],
)
def test_values_are_the_quantiles_of_the_score(found, expected):
    # 1e-9: scores of 6 lie at ranks 1e-9 from the end, where the reference itself keeps about 1e-7 of its digits.
    inner = SCORES[1:-1]
    np.testing.assert_allclose(found.values(inner), expected(ndtr(inner)), rtol=1e-9)


def test_logit_normal_has_its_median_and_spread_between_its_bounds():
    found = LogitNormal(0.3, 0.8, low=0.0, high=2.0)
    values = found.values(SCORES)
    np.testing.assert_allclose(logit(values / 2), logit(0.15) + 0.8 * SCORES, rtol=1e-12)


@pytest.mark.parametrize(
    "found",
    [Normal(0, 1, low=4, high=5), Normal(0, 1, low=-5, high=-4), Lognormal(1, 0.5, low=5, high=9), Uniform(0, 1)],
    ids=repr,
)
def test_values_rise_with_the_score_and_stay_in_the_range(found):
    values = found.values(np.linspace(-9, 9, 1001))
    assert (np.diff(values) >= 0).all()
    assert values[0] >= found.low
    assert values[-1] <= found.high
    assert np.unique(found.values(np.linspace(-3, 3, 101))).size == 101


def test_a_cut_far_in_a_tail_keeps_its_digits():
    # Upper and lower tail are mirror images, so both must be as exact as the lower one, where ranks keep all digits.
    upper, lower = Normal(0, 1, low=4, high=9), Normal(0, 1, low=-9, high=-4)
    np.testing.assert_array_equal(upper.values(SCORES), -lower.values(-SCORES))


def test_cv_of_a_lognormal_is_sd_over_mean():
    dist = stats.lognorm(log_sd_from_cv(0.9), scale=206)
    assert dist.std() / dist.mean() == pytest.approx(0.9)


def test_a_fixed_value_needs_no_score():
    np.testing.assert_array_equal(Fixed(3.0).values(SCORES), np.full(7, 3.0))


def test_categories_have_their_shares_and_codes():
    ranks = (np.arange(1000) + 0.5) / 1000
    codes = Categorical((0.62, 0.22, 0.16), levels=("IgG", "IgA", "light_chain")).values(stats.norm.ppf(ranks))
    assert codes.dtype == np.int8
    np.testing.assert_array_equal(np.bincount(codes), [620, 220, 160])
    numbers = Categorical((0.5, 0.5), numbers=(2.0, 4.0)).values(np.array([-1.0, 1.0]))
    np.testing.assert_array_equal(numbers, [2.0, 4.0])


def test_a_level_of_probability_zero_is_never_drawn():
    codes = Categorical((0.0, 1.0, 0.0), levels=("a", "b", "c")).values(np.linspace(-9, 9, 101))
    assert (codes == 1).all()


def test_shares_follow_their_definition():
    found = Composition((0.2, 0.7, 0.1), (9.0, 2.0, 1.0))
    scores = np.random.default_rng(1).normal(size=(2, 50))
    shares = found.shares(list(scores))
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-15)
    np.testing.assert_allclose(np.log(shares[:, 1] / shares[:, 0]), np.log(3.5) + 2 * scores[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(np.log(shares[:, 2] / shares[:, 0]), np.log(0.5) + scores[1], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.shares([np.zeros(1), np.zeros(1)])[0], found.typical, rtol=1e-14)


def test_shares_survive_scores_far_out():
    shares = Composition((0.5, 0.5), (0.0, 300.0)).shares([np.array([-6.0, 6.0])])
    np.testing.assert_array_equal(shares, [[1, 0], [0, 1]])
