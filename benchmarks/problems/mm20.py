"""Myeloma of 23 states over 728 days and 1,379 doses: the problem that decides, and its form without a period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import xarray as xr

from benchmarks.problem import Problem, Setup, make_cohort, spread
from pdsim.dosing import Regimen
from pdsim.dosing.dose import Dose

SPAN, SEED, CV = 728.0, 20260101, 0.3
HALF = 0.5
TRACKED = ("m_protein", "clone_1", "clone_2", "clone_3", "clone_4")

# name in the equations: typical value and, for kinetics, the value of a card
KINETICS = {
    "kaL": (96.0, "lenalidomide.absorption"),
    "VL": (60.0, "lenalidomide.volume"),
    "CLL": (360.0, "lenalidomide.clearance"),
    "kaC": (48.0, "cyclophosphamide.absorption"),
    "keC": (2.77, "cyclophosphamide.clearance"),  # the card's volume is 1 L
    "fm": (0.7, ""),  # above 1 in some patients, so the card has half, and a volume to match
    "kmM": (6.0, "cyclophosphamide.mustard.elimination"),
    "VM": (40.0, ""),
    "kaD": (36.0, "dexamethasone.absorption"),
    "keD": (4.16, ""),  # clearance over volume
    "VD": (60.0, "dexamethasone.volume"),
}


def _typical() -> dict[str, float]:
    """Typical values of all 64 parameters, in the order that fixes the patients."""
    model = _setup(()).loaded
    return {**{name: value for name, (value, _) in KINETICS.items()}, **{k: p.default for k, p in model.params.items()}}


@cache
def _patients(count: int) -> Mapping[str, np.ndarray]:
    return spread(_typical(), CV, count, SEED)


def _card_cohort(count: int) -> xr.Dataset:
    values = dict(_patients(count))
    named = {card: values.pop(name) for name, (_, card) in KINETICS.items() if card}
    named["dexamethasone.clearance"] = values.pop("keD") * named["dexamethasone.volume"]
    named["cyclophosphamide.mustard.volume"] = HALF * values.pop("VM") / values.pop("fm")
    return make_cohort({**values, **named}, count, SEED)


def _state_cohort(count: int) -> xr.Dataset:
    return make_cohort(_patients(count), count, SEED)


def _quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "status": "assumed", "source": "made up for benchmarks"}


def _card(metabolite: Mapping[str, Any] | None = None, **kinetics: tuple[float, str]) -> dict[str, Any]:
    """Card of a drug by mouth; 1 mg counts as 1 nmol, so that nM are mg/L."""
    named = {key: _quantity(*value) for key, value in kinetics.items()}
    mass = _quantity(1e6, "g/mol")
    card: dict[str, Any] = {"pk": {"kind": "linear", "route": "oral", "molar_mass": mass, **named}}
    card["pk"]["unbound"] = _quantity(1.0, "1")
    if metabolite:
        card["metabolite"] = [{"molar_mass": mass, "unbound": _quantity(1.0, "1"), **metabolite}]
    return card


def _cards() -> dict[str, dict[str, Any]]:
    acting = {"potency": _quantity(1.0, "nM")}
    mustard = {
        "name": "mustard",
        "elimination": _quantity(6.0, "1/day"),
        "fraction": _quantity(HALF, "1"),
        "volume": _quantity(40.0 * HALF / 0.7, "L"),
    }
    cards = {
        "lenalidomide": _card(absorption=(96.0, "1/day"), clearance=(360.0, "L/day"), volume=(60.0, "L")),
        "cyclophosphamide": _card(mustard, absorption=(48.0, "1/day"), clearance=(2.77, "L/day"), volume=(1.0, "L")),
        "dexamethasone": _card(absorption=(36.0, "1/day"), clearance=(249.6, "L/day"), volume=(60.0, "L")),
    }
    for drug, target in {"lenalidomide": "lenalidomide", "cyclophosphamide": "mustard"}.items():
        cards[drug]["effect"] = [{"input": target, "species": target, **acting}]
    cards["dexamethasone"]["effect"] = [{"input": "dexamethasone", **acting}]
    return cards


def _periodic() -> tuple[Dose, ...]:
    """Cyclophosphamide daily, dexamethasone weekly, lenalidomide at noon on 21 of 28 days."""
    return (
        Dose("cyclophosphamide", 50.0),
        Dose("dexamethasone", 40.0, days=(1, 8, 15, 22)),
        Dose("lenalidomide", 25.0, days=tuple(range(1, 22)), time_of_day=0.5),
    )


def _changing() -> tuple[Dose, ...]:
    """The same days, with amounts that change from cycle to cycle and come back to none before."""
    doses = []
    for cycle in range(1, 27):
        factor = {
            "cyclophosphamide": 1.0 - 0.02 * cycle,
            "dexamethasone": 1.0 - 0.5 * ((7 * cycle) % 26) / 26,
            "lenalidomide": 1.0 - 0.6 * ((5 * cycle) % 26) / 26,
        }
        doses += [replace(d, amount=d.amount * factor[d.drug], cycles=(cycle, cycle)) for d in _periodic()]
    return tuple(doses)


def _infusion() -> Dose:
    """One infusion of CAR-T cells, on day 364.25."""
    return Dose("car_t", 0.02, unit="1", days=(1,), cycles=(1, 1), start=364.0, time_of_day=0.25)


def _setup(doses: tuple[Dose, ...]) -> Setup:
    return Setup("mm20", _card_cohort, Regimen("mm20", 28.0, (*doses, _infusion())), _cards())


def _as_states(doses: tuple[Dose, ...]) -> Setup:
    depots = {"cyclophosphamide": "cyc_depot", "dexamethasone": "dex_depot", "lenalidomide": "len_depot"}
    moved = tuple(replace(dose, drug=depots[dose.drug]) for dose in doses)
    return Setup("mm20_states", _state_cohort, Regimen("mm20", 28.0, (*moved, _infusion())))


def mm20() -> Problem:
    """The periodic regimen."""
    return Problem(
        name="mm20",
        title="myeloma, 23 states, 728 days, 1,379 doses",
        setup=_setup(_periodic()),
        states=_as_states(_periodic()),
        span=SPAN,
        every=7.0,
        tracked=TRACKED,
        patients=20,
    )


def mm20_visits() -> Problem:
    """Doses set anew at every cycle: nothing repeats."""
    return replace(
        mm20(),
        name="mm20_visits",
        title="the same with doses that change every cycle",
        setup=_setup(_changing()),
        states=_as_states(_changing()),
    )
