from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdsim import draws

KINDS = [draws.uniforms, draws.normals, draws.exponentials]


@pytest.mark.parametrize("draw", KINDS)
@given(patients=st.lists(st.integers(0, 300), min_size=1, max_size=40, unique=True), count=st.integers(1, 9))
def test_any_subset_in_any_order_gives_the_same_rows(draw, patients, count):
    everyone = draw(7, np.arange(301), "population.growth", count)
    np.testing.assert_array_equal(draw(7, np.array(patients), "population.growth", count), everyone[patients])


@pytest.mark.parametrize("draw", KINDS)
@given(short=st.integers(1, 12), more=st.integers(0, 12))
def test_first_numbers_do_not_depend_on_how_many_are_asked(draw, short, more):
    patients = np.array([17, 3, 18])
    longer = draw(7, patients, "assay.m_protein", short + more)
    np.testing.assert_array_equal(draw(7, patients, "assay.m_protein", short), longer[:, :short])


def test_a_repeated_patient_is_the_same_patient():
    rows = draws.uniforms(7, np.array([17, 17]), "population.growth", 5)
    np.testing.assert_array_equal(rows[0], rows[1])


@pytest.mark.parametrize(
    ("one", "other"),
    [((7, "population.growth"), (8, "population.growth")), ((7, "population.growth"), (7, "population.weight"))],
)
def test_seeds_and_purposes_are_independent(one, other):
    patients = np.arange(4000)
    first = draws.uniforms(one[0], patients, one[1], 3).ravel()
    second = draws.uniforms(other[0], patients, other[1], 3).ravel()
    assert not np.intersect1d(first, second).size
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(first.size)  # four standard errors


def test_patients_and_columns_are_independent():
    table = draws.normals(7, np.arange(4000), "population.growth", 6)
    assert np.unique(table).size == table.size
    off = np.corrcoef(table.T) - np.eye(6)
    assert np.abs(off).max() < 4.5 / np.sqrt(len(table))  # the largest of 15 standard normals
    neighbours = np.corrcoef(table[:-1, 0], table[1:, 0])[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(len(table))


@pytest.mark.parametrize(
    ("draw", "mean", "sd"), [(draws.uniforms, 0.5, 12**-0.5), (draws.normals, 0.0, 1.0), (draws.exponentials, 1.0, 1.0)]
)
def test_distribution_has_its_moments(draw, mean, sd):
    numbers = draw(7, np.arange(20000), "population.growth", 5)
    assert numbers.shape == (20000, 5)
    error = sd / np.sqrt(numbers.size)
    assert abs(numbers.mean() - mean) < 4 * error
    assert numbers.std() == pytest.approx(sd, rel=0.02)  # four standard errors of the widest, the exponential


def test_uniform_numbers_are_spread_and_inside():
    numbers = draws.uniforms(7, np.arange(20000), "population.growth", 5)
    assert numbers.min() > 0.0
    assert numbers.max() < 1.0
    counts = np.histogram(numbers, bins=50, range=(0, 1))[0]
    expected = numbers.size / 50
    assert ((counts - expected) ** 2 / expected).sum() < 98  # chi-square, 49 degrees: p = 4e-5


def test_values_are_pinned():
    """A change here changes every cohort that anyone has drawn."""
    found = draws.uniforms(7, np.array([17]), "population.growth", 2)
    assert found.tolist() == [[0.9748138293300411, 0.0026602023497405147]]


def test_no_patients_give_no_rows():
    assert draws.uniforms(7, np.array([], dtype=int), "population.growth", 3).shape == (0, 3)
