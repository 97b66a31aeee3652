"""Variability of event tables: between patients with correlation, between occasions, and of the measurement."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pdsim
from pdsim.errors import CohortError
from pdsim.model import load_model_file

COUNT = 4000


@pytest.fixture(scope="module")
def model(root):
    return load_model_file(root / "tests" / "validation" / "models" / "two_compartment.py")


def _table(patients, **more):
    """One bolus and two observations each; occasion 1, then 2."""
    ids = np.repeat(np.asarray(patients), 3)
    one = {"TIME": [0.0, 0.0, 4.0], "AMT": [90.0, 0.0, 0.0], "OCC": [1, 1, 2]}
    return pd.DataFrame({"ID": ids, **{name: np.tile(values, len(patients)) for name, values in one.items()}, **more})


def test_variance_and_correlation_between_patients(model):
    omega = {"clearance": 0.09, "volume": 0.04, ("clearance", "volume"): 0.03}
    found = pdsim.simulate_events(model, _table(range(COUNT)), omega=omega, seed=3)
    first = found["concentration"].to_numpy().reshape(COUNT, 3)
    volume = np.log(90.0 / first[:, 1] / 9.0)
    # four standard errors of a mean and of a variance
    assert abs(volume.mean()) < 4 * np.sqrt(0.04 / COUNT)
    assert volume.var() == pytest.approx(0.04, rel=4 * np.sqrt(2 / COUNT))
    again = pdsim.simulate_events(model, _table(range(COUNT)), omega=omega, seed=3)
    assert again.equals(found)
    other = pdsim.simulate_events(model, _table(range(COUNT)), omega=omega, seed=4)
    assert not np.isclose(other["concentration"], found["concentration"])[1::3].any()


def test_covariance_as_a_table_is_the_same(model):
    names = ["clearance", "volume"]
    square = pd.DataFrame([[0.09, 0.03], [0.03, 0.04]], index=names, columns=names)
    pairs = {"clearance": 0.09, ("clearance", "volume"): 0.03, "volume": 0.04}
    found = [pdsim.simulate_events(model, _table([1, 2]), omega=omega, seed=3) for omega in (square, pairs)]
    assert found[0].equals(found[1])


def test_correlation_is_drawn(model):
    from pdsim.events.variability import between_patients

    omega = {"clearance": 0.09, "volume": 0.04, ("clearance", "volume"): 0.03, "exchange": 0.0}
    factors = between_patients(omega, ["clearance", "volume", "exchange"], 5, np.arange(COUNT))
    drawn = np.corrcoef(np.log(factors["clearance"]), np.log(factors["volume"]))[0, 1]
    assert drawn == pytest.approx(0.5, abs=4 * 0.75 / np.sqrt(COUNT))
    assert (factors["exchange"] == 1.0).all()


def test_a_patient_draws_alike_in_any_company(model):
    more = {"omega": {"volume": 0.1}, "occasion": {"OCC": {"clearance": 0.2}}, "seed": 7}
    sigma = {"concentration": {"proportional": 0.01, "additive": 0.1}}
    together = pdsim.simulate_events(model, _table([5, 17, 2]), sigma=sigma, **more)
    alone = pdsim.simulate_events(model, _table([17]), sigma=sigma, **more)
    assert together[together["ID"] == 17].reset_index(drop=True).equals(alone)


def test_occasions_vary_within_a_patient(model):
    table = pd.DataFrame(
        {"ID": np.repeat(np.arange(COUNT), 2), "TIME": np.tile([0.0, 1.0], COUNT), "AMT": [90, 0] * COUNT}
    )
    table["OCC"] = np.tile([1, 2], COUNT)
    params = {"exchange": 0.0}
    found = pdsim.simulate_events(model, table, params=params, occasion={"OCC": {"clearance": 0.09}}, seed=2)
    decay = -np.log(found["concentration"].to_numpy().reshape(COUNT, 2)[:, 1] / 10.0)
    kappa = np.log(decay / (3.5 / 9.0))  # the second occasion's, carried backward to the dose
    assert kappa.var() == pytest.approx(0.09, rel=4 * np.sqrt(2 / COUNT))
    same = table.assign(OCC=2)
    one = pdsim.simulate_events(model, same, params=params, occasion={"OCC": {"clearance": 0.09}}, seed=2)
    np.testing.assert_array_equal(one["concentration"][1::2], found["concentration"][1::2])


@pytest.mark.parametrize(
    ("kinds", "spread"),
    [
        ({"proportional": 0.01}, lambda y, measured: (measured / y - 1.0, 0.01)),
        ({"additive": 0.25}, lambda y, measured: (measured - y, 0.25)),
        ({"exponential": 0.04}, lambda y, measured: (np.log(measured / y), 0.04)),
    ],
)
def test_residual_error_of_each_kind(model, kinds, spread):
    found = pdsim.simulate_events(model, _table(range(COUNT)), sigma={"concentration": kinds}, seed=9)
    seen = found["concentration_measured"].notna()
    assert seen.tolist() == [False, True, True] * COUNT
    error, variance = spread(found["concentration"][seen], found["concentration_measured"][seen])
    assert error.var() == pytest.approx(variance, rel=4 * np.sqrt(2 / seen.sum()))
    assert abs(error.mean()) < 4 * np.sqrt(variance / seen.sum())


def test_rows_without_a_measurement_have_no_error(model):
    table = _table([1], MDV=[1, 0, 1])
    found = pdsim.simulate_events(model, table, sigma={"concentration": {"additive": 1.0}})
    assert found["concentration_measured"].notna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"omega": {"clearence": 0.1}}, "omega: the model has no parameter 'clearence'. Did you mean 'clearance'?"),
        ({"omega": {"clearance": -0.1}}, "omega: the variance of 'clearance' is -0.1"),
        ({"omega": {("clearance", "volume"): 0.1}}, "omega: the variance of 'clearance' is missing"),
        (
            {"omega": {"clearance": 0.1, "volume": 0.1, ("clearance", "volume"): 0.2}},
            "omega: no parameters can vary so; a covariance is at most the root of the two variances",
        ),
        ({"omega": 0.1}, "omega is a mapping of parameters to variances, or a square DataFrame"),
        ({"occasion": {"OCC": {"x": 0.1}}}, "occasion['OCC']: the model has no parameter 'x'"),
        ({"sigma": {"central": {"additive": 1}}}, "sigma: 'central' is not among the outputs asked for"),
        ({"sigma": {"concentration": 0.1}}, "sigma['concentration'] names its kind, for example {'proportional': 0.1}"),
        ({"sigma": {"concentration": {"add": 1}}}, "sigma['concentration']: 'add' is no kind of error"),
        ({"sigma": {"concentration": {"additive": -1}}}, "sigma['concentration']['additive'] is -1"),
    ],
)
def test_variances_that_cannot_be(model, more, text):
    with pytest.raises(CohortError) as caught:
        pdsim.simulate_events(model, _table([1]), **more)
    assert text in str(caught.value)
