"""Closed-form amounts against an ODE solver and against formulas."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from pdsim.dosing import Dose, Regimen
from pdsim.pk import DrugCard, LinearSystem, card_from_dict, concentration, exposure, propagate

FOLDER = Path(__file__).resolve().parents[2] / "models" / "drugs"
NAMES = sorted(path.stem for path in FOLDER.glob("*.toml") if tomllib.loads(path.read_text())["pk"]["kind"] == "linear")


def card(name: str) -> DrugCard:
    path = FOLDER / f"{name}.toml"
    return card_from_dict(tomllib.loads(path.read_text()), name, path.name)


def made(**pk: str) -> DrugCard:
    """A card with given expressions beside one compartment of 10 L."""
    written = {"molar_mass": "250 g/mol", "unbound": "1", "clearance": "24 L/day", "volume": "10 L", **pk}
    table = {key: {"value": value, "status": "assumed", "source": "test"} for key, value in written.items()}
    route = "oral" if "absorption" in pk else "iv"
    return card_from_dict({"pk": {"kind": "linear", "route": route, **table}}, "made", "made.toml")


def integrated(system: LinearSystem, regimen: Regimen, times: np.ndarray) -> np.ndarray:
    """Free concentrations (species, time) of the first patient, each stretch between events solved as an ODE."""
    matrix = system.matrix[0]
    bolus: list[tuple[float, int, float]] = []
    flows: list[tuple[float, float, int, float]] = []
    for line in regimen.lines(float(times[-1])):
        route = system.route_of(line.route)
        into, lag = system.entry[route], system.lag[route][0]
        amount = line.amount * system.nmol_per_mg * system.bioavailability[route][0]
        for time in line.times + lag:
            if route == "infusion":
                flows.append((time, time + line.duration, into, amount / line.duration))
            else:
                bolus.append((time, into, amount))
    instants = sorted({*times.tolist(), *(b[0] for b in bolus), *(f[0] for f in flows), *(f[1] for f in flows)})
    state, out = np.zeros(len(matrix)), {}
    for number, instant in enumerate(instants):
        for time, into, amount in bolus:
            state[into] += amount * (time == instant)
        out[instant] = system.readout[:, 0] @ state
        if number + 1 < len(instants):
            inflow = np.zeros(len(matrix))
            for start, stop, into, rate in flows:
                inflow[into] += rate * (start <= instant < stop)
            span = (instant, instants[number + 1])
            solved = solve_ivp(
                lambda t, y, q: matrix @ y + q, span, state, args=(inflow,), method="DOP853", rtol=1e-12, atol=1e-9
            )
            state = solved.y[:, -1]
    return np.array([out[time] for time in times.tolist()]).T


@pytest.mark.parametrize("name", NAMES)
def test_every_card_agrees_with_an_ode_solver(name: str) -> None:
    drug = card(name)
    doses = (
        Dose(drug.name, 25.0, days=(1, 2), per_day=2),
        Dose(drug.name, 10.0, route="iv", days=(2,), time_of_day=0.3),
        Dose(drug.name, 40.0, route="infusion", days=(1, 3), duration=0.7, time_of_day=0.1),
    )
    regimen = Regimen("all", 3.0, doses)
    system, times = drug.typical_system(), np.linspace(0.0, 4.0, 57)
    found = concentration(system, regimen.lines(4.0), {}, times)[:, 0]
    expected = integrated(system, regimen, times)
    # the solver's own error, 1e-12 a step, leaves a few 1e-11 of the peak
    assert np.max(np.abs(found - expected) / expected.max(axis=1, keepdims=True)) < 1e-9
    late = expected > 1e-3 * expected.max(axis=1, keepdims=True)
    np.testing.assert_allclose(found[late], expected[late], rtol=1e-8, atol=0)


def test_a_fraction_metabolite_and_a_depot_agree_with_an_ode_solver() -> None:
    entry = {"status": "assumed", "source": "test"}
    metabolite = {
        "molar_mass": "200 g/mol",
        "unbound": "0.5",
        "elimination": "3 /day",
        "fraction": "0.4",
        "volume": "7 L",
    }
    drug = card_from_dict(
        {
            "pk": {
                "kind": "linear",
                "route": "sc",
                **{
                    key: {"value": value, **entry}
                    for key, value in {
                        "molar_mass": "100 g/mol",
                        "unbound": "0.2",
                        "clearance": "5 L/day",
                        "volume": "4 L",
                        "depot_absorption": "0.5 /day",
                        "depot_lag": "2 h",
                        "depot_bioavailability": "0.8",
                    }.items()
                },
            },
            "metabolite": [{"name": "m", **{key: {"value": value, **entry} for key, value in metabolite.items()}}],
        },
        "made",
        "made.toml",
    )
    system, times = drug.typical_system(), np.linspace(0.0, 20.0, 41)
    regimen = Regimen("sc", 7.0, (Dose("made", 3.0, days=(1,)),))
    found = concentration(system, regimen.lines(20.0), {}, times)[:, 0]
    expected = integrated(system, regimen, times)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9 * expected.max())
    # everything that the parent loses by that route leaves the metabolite's volume again
    area = exposure(system, "sc", 1.0).auc[:, 0]
    assert area == pytest.approx([0.8 * 1e4 / 5, 0.4 * 0.8 * 1e4 / (3 * 7)], rel=1e-13)


def test_absorption_as_fast_as_elimination() -> None:
    system = made(absorption="2.4 /day").typical_system()
    times = np.linspace(0.0, 3.0, 31)
    lines = Regimen.every("10 d", "1 mg", drug="made").lines(3.0)
    found = concentration(system, lines, {}, times)[0, 0]
    rate, amount = 2.4, system.nmol_per_mg
    np.testing.assert_allclose(found, amount / 10 * rate * times * np.exp(-rate * times), rtol=1e-12, atol=0)
    assert system.modes().confluent[0]


@given(gap=st.floats(-12, -1))
def test_nearly_equal_rates_lose_no_digits(gap: float) -> None:
    """Against t exp(-kt) times expm1(x)/x, which is exact however close the rates are."""
    ke = 2.4
    ka = ke * (1 + 10**gap)
    matrix = np.array([[[-ka, 0.0], [ka, -ke]]])
    found = propagate(matrix, np.array([[1.0, 0.0]]), 0.8)[0, 1]
    x = (ke - ka) * 0.8
    assert found == pytest.approx(ka * 0.8 * np.exp(-ke * 0.8) * np.expm1(x) / x, rel=1e-12)


def test_bolus_falls_exponentially() -> None:
    system = made().typical_system()
    times = np.linspace(0.0, 3.0, 13)
    lines = Regimen.every("10 d", "1 mg", drug="made", route="iv").lines(3.0)
    found = concentration(system, lines, {}, times)[0, 0]
    np.testing.assert_allclose(found, 4000 / 10 * np.exp(-2.4 * times), rtol=1e-13, atol=0)


def test_infusion_rises_to_its_plateau() -> None:
    system = made().typical_system()
    times = np.array([0.1, 0.5, 1.0, 1.5])
    lines = Regimen.every("10 d", "1 mg", drug="made", route="infusion", duration="1 d").lines(3.0)
    found = concentration(system, lines, {}, times)[0, 0]
    after = np.where(times > 1, np.exp(-2.4 * (times - 1)), 1.0)
    expected = 4000 / 24 * (1 - np.exp(-2.4 * np.minimum(times, 1))) * after
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=0)


def test_lag_shifts_the_curve() -> None:
    times = np.linspace(0.0, 2.0, 17)
    lines = Regimen.every("10 d", "1 mg", drug="made").lines(3.0)
    late = concentration(made(absorption="9 /day", lag="6 h").typical_system(), lines, {}, times)
    prompt = concentration(made(absorption="9 /day").typical_system(), lines, {}, times - 0.25)
    np.testing.assert_allclose(late, prompt, rtol=1e-13, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_linear_in_dose_and_in_time(name: str) -> None:
    """Twice 50 mg is 100 mg; a curve does not depend on the grid it is asked for on."""
    drug = card(name)
    system = drug.typical_system()
    twice = Regimen("two", 1.0, (Dose(name, 50.0), Dose(name, 50.0))).lines(5.0)
    once = Regimen("one", 1.0, (Dose(name, 100.0),)).lines(5.0)
    coarse, fine = np.linspace(1.0, 5.0, 5), np.linspace(0.0, 5.0, 501)
    found = concentration(system, twice, {}, coarse)
    np.testing.assert_allclose(found, concentration(system, once, {}, coarse), rtol=1e-12, atol=0)
    np.testing.assert_allclose(found, concentration(system, once, {}, fine)[..., 100::100], rtol=1e-11, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_modes_give_the_matrix_back(name: str) -> None:
    system = card(name).typical_system()
    modes = system.modes()
    assert not modes.confluent.any()
    assert np.all(np.diff(modes.rates) < 0)
    found = modes.right @ (modes.rates[..., None] * modes.left)
    np.testing.assert_allclose(found, system.matrix, rtol=0, atol=1e-12 * np.abs(system.matrix).max())
    start = np.eye(system.matrix.shape[1])[0][None]
    by_modes = np.einsum("pij,pj,pjk,pk->pi", modes.right, np.exp(0.3 * modes.rates), modes.left, start)
    np.testing.assert_allclose(by_modes, propagate(system.matrix, start, 0.3), rtol=1e-11, atol=1e-15)
