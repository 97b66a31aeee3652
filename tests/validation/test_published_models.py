"""Published models of the tumour and its markers, shipped in models/, against printed and reference numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp

import pdsim
from pdsim.errors import ModelError

# mrgsolve's test of the model; its drug effect is log(DOSE)
CLARET = {"start": 70.0, "growth": 0.6, "shrinkage": 0.4, "resistance": 0.8}
DAYS = np.arange(0.0, 401.0, 10.0)


@pytest.mark.parametrize(
    ("table", "expected", "output"),
    [
        ("claret001_input", "c001", "m_protein"),
        ("claret001_input", "c002", "closed_form"),
        ("claret002_input", "c003", "m_protein"),
        ("claret002_input", "c004", "closed_form"),
    ],
)
def test_tumour_growth_inhibition(conformance, deviation, table, expected, output):
    folder = conformance / "mrgsolve-nmtests" / "claret_tgi"
    events = pd.read_csv(folder / f"{table}.csv").assign(exposure=lambda rows: np.log(rows["DOSE"]))
    found = pdsim.simulate_events(pdsim.load_model("claret_tgi"), events, [output], params=CLARET)
    reference = pd.read_csv(folder / f"{expected}_nonmem.csv")
    assert deviation(found[output], reference["Y"]) < 1e-5  # five printed digits


def test_m_protein_under_constant_exposure_regrows_when_the_effect_has_waned(deviation):
    model = pdsim.load_model("claret_tgi")
    growth, shrinkage, resistance = 0.0303, 0.816, 0.0568  # 1/week, Li 2025, Table 3
    lowest = np.log(shrinkage * 0.5 / growth) / resistance
    weeks = np.sort(np.append(np.arange(0.0, 105.0, 4.0), lowest + np.array([-0.5, 0.0, 0.5])))
    found = pdsim.simulate_events(model, {"TIME": weeks})
    assert deviation(found["m_protein"], found["closed_form"]) < 1e-7
    assert weeks[found["m_protein"].argmin()] == lowest
    assert found["m_protein"][0] == 17.4


def test_a_model_that_is_not_linear_has_no_closed_form():
    table = {"TIME": [0.0, 1.0]}
    message = r"'claret_tgi' is not:\n  the rate of 'paraprotein' depends on time\nUse method = 'ode'"
    with pytest.raises(ModelError, match=message):
        pdsim.simulate_events(pdsim.load_model("claret_tgi"), table, method="closed")
    with pytest.raises(ModelError, match="the rate of 'proliferating' is not linear in 'circulating'"):
        pdsim.simulate_events(pdsim.load_model("friberg2002"), table, method="closed")


def test_relapse_is_the_sum_of_two_exponentials(deviation):
    # the authors' illustration: 20 g/L, 16 % resistant, -0.01 and 0.004 a day
    lowest = np.log(0.84 * 0.01 / (0.16 * 0.004)) / 0.014
    days = np.sort(np.append(DAYS, lowest))
    found = pdsim.simulate_events(pdsim.load_model("myklebust2024"), {"TIME": days})
    assert found.attrs["method"] == "closed"
    assert deviation(found["m_protein"], 16.8 * np.exp(-0.01 * days) + 3.2 * np.exp(0.004 * days)) < 1e-13
    assert days[found["m_protein"].argmin()] == lowest


def gallaher(t, y):
    """The equations in the paper's symbols, with the values of BioModels MODEL1907050001."""
    m, tc, n, tr = y
    an, ac = n / (150 + n), tc / (375 + tc)
    kill = (5 * an + 5 * ac + 8 * an * ac) * (1 - 0.5 * m / (3 + m) - 0.5 * tr / (25 + tr))
    return [
        0.001 + 0.0175 * (1 - m / 10) * m - 0.002 * m * (1 + kill),
        0.013 * (1 - tc / 800) * (1 + 5 * m / (3 + m) + n / (150 + n)) * tc - 0.02 * tc,
        0.03 + 0.04 * (1 - n / 450) * (1 + tc / (375 + tc)) * n - 0.025 * n,
        0.0831 * (1 - tr / 80) * (1 + 2 * m / (3 + m)) * tr - 0.0757 * tr,
    ]


def test_immune_control_follows_the_paper_in_its_own_symbols(deviation):
    wanted = ["m_protein", "effector_t", "nk", "treg", "m_loss_rate"]
    found = pdsim.simulate_events(pdsim.load_model("gallaher2018"), {"TIME": DAYS}, wanted)
    course = solve_ivp(gallaher, (0, 400), [4.0, 461.0, 227.0, 42.0], "DOP853", DAYS, rtol=1e-12, atol=1e-12).y
    assert deviation(found[wanted[:4]], (course * [[10.0], [1.0], [1.0], [1.0]]).T) < 1e-7  # M-protein in g/L
    assert round(found["m_loss_rate"][0], 2) == 0.01  # "only about 0.01 per day" in the reference text


def test_immune_cells_settle_where_gain_meets_loss():
    settled = pdsim.simulate_events(pdsim.load_model("gallaher2018"), {"TIME": [0.0, 2e4]}).iloc[1]
    m, t = settled["m_protein"] / 10, settled["effector_t"]
    # each balance solved by hand for the capacity that loss leaves
    assert settled["treg"] == pytest.approx(80 * (1 - 0.0757 / (0.0831 * (1 + 2 * m / (3 + m)))), rel=1e-6)
    by_nk = settled["nk"] / (150 + settled["nk"])
    assert t == pytest.approx(800 * (1 - 0.02 / (0.013 * (1 + 5 * m / (3 + m) + by_nk))), rel=1e-6)
    assert 0.001 / m + 0.0175 * (1 - m / 10) == pytest.approx(settled["m_loss_rate"], rel=1e-6)


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
