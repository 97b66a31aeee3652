"""Published models of blood counts, shipped in models/, against printed and reference numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pdsim

# Torsten's test of the model: an oral drug in mg, neutrophils
TORSTEN = {
    "absorption": 2.0,
    "clearance": 10.0,
    "exchange": 15.0,
    "volume": 35.0,
    "peripheral_volume": 105.0,
    "transit_time": 125.0,
    "baseline": 5.0,
    "feedback": 0.17,
    "slope": 3e-4,
}
DRUG = ("gut", "central", "peripheral")

# Abbiati 2021, Table II: milligrams, days on, of days, AUC (ng/mL day) and Cmax (ng/mL) of the first 28 days
EXPOSURE = [
    (4, 3, 7, 571, 91),
    (4, 5, 7, 945, 96),
    (4, 7, 14, 672, 96),
    (4, 14, 28, 676, 98),
    (4, 21, 28, 1010, 98),
    (4, 28, 28, 1303, 98),
    (2, 5, 7, 472, 48),
    (6, 5, 7, 1417, 143),
    (8, 5, 7, 1889, 191),
]

# Abbiati 2021, Table I, and the curves of Figure 3 (day: 1e9/L) as nlmixr2lib reads them; first dose on day 1
GLIOBLASTOMA = {"feedback": 0.02, "reservoir_ratio": 3.0, "saturation": 0.6}
LYMPHOMA = {"feedback": 0.01, "reservoir_ratio": 2.5, "saturation": 0.1}
FIGURE = [
    (5, 1, 1, 4.992, GLIOBLASTOMA, {5: 4.904, 8: 4.703, 10: 4.415, 12: 2.861, 14: 1.940, 20: 1.529, 28: 1.529}),
    (6, 5, 7, 7.225, GLIOBLASTOMA, {8: 6.836, 12: 5.945, 14: 3.785, 16: 4.257, 20: 2.658, 23: 3.948, 27: 2.651}),
    (4, 21, 28, 4.593, LYMPHOMA, {5: 4.489, 9: 4.034, 12: 1.935, 20: 1.225, 26: 3.250, 30: 4.103, 40: 1.328}),
]


@pytest.fixture(scope="module")
def friberg():
    return pdsim.load_model("friberg2002")


@pytest.fixture(scope="module")
def abbiati():
    return pdsim.load_model("abbiati2021")


def test_neutrophils_at_steady_state(conformance, friberg, deviation):
    reference = pd.read_csv(conformance / "torsten-friberg-karlsson" / "ss_bolus.csv")
    rows = len(reference)
    first = np.arange(rows) == 0
    table = {
        "TIME": reference["time"],
        "EVID": first.astype(int),
        "AMT": np.where(first, 80000.0, 0.0),
        "CMT": ["gut"] * rows,
        "II": np.where(first, 12.0, 0.0),
        "ADDL": np.where(first, 14, 0),
        "SS": first.astype(int),
    }
    found = pdsim.simulate_events(friberg, table, list(friberg.states), params=TORSTEN)
    names = dict(zip(friberg.states, reference.columns[1:], strict=True))
    for name, column in names.items():
        expected = reference[column] + (0.0 if name in DRUG else TORSTEN["baseline"])  # there, cells less baseline
        assert deviation(found[name], expected) < 1e-3, name  # Torsten's own tolerance


@pytest.mark.slow
def test_steady_state_is_where_two_thousand_doses_lead(friberg, deviation):
    head = {"AMT": [80000.0, 0.0], "CMT": ["gut", "."], "II": [12.0, 0.0]}
    shown = {"outputs": list(friberg.states), "params": TORSTEN}
    long = pdsim.simulate_events(friberg, {"TIME": [0.0, 24000.0], "ADDL": [2000, 0], **head}, **shown)
    settled = pdsim.simulate_events(friberg, {"TIME": [0.0, 12.0], "ADDL": [1, 0], "SS": [1, 0], **head}, **shown)
    assert deviation(settled.iloc[1, 2:], long.iloc[1, 2:]) < 1e-6


def test_leukocytes_settle_where_feedback_meets_the_drug(friberg):
    rate, hours = 0.01 * 285.0, 20000.0  # micromoles an hour that keep 0.01 umol/L
    table = {"TIME": [0.0, hours], "AMT": [rate * hours, 0.0], "RATE": [rate, 0.0], "CMT": ["central", "."]}
    settled = pdsim.simulate_events(friberg, table).iloc[-1]
    assert settled["concentration"] == pytest.approx(0.01, rel=1e-6)
    assert settled["leukocytes"] == pytest.approx(7.21 * (1 - 28.9 * 0.01) ** (1 / 0.239), rel=1e-6)


def avadomide(milligrams, on, of, days, hours, start=0):
    """Event table with a dose at the start of each day on."""
    given = [24.0 * (start + day) for day in range(days) if day % of < on]
    doses = pd.DataFrame({"TIME": given, "EVID": 1, "AMT": 1000.0 * milligrams, "CMT": "gut"})
    seen = pd.DataFrame({"TIME": hours, "EVID": 0, "AMT": 0.0, "CMT": "."})
    return pd.concat([doses, seen]).sort_values("TIME", kind="stable", ignore_index=True)


def test_avadomide_exposure(abbiati):
    within = np.append([0.0, 0.406], np.geomspace(0.45, 24.0, 24))
    hours = np.unique(np.round((24.0 * np.arange(28)[:, None] + within).ravel(), 9))
    tables = [avadomide(*row[:3], 28, hours).assign(ID=place) for place, row in enumerate(EXPOSURE)]
    # cells are of no interest here, and without block nothing is stiff
    found = pdsim.simulate_events(
        abbiati, pd.concat(tables), ["concentration"], params={"block_max": 0.0}, lag={"gut": "lag"}
    )
    for place, (*_, auc, highest) in enumerate(EXPOSURE):
        own = found[found["ID"] == place]
        # printed in whole numbers; the trapezoids of this grid add 0.2 %
        assert np.trapezoid(own["concentration"], own["TIME"]) / 24.0 == pytest.approx(auc, rel=0.003)
        assert own["concentration"].max() == pytest.approx(highest, abs=0.7)


def test_neutrophils_rest_without_drug(abbiati):
    states = list(abbiati.states)[3:]
    found = pdsim.simulate_events(abbiati, {"TIME": [0.0, 1000.0]}, states)
    np.testing.assert_allclose(found[states].iloc[1], found[states].iloc[0], rtol=1e-7)
    assert found[states].iloc[0].tolist() == [4.5, 4.5, 4.5, 4.5, 11.25, 4.5]


@pytest.mark.parametrize(("milligrams", "on", "of", "baseline", "cohort", "curve"), FIGURE)
def test_neutrophils_under_avadomide_follow_the_published_curves(abbiati, milligrams, on, of, baseline, cohort, curve):
    hours = [0.0, *(24.0 * day for day in curve)]
    table = avadomide(milligrams, on, of, 45, hours, start=1)
    found = pdsim.simulate_events(abbiati, table, params={**cohort, "baseline": baseline}, lag={"gut": "lag"})
    seen = found[(table["EVID"] == 0).to_numpy()]["anc"].to_numpy()
    assert seen[0] == baseline
    # read off a figure, on flanks that fall by half in two days
    np.testing.assert_allclose(seen[1:], list(curve.values()), rtol=0.03)
