"""Cards of kind "states" and "cells": what is read and refused, what a model makes of them."""

from __future__ import annotations

import pickle
import tomllib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import pdsim
from pdsim import Arm, Regimen
from pdsim.dosing import Dose
from pdsim.ensemble.plan import effect_uses
from pdsim.errors import ConfigError, DoseError, PdsimError, UnitError
from pdsim.model import files, kernels
from pdsim.model.cascade import cascade_of
from pdsim.pk import DrugCard, card_from_dict
from pdsim.study.show import concentration_figure

FILE = Path(__file__).parents[1] / "exact" / "fixtures" / "seen.py"

STATES = """
[reference]
amount = "16 mg/kg"
every = "1 week"
duration = "4 h"
[pk]
kind = "states"
route = "infusion"
molar_mass = { value = 150, unit = "kg/mol", status = "verified", source = "s" }
unbound = { value = 1, status = "verified", source = "s" }
clearance = { value = 5, unit = "mL/h", cv = 0.4, status = "recalled", source = "s" }
volume = { value = 4, unit = "L", status = "assumed", source = "s" }
saturable_clearance = { value = 2, unit = "mg/h", status = "assumed", source = "s" }
saturation = { value = 7, unit = "nM", status = "assumed", source = "s" }
capacity_decay = { value = 0.001, unit = "1/h", status = "assumed", source = "s" }
clearance_later = { value = 3, unit = "mL/h", status = "assumed", source = "s" }
presence = { value = 1, unit = "ug/mL", status = "assumed", source = "s" }
clearance_change = { value = 0.02, unit = "1/day", status = "assumed", source = "s" }
[[effect]]
input = "exposure"
potency = { value = 2, unit = "nM", status = "assumed", source = "s" }
"""

CELLS = """
[pk]
kind = "cells"
state = "product"
fraction = { value = 0.25, status = "assumed", source = "s" }
"""


def read(text: str, name: str = "drug") -> DrugCard:
    return card_from_dict(tomllib.loads(text), name, f"{name}.toml")


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


@pytest.fixture(scope="module")
def model() -> type:
    return pdsim.load_model(str(FILE))


@pytest.fixture(scope="module")
def cohort() -> xr.Dataset:
    return xr.Dataset({"weight": ("patient", [60.0, 75.0, 90.0])}, {"patient": [4, 5, 9]}, {"seed": 1})


def test_values_keep_mass_or_moles() -> None:
    card = read(STATES)
    assert card.values["saturable_clearance"].unit == "mg/day"
    assert card.values["saturable_clearance"].typical({}) == pytest.approx(48.0)
    assert (card.values["saturation"].unit, card.values["presence"].unit) == ("nM", "mg/L")
    assert card.reference is not None
    assert (card.reference.amount, card.reference.every) == (pytest.approx(1200.0), 7.0)
    kinetics = card.typical_system().kinetics
    assert list(kinetics.states) == ["central", "capacity", "exposed"]
    assert kinetics.scale == pytest.approx(1200.0 / 150.0 * 1e3)
    assert pickle.loads(pickle.dumps(card)).describe() == card.describe()


