"""Dosing rules do not make a patient depend on company, place, threads or the stored grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pdsim.dosing.rules import Rule, Step, parse_condition

LADDER = tuple(Step(amount) for amount in (25.0, 15.0, 10.0, 5.0))
GROUPS = ("trajectory", "visits", "counts", "endpoints", "states", "dosing", "doses")


@pytest.fixture(scope="module")
def ruled(rep):
    """REP with rules that touch most patients, and a course that comes and goes."""
    low, high = parse_condition("anc < 2.5 Gpt"), parse_condition("anc >= 2.5 Gpt")
    old = parse_condition("creatinine_clearance < 80 mL/min")
    late = parse_condition("cycle > 3 and response < PR")
    line = replace(rep.doses[2], when_needed=True, amount=7.0)
    rules = (
        Rule("counts", low, "hold", ("lenalidomide",), high, LADDER),
        Rule("renal", old, "limit", ("lenalidomide",), amount=Step(15.0), days="qod:1-21"),
        Rule("course", low, "give", ("prednisone",), span=9.0, repeat=21.0),
        Rule("useless", late, "stop"),
    )
    return replace(rep, doses=(*rep.doses[:2], line), rules=rules)


@pytest.fixture(scope="module")
def treat(simulate, ruled):
    def run(patients=None, **changes):
        return simulate(patients, arms={"rep": ruled}, **{"visits": "14 d", **changes})

    return run


@pytest.fixture(scope="module")
def treated(treat):
    return treat()


def entries(run):
    """The ledger as a list of rows of each patient."""
    found = run["ledger"].to_dataset().to_dataframe()
    return {int(patient): rows.to_numpy().tolist() for patient, rows in found.groupby("patient")}


def test_the_rules_do_something(treated):
    found = treated["ledger"].to_dataset().to_dataframe()
    assert {"counts", "renal", "course", "useless", "progression"} == set(found["rule"])
    assert {"hold", "resume", "reduce", "set", "give", "end", "stop"} == set(found["decision"])


@pytest.mark.parametrize("row", [0, 15, 18])
def test_alone_as_in_the_cohort(treat, treated, cohort, assert_same, row):
    alone = treat(cohort.isel(patient=[row]))
    assert_same(treated, alone, lambda ds: ds.isel(patient=[row]) if "patient" in ds.dims else ds, GROUPS)
    patient = int(cohort["patient"].values[row])
    assert entries(alone).get(patient, []) == entries(treated).get(patient, [])


def test_reversed(treat, treated, cohort, assert_same):
    order = np.arange(cohort.sizes["patient"])[::-1]
    turned = treat(cohort.isel(patient=order))
    assert_same(treated, turned, lambda ds: ds.isel(patient=order) if "patient" in ds.dims else ds, GROUPS)
    assert entries(turned) == entries(treated)


def test_threads(treat, treated, assert_same):
    other = treat(threads=3)
    assert_same(treated, other, groups=GROUPS)
    assert other["ledger"].to_dataset().identical(treated["ledger"].to_dataset())


@pytest.mark.parametrize("changes", [{"every": 1.0}, {"every": 0.37}, {"counts": 3.5}, {"save": ["anc"]}])
def test_stored_times(treat, treated, assert_same, changes):
    other = treat(**changes)
    assert_same(treated, other, groups=("visits", "endpoints", "states", "dosing", "doses"))
    assert other["ledger"].to_dataset().identical(treated["ledger"].to_dataset())


def test_later_days(treat, treated):
    """What is decided does not depend on how long the study goes on."""
    before = treat(stop=60.0)["ledger"].to_dataset().to_dataframe()
    whole = treated["ledger"].to_dataset().to_dataframe()
    assert len(before) > 0
    assert before.query("day <= 56").to_numpy().tolist() == whole.query("day <= 56").to_numpy().tolist()
