"""Exposure of the shipped cards: identities, and the values of their sources where these agree."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from pdsim.dosing import Regimen
from pdsim.pk import DrugCard, card_from_dict, concentration, course, exposure, published, usual_exposure
from pdsim.pk.quantity import unit_of

FOLDER = Path(__file__).resolve().parents[2] / "models" / "drugs"


def card(name: str) -> DrugCard:
    path = FOLDER / f"{name}.toml"
    return card_from_dict(tomllib.loads(path.read_text()), name, path.name)


ALL = sorted(path.stem for path in FOLDER.glob("*.toml"))
NAMES = [name for name in ALL if card(name).kind == "linear" and card(name).route == "oral"]
CITED = [(name, key) for name in ALL for key in card(name).checks]


def average(name: str, amount: str, species: int = 0) -> float:
    """Mean total concentration over day 21 of daily doses, nM."""
    system = card(name).typical_system()
    times = np.linspace(20.0, 21.0, 1001)
    lines = Regimen.every("1 d", amount, drug=name).lines(21.0)
    curve = concentration(system, lines, {}, times, total=True)[species, 0]
    curve[-1] = curve[0]  # the day closes before the next dose
    return float(np.trapezoid(curve, times))


@pytest.mark.parametrize("name", NAMES)
def test_area_is_dose_over_clearance(name: str) -> None:
    drug = card(name)
    system = drug.typical_system()
    reference = {key: (item.reference, unit_of(item.unit)) for key, item in drug.covariates.items()}
    clearance = drug.values["clearance"].typical(reference)
    available = drug.values["bioavailability"].typical({}) if "bioavailability" in drug.values else 1.0
    found = exposure(system, "oral", 7.0)
    assert found.auc[0, 0] == pytest.approx(7.0 * system.nmol_per_mg * available / clearance, rel=1e-12)
    assert found.auc_free[0, 0] == pytest.approx(found.auc[0, 0] * drug.values["unbound"].typical({}), rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_area_is_the_integral_of_the_curve(name: str) -> None:
    system = card(name).typical_system()
    stop = max(15.0, 12 * exposure(system, "oral", 10.0).half_life[0])  # a quarter of a thousandth is left
    times = np.concatenate([np.linspace(0.0, 1.0, 1001), np.geomspace(1.0, stop, 1001)[1:]])
    lines = Regimen.every("1000 d", "10 mg", drug=name).lines(stop)
    curve = concentration(system, lines, {}, times, total=True)[:, 0]
    # trapezoids of 1e-3 day; lags put a kink into the curve
    np.testing.assert_allclose(np.trapezoid(curve, times), exposure(system, "oral", 10.0).auc[:, 0], rtol=1e-3, atol=0)


def test_lenalidomide_follows_creatinine_clearance() -> None:
    drug = card("lenalidomide")
    for creatinine_clearance in (15.0, 30.0, 50.0, 85.0, 120.0):
        system = drug.typical_system(creatinine_clearance=creatinine_clearance)
        expected = 25e6 / 259.26 / (60 + 2.64 * creatinine_clearance)
        assert exposure(system, "oral", 25.0).auc[0, 0] == pytest.approx(expected, rel=1e-12)
    severe, normal = (exposure(drug.typical_system(creatinine_clearance=value), "oral", 25.0) for value in (15.0, 85.0))
    # Chen 2007: moderate to end-stage impairment raises the area by 185 to 420 %
    assert 2.8 < severe.auc[0, 0] / normal.auc[0, 0] < 5.2


def test_pomalidomide_women_clear_less() -> None:
    men, women = (
        exposure(card("pomalidomide").typical_system(female=value), "oral", 4.0).auc[0, 0] for value in (0.0, 1.0)
    )
    assert women / men == pytest.approx(1 / (1 - 0.234), rel=1e-12)


# average total concentration at steady state, nM, as the reference tables print it
@pytest.mark.parametrize(
    ("name", "amount", "species", "cited"),
    [
        ("lenalidomide", "25 mg", 0, 335.0),
        ("lenalidomide", "10 mg", 0, 134.0),
        ("pomalidomide", "4 mg", 0, 78.0),
        ("iberdomide", "1.6 mg", 0, 15.6),
        ("mezigdomide", "1 mg", 0, 2.4),
        ("cyclophosphamide", "50 mg", 0, 1400.0),
        ("cyclophosphamide", "50 mg", 1, 65.0),
    ],
)
def test_average_concentration(name: str, amount: str, species: int, cited: float) -> None:
    assert average(name, amount, species) == pytest.approx(cited, rel=0.10)


# cards cite an exposure where sources agree; see pomalidomide, iberdomide, cyclophosphamide, dexamethasone for others
@pytest.mark.parametrize(("name", "key"), CITED)
def test_published_exposure(name: str, key: str) -> None:
    computed, cited = published(card(name))[key]
    assert computed == pytest.approx(cited, rel=0.10)


def test_some_cards_cite_their_exposure() -> None:
    assert {("lenalidomide", "half_life"), ("thalidomide", "half_life"), ("mezigdomide", "half_life")} <= set(CITED)


def test_a_wrong_card_would_be_seen() -> None:
    text = (
        (FOLDER / "lenalidomide.toml").read_text()
        + """
