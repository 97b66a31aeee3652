"""Drugs whose amounts are states: against the closed form where that holds, and against equations written anew."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy.integrate import solve_ivp

import pdsim
from pdsim import Regimen
from pdsim.dosing import Dose
from pdsim.pk import DrugCard, card_from_dict, course, half_life, usual_exposure

FILE = Path(__file__).with_name("fixtures") / "seen.py"
MASS = 150_000.0  # g/mol
POTENCY = 2.0  # nM, so that the exposure of the model is half the free concentration

BASE = {
    "molar_mass": "150000 g/mol",
    "unbound": "0.8",
    "clearance": "0.2 L/day",
    "volume": "4 L",
    "volume_2": "3 L",
    "distribution_clearance": "1.5 L/day",
}
TARGET = {"saturable_clearance": "2 mg/h", "saturation": "1 mg/L"}
BY_MOUTH = {"absorption": "6 /day", "lag": "5 h", "bioavailability": "0.6"}
UNDER_THE_SKIN = {"depot_absorption": "0.3 /day", "depot_bioavailability": "0.7", "depot_lag": "3 h"}


def made(kind: str = "states", more: str = "", **values: str) -> DrugCard:
    pk = "\n".join(
        f'{key} = {{ value = "{value}", status = "assumed", source = "s" }}' for key, value in values.items()
    )
    text = f"""
[pk]
kind = "{kind}"
route = "infusion"
{pk}
[[effect]]
input = "exposure"
potency = {{ value = {POTENCY}, unit = "nM", status = "assumed", source = "s" }}
{more}
"""
    return card_from_dict(tomllib.loads(text), "made", "made.toml")


@pytest.fixture(scope="module")
def model() -> type:
    return pdsim.load_model(str(FILE))


@pytest.fixture(scope="module")
def cohort() -> xr.Dataset:
    return xr.Dataset({"weight": ("patient", [60.0, 75.0, 90.0])}, {"patient": [4, 5, 9]}, {"seed": 1})


@pytest.fixture(scope="module")
def seen(model: type, cohort: xr.Dataset) -> Callable:
    """Total concentrations in nM, (patient, time), every half day."""

    def run(card: DrugCard, regimen: Regimen, stop: str, method: str = "explicit", **settings: object) -> np.ndarray:
        given = {"rtol": 1e-8, "atol": 1e-10, "method": method, "every": "0.5 d", "drugs": {"made": card}, **settings}
        found = pdsim.simulate(model, cohort, {"arm": regimen}, stop=stop, on_failure="raise", **given)
        return found["trajectory"]["exposure_seen"].values[0] * POTENCY / 0.8

    return run


def line(amount: float, route: str, days: tuple[int, ...], hours: float = 0.0, per: str = "flat") -> Regimen:
    return Regimen(
        "made", 28.0, (Dose("made", amount, "mg", per, route, days=days, cycles=(1, 1), duration=hours / 24),)
    )


EVERY_ROUTE = line(300.0, "infusion", (1, 8), 5.0) + line(200.0, "iv", (3,)) + line(400.0, "oral", (5, 6)) + line(
    500.0, "sc", (2, 10)
)  # fmt: skip


@pytest.mark.parametrize("method", ["explicit", "stiff"])
def test_without_saturation_it_is_the_linear_card(seen: Callable, method: str) -> None:
    values = {**BASE, **BY_MOUTH, **UNDER_THE_SKIN, "volume_3": "20 L", "distribution_clearance_3": "0.8 L/day"}
    closed, integrated = (seen(made(kind, **values), EVERY_ROUTE, "14 d", method) for kind in ("linear", "states"))
    assert closed[:, 2:].min() > 100
    # trajectories are stored in single precision
    np.testing.assert_allclose(integrated, closed, rtol=3e-7, atol=1e-6)


def test_metabolites_of_a_states_card_are_those_of_the_linear_card(model: type, cohort: xr.Dataset) -> None:
    rows = {"by_ratio": 'ratio = { value = 0.1, status = "assumed", source = "s" }'}
    rows["by_fraction"] = (
        'fraction = { value = 0.4, status = "assumed", source = "s" }\n'
        'volume = { value = 9, unit = "L", status = "assumed", source = "s" }'
    )
    for name, form in rows.items():
        more = f"""
