"""The shipped cards against the disease model that they are for: inputs, keys, units, and size at the usual dose."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest

from pdsim.library import Library
from pdsim.pk import DrugCard, card_from_dict, exposure
from pdsim.pk.card import Effect
from pdsim.pk.quantity import unit_of
from pdsim.pk.system import LinearSystem

FOLDER = Path(__file__).resolve().parents[2] / "models" / "drugs"
NAMES = sorted(path.stem for path in FOLDER.glob("*.toml"))

# what published regimens name; classes, transplants and vaccines have no card
SUBSTANCES = """
anti_kir_1_7f9 bendamustine bortezomib carfilzomib cyclophosphamide dacetuzumab daratumumab dexamethasone doxorubicin
elotuzumab iberdomide ide_cel isatuximab ixazomib lenalidomide lorvotuzumab_mertansine melphalan mezigdomide mln9708
mor202 panobinostat pegylated_liposomal_doxorubicin perifosine pomalidomide prednisone rad001 selinexor temsirolimus
thalidomide venetoclax vincristine vorinostat
"""
SAME_DRUG = (("ixazomib", "mln9708"), ("everolimus", "rad001"))

# mean of each input at the usual dose, while the drug is given. Held shares: neither without effect nor more than all;
# sums: within a factor of ten of what the input's unit stands for, unless the drug is given on a few days of a course.
SANE = {
    "cereblon_closed": (0.005, 0.5),
    "alkylator": (0.5, 20.0),
    "cytotoxic": (0.1, 10.0),
    "glucocorticoid": (0.3, 5.0),
    "proteasome_inactivation": (0.5, 6.0),
    "proteasome_block": (0.2, 0.8),
    "bcl2_block": (0.5, 0.95),
    "xpo1_block": (0.3, 0.8),
    "hdac_block": (0.3, 0.8),
    "mtor_block": (0.3, 0.95),
    "cd38_bound": (0.8, 0.999),
    "opsonised": (0.3, 1.0),
    "kir_block": (0.9, 0.999),
    "engaged": (0.5, 0.95),
    "lymphotoxic": (0.01, 3.0),
    "gcsf": (1.0, 20.0),
}


@cache
def card(name: str) -> DrugCard:
    path = FOLDER / f"{name}.toml"
    return card_from_dict(tomllib.loads(path.read_text(encoding="utf-8")), name, path.name)


@pytest.fixture(scope="module")
def myeloma() -> type:
    return Library().load_model("myeloma")


def mean_free(drug: DrugCard) -> dict[str, float]:
    """Mean free concentration by species at the usual dose; saturable loss of a card of states is left out."""
    dose, system = drug.reference, drug.typical_system()
    if isinstance(system, LinearSystem):
        found = exposure(system, dose.route, dose.amount).auc_free[:, 0]
        return dict(zip(system.species, found / dose.every, strict=True))
    entered = dose.amount * system.nmol_per_mg * float(system.bioavailability[dose.route][0])
    value = {key: float(numbers[0]) for key, numbers in system.values.items()}
    clearance = value.get("clearance_later", value["clearance"])
    return {system.species[0]: entered / clearance / dose.every * value["unbound"]}


def mean_input(effect: Effect, drug: DrugCard, combine) -> float:
    reference = {name: (item.reference, unit_of(item.unit)) for name, item in drug.covariates.items()}
    keys = {key: float(value.typical(reference)) for key, value in effect.keys.items()}
    return float(combine((SimpleNamespace(c=mean_free(drug)[effect.species], **keys),)))


EFFECTS = [(name, effect) for name in NAMES for effect in card(name).effects]


@pytest.mark.parametrize("name", SUBSTANCES.split())
def test_a_regimen_finds_the_drugs_that_it_names(name: str) -> None:
    assert card(name).name == name
    assert card(name).route is not None


@pytest.mark.parametrize(("name", "effect"), EFFECTS, ids=lambda item: getattr(item, "input", item))
def test_effects_fit_the_inputs_of_the_disease_model(name: str, effect: Effect, myeloma: type) -> None:
    target = myeloma.inputs[effect.input]
    wanted = target.combine.key_units(target.unit)
    assert set(effect.keys) == set(wanted)
    for key, value in effect.keys.items():
        asked, handed = unit_of(wanted[key].replace("/(1)", "")), unit_of(value.unit)
        assert handed.fits(asked), f"{name}: {key} is handed on in {value.unit}, {wanted[key]} is asked for"
        assert handed.factor == pytest.approx(asked.factor, rel=1e-12)


@pytest.mark.parametrize(("name", "effect"), EFFECTS, ids=lambda item: getattr(item, "input", item))
def test_the_usual_dose_has_an_effect_of_sane_size(name: str, effect: Effect, myeloma: type) -> None:
    drug = card(name)
    assert drug.reference is not None, "a card needs its usual dose"
    low, high = SANE[effect.input]
    assert low <= mean_input(effect, drug, myeloma.inputs[effect.input].combine) <= high


def test_every_input_has_a_drug(myeloma: type) -> None:
    assert set(SANE) == set(myeloma.inputs) == {effect.input for _, effect in EFFECTS}


def test_cells_enter_a_state_that_takes_them(myeloma: type) -> None:
    products = [card(name) for name in NAMES if card(name).kind == "cells"]
    assert [product.name for product in products] == ["ide_cel"]
    assert myeloma.states[products[0].state].dosed


@pytest.mark.parametrize(("name", "alias"), SAME_DRUG)
def test_two_names_of_one_drug_have_one_content(name: str, alias: str) -> None:
    first, second = (tomllib.loads((FOLDER / f"{each}.toml").read_text(encoding="utf-8")) for each in (name, alias))
    assert first.pop("label") != second.pop("label")
    assert first == second


def test_potencies_stand_to_each_other_as_the_cards_say(myeloma: type) -> None:
    def size(name: str, target: str) -> float:
        effect = next(effect for effect in card(name).effects if effect.input == target)
        return mean_input(effect, card(name), myeloma.inputs[target].combine)

    metronomic = size("cyclophosphamide", "alkylator")
    assert size("melphalan", "alkylator") * 4 / 35 == pytest.approx(1.15 * metronomic, rel=0.02)
    assert size("bendamustine", "alkylator") * 2 / 28 == pytest.approx(1.15 * metronomic, rel=0.02)
    assert size("cyclophosphamide", "lymphotoxic") == pytest.approx(metronomic / 30, rel=1e-9)
    assert size("fludarabine", "lymphotoxic") > 30 * size("cyclophosphamide", "lymphotoxic")


def test_cyp3a_moves_iberdomide_as_inhibitor_and_inducer_do() -> None:
    def area(activity: float) -> float:
        return exposure(card("iberdomide").typical_system(cyp3a=activity), "oral", 1.6).auc[0, 0]

    assert area(0.0) / area(1.0) == pytest.approx(2.4, rel=0.01)  # itraconazole, Gaudy 2021
    assert area(8.8) / area(1.0) == pytest.approx(0.18, rel=0.01)  # rifampicin


def test_cyclophosphamide_by_mouth_loses_what_bioavailability_says() -> None:
    system = card("cyclophosphamide").typical_system()
    by_mouth, by_vein = (exposure(system, route, 500.0).auc[:, 0] for route in ("oral", "iv"))
    assert by_mouth / by_vein == pytest.approx([0.93, 0.93], rel=1e-12)
    assert by_vein[0] == pytest.approx(500 / 261.1e-6 / (5.41 * 24), rel=1e-9)
