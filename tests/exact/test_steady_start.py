"""A run that starts at a regimen's steady state, against one that has been given it for long."""

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
from pdsim.pk import card_from_dict

HOURLY = Path(__file__).parent.parent / "unit" / "fixtures" / "hourly.py"
CARD = """
[pk]
kind = "linear"
route = "oral"
molar_mass = { value = 250, unit = "g/mol", status = "assumed", source = "s" }
unbound = { value = 0.5, status = "assumed", source = "s" }
clearance = { value = 2, unit = "L/day", status = "assumed", source = "s" }
volume = { value = 20, unit = "L", status = "assumed", source = "s" }
absorption = { value = 1, unit = "1/h", status = "assumed", source = "s" }
lag = { value = 3, unit = "h", status = "assumed", source = "s" }
[[effect]]
input = "exposure"
potency = { value = 2, unit = "nM", status = "assumed", source = "s" }
"""
TABLET = Dose("made", 10.0, "mg", days=(1, 2, 4))
DRIP = Dose("made", 8.0, "mg", days=(3,), route="infusion", duration=0.25)


@pytest.fixture(scope="module")
def simulate():
    model = pdsim.load_model(str(HOURLY))
    cohort = xr.Dataset({"weight": ("patient", [60.0, 70.0])}, {"patient": [4, 5], "clone": ["a", "b"]}, {"seed": 1})
    cards = {"made": card_from_dict(tomllib.loads(CARD), "made", "made.toml")}

    def run(arms, stop, **changes):
        return pdsim.simulate(model, cohort, arms, stop=stop, every="6 h", drugs=cards, **changes)["trajectory"]

    return run


@pytest.mark.parametrize("method", ["explicit", "stiff"])
def test_as_after_twenty_cycles(simulate, method):
    regimen = Regimen("r", 7.0, (TABLET, DRIP))
    # the rate of loss is 0.1 a day: after 140 days a millionth is missing
    found = simulate({"now": Arm(regimen, steady=True), "new": Arm(regimen)}, 7.0, method=method)["exposure_seen"]
    long = simulate(Arm(regimen), 147.0, method=method)["exposure_seen"]
    expected = long.sel(time=slice(140.0, 147.0)).values[0]
    assert found.sel(arm="now").values == pytest.approx(expected, rel=3e-6)
    assert (found.sel(arm="new").values[:, 0] == 0.0).all()


def test_cycle_changes_nothing(simulate):
    short, long = (Arm(Regimen("r", cycle, (Dose("made", 10.0, "mg", days="continuous"),)), steady=True)
                   for cycle in (1.0, 28.0))  # fmt: skip
    found = simulate({"short": short, "long": long}, 3.0)["exposure_seen"].values
    assert found[0] == pytest.approx(found[1], rel=1e-6)
    assert np.all(found > 1.0)


@pytest.mark.parametrize(
    ("regimen", "words"),
    [
        (None, "steady = True needs a regimen"),
        (Regimen("r", 7.0, (Dose("made", 1.0, "mg", days=(1,), cycles=(1, 3)),)), "not given alike in every cycle"),
        (Regimen("r", 7.0, (Dose("cells[a]", 1.0, "cell", days=(1,)),)), r"'cells\[a\]' enters a state of the model"),
        (Regimen("r", 7.0, (Dose("made", 1.0, "mg", days=(7,), time_of_day=0.9),)), "'made': a dose still enters when"),
    ],
)
def test_what_is_refused(simulate, regimen, words):
    with pytest.raises(DoseError, match=words):
        simulate({"x": Arm(regimen, steady=True)}, 3.0)
