"""Inputs at the edge of sense: each ends in the right answer, or in an error or status that says what was wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import pdsim
from pdsim import Regimen, simulate_events
from pdsim.dosing import Dose
from pdsim.errors import CohortError, DoseError
from pdsim.pk import card_from_dict, concentration
from pdsim.simulate import SolverWarning
from pdsim.solvers.block import METHODS as ALL
from pdsim.solvers.status import BAD_INPUT, OK, OVERFLOW, TOO_MANY_STEPS

METHODS = pytest.mark.parametrize("method", ALL)
TABLE_METHODS = pytest.mark.parametrize("method", ["ode", "closed"])
CARD = """
[pk]
kind = "linear"
route = "oral"
molar_mass = { value = 250, unit = "g/mol", status = "assumed", source = "s" }
unbound = { value = 0.5, status = "assumed", source = "s" }
clearance = { value = 24, unit = "L/day", status = "assumed", source = "s" }
volume = { value = 10, unit = "L", status = "assumed", source = "s" }
absorption = { value = 1, unit = "1/h", status = "assumed", source = "s" }
[[effect]]
input = "exposure"
potency = { value = 2, unit = "nM", status = "assumed", source = "s" }
"""
MAKE, LOSS = 0.6, 0.2


@pytest.fixture(scope="module")
def model():
    return pdsim.load_model(str(Path(__file__).parent / "fixtures" / "plain.py"))


@pytest.fixture(scope="module")
def card():
    return card_from_dict(tomllib.loads(CARD), "made", "made.toml")


@pytest.fixture(scope="module")
def run(model, card):
    """Simulate patients that differ in some parameters; the drug is known to every run."""

    def go(regimen=None, **changes):
        values = {name: changes.pop(name) for name in ("loss", "gain", "make", "made.clearance") if name in changes}
        count = max([len(value) for value in values.values()], default=1)
        cohort = xr.Dataset(
            {name: ("patient", np.asarray(value, float)) for name, value in values.items()},
            {"patient": np.arange(count)},
            {"seed": 1},
        )
        for name in cohort.data_vars:
            if "." in name:
                cohort[name].attrs["units"] = "L/day"
        settings = {"stop": 6.0, "every": 0.5, "visits": 2.0, "drugs": {"made": card}, "threads": 1, **changes}
        return pdsim.simulate(model, cohort, regimen, **settings)

    return go


def level(t, loss, start=1.0):
    """Course of the level without doses; `loss` may be negative."""
    return MAKE / loss + (start - MAKE / loss) * np.exp(-loss * t)


def into_level(amount, days, **options):
    return Regimen("level", 28.0, (Dose("level", amount, "g/L", days=days, **options),))


@METHODS
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_parameter_that_is_no_number(run, method, value):
    with pytest.warns(SolverWarning, match=r"1 of 3 patients failed\n  1 x bad_input .*/1\): a parameter"):
        found = run(loss=[LOSS, value, LOSS], method=method)
    assert found["endpoints"]["status"].values.tolist() == [[OK, BAD_INPUT, OK]]
    seen = found["trajectory"]["level_seen"].values[0]
    assert np.isnan(seen[1]).all()
    assert seen[[0, 2]] == pytest.approx(np.tile(level(found["trajectory"]["time"].values, LOSS), (2, 1)), rel=1e-4)


@METHODS
def test_negative_loss_is_growth(run, method):
    found = run(loss=[-0.5, -3.0], method=method, rtol=1e-8)
    t = found["trajectory"]["time"].values
    expected = [level(t, -0.5), level(t, -3.0)]
    assert found["trajectory"]["level_seen"].values[0] == pytest.approx(np.array(expected), rel=1e-5)


def test_negative_clearance_of_a_drug(run):
    with pytest.raises(CohortError, match=r"made.*clearance"):
        run(**{"made.clearance": [24.0, -24.0]})


@METHODS
def test_growth_to_overflow(run, method):
    with pytest.warns(SolverWarning, match=r"1 x overflow .*: a state grew beyond 1e300"):
        found = run(loss=[LOSS, -200.0], method=method)
    assert found["endpoints"]["status"].values.tolist() == [[OK, OVERFLOW]]
    t, seen = found["trajectory"]["time"].values, found["trajectory"]["level_seen"].values[0, 1]
    gone = 300.0 * np.log(10.0) / 200.0  # day 3.45
    assert np.isnan(seen[t > gone + 0.1]).all()
    assert (seen[t < gone - 0.1] > 0.99).all()
    assert np.isnan(found["states"]["level"].sel(moment="end").values[0, 1])
    assert found["trajectory"]["level_seen"].values[0, 0] == pytest.approx(level(t, LOSS), rel=1e-4)


@METHODS
def test_sizes_far_apart(run, method):
    found = run(method=method, rtol=1e-8, atol=1e-8, stop=30.0)["trajectory"]
    t = found["time"].values
    # of `small` an error of atol times its scale, 1, is allowed: its own tolerance is relative to 1e-9
    assert found["large_seen"].values[0, 0] == pytest.approx(1e12 * np.exp(-0.1 * t), rel=1e-6)
    assert found["small_seen"].values[0, 0] == pytest.approx(1e-9 * np.exp(0.1 * t), rel=1e-6)


@METHODS
def test_a_dose_every_minute(run, card, method):
    each = 1e-3
    found = run(into_level(each, "continuous", per_day=1440), stop=2.0, visits=1.0, method=method, rtol=1e-7)
    t = np.arange(0.0, 2.0 + 1e-9, 0.5)
    # what the n doses given up to now have left, a geometric series
    n, ratio = np.floor(t * 1440 + 1e-6) + 1, np.exp(-LOSS / 1440)
    given = each * (1 - ratio**n) / (1 - ratio)
    given[-1] -= each  # the dose at the end waits
    assert found["trajectory"]["level_seen"].values[0, 0] == pytest.approx(level(t, LOSS) + given, rel=1e-5)


@METHODS
def test_a_tablet_every_minute(run, model, card, method):
    regimen = Regimen("often", 28.0, (Dose("made", 0.01, "mg", days="continuous", per_day=1440),))
    found = run(regimen, stop=2.0, visits=1.0, method=method, gain=[0.5])
    cohort = xr.Dataset({}, {"patient": [0]}, {"seed": 1})
    seen = concentration(card.system(cohort), regimen.lines(2.0), {}, found["trajectory"]["time"].values)[0]
    assert found["trajectory"]["exposure_seen"].values[0] == pytest.approx(seen / 2.0, rel=1e-5, abs=1e-9)
    assert found["endpoints"]["status"].values.tolist() == [[OK]]


@pytest.mark.parametrize("method", [method for method in ALL if method != "stiff"])
def test_far_too_many_doses_between_two_visits(run, method):
    with pytest.warns(SolverWarning, match=r"too_many_steps .*: loosen rtol"):
        found = run(into_level(1e-6, "continuous", per_day=60_000), stop=4.0, visits=2.0, method=method)
    assert found["endpoints"]["status"].values.tolist() == [[TOO_MANY_STEPS]]
    seen = found["trajectory"]["level_seen"].values[0, 0]
    assert np.isfinite(seen[0])
    assert np.isnan(seen[-1])


def test_a_million_doses(run):
    found = run(into_level(1e-6, "continuous", per_day=100_000), stop=10.0, every=5.0, visits=0.5, counts=10.0)
    ratio = np.exp(-LOSS / 100_000)
    given = 1e-6 * ratio * (1 - ratio**1_000_000) / (1 - ratio)
    assert found["trajectory"]["level_seen"].values[0, 0, -1] == pytest.approx(level(10.0, LOSS) + given, rel=1e-4)


@METHODS
def test_doses_after_the_end_are_none(run, method):
    late = run(into_level(50.0, (7, 9, 20)), stop=6.0, method=method)["trajectory"]
    assert late["level_seen"].values[0, 0] == pytest.approx(level(late["time"].values, LOSS), rel=1e-4)


@pytest.mark.parametrize("method", ["explicit", "stiff"])
def test_doses_before_the_start_and_after_the_end(make_block, stored, oral_system, line, method):
    doses = [line([-5.0, -1e-9, 2.0, 4.0, 4.5], 3.0, target=1, drug=-1)]
    times = [0.0, 1.0, 2.0, 4.0]
    block = make_block(
        "driven", [0.0, 0.0], [1.0], system=oral_system(), lines=doses, outputs=times, method=method
    )  # fmt: skip
    block.advance(4.0)
    block.finish()
    assert stored(block)[:, 1, 0] == pytest.approx([0.0, 1.0, 5.0, 7.0])  # a dose at the end waits


def test_infusion_of_no_length(run):
    with pytest.raises(
        DoseError, match=r'\(made\)\.duration: an infusion needs its length, for example duration = "1 h"'
    ):
        run(Regimen("short", 28.0, (Dose("made", 1.0, "mg", days=(1,), route="infusion", duration=0.0),)))


@METHODS
def test_infusion_of_next_to_no_length_is_a_bolus(run, method):
    found = [
        run(
            Regimen("r", 28.0, (Dose("made", 5.0, "mg", days=(2,), route=route, duration=length),)),
            gain=[3.0], method=method, rtol=1e-7,
        )["trajectory"]["level_seen"].values[0, 0]
        for route, length in (("infusion", 1e-9), ("iv", 0.0))
    ]  # fmt: skip
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_nobody(model):
    nobody = xr.Dataset({"loss": ("patient", np.zeros(0))}, {"patient": np.zeros(0, dtype=int)}, {"seed": 1})
    with pytest.raises(CohortError, match="the cohort has no patients"):
        pdsim.simulate(model, nobody, None, stop=1.0)


@METHODS
def test_one_patient_is_the_same_in_company(run, method):
    regimen = Regimen("r", 28.0, (Dose("made", 5.0, "mg", days="continuous"),))
    alone = run(regimen, loss=[0.3], gain=[2.0], method=method)["trajectory"]["level_seen"].values[0]
    among = run(regimen, loss=[0.3, 0.1, 5.0], gain=[2.0, 0.0, 9.0], method=method)["trajectory"]["level_seen"]
    assert np.array_equal(alone[0], among.values[0, 0])


@METHODS
def test_ten_thousand_outputs(run, method):
    fine = run(every=6.0 / 10_000, method=method, rtol=1e-7)["trajectory"]
    coarse = run(every=3.0, method=method, rtol=1e-7)["trajectory"]
    t = fine["time"].values
    assert len(t) == 10_001
    assert fine["level_seen"].values[0, 0] == pytest.approx(level(t, LOSS), rel=1e-5)
    assert np.array_equal(fine["level_seen"].values[0, 0, [0, 5000, 10_000]], coarse["level_seen"].values[0, 0])


# event tables ---------------------------------------------------------------------------------------------------------


@TABLE_METHODS
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_table_with_a_parameter_that_is_no_number(model, method, value):
    table = {"ID": [1, 1, 2, 2], "TIME": [0, 5, 0, 5], "AMT": [0, 0, 0, 0], "loss": [0.2, 0.2, value, value]}
    with pytest.raises(DoseError, match="rows 3, 4: column loss, used for parameter 'loss', has no number"):
        simulate_events(model, table, ["level"], method=method)


@TABLE_METHODS
def test_table_with_negative_loss(model, method):
    found = simulate_events(model, {"TIME": [0, 4], "AMT": [0, 0]}, ["level"], params={"loss": -0.5}, method=method)
    assert found["level"].iloc[-1] == pytest.approx(level(4.0, -0.5), rel=1e-6)


def test_table_that_grows_to_overflow(model):
    table = {"TIME": [0, 1, 20], "AMT": [0, 0, 0]}
    with pytest.warns(RuntimeWarning, match="overflow"):
        found = simulate_events(model, table, ["level"], params={"loss": -200.0}, method="ode")["level"]
    assert found[1] == pytest.approx(level(1.0, -200.0), rel=1e-4)
    assert np.isnan(found[2])


@pytest.mark.parametrize(
    ("method", "doses"),
    [("ode", 1440), ("closed", 1440), pytest.param("closed", 100_000, marks=pytest.mark.slow, id="sample-100000")],
)
def test_table_with_very_many_doses(model, method, doses):
    every = 1.0 / doses
    table = {"TIME": [0, 1], "AMT": [1e-3, 0], "CMT": [1, 1], "II": [every, 0], "ADDL": [doses - 1, 0]}
    found = simulate_events(model, table, ["level"], method=method)["level"].iloc[-1]
    ratio = np.exp(-0.2 * every)
    given = 1e-3 * ratio * (1 - ratio**doses) / (1 - ratio)
    assert found == pytest.approx(level(1.0, LOSS) + given, rel=1e-6)


@TABLE_METHODS
def test_table_with_an_infusion_of_no_length(model, method):
    table = {"TIME": [0, 2], "AMT": [4, 0], "CMT": [1, 1], "RATE": [-2, 0]}
    found = simulate_events(model, table, ["level"], duration={"level": 0.0}, method=method)["level"]
    assert found.iloc[-1] == pytest.approx(level(2.0, LOSS, start=5.0), rel=1e-6)


@TABLE_METHODS
def test_table_with_doses_beyond_its_last_row(model, method):
    table = {"TIME": [-3, 0], "AMT": [4, 0], "CMT": [1, 1], "II": [1.5, 0], "ADDL": [1000, 0]}
    found = simulate_events(model, table, ["level"], method=method)["level"]
    left = level(3.0, LOSS) + 4.0 * (np.exp(-0.6) + np.exp(-0.3) + 1.0)
    assert found.tolist() == pytest.approx([5.0, left], rel=1e-6)


def test_table_without_rows(model):
    found = simulate_events(model, {"TIME": [], "AMT": []})
    assert len(found) == 0
    assert "level_seen" in found


@TABLE_METHODS
def test_table_of_ten_thousand_rows(model, method):
    t = np.linspace(0.0, 20.0, 10_000)
    found = simulate_events(model, {"TIME": t, "AMT": np.zeros(10_000)}, ["level"], method=method)["level"]
    assert found.to_numpy() == pytest.approx(level(t, LOSS), rel=1e-6)
