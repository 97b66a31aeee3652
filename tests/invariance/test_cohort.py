"""Patient 17 is the same patient in any cohort."""

from __future__ import annotations

import copy
import tomllib
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from pdsim.cohort import population_from_dict, sample_cohort

TABLE = tomllib.loads("""
    [clones]
    name = ["sensitive", "low", "lowest"]
    cereblon = [1.0, 0.3, 0.04]
    [clones.fraction]
    distribution = "logistic_normal"
    typical = [0.1, 0.7, 0.2]
    log_odds_sd = 2.0
    correlation.lowest = { low = 0.9, growth = -0.2 }
    [parameters.growth]
    distribution = "lognormal"
    typical = 0.01
    log_sd = 0.65
    [parameters.entry]
    distribution = "truncated_lognormal"
    typical = 25
    log_sd = 0.6
    low = 6
    high = 80
    correlation = { growth = 0.4 }
    [parameters.share]
    distribution = "logit_normal"
    typical = 0.3
    logit_sd = 1.0
    [covariates.age]
    distribution = "truncated_normal"
    mean = 66
    sd = 9
    low = 35
    high = 90
    [covariates.clearance]
    distribution = "uniform"
    low = 15
    high = 140
    correlation = { age = -0.5 }
    [covariates.sex]
    distribution = "categorical"
    levels = ["male", "female"]
    probability = [0.6, 0.4]
    [covariates.lines]
    distribution = "categorical"
    values = [2, 3, 4]
    probability = [0.3, 0.4, 0.3]
    [covariates.score]
    expression = "where(sex == 'male', exp(growth) * age ** 1.5, log2(lines) / sqrt(clearance))"
""")
SAMPLINGS = pytest.mark.parametrize("sampling", ["sobol", "random"])


def population(table=TABLE):
    return population_from_dict(table, "varied", "varied.toml")


def draw(size: int, start: int = 0, sampling: str = "sobol", table=TABLE) -> xr.Dataset:
    return sample_cohort(population(table), size, seed=7, sampling=sampling, start=start)


@pytest.fixture(scope="module")
def whole():
    return {sampling: draw(301, sampling=sampling) for sampling in ("sobol", "random")}


@SAMPLINGS
@pytest.mark.parametrize(("size", "start"), [(18, 0), (64, 0), (300, 0), (1, 17), (3, 16), (100, 17)])
def test_size_and_start_do_not_matter(whole, sampling, size, start):
    xr.testing.assert_identical(draw(size, start, sampling).sel(patient=17), whole[sampling].sel(patient=17))


@SAMPLINGS
@settings(max_examples=12)
@given(cuts=st.lists(st.integers(1, 300), max_size=5, unique=True))
def test_pieces_join_to_the_whole(whole, sampling, cuts):
    edges = [0, *sorted(cuts), 301]
    pieces = [draw(stop - start, start, sampling) for start, stop in pairwise(edges)]
    joined = xr.concat(pieces, "patient", data_vars="all", coords="minimal", compat="override", join="outer")
    xr.testing.assert_identical(joined, whole[sampling])


@SAMPLINGS
def test_a_second_draw_is_the_same_and_another_seed_is_not(whole, sampling):
    xr.testing.assert_identical(draw(301, sampling=sampling), whole[sampling])
    other = sample_cohort(population(), 301, seed=8, sampling=sampling)
    assert not (other["growth"] == whole[sampling]["growth"]).any()


def changed(found: xr.Dataset, whole: xr.Dataset) -> set[str]:
    """Variables of the whole that are other numbers in another draw, or not in it."""
    return {str(name) for name in whole.data_vars if not np.array_equal(found.get(name, np.nan), whole[name])}


@SAMPLINGS
def test_a_variable_at_the_end_changes_no_other(whole, sampling):
    table = copy.deepcopy(TABLE)
    table["covariates"]["new"] = {"distribution": "normal", "mean": 0, "sd": 1, "correlation": {"age": 0.3}}
    assert changed(draw(301, sampling=sampling, table=table), whole[sampling]) == set()


def test_random_draws_do_not_mind_a_variable_anywhere(whole):
    table = copy.deepcopy(TABLE)
    table["parameters"] = {"new": {"distribution": "normal", "mean": 0, "sd": 1}, **table["parameters"]}
    assert changed(draw(301, sampling="random", table=table), whole["random"]) == set()


@SAMPLINGS
def test_fixing_or_narrowing_one_changes_no_other(whole, sampling):
    table = copy.deepcopy(TABLE)
    table["parameters"]["share"] = {"distribution": "fixed", "value": 0.3}
    table["covariates"]["lines"]["probability"] = [0.0, 1.0, 0.0]
    own = {"share", "lines", "score"}  # the score is worked out from growth and lines
    assert changed(draw(301, sampling=sampling, table=table), whole[sampling]) == own
    table["parameters"]["growth"]["log_sd"] = 0.3
    assert changed(draw(301, sampling=sampling, table=table), whole[sampling]) == own | {"growth"}


def test_the_numbers_themselves_have_not_moved(whole):
    """Stored cohorts stay valid only while these digits stay; 1e-12 leaves room for another processor's exp."""
    expected = {
        "sobol": (0.010540133276705523, 29.051746685736425, 63.45818876719099, 0.0),
        "random": (0.044419658348979194, 64.63809309237458, 62.88618648120833, 0.0),
    }
    for sampling, numbers in expected.items():
        patient = whole[sampling].sel(patient=17)
        found = [float(patient[name]) for name in ("growth", "entry", "age", "sex")]
        np.testing.assert_allclose(found, numbers, rtol=1e-12, err_msg=sampling)