def test_every_mistake_is_in_one_message() -> None:
    text = STATES.replace("saturation =", "satration =").replace("clearance_later =", "clearence_later =")
    text = text.replace('amount = "16 mg/kg"', 'amont = "16 mg/kg"').replace("volume =", "volume_3 =")
    found = mistakes(
        f'{text}\n[check]\nauc = {{ value = 3, unit = "mg", status = "assumed", source = "s" }}\nhalflife = 3'
    )
    starts = [
        "pk.satration: unknown key. Did you mean 'saturation'",
        "pk.clearence_later: unknown key. Did you mean 'clearance_later'",
        'pk.volume: missing; write { value = ..., unit = "L", status, source }',
        "pk.volume_3: has no meaning without distribution_clearance_3",
        "pk.saturable_clearance: has no meaning without saturation",
        "pk.presence: has no meaning without clearance_later",
        "pk.clearance_change: has no meaning without clearance_later",
        "reference.amont: unknown key. Did you mean 'amount'?",
        'reference.amount: write it with its unit, for example "25 mg"',
        "check.halflife: unknown key. Did you mean 'half_life'?",
        'check.auc: "3 mg" gives g, not mg*day/L',
    ]
    assert len(found) == len(starts), found
    for line, start in zip(found, starts, strict=True):
        assert line.startswith(start), line


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("clearance_change =", "clearance_steepness =", "pk.clearance_steepness: has no meaning without"),
        ("clearance_change = {", "#", "pk.clearance_later: give clearance_change, a rate, or clearance_half_time"),
        ("presence =", "presnce =", "pk.presnce: unknown key. Did you mean 'presence'?"),
        ("saturable_clearance =", "#", "pk.saturation: has no meaning without saturable_clearance"),
        ("2, unit = \"mg/h\"", "2, unit = \"L/h\"", 'pk.saturable_clearance: "2 L/h" gives L day^-1, not mg/day'),
        ('kind = "states"', 'kind = "linear"', 'pk.saturable_clearance: belongs to kind = "states", and this card is'),
        ('kind = "states"', 'kind = "states"\nfraction = 1', 'pk.fraction: belongs to kind = "cells", and'),
        ('duration = "4 h"', "", "reference.duration: an infusion has a length"),
        ('duration = "4 h"', 'duration = "9 d"', "reference.duration: is longer than the time between doses"),
        ('every = "1 week"', 'every = "0 h"', "reference.every: 0 h is not a positive quantity"),
        ('"16 mg/kg"', '"16 cells"', "reference.amount: 'cells' in \"16 cells\" follows a number and is no unit"),
        ('route = "infusion"', "", "reference.route: None is no route. Known: oral, iv, infusion, sc"),
    ],
)  # fmt: skip
def test_one_mistake_of_states(old: str, new: str, match: str) -> None:
    assert mistakes(STATES.replace(old, new, 1))[0].startswith(match)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('state = "product"', "", "pk.state: missing; name the state of the model that takes the cells"),
        ("fraction =", "fracton =", "pk.fracton: unknown key. Did you mean 'fraction'?"),
        ("value = 0.25", "value = 1.25", "pk.fraction: is 1.25 in the reference patient and must be between 0 and 1"),
        ("value = 0.25", "value = 0.25, cv = 1", "pk.fraction.cv: the variability of fraction is given as logit_sd"),
        ("[pk]", '[pk]\nroute = "oral"', "pk.route: cells are given by iv or infusion, not 'oral'"),
        ("[pk]", '[pk]\nvolume = "4 L"', 'pk.volume: belongs to kind = "linear" or "states", and this'),
        ("[pk]", '[check]\n[[effect]]\ninput = "x"\npotency = 2\n[pk]', "effect: cells have none"),
    ],
)  # fmt: skip
def test_one_mistake_of_cells(old: str, new: str, match: str) -> None:
    assert any(line.startswith(match) for line in mistakes(CELLS.replace(old, new, 1)))


def test_states_of_a_drug_are_neither_outputs_nor_stored(model: type, cohort: xr.Dataset) -> None:
    drugs = {"drug": read(STATES)}
    dose = Dose("drug", 16.0, "mg", "kg", days=(1, 8), route="infusion", duration=4 / 24)
    run = pdsim.simulate(model, cohort, Regimen("r", 28.0, (dose,)), stop="14 d", drugs=drugs)
    assert set(run["trajectory"].data_vars) == {"exposure_seen", "burden", "product_seen"}
    assert set(run["states"].data_vars) == {"cells", "idle"}
    assert (run["trajectory"]["exposure_seen"].values[0, :, -1] > 100).all()


def test_a_drug_that_is_not_given_or_does_nothing_adds_no_states(model: type, cohort: xr.Dataset) -> None:
    plain = kernels(model)
    given = kernels(model, (), effect_uses({"drug": read(STATES).typical_system()}))
    assert [name for name in given.states if name not in plain.states] == [
        "drug.central",
        "drug.capacity",
        "drug.exposed",
    ]
    assert given.concentrations == ()
    idle = read(STATES.replace('input = "exposure"', 'input = "unread"'))
    made = kernels(model, (), effect_uses({"drug": idle.typical_system()}))
    assert made.states == plain.states
    dose = Regimen("r", 28.0, (Dose("drug", 900.0, "mg", route="iv", days=(1,)),))
    run = pdsim.simulate(model, cohort, {"r": dose, "none": None}, stop="14 d", drugs={"drug": idle})
    burden = run["trajectory"]["burden"].values
    np.testing.assert_array_equal(burden[0], burden[1])


def test_only_another_structure_compiles(model: type) -> None:
    def module(text: str) -> str:
        return kernels(model, (), effect_uses({"drug": read(text).typical_system()})).module

    first = module(STATES)
    before = sorted(path.name for path in files.folder().glob("kernels_*.py"))
    assert module(STATES.replace("value = 5, unit", "value = 9, unit")) == first
    assert module(STATES.replace('amount = "16 mg/kg"', 'amount = "8 mg/kg"')) == first
    assert sorted(path.name for path in files.folder().glob("kernels_*.py")) == before
    assert module(STATES.replace("capacity_decay", "#")) != first


