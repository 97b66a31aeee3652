"""A model with a time unit of its own, and doses into its states: exact solutions through the whole of `simulate`."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import pdsim
from pdsim import Arm, Regimen
from pdsim.dosing import Dose
from pdsim.errors import DoseError
from pdsim.pk import card_from_dict, concentration

CARD = """
[pk]
kind = "linear"
route = "oral"
molar_mass = { value = 250, unit = "g/mol", status = "assumed", source = "s" }
unbound = { value = 0.5, status = "assumed", source = "s" }
clearance = { value = 24, unit = "L/day", status = "assumed", source = "s" }
volume = { value = 10, unit = "L", status = "assumed", source = "s" }
absorption = { value = 1, unit = "1/h", status = "assumed", source = "s" }
lag = { value = 3, unit = "h", status = "assumed", source = "s" }
[[effect]]
input = "exposure"
potency = { value = 2, unit = "nM", status = "assumed", source = "s" }
"""
FILE = Path(__file__).with_name("fixtures") / "hourly.py"


@pytest.fixture(scope="module")
def model():
    return pdsim.load_model(str(FILE))


@pytest.fixture(scope="module")
def card():
    return card_from_dict(tomllib.loads(CARD), "made", "made.toml")


@pytest.fixture(scope="module")
def cohort():
    sizes = np.array([[1e6, 0.0], [2e6, 5e3], [0.0, 1e3]])
    return xr.Dataset(
        {"weight": ("patient", [60.0, 70.0, 90.0])},
        {"patient": [4, 5, 9], "clone": ["first", "second"], "sizes": (("patient", "clone"), sizes)},
        {"seed": 1},
    )


@pytest.fixture(scope="module")
def simulate(model, card, cohort):
    def run(arms=None, **changes):
        settings = {"stop": "4 d", "every": "6 h", "visits": "1 d", "drugs": {"made": card}, "rtol": 1e-9, **changes}
        return pdsim.simulate(model, cohort, arms, **settings)

    return run


def test_rates_and_clock_are_in_hours(simulate):
    run = simulate()["trajectory"]
    days = run["time"].values
    assert days.tolist() == list(np.arange(17) * 0.25)
    assert run["level_seen"].values[0, 1] == pytest.approx(8.0 * np.exp(-0.05 * 24.0 * days), rel=1e-6)
    assert run["clock"].values[0, 0] == pytest.approx(24.0 * days)
    assert run["clock"].attrs["units"] == "hour"


def test_drug_is_seen_at_its_time_in_any_unit(simulate, card, cohort):
    regimen = Regimen.every("1 d", "10 mg", drug="made", name="r") + Regimen.every(
        "2 d", "8 mg", drug="made", route="infusion", duration="5 h"
    )
    run = simulate(regimen, every="1 h")["trajectory"]
    expected = concentration(card.system(cohort), regimen.lines(4.0), {}, run["time"].values)[0]
    assert run["exposure_seen"].values[0] == pytest.approx(expected / 2.0, rel=1e-6, abs=1e-9 * expected.max())


def test_largest_step_is_in_days(simulate, monkeypatch):
    from pdsim.solvers.block import Block

    steps = []
    kept = Block.__post_init__
    monkeypatch.setattr(Block, "__post_init__", lambda self: (steps.append(self.options.max_step), kept(self)))
    simulate(max_step=2.0)
    assert steps == [48.0]


def test_cells_enter_a_clone_by_name(simulate):
    into = Regimen(
        "cells",
        28.0,
        (Dose("cells[first]", 1e6, "cell", days=(2,)), Dose("cells[second]", 50.0, "cell", "kg", days=(3,))),
    )
    run = simulate(into)
    cells = run["trajectory"]["clone_cells"].sel(arm="cells")
    grown = np.exp(0.02 * 24.0 * np.arange(5))
    assert cells.sel(clone="first", time=[0.0, 0.75, 1.0, 4.0]).values[0] == pytest.approx(
        [0.0, 0.0, 1e6, 1e6 * grown[3]], rel=1e-5
    )
    assert cells.sel(clone="second", time=4.0).values == pytest.approx(
        np.array([3000, 3500, 4500]) * grown[2], rel=1e-5
    )
    assert run["dosing"]["given"].sel(drug="cells[first]").values[0].tolist() == [0, 1, 0, 0]


def test_a_dose_must_say_into_which_clone(simulate):
    with pytest.raises(
        DoseError, match=r"'cells' has a value for each clone; a dose enters one of cells\[first\], cells\[second\]"
    ):
        simulate(Regimen("cells", 28.0, (Dose("cells", 1e6, "cell", days=(2,)),)))


def test_state_that_takes_no_doses(simulate):
    with pytest.raises(DoseError, match="level"):
        simulate(Regimen("level", 28.0, (Dose("level", 1.0, "mg", days=(2,)),)))


def test_entry_states(simulate, cohort):
    start = xr.Dataset({"cells": cohort["sizes"]}, {"patient": cohort["patient"], "clone": cohort["clone"]})
    cells = simulate(Arm(), initial=start)["states"]["cells"].sel(moment="end").values[0]
    assert cells == pytest.approx(cohort["sizes"].values * np.exp(0.02 * 96.0), rel=1e-6)


def test_card_value_of_an_arm(simulate):
    regimen = Regimen.every("1 d", "10 mg", drug="made")
    run = simulate({"usual": regimen, "half": Arm(regimen, set={"made.exposure.potency": 4.0})})["trajectory"]
    assert run["exposure_seen"].sel(arm="usual").values == pytest.approx(
        2.0 * run["exposure_seen"].sel(arm="half").values
    )
