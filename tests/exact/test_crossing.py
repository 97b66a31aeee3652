"""Times at which outputs reach a level, against the solution on paper, whatever the grid and the neighbours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import pdsim
from pdsim import Arm, Regimen
from pdsim.dosing import Dose
from pdsim.errors import PdsimError
from pdsim.simulate import SolverWarning

METHODS = pytest.mark.parametrize("method", ["explicit", "stiff"])
NEAR = 2e-6  # events are located to 1e-6 days
TIGHT = {"rtol": 1e-9, "atol": 1e-12}
HOURLY = Path(__file__).parent.parent / "unit" / "fixtures" / "hourly.py"


def times(run, event):
    return run["events"]["event_time"].sel(event=event).values[0]


def falls_to(level, loss):
    """Days until make / loss (1 + exp(-loss t)) has fallen to a level."""
    return -np.log(level * loss / 3.0 - 1.0) / loss


@METHODS
def test_decay_to_a_level(turnover, three, method):
    levels = {"early": 55.0, "late": 30.1}
    events = {name: f"level_seen < {level} g/L" for name, level in levels.items()}
    run = pdsim.simulate(turnover, three, None, stop="80 d", every="7 d", events=events, method=method, **TIGHT)
    first = three["loss"].values == 0.1
    for name, level in levels.items():
        found = times(run, name)
        assert found[first] == pytest.approx(falls_to(level, 0.1), abs=NEAR)
        assert (found[~first] == 0.0).all()  # they start at 30 and 12
    assert run["events"]["event_time"].attrs["units"] == "d"
    assert run["events"]["condition"].values.tolist() == list(events.values())


@METHODS
def test_grid_neighbours_and_other_events_change_nothing(turnover, three, method):
    event = {"low": "level_seen <= 31 g/L"}
    more = {**event, "twice": "squared > 100 g**2/L**2", "never": "given >= 1e6"}
    run = pdsim.simulate(turnover, three, None, stop=40.0, every=0.37, events=event, method=method, threads=1)
    other = pdsim.simulate(
        turnover, three.isel(patient=[0]), None, stop=40.0, every=20.0, events=more, method=method, save=[]
    )
    assert times(run, "low")[0] == times(other, "low")[0]
    assert np.isnan(times(other, "never")).all()
    plain = pdsim.simulate(turnover, three, None, stop=40.0, every=0.37, method=method)
    xr.testing.assert_identical(run["trajectory"].to_dataset(), plain["trajectory"].to_dataset())
    assert "events" not in plain.children


@METHODS
@pytest.mark.parametrize("day", [2.3, 28.0, 30.0], ids=["between", "visit", "scan"])
def test_jump_by_a_dose(turnover, three, method, day):
    dose = Dose("level", 200.0, "g/L", days=(int(day) + 1,), time_of_day=day % 1.0)
    run = pdsim.simulate(
        turnover, three, Regimen("level", 56.0, (dose,)), stop=40.0, events={"high": "level > 100"}, method=method
    )
    assert times(run, "high") == pytest.approx(day, abs=NEAR)


@METHODS
def test_cells_reach_a_number(turnover, three, method):
    cells = Regimen("cells", 28.0, (Dose("cells", 1e6, "cell", days=(2,)),))
    events = {"many": "cells >= 1e9 cell", "some": "given > 1"}
    run = pdsim.simulate(turnover, three, cells, stop=60.0, visits=7.0, events=events, method=method, **TIGHT)
    assert times(run, "many") == pytest.approx(1.0 + np.log(1e3) / 0.3, abs=NEAR)
    assert times(run, "some").tolist() == [1.0] * 3


def test_first_of_several_crossings(turnover, three):
    doses = Regimen("level", 28.0, (Dose("level", 100.0, "g/L", days=(3, 15)),))
    run = pdsim.simulate(turnover, three, doses, stop=28.0, events={"high": "level > 61"}, **TIGHT)
    assert times(run, "high") == pytest.approx([2.0, 2.0, 2.0], abs=NEAR)


def test_each_arm_and_clone_has_its_own(three):
    model = pdsim.load_model(str(HOURLY))
    clones = xr.Dataset(
        {"weight": ("patient", [60.0, 70.0])}, {"patient": [0, 1], "clone": ["first", "second"]}, {"seed": 1}
    )  # fmt: skip
    doses = Regimen("cells", 28.0, (Dose("cells[second]", 1e3, "cell", days=(2,)),))
    events = {"grown": "clone_cells[second] > 5e3", "fallen": "level_seen < 4"}
    run = pdsim.simulate(
        model, clones, {"cells": Arm(doses), "fast": Arm(doses, set={"growth": 0.04}), "none": None}, stop=6.0,
        events=events, drugs={}, **TIGHT,
    )  # fmt: skip
    found = run["events"]["event_time"]
    hours = np.log(5.0) / np.array([0.02, 0.04])
    assert found.sel(event="grown", arm=["cells", "fast"]).values == pytest.approx(
        np.repeat(1.0 + hours[:, None] / 24.0, 2, axis=1), abs=NEAR
    )
    assert np.isnan(found.sel(event="grown", arm="none")).all()
    assert found.sel(event="fallen").values == pytest.approx(np.full((3, 2), np.log(2.0) / 0.05 / 24.0), abs=NEAR)


def test_patient_that_fails(turnover, three):
    broken = three.assign(loss=("patient", [0.1, np.nan, 0.5]))
    with pytest.warns(SolverWarning, match="bad_input"):
        run = pdsim.simulate(turnover, broken, None, stop=20.0, events={"low": "level < 55"})
    assert np.isnan(times(run, "low")).tolist() == [False, True, False]


def test_shipped_model_by_every_method():
    model, rep = pdsim.load_model("myeloma"), pdsim.load_regimen("rep")
    cohort = pdsim.sample_cohort("len_refractory", 4, seed=3)
    found = {
        method: times(
            pdsim.simulate(model, cohort, rep, stop=56.0, events={"low": "anc < 2.5 Gpt"}, method=method, rtol=1e-7),
            "low",
        )
        for method in pdsim.solvers.block.METHODS
    }
    assert np.isfinite(found["explicit"]).any()
    for method, own in found.items():
        assert own == pytest.approx(found["explicit"], abs=1e-3, nan_ok=True), method


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("level_seen", r"events\.x = 'level_seen' is no condition; write for example"),
        ("level_seen == 3", "is no condition"),
        ("levl_seen > 3", r"no output or state 'levl_seen'\. Did you mean 'level_seen'"),
        ("level_seen > 3 day", r"events\.x"),
    ],
)
def test_conditions_that_are_none(turnover, three, condition, words):
    with pytest.raises(PdsimError, match=words):
        pdsim.simulate(turnover, three, None, stop=4.0, events={"x": condition})


def test_condition_needs_a_clone():
    cohort = pdsim.sample_cohort("len_refractory", 2, seed=3)
    with pytest.raises(PdsimError, match=r"'clone_cells' has a value for each clone; name one of clone_cells\[sens"):
        pdsim.simulate(pdsim.load_model("myeloma"), cohort, None, stop=4.0, events={"x": "clone_cells > 3"})
