"""Output tables of NONMEM runs, at the accuracy at which the tables themselves are right."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pdsim

TWO_COMPARTMENTS = {"clearance": "CL", "exchange": "Q", "peripheral_volume": "V2"}


@pytest.fixture(scope="module")
def tables(conformance):
    return conformance / "nonmem-tables"


# the run with ADVAN13 was integrated by NONMEM itself, at TOL = 6, and is printed with five digits
@pytest.mark.parametrize(
    ("file", "volume", "column", "accuracy"),
    [("iv_bolus_2cmt_402", "V1", "IPRE", 6.5e-6), ("iv_bolus_2cmt_runODE032_first30", "V", "IPRED", 5.5e-5)],
)
@pytest.mark.parametrize("method", ["closed", "ode"])
def test_two_compartments_with_the_parameters_of_each_subject(
    tables, load, deviation, method, file, volume, column, accuracy
):
    table = pd.read_csv(tables / f"{file}.csv")
    params = {**TWO_COMPARTMENTS, "volume": volume}
    found = pdsim.simulate_events(load("two_compartment"), table, params=params, method=method)
    assert found["ID"].nunique() == 30
    assert deviation(found["concentration"], table[column]) < accuracy


@pytest.mark.parametrize("method", ["closed", "ode"])
def test_infusions_of_one_compartment(tables, load, deviation, method):
    table = pd.read_csv(tables / "iv_infusion_1cmt_501_input.csv", skiprows=1)
    expected = pd.read_csv(tables / "iv_infusion_1cmt_504.csv")
    table = table.assign(CMT="central", clearance=expected["CL"], volume=expected["V"])
    found = pdsim.simulate_events(load("absorption"), table, method=method)
    assert deviation(found["concentration"], expected["CIPRED"]) < 1.1e-6


def test_warfarin_concentration_and_response(tables, load, deviation):
    table = pdsim.EventTable.read_csv(tables / "warfarin_pkpd_input.txt", separator=r"\s+")
    expected = pd.read_csv(tables / "warfarin_pkpd.csv")
    found = pdsim.simulate_events(load("warfarin"), table, ["concentration", "response"])
    assert found.attrs["method"] == "ode"
    here = np.where(expected["CMT"] == 3, found["response"], found["concentration"])
    assert deviation(here[1:], expected["IPRED"][1:]) < 5e-5  # five digits; the dose row reports the depot


def test_target_mediated_disposition(tables, load, deviation):
    table = pd.read_csv(tables / "tmdd2_input.csv", skiprows=1, skipinitialspace=True)
    table.columns = table.columns.str.strip()
    expected = pd.read_csv(tables / "tmdd2.csv")
    table = table.iloc[: len(expected)].assign(TIME=expected["TIME"])  # times are those that the run optimised
    logs = [3.90834, -2.18787, 0.557985, -0.186377, 2.26146, 0.210476, 3.70795, -0.708909]
    volume, elimination, outwards, inwards, binding, half, production, turnover = np.exp(logs)
    params = {
        "volume": volume,
        "elimination": elimination,
        "outwards": outwards,
        "inwards": inwards,
        "binding": binding,
        "half": half * volume,
        "production": production,
        "turnover": turnover,
        "baseline": production / turnover,
    }
    found = pdsim.simulate_events(load("target_mediated"), table, params=params, bioavailability={"target": "baseline"})
    here = np.where(expected["CMT"] == 3, found["free_target"], found["drug"])
    observed = expected["EVID"] == 0
    assert observed.sum() == 22
    assert deviation(here[observed], expected["CONC"][observed]) < 5.5e-5  # five digits, also of the times