[[metabolite]]
name = "{name}"
molar_mass = {{ value = 300, unit = "g/mol", status = "assumed", source = "s" }}
unbound = {{ value = 0.5, status = "assumed", source = "s" }}
elimination = {{ value = 2, unit = "1/day", status = "assumed", source = "s" }}
{form}
"""
        found = []
        for kind in ("linear", "states"):
            text = more.replace("[[metabolite]]", f'species = "{name}"\n[[metabolite]]')
            drugs = {"made": made(kind, text, **BASE)}
            run = pdsim.simulate(
                model, cohort, EVERY_IV, stop="9 d", every="1 d", drugs=drugs, rtol=1e-8, method="explicit"
            )
            found.append(run["trajectory"]["exposure_seen"].values[0])
        assert found[0][:, 1:].min() > 0.1
        np.testing.assert_allclose(found[1], found[0], rtol=1e-6, atol=1e-9)


EVERY_IV = line(300.0, "infusion", (1, 8), 5.0) + line(200.0, "iv", (3,))


def reference(times: np.ndarray, doses: list[tuple[float, float, float]], slope: Callable, size: int) -> np.ndarray:
    """Concentration in mg/L of the first amount (mg) of `slope`, doses as (day, mg, length) into it."""
    y = np.zeros(size)
    y[2:] = [1.0, 0.0][: size - 2]
    out, now, inflow = np.empty(len(times)), 0.0, 0.0
    starts = [(day, mg if length == 0 else 0.0, mg / length if length else 0.0) for day, mg, length in doses]
    stops = [(day + length, 0.0, -mg / length) for day, mg, length in doses if length]
    for day, mg, rate in [*sorted(starts + stops), (times[-1], 0.0, 0.0)]:
        inside = (times >= now) & (times <= day)
        if day > now:
            span = np.append(times[inside][times[inside] < day], day)
            found = solve_ivp(
                lambda t, y, k=inflow: slope(y) + k * np.eye(size)[0],
                (now, day),
                y,
                "LSODA",
                span,
                rtol=1e-10,
                atol=1e-12,
            )
            out[inside] = found.y[0, : inside.sum()]
            y = found.y[:, -1]
        now, inflow = day, inflow + rate
        y[0] += mg
        out[times == day] = y[0]
    return out / 4.0


DOSES = [(0.0, 300.0, 5 / 24), (7.0, 300.0, 5 / 24), (2.0, 200.0, 0.0)]
TIMES = np.arange(57) * 0.5


@pytest.mark.parametrize("method", ["explicit", "stiff"])
def test_saturable_clearance_with_a_falling_capacity(seen: Callable, method: str) -> None:
    """Volumes 4 and 3 L; Vmax 48 mg/day, Km 1 mg/L; the capacity decays at 0.05 and recovers at 0.01 a day."""

    def slope(y: np.ndarray) -> np.ndarray:
        c, back = y[0] / 4.0, 1.5 * (y[0] / 4.0 - y[1] / 3.0)
        bound = c / (1.0 + c)
        return np.array([-0.2 * c - 48.0 * y[2] * bound - back, back, -0.05 * y[2] * bound + 0.01 * (1 - y[2])])

    values = {**BASE, **TARGET, "capacity_decay": "0.05 /day", "capacity_recovery": "0.01 /day"}
    found = seen(made(**values), EVERY_IV, "28 d", method)
    expected = 1e6 * reference(TIMES, DOSES, slope, 3) / MASS
    assert expected[-1] < 0.01 * expected.max()  # passes through the nonlinear range
    for patient in found:
        np.testing.assert_allclose(patient, expected, rtol=1e-5, atol=1e-5)


def test_capacity_and_saturation_by_moles_are_those_by_mass(seen: Callable) -> None:
    moles = {"saturable_clearance": f"{48e6 / MASS} nmol/day", "saturation": f"{1e6 / MASS} nM"}
    by_mass, by_moles = (seen(made(**BASE, **target), EVERY_IV, "14 d") for target in (TARGET, moles))
    np.testing.assert_allclose(by_moles, by_mass, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("form", ["rate", "sigmoid"])
def test_clearance_that_falls_with_exposure(seen: Callable, form: str) -> None:
    """From 2 to 0.2 L/day; the time under the drug counts by c / (0.5 mg/L + c)."""
    keys = {
        "rate": {"clearance_change": "0.2 /day"},
        "sigmoid": {"clearance_half_time": "6 day", "clearance_steepness": "3.91"},
    }[form]
    values = {**BASE, "clearance": "2 L/day", "clearance_later": "0.2 L/day", "presence": "0.5 mg/L", **keys}

    def slope(y: np.ndarray) -> np.ndarray:
        c, back = y[0] / 4.0, 1.5 * (y[0] / 4.0 - y[1] / 3.0)
        under = max(y[3], 1e-300)
        clearance = (
            0.2 + 1.8 * np.exp(-0.2 * under)
            if form == "rate"
            else 0.2 * 10.0 ** (1 - under**3.91 / (6.0**3.91 + under**3.91))
        )
        return np.array([-clearance * c - back, back, 0.0, c / (0.5 + c)])

    for method in ("explicit", "stiff"):
        found = seen(made(**values), EVERY_IV, "28 d", method)
        np.testing.assert_allclose(found[1], 1e6 * reference(TIMES, DOSES, slope, 4) / MASS, rtol=1e-5, atol=1e-5)


def test_lag_bioavailability_and_size_at_subcutaneous_doses(seen: Callable, cohort: xr.Dataset) -> None:
    """The area is F dose / clearance, and nothing is seen before the lag."""
    card = made(**{**BASE, **UNDER_THE_SKIN, "depot_absorption": "3 /day", "clearance": "4 L/day"})
    found = seen(card, line(10.0, "sc", (1,), per="kg"), "28 d", every="0.0625 d")
    area = np.trapezoid(found, dx=0.0625, axis=1)
    expected = 0.7 * 10.0 * cohort["weight"].values * 1e6 / MASS / 4.0
    np.testing.assert_allclose(area, expected, rtol=3e-3)  # trapezoids, and what is left after 28 days
    assert found[:, :3].max() == 0.0  # 3 h of lag
    assert found[:, 3].min() > 0.0


def test_values_differ_between_patients_and_yield_to_the_cohort(
    seen: Callable, model: type, cohort: xr.Dataset
) -> None:
    spread = card_from_dict(
        tomllib.loads(f"""
