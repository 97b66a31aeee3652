"""Cohorts: layout, moments of the points, and what sampling refuses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.stats import qmc

from pdsim.cohort import points, population_from_dict, sample_cohort, summary
from pdsim.cohort.points import BITS, scrambled, sobol_scores
from pdsim.errors import CohortError, NotFoundError

TABLE = {
    "source": "made up",
    "clones": {
        "name": ["sensitive", "resistant"],
        "cereblon": [1.0, 0.04],
        "fraction": {"distribution": "logistic_normal", "typical": [0.4, 0.6], "log_odds_sd": 2.0},
    },
    "parameters": {
        "growth": {"distribution": "lognormal", "typical": 0.01, "log_sd": 0.65, "unit": "1/day", "source": "here"}
    },
    "covariates": {
        "height": {"distribution": "fixed", "value": 175},
        "weight": {"distribution": "normal", "mean": 80, "sd": 5},
        "sex": {"distribution": "categorical", "levels": ["male", "female"], "probability": [0.6, 0.4]},
        "prior_lines": {"distribution": "categorical", "values": [2, 3], "probability": [0.5, 0.5]},
        "lean": {"expression": "where(sex == 'male', 0.8, 0.7) * weight", "unit": "kg"},
    },
}
POPULATION = population_from_dict(TABLE, "small", "small.toml")


@pytest.mark.parametrize("sampling", ["sobol", "random"])
def test_layout(sampling):
    found = sample_cohort(POPULATION, 6, seed=7, sampling=sampling, start=2)
    np.testing.assert_array_equal(found["patient"], [2, 3, 4, 5, 6, 7])
    assert found["patient"].dtype == np.int64
    assert list(found["clone"].values) == ["sensitive", "resistant"]
    assert found["cereblon"].dims == found["clone_fraction"].dims == ("patient", "clone")
    np.testing.assert_array_equal(found["cereblon"], np.tile([1.0, 0.04], (6, 1)))
    np.testing.assert_allclose(found["clone_fraction"].sum("clone"), 1, rtol=1e-15)
    floats = [name for name in found.data_vars if name != "sex"]
    assert {str(found[name].dtype) for name in floats} == {"float64"}
    assert found["growth"].attrs == {"units": "1/day", "long_name": "growth", "source": "here", "role": "parameter"}
    assert found["weight"].attrs["units"] == "kg"
    assert found["sex"].dtype == np.int8
    assert found["sex"].attrs["flag_meanings"] == "male female"
    np.testing.assert_array_equal(found["sex"].attrs["flag_values"], np.array([0, 1], dtype=np.int8))
    assert found["lean"].attrs["expression"].startswith("where(sex")
    np.testing.assert_allclose(found["bsa"], np.sqrt(175 * found["weight"] / 3600), rtol=1e-15)
    assert found["bsa"].attrs["units"] == "m2"
    expected = {"population": "small", "source": "made up", "seed": 7, "sampling": sampling}
    assert expected.items() <= found.attrs.items()
    assert found.attrs["pdsim_version"]


def test_a_population_without_clones_has_no_such_dimension():
    found = sample_cohort(population_from_dict({"covariates": TABLE["covariates"]}, "s", "s.toml"), 3, seed=1)
    assert dict(found.sizes) == {"patient": 3}


def test_a_population_without_anything_drawn_is_still_a_cohort():
    assert sample_cohort(population_from_dict({}, "empty", "empty.toml"), 3, seed=1).sizes["patient"] == 3


def test_random_draws_have_their_distributions():
    found = sample_cohort(POPULATION, 20000, seed=7, sampling="random")
    # Kolmogorov-Smirnov at level 1e-4 with a fixed seed: a correct sampler fails for one seed in ten thousand.
    assert stats.kstest(np.log(found["growth"] / 0.01) / 0.65, "norm").pvalue > 1e-4
    assert stats.kstest(found["weight"], "norm", (80, 5)).pvalue > 1e-4
    odds = np.log(found["clone_fraction"][:, 1] / found["clone_fraction"][:, 0] / 1.5) / 2
    assert stats.kstest(odds, "norm").pvalue > 1e-4
    # Three SD of a share of 0.4 over 20000 draws.
    assert float((found["sex"] == 1).mean()) == pytest.approx(0.4, abs=0.0105)
    assert abs(np.corrcoef(found["growth"], found["weight"])[0, 1]) < 0.03


def test_sobol_points_are_even():
    scores = sobol_scores(7, 0, 256, [f"x{number}" for number in range(12)])
    for values in scores.values():
        ranks = np.floor(stats.norm.cdf(values) * 256).astype(int)
        assert sorted(ranks) == list(range(256))
    ranks = stats.norm.cdf(np.stack(list(scores.values())[:4], axis=1))
    random = np.random.default_rng(0).random((256, 4))
    assert qmc.discrepancy(ranks) < qmc.discrepancy(random) / 5


def test_sobol_scrambles_differ_by_name_and_seed():
    same, other = sobol_scores(7, 0, 8, ["a", "b"]), sobol_scores(7, 0, 8, ["c", "b"])
    np.testing.assert_array_equal(same["b"], other["b"])
    assert not np.isclose(same["a"], other["c"]).any()
    assert not np.isclose(same["a"], sobol_scores(8, 0, 8, ["a"])["a"]).any()


def test_points_are_those_of_scipy():
    found = points._directions(60)
    engine = qmc.Sobol(60, scramble=False, bits=BITS)
    engine.fast_forward(900)
    numbers = np.arange(900, 1100)
    expected = (engine.random(200) * 2.0**BITS).astype(np.int64)
    mine = [points._joined(numbers ^ (numbers >> 1), directions) for directions in found]
    np.testing.assert_array_equal(np.stack(mine, axis=1), expected)


def test_scrambling_is_one_to_one_and_keeps_cells():
    words = np.random.default_rng(2).integers(0, 2**BITS, BITS + 1)
    cells = np.arange(1024) << (BITS - 10)
    found = scrambled(cells, words)
    assert np.unique(found >> (BITS - 10)).size == 1024
    halves = found.reshape(2, 512) >> (BITS - 1)
    assert [np.unique(half).size for half in halves] == [1, 1]


def test_no_score_is_infinite():
    words = np.zeros(BITS + 1, dtype=np.int64)
    assert scrambled(np.array([0]), words)[0] == 0
    found = sobol_scores(7, 0, 4096, ["a"])["a"]
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size should be at least 1, not 0."),
        ({"size": 2.5}, "size should be a whole number, not 2.5."),
        ({"seed": -1}, "seed and start should not be negative, not -1 and 0."),
        ({"start": -1}, "seed and start should not be negative, not 7 and -1."),
        ({"sampling": "sobel"}, "sampling 'sobel' is not one of sobol, random. Did you mean 'sobol'?"),
        ({"start": 2**BITS}, "Sobol points end at patient 1073741823; draw with sampling = 'random'."),
    ],
)
def test_refusals(options, message):
    given = {"size": 4, "seed": 7, **options}
    with pytest.raises(CohortError) as caught:
        sample_cohort(POPULATION, **given)
    assert str(caught.value) == message


def test_a_derived_value_that_is_not_a_number_names_the_patient():
    table = {
        "covariates": {"age": {"distribution": "uniform", "low": 10, "high": 90}, "x": {"expression": "log(age - 50)"}}
    }
    with pytest.raises(CohortError) as caught:
        sample_cohort(population_from_dict(table, "bad", "bad.toml"), 64, seed=1)
    message = str(caught.value)
    assert message.startswith("bad.toml: 'x' is nan for patient ")
    assert "the expression is 'log(age - 50)'" in message


def test_a_value_that_overflows_names_the_patient():
    table = {"parameters": {"x": {"distribution": "lognormal", "typical": 1e300, "log_sd": 30}}}
    with pytest.raises(CohortError, match=r"'x' is inf for patient .* narrow its distribution"):
        sample_cohort(population_from_dict(table, "bad", "bad.toml"), 64, seed=1)


def test_a_name_goes_through_the_library():
    class Shelf:
        def load_population(self, name):
            assert name == "small"
            return POPULATION

    assert sample_cohort("small", 2, seed=1, library=Shelf()).attrs["population"] == "small"
    with pytest.raises(NotFoundError, match="len_refractory"):
        sample_cohort("len_refractori", 2, seed=1)


def test_summary():
    found = summary(sample_cohort(POPULATION, 4096, seed=7))
    assert found.loc["growth", "median"] == pytest.approx(0.01, rel=0.01)
    assert found.loc["growth", "q95"] == pytest.approx(0.01 * np.exp(0.65 * 1.6449), rel=0.01)
    assert found.loc["sex[female]", "median"] == pytest.approx(0.4, abs=0.001)
    assert found.loc["cereblon[resistant]", "q05"] == 0.04
    assert found.loc["weight", "units"] == "kg"