[check.auc]
value = 2.11
unit = "mg*h/L"
status = "assumed"
source = "made up for this test"
"""
    )
    found = published(card_from_dict(tomllib.loads(text), "lenalidomide", "lenalidomide.toml"))
    assert found["auc"][0] == pytest.approx(found["auc"][1], rel=0.01)
    halved = text.replace("60 L/day + 2.64", "30 L/day + 1.32")
    wrong = published(card_from_dict(tomllib.loads(halved), "lenalidomide", "lenalidomide.toml"))
    assert wrong["auc"][0] == pytest.approx(2 * wrong["auc"][1], rel=0.01)
    assert wrong["half_life"][0] == pytest.approx(2 * found["half_life"][0], rel=1e-9)


@pytest.mark.parametrize("name", [name for name in ALL if card(name).reference])
def test_usual_exposure_adds_up(name: str) -> None:
    drug = card(name)
    found = usual_exposure(drug)
    every = drug.reference.every
    assert (found.steady.trough * every < found.steady.auc * 1.001).all()
    for part in (found.first, found.steady):
        assert (part.trough <= part.peak).all()
        assert (part.auc < part.peak * every).all()
        assert ((part.peak_time >= 0) & (part.peak_time < every)).all()
    if drug.kind == "linear":
        assert (found.first.auc < found.steady.auc * 1.001).all()
        days = np.linspace(0.0, every, 5001)
        curve = course(drug, days + (found.doses - 1) * every, found.doses)
        np.testing.assert_allclose(curve[:, -1], found.steady.trough, rtol=1e-9)
        np.testing.assert_allclose(np.trapezoid(curve, days), found.steady.auc, rtol=2e-3)


def test_lenalidomide_peaks_with_the_label() -> None:
    times = np.linspace(0.0, 0.5, 5001)
    lines = Regimen.every("10 d", "25 mg", drug="lenalidomide").lines(1.0)
    curve = concentration(card("lenalidomide").typical_system(), lines, {}, times)[0, 0]
    assert 24 * times[curve.argmax()] == pytest.approx(1.5, rel=0.1)


def test_hydroxycyclophosphamide_averages_the_ratio_times_its_parent() -> None:
    drug = card("cyclophosphamide")
    found = exposure(drug.typical_system(), "oral", 50.0).auc[:, 0]
    assert found[1] / found[0] == pytest.approx(drug.values["hydroxycyclophosphamide.ratio"].typical({}), rel=1e-12)


def test_glucocorticoids_are_equivalent_at_0_15() -> None:
    areas = {}
    for name in ("dexamethasone", "prednisone"):
        drug = card(name)
        weight = {"weight": 70.0} if "weight" in drug.covariates else {}
        system = drug.typical_system(**weight)
        areas[name] = exposure(system, "oral", 1.0).auc_free[0, 0] / system.effects[0].keys["potency"][0]
    assert areas["prednisone"] / areas["dexamethasone"] == pytest.approx(0.15, rel=0.01)


def test_cereblon_drugs_are_ranked_as_in_the_clinic() -> None:
    closed = {}
    for name, amount in (("thalidomide", 200), ("lenalidomide", 25), ("iberdomide", 1.6), ("mezigdomide", 1)):
        system = card(name).typical_system()
        keys = system.effects[0].keys
        load = exposure(system, "oral", amount).auc_free[0, 0] / keys["affinity"][0]
        closed[name] = keys["closed"][0] * load / (1 + load)
    assert closed["thalidomide"] < closed["lenalidomide"] / 2
    assert closed["lenalidomide"] < closed["iberdomide"] < closed["mezigdomide"]