[pk]
kind = "states"
molar_mass = {{ value = {MASS}, unit = "g/mol", status = "assumed", source = "s" }}
unbound = {{ value = 0.8, status = "assumed", source = "s" }}
clearance = {{ value = "0.2 L/day * (weight / 75 kg)**0.75", cv = 0.4, status = "assumed", source = "s" }}
volume = {{ value = 4, unit = "L", status = "assumed", source = "s" }}
[[effect]]
input = "exposure"
potency = {{ value = 2, unit = "nM", status = "assumed", source = "s" }}
"""),
        "made",
        "made.toml",
    )
    values = spread.system(cohort).values["clearance"]
    assert len(set(values)) == 3
    found = seen(spread, line(100.0, "iv", (1,)), "7 d")
    start = 100.0 / 4.0 * 1e6 / MASS
    np.testing.assert_allclose(found[:, -1], start * np.exp(-values / 4.0 * 7.0), rtol=1e-6)

    per_hour = cohort.assign({"made.clearance": ("patient", [0.01, 0.02, 0.03], {"units": "L/h"})})
    run = pdsim.simulate(model, per_hour, line(100.0, "iv", (1,)), stop="7 d", drugs={"made": spread}, rtol=1e-8)
    last = run["trajectory"]["exposure_seen"].values[0, :, -1] * POTENCY / 0.8
    np.testing.assert_allclose(last, start * np.exp(-np.array([0.24, 0.48, 0.72]) / 4.0 * 7.0), rtol=1e-6)


def test_exposure_of_a_states_card_is_that_of_the_linear_card() -> None:
    more = '[reference]\namount = "4 mg/kg"\nevery = "7 d"\nduration = "3 h"\n'
    closed, integrated = (made(kind, more, **BASE) for kind in ("linear", "states"))
    assert half_life(closed) == half_life(integrated)
    one, other = usual_exposure(closed), usual_exposure(integrated)
    for part in ("first", "steady"):
        for name in ("auc", "peak", "peak_time", "trough"):
            expected = getattr(getattr(one, part), name)
            # the area after a first dose is by trapezoids, and steady means a change of 1e-5 a dose
            np.testing.assert_allclose(getattr(getattr(other, part), name), expected, rtol=1e-3)
    assert one.steady.auc[0] == pytest.approx(300.0 * 1e6 / MASS / 0.2, rel=1e-12)
    times = np.linspace(0.0, 21.0, 253)
    np.testing.assert_allclose(course(integrated, times, 3), course(closed, times, 3), rtol=1e-6, atol=1e-6)


def test_saturable_exposure_grows_faster_than_the_dose() -> None:
    area = {}
    for amount in (50, 100, 400):
        more = f'[reference]\namount = "{amount} mg"\nevery = "7 d"\nduration = "3 h"\n'
        area[amount] = usual_exposure(made("states", more, **BASE, **TARGET)).steady.auc[0] / amount
    assert area[50] < area[100] < area[400]
    # far above saturation the linear clearance is left: dose = clearance area + Vmax tau, both per week
    more = '[reference]\namount = "20 g"\nevery = "7 d"\nduration = "3 h"\n'
    found = usual_exposure(made("states", more, **BASE, **TARGET)).steady.auc[0]
    assert found * 0.2 == pytest.approx((20e3 - 48.0 * 7) * 1e6 / MASS, rel=1e-3)
