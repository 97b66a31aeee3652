"""The dosing scenarios that mrgsolve checks against NONMEM, by both methods; covariates that change in time."""

from __future__ import annotations

import pandas as pd
import pytest

import pdsim

PRINTED = 2e-4  # NONMEM's own tables carry five digits, of numbers that it integrated to about four


@pytest.fixture(scope="module")
def scenarios(conformance, load):
    """Expected rows, and those found by a method."""
    folder = conformance / "mrgsolve-nmtests" / "dosing"
    events, expected = pd.read_csv(folder / "events.csv"), pd.read_csv(folder / "nonmem.csv")
    found = {}

    def solve(method):
        if method not in found:
            found[method] = pdsim.simulate_events(
                load("absorption"),
                events,
                lag={"central": "LAGT"},
                bioavailability={"central": "BIOAV"},
                rate={"central": "RAT2"},
                duration={"central": "DUR2"},
                method=method,
            )
        return expected, found[method]

    return solve


@pytest.mark.parametrize("method", ["closed", "ode"])
@pytest.mark.parametrize("scenario", range(1, 30))
def test_dosing_scenario(scenarios, deviation, method, scenario):
    expected, found = scenarios(method)
    rows = expected["ID"] == scenario
    assert rows.sum() > 100
    assert found["TIME"][rows].tolist() == expected["TIME"][rows].tolist()
    assert deviation(1000.0 * found["concentration"][rows], expected["CP"][rows]) < PRINTED


def test_both_methods_agree_far_beyond_what_is_printed(scenarios, deviation):
    _, closed = scenarios("closed")
    _, ode = scenarios("ode")
    seen = closed["concentration"] > 1e-4  # mg/L; below, the integrator's absolute tolerance counts
    assert deviation(ode["concentration"][seen], closed["concentration"][seen]) < 1e-7


@pytest.mark.parametrize("method", ["closed", "ode"])
def test_covariates_that_change_in_time_are_carried_backward(conformance, load, deviation, method):
    folder = conformance / "mrgsolve-nmtests" / "time_varying"
    events, expected = pd.read_csv(folder / "events.csv"), pd.read_csv(folder / "nonmem.csv")
    events["clearance"] = 1.1 * (events["WT"] / 70.0) ** 0.75
    found = pdsim.simulate_events(load("absorption"), events, method=method)
    assert deviation(1000.0 * found["concentration"], expected["CP"]) < PRINTED
    assert found.attrs["covariates"] == "nocb"
    forward = pdsim.simulate_events(load("absorption"), events, method=method, covariates="locf")
    assert deviation(1000.0 * forward["concentration"], expected["CP"]) > 0.01
    assert forward.attrs["covariates"] == "locf"
