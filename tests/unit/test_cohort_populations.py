"""The shipped population files: every value has a source, and the numbers are those meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pdsim.cohort import sample_cohort
from pdsim.library import Library

FILES = sorted((Path(__file__).resolve().parents[2] / "configs" / "populations").glob("*.toml"))


def load(path: Path):
    return Library().load_population(path.stem)


@pytest.fixture(scope="module")
def cohort():
    (path,) = [file for file in FILES if file.stem == "len_refractory"]
    return sample_cohort(load(path), 4096, seed=7)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_value_has_a_source_and_a_status(path):
    population = load(path)
    assert population.title
    assert population.source
    parts = [*population.variables, *population.traits, *filter(None, [population.composition])]
    missing = [part for part in parts if not (part.source and part.status)]
    assert not missing
    sample_cohort(population, 64, seed=1)


def test_resistant_shares_are_wide(cohort):
    share = cohort["clone_fraction"]
    low = np.quantile(share.sel(clone=["crbn_low", "crbn_lowest"]).sum("clone"), (0.1, 0.5, 0.9))
    lowest = np.quantile(share.sel(clone="crbn_lowest"), (0.1, 0.5, 0.9))
    pan = np.quantile(share.sel(clone="pan_resistant"), (0.1, 0.5, 0.9))
    # Targets of the file; a logistic normal over the first clone meets them within a few points.
    np.testing.assert_allclose(low, (0.45, 0.91, 0.99), atol=0.04)
    np.testing.assert_allclose(lowest, (0.04, 0.15, 0.39), atol=0.02)
    np.testing.assert_allclose(np.log10(pan), (-4, -3, -2), atol=0.15)


def test_medians_and_ranges_are_those_of_the_file(cohort):
    assert float(cohort["growth_net"].median()) == pytest.approx(0.0100, rel=0.01)
    assert float(np.log(cohort["growth_net"]).std()) == pytest.approx(0.63, rel=0.01)
    assert float(cohort["cells_entry"].min()) >= 5e10
    assert float(cohort["cells_entry"].max()) <= 2e12
    assert float(cohort["prior_lines"].mean()) == pytest.approx(3, abs=0.1)
    assert float(cohort["effector_set"].mean()) == pytest.approx(461, rel=0.06)  # the cut takes 5 % off the mean
    assert set(np.unique(cohort["len_refractory"])) == {1.0}


def test_correlations_are_those_of_the_file(cohort):
    clearance = np.corrcoef(cohort["age"], cohort["creatinine_clearance"])[0, 1]
    assert clearance == pytest.approx(-0.5, abs=0.03)
    burden = np.corrcoef(np.log(cohort["cells_entry"]), np.log(cohort["m_protein_secretory"]))[0, 1]
    assert burden == pytest.approx(0.75, abs=0.04)


def test_light_chain_patients_are_measured_by_light_chains(cohort):
    light = cohort["isotype"].values == 2
    np.testing.assert_array_equal(cohort["light_chain"].values, light)
    np.testing.assert_array_equal(cohort["igg"].values, cohort["isotype"].values == 0)
    assert set(cohort["m_protein_entry"].values[light]) == {1.0}
    assert cohort["m_protein_entry"].values[~light].min() >= 6
    assert cohort["flc_entry"].values[light].min() >= 100
    np.testing.assert_array_equal(cohort["measurable"].values, ~light)


def test_bodies_are_plausible(cohort):
    women = cohort["sex"].values == 1
    assert cohort["height"].values[women].mean() == pytest.approx(161, abs=0.5)
    assert cohort["height"].values[~women].mean() == pytest.approx(175, abs=0.5)
    assert 30 < float(cohort["weight"].min()) < float(cohort["weight"].max()) < 180
    assert 1.0 < float(cohort["bsa"].min()) < float(cohort["bsa"].max()) < 3.0
