"""Event tables against closed forms, against the same doses written out, and against the other method."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import pdsim
from pdsim.dosing import Regimen
from pdsim.errors import DoseError, ModelError, PdsimError, SolverError
from pdsim.model import Model, Output, Param, State, load_model_file

METHODS = ("closed", "ode")
CLOSE = {"closed": 1e-11, "ode": 1e-7}  # rounding; and some tens of the integrator's 1e-8


@pytest.fixture(scope="module")
def absorption(root):
    return load_model_file(root / "tests" / "validation" / "models" / "absorption.py")


@pytest.fixture(scope="module")
def two_compartment(root):
    return load_model_file(root / "tests" / "validation" / "models" / "two_compartment.py")


def _central(model, table, **more):
    return pdsim.simulate_events(model, table, ["central"], **more)["central"].to_numpy()


def _bateman(t, dose=100.0, fast=1.5, slow=1.1 / 20.0):
    return np.where(t >= 0, dose * fast / (fast - slow) * (np.exp(-slow * t) - np.exp(-fast * t)), 0.0)


@pytest.mark.parametrize("method", METHODS)
def test_oral_doses_follow_the_bateman_function(absorption, method):
    times = np.array([0.0, 1.0, 8.0, 24.0, 30.0, 47.5])
    table = {"TIME": times, "AMT": [100, 0, 0, 0, 0, 0], "CMT": ["depot"] * 6, "II": [8] + [0] * 5,
             "ADDL": [2] + [0] * 5}  # fmt: skip
    found = _central(absorption, table, method=method)
    expected = _bateman(times) + _bateman(times - 8) + _bateman(times - 16)
    np.testing.assert_allclose(found, expected, rtol=CLOSE[method], atol=1e-9)


@pytest.mark.parametrize("ratio", [1.0, 1.0 + 1e-9, 1.0 + 1e-4, 1.01, 1.1, 3.0])
def test_the_closed_form_holds_where_absorption_meets_elimination(absorption, ratio):
    times = np.array([0.0, 0.5, 3.0, 12.0, 40.0])
    slow = 1.1 / 20.0
    apart = (ratio - 1.0) * slow * times[1:]
    share = np.where(apart > 0.0, -np.expm1(-apart) / np.where(apart > 0.0, apart, 1.0), 1.0)
    expected = 100.0 * ratio * slow * times[1:] * np.exp(-slow * times[1:]) * share
    table = {"TIME": times, "AMT": [100, 0, 0, 0, 0], "CMT": ["depot"] * 5}
    found = _central(absorption, table, method="closed", params={"absorption": ratio * slow})
    np.testing.assert_allclose(found[1:], expected, rtol=2e-13)


def test_patients_of_one_design_are_told_from_others(two_compartment):
    """Amounts, times, routes and infusions differ one by one; each patient is what he is alone."""
    base = {"TIME": [0.0, 4.0, 9.0], "AMT": [10.0, 0.0, 0.0], "RATE": [0.0, 0.0, 0.0], "CMT": [1, 1, 1]}
    others = [{"AMT": [20.0, 0.0, 0.0]}, {"TIME": [0.0, 5.0, 9.0]}, {"RATE": [2.0, 0.0, 0.0]}, {"RATE": [4.0, 0, 0]}]
    tables = [pd.DataFrame(base | change) for change in ({}, *others, {})]
    whole = pd.concat([table.assign(ID=i) for i, table in enumerate(tables)])
    found = _central(two_compartment, whole, method="closed").reshape(-1, 3)
    alone = np.array([_central(two_compartment, table, method="closed") for table in tables])
    np.testing.assert_array_equal(found, alone)


@pytest.mark.parametrize("method", METHODS)
def test_steady_state_is_the_geometric_series(absorption, method):
    slow, interval = 1.1 / 20.0, 6.0
    table = {"TIME": [10.0, 16.0], "AMT": [50, 0], "CMT": [2, 2], "SS": [1, 0], "II": [interval, 0]}
    peak = 50.0 / (1.0 - np.exp(-slow * interval))
    found = _central(absorption, table, method=method)
    np.testing.assert_allclose(found, [peak, peak - 50.0], rtol=CLOSE[method])


@pytest.mark.parametrize("method", METHODS)
def test_constant_infusion_ends_at_the_record(absorption, method):
    table = {"TIME": [0.0, 7.0], "AMT": [0, 0], "RATE": [11, 0], "CMT": [2, 2], "SS": [1, 0]}
    level = 11.0 / (1.1 / 20.0)
    found = _central(absorption, table, method=method)
    np.testing.assert_allclose(found, [level, level * np.exp(-1.1 / 20.0 * 7.0)], rtol=CLOSE[method])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("dose", "lag"),
    [
        ({"AMT": 100, "II": 12}, 0.0),
        ({"AMT": 100, "II": 12}, 5.0),
        ({"AMT": 100, "II": 12}, 24.0),
        ({"AMT": 100, "II": 12}, 31.0),
        ({"AMT": 100, "II": 6, "RATE": 7}, 0.0),
        ({"AMT": 100, "II": 6, "RATE": 7}, 20.0),
        ({"AMT": 60, "II": 6, "RATE": 10}, 2.5),
    ],
)
def test_steady_state_equals_a_long_train(absorption, method, dose, lag):
    """SS with its lag, also longer than the interval, and infusions longer than it."""
    shown = np.arange(0.0, 40.0, 2.5)
    rows = len(shown)
    more = {"lag": {"central": lag}, "method": method}

    def table(start, **first):
        head = {**dose, "CMT": "central", "EVID": 1, **first}
        rest = pd.DataFrame({"TIME": shown, "EVID": 0})
        return pd.concat([pd.DataFrame([{"TIME": start, **head}]), rest]).fillna({"CMT": "."}).fillna(0)

    settled = _central(absorption, table(0.0, SS=1, ADDL=2), **more)
    doses = 120  # 720 hours and more: what is left of the first is below rounding
    long = _central(absorption, table(-doses * dose["II"], ADDL=doses + 2), **more)
    np.testing.assert_allclose(settled[-rows:], long[-rows:], rtol=10 * CLOSE[method], atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_an_added_train_is_added(absorption, method):
    first = {"TIME": 0.0, "AMT": 80, "EVID": 1, "CMT": 1, "SS": 0, "II": 0}
    second = {"TIME": 5.0, "AMT": 40, "EVID": 1, "CMT": 2, "SS": 2, "II": 8}
    shown = [{"TIME": t, "AMT": 0, "EVID": 0, "CMT": 1, "SS": 0, "II": 0} for t in (6.0, 20.0)]
    both = _central(absorption, pd.DataFrame([first, second, *shown]), method=method)[-2:]
    one = _central(absorption, pd.DataFrame([first, *shown]), method=method)[-2:]
    train = _central(absorption, pd.DataFrame([{**second, "SS": 1}, *shown]), method=method)[-2:]
    np.testing.assert_allclose(both, one + train, rtol=10 * CLOSE[method])


@pytest.mark.parametrize("method", METHODS)
def test_bioavailability_lengthens_a_fixed_rate_and_raises_a_modelled_length(absorption, method):
    slow, times = 1.1 / 20.0, np.array([0.0, 3.0, 20.0])

    def infused(rate, length):
        running = np.minimum(times, length)
        return rate / slow * (1.0 - np.exp(-slow * running)) * np.exp(-slow * (times - running))

    table = pd.DataFrame({"TIME": times, "AMT": [40, 0, 0], "CMT": [2, 2, 2], "RATE": [10, 0, 0]})
    more = {"bioavailability": {"central": 0.5}, "method": method}
    np.testing.assert_allclose(_central(absorption, table, **more), infused(10, 2), rtol=CLOSE[method], atol=1e-12)
    table.loc[0, "RATE"] = -1
    found = _central(absorption, table, rate={"central": 5.0}, **more)
    np.testing.assert_allclose(found, infused(5, 4), rtol=CLOSE[method], atol=1e-12)
    table.loc[0, "RATE"] = -2
    found = _central(absorption, table, duration={"central": 8.0}, **more)
    np.testing.assert_allclose(found, infused(2.5, 8), rtol=CLOSE[method], atol=1e-12)
    found = _central(absorption, table, duration={"central": 0.0}, **more)
    np.testing.assert_allclose(found, 20.0 * np.exp(-slow * times), rtol=CLOSE[method])


@pytest.mark.parametrize("method", METHODS)
def test_covariates_are_carried_backward_or_forward(absorption, method):
    table = {"TIME": [0.0, 10.0, 15.0], "AMT": [100, 0, 0], "CMT": ["central", ".", "."], "CLEARANCE": [1.0, 2.0, 4.0]}
    backward = _central(absorption, table, method=method)
    np.testing.assert_allclose(backward, 100 * np.exp([0, -10 * 2 / 20, -(20 + 5 * 4) / 20]), rtol=CLOSE[method])
    forward = _central(absorption, table, method=method, covariates="locf")
    np.testing.assert_allclose(forward, 100 * np.exp([0, -10 * 1 / 20, -(10 + 5 * 2) / 20]), rtol=CLOSE[method])


@pytest.mark.parametrize("method", METHODS)
def test_two_doses_of_fifty_are_one_of_a_hundred(two_compartment, method):
    times = np.linspace(0.0, 30.0, 7)
    whole = {"TIME": [0.0, *times], "AMT": [100] + [0] * 7}
    halves = {"TIME": [0.0, 0.0, *times], "AMT": [50, 50] + [0] * 7}
    assert _central(two_compartment, whole, method=method)[1:].tolist() == pytest.approx(
        _central(two_compartment, halves, method=method)[2:].tolist(), rel=1e-14
    )


class PerDay(Model):
    """The two compartments of the validation set, with time in days."""

    central = State(0.0, "mg", "amount in the central compartment", dosed=True)
    peripheral = State(0.0, "mg", "amount in the peripheral compartment")
    clearance = Param(3.5 * 24, "L/day", "clearance", source="made up for tests")
    volume = Param(9.0, "L", "central volume", source="made up for tests")
    exchange = Param(6.7 * 24, "L/day", "flow between the compartments", source="made up for tests")
    peripheral_volume = Param(25.0, "L", "peripheral volume", source="made up for tests")
    concentration = Output("mg/L", "plasma concentration")

    @staticmethod
    def rates(t, s, p, u, d):
        flow = p.exchange * (s.central / p.volume - s.peripheral / p.peripheral_volume)
        return d(central=-p.clearance / p.volume * s.central - flow, peripheral=flow)

    @staticmethod
    def outputs(t, s, p, u):
        return dict(concentration=s.central / p.volume)


@pytest.mark.parametrize("method", METHODS)
def test_another_unit_of_time_changes_nothing(two_compartment, method):
    regimen = Regimen.every("12 h", "40 mg", drug="central", times=5)
    days = np.linspace(0.0, 4.0, 9)
    found = {}
    for model in (two_compartment, PerDay()):
        table = regimen.to_table("4 d", model, at=days)
        frame = pdsim.simulate_events(model, table, method=method)
        assert frame.attrs["time"] == model.time
        found[model.time] = frame["concentration"][table.evid == 0].to_numpy()
    np.testing.assert_allclose(found["hour"], found["day"], rtol=10 * CLOSE[method], atol=1e-12)


def test_a_regimen_and_its_table_are_one():
    regimen = Regimen.every("7 d", "2 mg/kg", drug="central", route="infusion", duration="3 h")
    regimen = regimen + Regimen.every("1 d", "20 mg", drug="central", times=10)
    weights = np.array([55.0, 90.0])
    cohort = xr.Dataset(
        {"clearance": ("patient", [60.0, 100.0]), "weight": ("patient", weights, {"units": "kg"})},
        coords={"patient": [0, 1]},
        attrs={"seed": 1},
    )
    run = pdsim.simulate(PerDay(), cohort, regimen, stop="28 d", every="1 d", rtol=1e-9, atol=1e-12)
    trajectory = run["trajectory"]["concentration"].isel(arm=0).values
    days = np.arange(29.0)
    table = regimen.to_table("28 d", PerDay(), patients=[0, 1], at=days, scale={"kg": weights})
    frame = table.to_frame().assign(clearance=np.where(table.id == 0, 60.0, 100.0))
    found = pdsim.simulate_events(PerDay(), frame)["concentration"][table.evid == 0].to_numpy().reshape(2, -1)
    np.testing.assert_allclose(found, trajectory, rtol=3e-7, atol=1e-9)  # a run is stored in single precision


def test_steady_state_of_a_regimen_repeats(two_compartment):
    regimen = Regimen.every("7 d", "70 mg", drug="central", route="infusion", duration="3 h")
    regimen = regimen + Regimen.every("7 d", "20 mg", drug="central")
    cohort = xr.Dataset({"clearance": ("patient", [6.0, 10.0])}, coords={"patient": [3, 8]}, attrs={"seed": 1})
    states = pdsim.steady_state(PerDay(), cohort, regimen)
    assert states["patient"].values.tolist() == [3, 8]
    assert states["central"].attrs["units"] == "mg"
    days = [0.0, 3.0, 7.0, 10.0]
    doses = regimen.to_table("14 d", PerDay(), at=days).to_frame()
    start = {"TIME": -7.0, "EVID": 1, "CMT": "central", "MDV": 1, "ADDL": 400, "II": 7.0}
    long = pd.DataFrame(
        [{**start, "TIME": -2800.0, "AMT": 20.0}, {**start, "TIME": -2800.0, "AMT": 70.0, "RATE": 560.0}]
    )
    long = pd.concat([long, doses[doses["EVID"] == 0]]).fillna(0).assign(ID=1, clearance=6.0)
    settled = _central(PerDay(), long)
    np.testing.assert_allclose(states["central"][0], settled[2] - 20.0, rtol=1e-7)
    run = pdsim.simulate(PerDay(), cohort, regimen, stop="14 d", every="7 d", rtol=1e-9, initial=states)
    shown = run["trajectory"]["concentration"].isel(arm=0).values
    np.testing.assert_allclose(shown[:, 0], shown[:, 1], rtol=1e-6)
    with pytest.raises(DoseError, match="'central' is not given alike in every cycle for ever"):
        pdsim.steady_state(PerDay(), cohort, Regimen.every("7 d", "70 mg", drug="central", times=3))
    with pytest.raises(DoseError, match="'lenalidomide' is no dosed state of model 'test_events'"):
        pdsim.steady_state(PerDay(), cohort, Regimen.every("7 d", "70 mg", drug="lenalidomide"))


def test_rows_come_back_in_their_order(two_compartment):
    table = pd.DataFrame({
        "ID": [2, 1, 2, 1], "TIME": [0.0, 0.0, 1.0, 1.0], "AMT": [10, 20, 0, 0], "note": ["a", "b", "c", "d"],
    })  # fmt: skip
    found = pdsim.simulate_events(two_compartment, table, ["central", "concentration"])
    assert list(found.columns) == ["ID", "TIME", "central", "concentration"]
    assert found["ID"].tolist() == [2, 1, 2, 1]
    assert found["central"][:2].tolist() == [10.0, 20.0]
    assert found["central"][3] == pytest.approx(2 * found["central"][2], rel=1e-12)
    assert list(pdsim.simulate_events(two_compartment, table).columns) == ["ID", "TIME", "concentration"]


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_table_has_no_rows(two_compartment, method):
    found = pdsim.simulate_events(two_compartment, {"TIME": [], "AMT": []}, method=method)
    assert found.shape == (0, 3)


@pytest.mark.parametrize("method", METHODS)
def test_a_patient_alone_is_the_patient_in_company(two_compartment, method):
    rng = np.random.default_rng(5)
    parts = []
    for patient in range(40):
        times = [0.0, 1.0, 6.0, 24.0] if patient % 3 else [0.0, 0.5, 30.0]
        part = pd.DataFrame({"ID": patient, "TIME": times, "AMT": 0.0, "SS": 0, "II": 0.0})
        part.loc[0, ["AMT", "SS", "II"]] = [rng.uniform(50, 150), patient % 2, 12.0 * (patient % 2)]
        parts.append(part.assign(clearance=rng.uniform(2, 6)))
    together = pdsim.simulate_events(two_compartment, pd.concat(parts, ignore_index=True), method=method)
    for patient in (0, 1, 17, 39):
        alone = pdsim.simulate_events(two_compartment, parts[patient], method=method)
        assert together["concentration"][together["ID"] == patient].tolist() == alone["concentration"].tolist()


class Growth(Model):
    """Something that grows, and something dosed that does not leave."""

    cells = State(1.0, "cell", "grows", dosed=True)
    kept = State(0.0, "mg", "stays", dosed=True)
    area = State(0.0, "mg*day", "integral of what stays")
    growth = Param(0.1, "1/day", "growth rate", source="made up for tests")
    crowding = Param(0.0, "1/day/cell", "loss by crowding", source="made up for tests")

    @staticmethod
    def rates(t, s, p, u, d):
        return d(cells=s.cells * (p.growth - p.crowding * s.cells), kept=0.0 * p.growth * s.kept, area=s.kept)


def test_a_patient_that_fails_is_missing_from_there_on():
    table = {"ID": [1, 1, 2, 2], "TIME": [0.0, 100.0] * 2, "growth": [0.1, 0.1, 50.0, 50.0]}
    with pytest.warns(RuntimeWarning, match=r"1 of 2 patients failed\n  ID 2: overflow"):
        found = pdsim.simulate_events(Growth(), table, method="ode")
    assert found["cells"][1] == pytest.approx(np.exp(10.0), rel=1e-6)
    assert found["cells"][2] == 1.0
    assert np.isnan(found["cells"][3])
    with pytest.raises(SolverError, match="ID 2: overflow"):
        pdsim.simulate_events(Growth(), table, method="ode", on_failure="raise")
    kept = pdsim.simulate_events(Growth(), table, method="ode", on_failure="keep")
    assert np.isnan(kept["cells"][3])


def test_what_never_settles_has_no_steady_state():
    table = {"TIME": [0.0, 1.0], "AMT": [1, 0], "SS": [1, 0], "II": [7, 0], "CMT": ["cells", "."]}
    with pytest.warns(RuntimeWarning, match="no steady state"):
        found = pdsim.simulate_events(Growth(), table)
    assert found["cells"].isna().all()


def test_an_added_train_needs_a_linear_model():
    table = {"TIME": [0.0, 1.0], "AMT": [1, 0], "SS": [2, 0], "II": [7, 0], "CMT": ["cells", "."]}
    with pytest.raises(
        DoseError, match=r"row 1: SS = 2 adds states, and the model is not linear \(the rate of 'cells'"
    ):
        pdsim.simulate_events(Growth(), table)


@pytest.mark.parametrize("method", METHODS)
def test_integrals_keep_their_value_at_steady_state(two_compartment, method, tmp_path, root):
    text = (root / "tests" / "validation" / "models" / "two_compartment.py").read_text(encoding="utf-8")
    text = text.replace(
        "    clearance = Param(", '    area = State(0.0, "mg*hour", "integral")\n    clearance = Param('
    )
    text = text.replace("peripheral=flow)", "peripheral=flow, area=s.central)")
    (tmp_path / "integral.py").write_text(text, encoding="utf-8")
    model = load_model_file(tmp_path / "integral.py")
    table = {"TIME": [0.0, 5.0, 17.0], "AMT": [10, 10, 0], "SS": [0, 1, 0], "II": [0, 12, 0]}
    found = pdsim.simulate_events(model, table, ["area"], method=method)["area"].to_numpy()
    assert found[1] > 0.0
    # over one interval at steady state, what is given leaves: area = dose / rate constant
    assert found[2] - found[1] == pytest.approx(10.0 / (3.5 / 9.0), rel=1e-6)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"lag": {"centrall": 1.0}}, "lag: the model has no state 'centrall'. Did you mean 'central'?"),
        (
            {"lag": {"central": "LAGG"}},
            "lag of 'central': 'LAGG' is neither a parameter nor a column. Did you mean 'LAGT'?",
        ),
        ({"lag": {"central": -1.0}}, "row 1: the lag of this dose is -1, below 0"),
        (
            {"bioavailability": {"central": float("nan")}},
            "bioavailability of 'central' is nan; it must be a finite number",
        ),
        ({"params": {"clearence": 1.0}}, "params: the model has no parameter 'clearence'. Did you mean 'clearance'?"),
        ({"params": {"clearance": "CLX"}}, "the table has no column CLX for parameter 'clearance'."),
        ({"params": {"clearance": "NOTE"}}, "column NOTE, used for parameter 'clearance', holds text"),
        ({"occasion": {"OCC": {"clearance": 0.1}}}, "occasion: the table has no column OCC"),
    ],
)
def test_what_does_not_fit_is_named(two_compartment, more, text):
    table = {"TIME": [0.0, 1.0], "AMT": [1, 0], "LAGT": [0, 0], "NOTE": ["a", "b"]}
    with pytest.raises(DoseError) as caught:
        pdsim.simulate_events(two_compartment, table, **more)
    assert text in str(caught.value)


def test_mistakes_of_table_and_model_come_together(absorption):
    table = {"TIME": [0, 1, 2, 3, 4], "EVID": [1, 1, 1, 1, 8], "AMT": [1, 1, 1, 1, 0], "RATE": [0, 0, 0, -1, 0],
             "CMT": [".", "guts", 3, "depot", 1], "clearance": [1, ".", 1, 1, 1]}  # fmt: skip
    with pytest.raises(DoseError) as caught:
        pdsim.simulate_events(absorption, table)
    assert str(caught.value).splitlines() == [
        "the event table cannot be given:",
        "  row 1: the dose names no CMT, and of states that doses enter the model has several: depot, central",
        "  row 2: column clearance, used for parameter 'clearance', has no number",
        "  row 2: CMT 'guts' is no state. States: depot, central",
        "  row 3: CMT 3 is no place among the 2 states",
        "  row 4: RATE -1 asks for rate; pass rate = {'depot': ...}",
        "  row 5: EVID 8 is unknown; 0 observes, 1 doses, 2 is another event, 3 resets, 4 resets and doses",
    ]


def test_a_state_that_no_dose_enters(two_compartment):
    with pytest.raises(DoseError, match=r"row 1: CMT 2: no doses enter 'peripheral'; with dosed=True: central"):
        pdsim.simulate_events(two_compartment, {"TIME": [0], "AMT": [5], "CMT": [2]})


def test_unknown_choices_and_outputs(two_compartment):
    table = {"TIME": [0.0]}
    with pytest.raises(PdsimError, match="method = 'lsoda' is not known; use auto, ode, closed"):
        pdsim.simulate_events(two_compartment, table, method="lsoda")
    with pytest.raises(PdsimError, match=r"covariates = 'nocd' is not known.*Did you mean 'nocb'"):
        pdsim.simulate_events(two_compartment, table, covariates="nocd")
    with pytest.raises(
        ModelError, match=r"'concentratio' is neither an Output nor a state.*Did you mean 'concentration'"
    ):
        pdsim.simulate_events(two_compartment, table, ["concentratio"])
    with pytest.raises(SolverError, match="rtol = 0 must be a positive number"):
        pdsim.simulate_events(two_compartment, table, method="ode", rtol=0.0)
    with pytest.raises(DoseError, match="not int"):
        pdsim.simulate_events(two_compartment, 5)