def test_a_patient_is_the_same_alone_and_among_others(model: type) -> None:
    numbers = np.arange(40)
    whole = xr.Dataset({"weight": ("patient", 50.0 + numbers)}, {"patient": numbers}, {"seed": 3})
    dose = Dose("drug", 16.0, "mg", "kg", days=(1, 8, 15, 22), route="infusion", duration=4 / 24)
    settings = {"stop": "56 d", "drugs": {"drug": read(STATES)}}
    regimen = Regimen("r", 28.0, (dose,))
    one = pdsim.simulate(model, whole, regimen, threads=1, **settings)["trajectory"]
    two = pdsim.simulate(model, whole, regimen, threads=2, **settings)["trajectory"]
    few = pdsim.simulate(model, whole.isel(patient=[33, 7]), regimen, **settings)["trajectory"]
    for name in one.data_vars:
        np.testing.assert_array_equal(one[name].values, two[name].values)
        np.testing.assert_array_equal(one[name].values[:, [33, 7]], few[name].values)
    assert len(np.unique(one["exposure_seen"].values[0, :, -1])) == 40


def test_an_arm_sets_a_value_of_the_kinetics(model: type, cohort: xr.Dataset) -> None:
    quiet = read(STATES.replace(", cv = 0.4", ""))
    regimen = Regimen("r", 28.0, (Dose("drug", 900.0, "mg", route="iv", days=(1,)),))
    alike = cohort.assign({"drug.volume": ("patient", [8.0, 8.0, 8.0], {"units": "L"})})
    settings = {"stop": "14 d", "drugs": {"drug": quiet}}
    arm = Arm(regimen, set={"drug.volume": 8.0})
    by_arm = pdsim.simulate(model, cohort, arm, **settings)["trajectory"]["exposure_seen"].values
    by_cohort = pdsim.simulate(model, alike, regimen, **settings)["trajectory"]["exposure_seen"].values
    np.testing.assert_array_equal(by_arm, by_cohort)
    assert by_arm[0, 0, 0] == pytest.approx(900.0 / 150.0 * 1e3 / 8.0 / 2.0)


def test_the_graph_decides_where_a_drug_is_solved(model: type) -> None:
    """A drug that is soon gone drives the disease; one that stays is solved with it."""
    fast = STATES.replace('clearance = { value = 5, unit = "mL/h"', 'clearance = { value = 20, unit = "L/h"')
    for key in ("capacity_decay", "clearance_later", "presence", "clearance_change"):
        fast = fast.replace(f"\n{key} = ", "\n#")
    soon = cascade_of(kernels(model, (), effect_uses({"drug": read(fast).typical_system()})))
    assert soon is not None
    assert len(soon.driver) == 1
    assert cascade_of(kernels(model, (), effect_uses({"drug": read(STATES).typical_system()}))) is None


def test_cells_enter_their_state(model: type, cohort: xr.Dataset) -> None:
    drugs = {"idecel": read(CELLS, "idecel")}
    infused = Dose("idecel", 1e6, "cell", "kg", route="infusion", days=(8,), duration=0.5)
    regimen = Regimen("r", 28.0, (Dose("idecel", 4e8, "cell", days=(1,)), infused))
    run = pdsim.simulate(model, cohort, regimen, stop="14 d", every="1 d", drugs=drugs, rtol=1e-8)
    seen = run["trajectory"]["product_seen"].values[0]
    fading = np.exp(-0.1 * np.arange(15))
    np.testing.assert_allclose(seen[:, :8], np.broadcast_to(1e8 * fading[:8], (3, 8)), rtol=1e-6)
    entered = 0.25e6 * cohort["weight"].values * (1 - np.exp(-0.05)) / 0.05
    np.testing.assert_allclose(seen[:, 8], 1e8 * fading[8] + entered * np.exp(-0.05), rtol=1e-6)
    assert run["dosing"]["given"].sel(drug="idecel").values[0].sum() == 2


