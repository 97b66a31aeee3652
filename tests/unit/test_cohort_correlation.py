"""The Gaussian copula: what it reaches, what it refuses and what it offers instead."""

from __future__ import annotations

import re
import tomllib

import numpy as np
import pytest
from scipy.stats import spearmanr

from pdsim.cohort import population_from_dict, sample_cohort
from pdsim.cohort.correlation import Correlation, correlate, groups, impossible, matrix, nearest
from pdsim.errors import ConfigError

NORMAL = {"distribution": "normal", "mean": 0, "sd": 1}


def three(first: float, second: float, third: float) -> dict:
    """A population of three variables with the correlations a-b, a-c and b-c."""
    return {
        "covariates": {
            "a": {**NORMAL, "correlation": {"b": first, "c": second}},
            "b": {**NORMAL, "correlation": {"c": third}},
            "c": NORMAL,
        }
    }


@pytest.mark.parametrize("sampling", ["sobol", "random"])
def test_the_stated_correlation_is_reached(sampling):
    population = population_from_dict(three(-0.5, 0.3, 0.4), "three", "three.toml")
    found = sample_cohort(population, 4096, seed=3, sampling=sampling)
    table = np.corrcoef([found[name] for name in "abc"])
    # 4096 independent draws: SD of a correlation below 0.016; four of them.
    np.testing.assert_allclose(table[np.triu_indices(3, 1)], [-0.5, 0.3, 0.4], atol=0.065)
    for name in "abc":
        assert float(found[name].std()) == pytest.approx(1, abs=0.05)


def test_skewed_and_cut_variables_keep_the_rank_correlation():
    table = {
        "parameters": {
            "a": {"distribution": "lognormal", "typical": 1, "log_sd": 1.5, "correlation": {"b": 0.6}},
            "b": {"distribution": "truncated_normal", "mean": 0, "sd": 1, "low": -0.5},
        }
    }
    found = sample_cohort(population_from_dict(table, "two", "two.toml"), 8192, seed=3)
    # Ranks of a Gaussian copula: 6/pi * asin(r/2).
    assert spearmanr(found["a"], found["b"]).statistic == pytest.approx(6 / np.pi * np.arcsin(0.3), abs=0.02)


def test_groups_hang_together():
    links = [Correlation("a", "c", 0.1), Correlation("d", "b", 0.1), Correlation("c", "e", 0.1)]
    assert groups(list("abcdef"), links) == [("a", "c", "e"), ("b", "d")]


def test_the_first_variable_of_a_group_keeps_its_draws():
    scores = {name: np.random.default_rng(place).normal(size=9) for place, name in enumerate("abc")}
    found = correlate(scores, "abc", [Correlation("c", "a", 0.8)])
    np.testing.assert_array_equal(found["a"], scores["a"])
    np.testing.assert_array_equal(found["b"], scores["b"])
    np.testing.assert_allclose(found["c"], 0.8 * scores["a"] + 0.6 * scores["c"], rtol=1e-12)


def test_impossible_correlations_are_named_with_possible_ones():
    with pytest.raises(ConfigError) as caught:
        population_from_dict(three(0.9, 0.9, -0.9), "three", "three.toml")
    message = str(caught.value)
    assert "the correlations a-b = 0.9, a-c = 0.9, b-c = -0.9 exclude each other" in message
    offered = [float(number) for number in re.findall(r"-[bc] = (-?[\d.]+)", message.partition("nearest")[2])]
    assert len(offered) == 3
    population_from_dict(three(*offered), "three", "three.toml")


def test_nearest_is_positive_definite_and_leaves_a_good_matrix_alone():
    good = matrix("ab", [Correlation("a", "b", 0.5)])
    np.testing.assert_allclose(nearest(good), good, atol=1e-12)
    # Higham 2002, section 4: the nearest correlation matrix to this one has 0.7607 and 0.1573.
    found = nearest(np.array([[1.0, 1, 0], [1, 1, 1], [0, 1, 1]]))
    np.testing.assert_allclose(found[[0, 0], [1, 2]], [0.7607, 0.1573], atol=0.02)
    assert np.linalg.eigvalsh(found)[0] > 0


def test_only_the_impossible_group_is_named():
    links = [
        Correlation("a", "b", 0.9),
        Correlation("a", "c", 0.9),
        Correlation("b", "c", -0.9),
        Correlation("d", "e", 0.5),
    ]
    (text,) = impossible("abcde", links)
    assert "d-e" not in text


def test_ordered_categories_can_be_correlated():
    text = """
    [covariates.lines]
    distribution = "categorical"
    values = [1, 2, 3]
    probability = [0.5, 0.3, 0.2]
    [covariates.before]
    distribution = "categorical"
    levels = ["none", "exposed", "refractory"]
    probability = [0.6, 0.2, 0.2]
    correlation = { lines = 0.7 }
    """
    cohort = sample_cohort(population_from_dict(tomllib.loads(text), "small", "small.toml"), 4096, seed=1)
    refractory, lines = cohort["before"].values == 2, cohort["lines"].values
    assert refractory.mean() == pytest.approx(0.2, abs=0.002)
    assert (lines == 3).mean() == pytest.approx(0.2, abs=0.002)
    # a bivariate normal with correlation 0.7 has 0.113 beyond the 80th percentile of both
    assert (refractory & (lines == 3)).mean() == pytest.approx(0.113, abs=0.004)
