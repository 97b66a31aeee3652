"""Drugs whose amounts are states, by the cascade against the direct path: some drive the disease, others are in it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import pdsim
from pdsim.dosing import Dose, Regimen
from pdsim.ensemble import block_run
from pdsim.ensemble.prepare import ASSAY, make_grid, make_plan
from pdsim.model.cascade import cascade_of
from pdsim.pk import card_from_dict
from pdsim.simulate import Arm
from pdsim.solvers.block import Block, Options
from pdsim.solvers.cascade_block import CascadeBlock
from pdsim.visits import ResponseRules

LANES = 16
STOP = 84.0
FILE = Path(__file__).parents[1] / "exact" / "fixtures" / "seen.py"

# hours in the body, saturable, as states; weeks, with a target that is used up, as states; hours, in closed form
USED_UP = 'saturable_clearance = "48 mg/day"\nsaturation = "1 mg/L"\ncapacity_decay = "0.05 /day"'
CARDS = {
    "soon": ("states", "40 L/day", "10 L", 'saturable_clearance = "50 mg/day"\nsaturation = "2 mg/L"'),
    "late": ("states", "0.2 L/day", "4 L", USED_UP),
    "plain": ("linear", "60 L/day", "20 L", ""),
}  # fmt: skip


def card(name):
    kind, clearance, volume, more = CARDS[name]
    origin = 'status = "assumed", source = "s"'
    lines = ['molar_mass = "400 g/mol"', 'unbound = "0.5"', f'clearance = "{clearance}"', f'volume = "{volume}"']
    pk = [line.replace(' = "', ' = { value = "') + f", {origin} }}" for line in [*lines, *more.splitlines()]]
    effect = ["[[effect]]", 'input = "exposure"', f'potency = {{ value = 9000, unit = "nM", {origin} }}']
    text = "\n".join(["[pk]", f'kind = "{kind}"', *pk, *effect])
    return card_from_dict(tomllib.loads(text), name, f"{name}.toml")


@pytest.fixture
def ingredients(monkeypatch):
    cohort = xr.Dataset({"weight": ("patient", 50.0 + 10.0 * np.arange(5))}, {"patient": np.arange(5)}, {"seed": 2})
    doses = (
        Dose("soon", 120.0, route="infusion", days=(1, 4, 8, 15), duration=3 / 24),
        Dose("late", 4.0, per="kg", route="iv", days=(1, 8)),
        Dose("plain", 80.0, route="iv"),
    )
    model, arms = pdsim.load_model(str(FILE)), {"a": Arm(Regimen("r", 28.0, doses))}
    plan = make_plan(
        model, cohort, arms, {name: card(name) for name in CARDS},
        make_grid(STOP, 1.75, 28.0, 7.0), Options(method="explicit"), ASSAY, ResponseRules(), None,
    )  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(block_run, "Block", lambda **given: given)
        found = block_run._make_block(plan, "a", np.arange(LANES) % 5)
    found["output_times"] = plan.grid.times
    return found, cascade_of(plan.kernels)


def states(block):
    """States at the output times, (time, state, lane)."""
    block.advance(28.0)
    block.advance(STOP)
    block.finish()
    assert (block.failed == 0).all()
    return block.record.y.reshape(len(block.problem.output_times), -1, LANES)


def test_cascade_and_direct_path_agree(ingredients):
    found, cascade = ingredients
    names = found["kernels"].states
    assert [names[i] for i in cascade.driver] == ["soon.central"]
    assert {"cells", "late.central", "late.capacity"} <= {names[i] for i in cascade.disease}
    tight = states(Block(**{**found, "options": Options(rtol=1e-9, atol=1e-12, method="explicit")}))
    for rtol in (1e-4, 1e-6):
        given = {**found, "options": Options(rtol=rtol, atol=1e-3 * rtol, method="explicit")}
        mine = states(CascadeBlock(**given, cascade=cascade))
        scale = np.maximum(np.abs(tight), 1e-3 * np.abs(tight).max(axis=(0, 2), keepdims=True))
        error = np.abs(mine - tight) / np.where(scale > 0, scale, 1.0)
        assert error.max() < 50 * rtol
        assert error[:, names.index("late.central")].max() > 0  # it is not the same computation
