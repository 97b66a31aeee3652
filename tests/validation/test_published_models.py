"""Models of the literature: tumour growth inhibition, and neutrophils at the steady state of a drug."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pdsim
from pdsim.errors import ModelError


@pytest.mark.parametrize(
    ("table", "expected", "output"),
    [
        ("claret001_input", "c001", "size"),
        ("claret001_input", "c002", "written_out"),
        ("claret002_input", "c003", "size"),
        ("claret002_input", "c004", "written_out"),
    ],
)
def test_tumour_growth_inhibition(conformance, load, deviation, table, expected, output):
    folder = conformance / "mrgsolve-nmtests" / "claret_tgi"
    found = pdsim.simulate_events(load("claret"), folder / f"{table}.csv", [output])
    reference = pd.read_csv(folder / f"{expected}_nonmem.csv")
    assert deviation(found[output], reference["Y"]) < 1e-5  # five printed digits


def test_a_model_that_is_not_linear_has_no_closed_form(load):
    table = {"TIME": [0.0, 1.0]}
    with pytest.raises(ModelError, match=r"'claret' is not:\n  the rate of 'size' depends on time\nUse method = 'ode'"):
        pdsim.simulate_events(load("claret"), table, method="closed")
    with pytest.raises(ModelError, match="the rate of 'proliferating' is not linear in 'circulating'"):
        pdsim.simulate_events(load("friberg"), table, method="closed")


@pytest.fixture(scope="module")
def neutrophils(conformance):
    return pd.read_csv(conformance / "torsten-friberg-karlsson" / "ss_bolus.csv")


def test_neutrophils_at_steady_state(neutrophils, load, deviation):
    rows = len(neutrophils)
    first = np.arange(rows) == 0
    table = {
        "TIME": neutrophils["time"],
        "EVID": first.astype(int),
        "AMT": np.where(first, 80000.0, 0.0),
        "CMT": ["gut"] * rows,
        "II": np.where(first, 12.0, 0.0),
        "ADDL": np.where(first, 14, 0),
        "SS": first.astype(int),
    }
    found = pdsim.simulate_events(load("friberg"), table)
    names = dict(zip(found.columns[2:], neutrophils.columns[1:], strict=True))
    assert len(names) == 8
    for name, column in names.items():
        assert deviation(found[name], neutrophils[column]) < 1e-3, name  # Torsten's own tolerance


@pytest.mark.slow
def test_steady_state_is_where_two_thousand_doses_lead(load, deviation):
    head = {"AMT": [80000.0, 0.0], "CMT": ["gut", "."], "II": [12.0, 0.0]}
    long = pdsim.simulate_events(load("friberg"), {"TIME": [0.0, 24000.0], "ADDL": [2000, 0], **head})
    settled = pdsim.simulate_events(load("friberg"), {"TIME": [0.0, 12.0], "ADDL": [1, 0], "SS": [1, 0], **head})
    assert deviation(settled.iloc[1, 2:], long.iloc[1, 2:]) < 1e-6


@pytest.mark.parametrize(
    ("name", "dose", "lag", "train"),
    [
        ("target_mediated", {"CMT": "central", "AMT": 300.0, "II": 7.0}, {}, 60),
        ("target_mediated", {"CMT": "central", "AMT": 3000.0, "II": 1.0, "RATE": 1500.0}, {"central": 0.7}, 700),
        ("warfarin", {"CMT": "depot", "AMT": 5.0, "II": 24.0}, {"depot": 30.0}, 100),
    ],
)
def test_steady_state_of_saturable_kinetics_is_found_in_a_few_intervals(load, monkeypatch, name, dose, lag, train):
    from pdsim.events import fixed_point

    lived = []
    interval = fixed_point._Interval.__call__
    monkeypatch.setattr(fixed_point._Interval, "__call__", lambda *args: lived.append(1) or interval(*args))
    shown = pd.DataFrame({"TIME": [0.0, 1.0, 3.0, 7.0], "EVID": 0})

    def found(**head):
        first = pd.DataFrame([{"EVID": 1, **dose, **head}])
        table = pd.concat([first, shown]).fillna({"CMT": "."}).fillna(0)
        return pdsim.simulate_events(load(name), table, list(load(name).states), lag=lag).iloc[-4:, 2:].to_numpy()

    settled = found(TIME=0.0, SS=1)
    assert len(lived) <= 15
    long = found(TIME=-train * dose["II"], ADDL=train)
    np.testing.assert_allclose(settled, long, rtol=1e-7, atol=1e-9)