def test_fraction_of_cells_varies_and_yields_to_the_cohort(model: type, cohort: xr.Dataset) -> None:
    regimen = Regimen("r", 28.0, (Dose("idecel", 4e8, "cell", days=(1,)),))

    def start(card: DrugCard, patients: xr.Dataset) -> np.ndarray:
        run = pdsim.simulate(model, patients, regimen, stop="7 d", drugs={"idecel": card})
        return run["trajectory"]["product_seen"].values[0, :, 0] / 4e8

    varied = read(CELLS.replace("value = 0.25", "value = 0.25, logit_sd = 0.7"), "idecel")
    np.testing.assert_allclose(start(varied, cohort), varied.system(cohort).fraction, rtol=1e-6)
    assert len(set(varied.system(cohort).fraction)) == 3
    given = cohort.assign({"idecel.fraction": ("patient", [0.1, 0.2, 0.3])})
    np.testing.assert_allclose(start(varied, given), [0.1, 0.2, 0.3], rtol=1e-6)
    whole = read(CELLS[: CELLS.index("fraction")], "idecel")
    np.testing.assert_allclose(start(whole, cohort), 1.0, rtol=1e-6)


def test_cells_need_a_state_that_takes_them(model: type, cohort: xr.Dataset) -> None:
    regimen = Regimen("r", 28.0, (Dose("idecel", 4e8, "cell", days=(1,)),))
    for state, hint in (("prodct", " Did you mean 'product'?"), ("cells", "")):
        card = read(CELLS.replace('"product"', f'"{state}"'), "idecel")
        with pytest.raises(DoseError) as caught:
            pdsim.simulate(model, cohort, regimen, stop="7 d", drugs={"idecel": card})
        assert str(caught.value) == (
            f"idecel.toml: pk.state: model 'seen' has no state '{state}' that takes doses.{hint} "
            "States that take doses: product"
        )
    wrong = Regimen("r", 28.0, (Dose("idecel", 5.0, "mg", days=(1,)),))
    with pytest.raises(UnitError, match="idecel"):
        pdsim.simulate(model, cohort, wrong, stop="7 d", drugs={"idecel": read(CELLS, "idecel")})
    by_mouth = Regimen("r", 28.0, (Dose("idecel", 4e8, "cell", route="oral", days=(1,)),))
    with pytest.raises(DoseError, match="idecel: cells are not given by route 'oral'; known: iv, infusion"):
        pdsim.simulate(model, cohort, by_mouth, stop="7 d", drugs={"idecel": read(CELLS, "idecel")})


def test_cells_are_described_without_an_exposure() -> None:
    assert read(CELLS).describe() == (
        "drug",
        "  cells enter the state product; route: to be named",
        "kinetics",
        "  fraction = 0.25 (assumed)",
        "sources",
        "  s [fraction]",
    )


def test_a_states_card_is_described_with_its_exposure() -> None:
    text = STATES.replace(
        "[pk]", '[check.half_life]\nvalue = 38\nunit = "day"\nstatus = "recalled"\nsource = "c"\n[pk]'
    )
    lines = read(text).describe()
    assert lines[1] == "  compartments: central, as states of the model; route: infusion"
    at = lines.index("in the reference patient, 16 mg/kg every 1 week, infusion; free and bound together")
    assert " ".join(lines[at + 1].split()) == "AUC nM day AUC mg h/L Cmax nM Cmax mg/L Tmax h trough nM"
    first, steady = (line.split() for line in lines[at + 2 : at + 4])
    assert (first[:3], steady[:2]) == (["drug,", "first", "dose"], ["drug,", "steady"])
    assert float(first[-3]) == pytest.approx(1200.0 / 4.0, rel=0.1)  # Cmax in mg/L, some lost during the infusion
    assert float(first[-2]) == pytest.approx(4.0, rel=0.01)  # h, the end of the infusion
    assert float(steady[2]) == pytest.approx(8000.0 / 0.072, rel=0.02)  # dose / later clearance, the capacity is gone
    assert lines[at + 4].endswith("slowest half-life of the linear part 924 h")
    assert lines[at + 5] == "  half_life: published 38 day (recalled); this card +1 %"
    without = read(text.replace(text[: text.index("[check")], ""))
    assert any("a table [reference] with amount and every shows it" in line for line in without.describe())


def test_figures(tmp_path: Path) -> None:
    concentration_figure(read(STATES), tmp_path / "states.svg")
    assert "16 mg/kg every 1 week, infusion" in (tmp_path / "states.svg").read_text()
    with pytest.raises(PdsimError, match="drug is cells, which the disease model follows"):
        concentration_figure(read(CELLS), tmp_path / "cells.svg")
    alone = STATES[STATES.index("[pk]") :]
    with pytest.raises(PdsimError, match=r"drug.toml: a figure needs a dose; add \[reference\]"):
        concentration_figure(read(alone), tmp_path / "none.svg")
