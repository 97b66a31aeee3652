"""Shares of clones that lean on what was given before."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from pdsim.cohort import population_from_dict, sample_cohort
from pdsim.cohort.changes import changed_tree
from pdsim.errors import ConfigError
from pdsim.library import Library

TEXT = """
title = "small"
source = "none"
[clones]
name = ["sensitive", "resistant", "other"]
[clones.fraction]
distribution = "logistic_normal"
typical = [0.6, 0.3, 0.1]
log_odds_sd = [0.0, 2.0, 1.0]
[clones.fraction.shift]
resistant = { failed = 1.5, lines = 0.2 }
[clones.fraction.widening]
resistant = { failed = -0.4 }
[covariates.lines]
distribution = "categorical"
values = [1, 2, 4]
probability = [0.3, 0.3, 0.4]
[covariates.before]
distribution = "categorical"
levels = ["none", "failed"]
probability = [0.5, 0.5]
[covariates.failed]
expression = "before == 'failed'"
"""


def read(text: str):
    return population_from_dict(tomllib.loads(text), "small", "small.toml")


def log_ratio(cohort, clone: str) -> np.ndarray:
    share = cohort["clone_fraction"]
    return np.log(share.sel(clone=clone) / share.sel(clone="sensitive")).values


def test_a_shift_adds_to_the_log_ratio_and_a_widening_to_the_log_of_its_spread():
    plain = TEXT[: TEXT.index("[clones.fraction.shift]")] + TEXT[TEXT.index("[covariates.lines]") :]
    with_shift, without = (sample_cohort(read(text), 64, seed=3) for text in (TEXT, plain))
    failed, lines = with_shift["failed"].values, with_shift["lines"].values
    score = (log_ratio(without, "resistant") - np.log(0.5)) / 2.0
    expected = np.log(0.5) + 1.5 * failed + 0.2 * lines + 2.0 * np.exp(-0.4 * failed) * score
    assert {0.0, 1.0} == set(failed)
    np.testing.assert_allclose(log_ratio(with_shift, "resistant"), expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(log_ratio(with_shift, "other"), log_ratio(without, "other"), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(with_shift["clone_fraction"].sum("clone"), 1.0, rtol=1e-14)


def test_a_patient_is_the_same_in_any_cohort():
    whole, one = sample_cohort(read(TEXT), 20, seed=3), sample_cohort(read(TEXT), 1, seed=3, start=17)
    assert whole.isel(patient=[17]).identical(one)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            "resistant = { faild = 1 }",
            "clones.fraction.shift.resistant.faild: is no number of the patients. Did",
        ),
        ("resistant = { before = 1 }", "clones.fraction.shift.resistant.before: is no number of the patients."),
        ("sensitive = { failed = 1 }", "clones.fraction.shift.sensitive: is no clone besides the first"),
        ("resistent = { failed = 1 }", "Did you mean 'resistant'?"),
        ("resistant = { failed = 'much' }", "should be a number"),
    ],
)
def test_mistakes_are_named(wrong, message):
    with pytest.raises(ConfigError, match="1 mistake") as caught:
        read(TEXT.replace("resistant = { failed = 1.5, lines = 0.2 }", wrong))
    assert message in str(caught.value)


def relapsed(**prior: list[float]):
    tables = {f"prior_{drug}": {"probability": shares} for drug, shares in prior.items()}
    tree = changed_tree(Library().population_tree("relapsed"), {"covariates": tables})
    return sample_cohort(population_from_dict(tree, "relapsed", "relapsed.toml"), 2048, seed=7)


def median_logit(cohort, clones: list[str]) -> float:
    share = cohort["clone_fraction"].sel(clone=clones).sum("clone").values
    return float(np.median(np.log(share / (1 - share))))


def test_failed_drugs_select_the_clones_that_resist_them():
    cereblon, proteasome = ["crbn_low", "crbn_lowest", "double_resistant"], ["pi_resistant", "double_resistant"]
    naive = relapsed(thalidomide=[1, 0, 0], bortezomib=[1, 0, 0])
    refractory = relapsed(thalidomide=[1, 0, 0], bortezomib=[1, 0, 0], lenalidomide=[0, 0, 1])
    double = relapsed(thalidomide=[1, 0, 0], bortezomib=[0, 0, 1], lenalidomide=[0, 0, 1])
    # the pilot fit has -0.29 and 2.35 at two lines, and -0.93 for proteasome inhibitors; at most half a logit is lost
    # because the pan-resistant clone and the line step take part here
    assert median_logit(naive, cereblon) == pytest.approx(-0.29, abs=0.4)
    assert median_logit(refractory, cereblon) == pytest.approx(2.35, abs=0.4)
    assert median_logit(naive, proteasome) == pytest.approx(-0.93, abs=0.5)
    assert median_logit(double, proteasome) > median_logit(refractory, proteasome) + 1
    assert relapsed(cd38_antibody=[0, 0, 1])["cd38_entry"].values.max() == 0.25
    assert set(refractory["len_refractory"].values) == {1.0}


def test_disease_before_treatment_has_fewer_resistant_cells():
    new, old = (
        sample_cohort(Library().load_population(name), 1024, seed=7) for name in ("newly_diagnosed", "relapsed")
    )
    for clone in new["clone"].values[1:]:
        assert np.median(log_ratio(new, clone)) < np.median(log_ratio(old, clone))
