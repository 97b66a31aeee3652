"""Every regimen of the trial facts is there, with the doses that are printed, or with the reason why not."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pdsim.dosing.days import parse_days
from pdsim.dosing.dose import Dose
from pdsim.library import Library

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT.parent / "shared" / "trials" / "regimens.csv"
IDS = (ROOT / "tests" / "unit" / "fixtures" / "regimen_ids.txt").read_text().split()
LIBRARY = Library(paths=[])
REASONS = LIBRARY.not_simulated()
GIVEN = [name for name in IDS if name not in REASONS]
NO_DRUG = {"nct06179888_observation", "postasct_placebo_or_observation", "ifm_placebo", "calgb_placebo"}
# Given only on progression, when treatment of the arm ends.
ON_PROGRESSION = {("rv_richardson_phase1", "dexamethasone")}
# Printed as once a week; the published schedule rests in the fourth week.
THREE_OF_FOUR = {("champion1_kd_weekly", "carfilzomib"), ("mmy1001_dkd", "carfilzomib")}


def test_the_list_is_that_of_the_table() -> None:
    if not TABLE.is_file():
        pytest.skip("the table of regimens is not beside the repository")
    with TABLE.open(encoding="utf-8") as file:
        assert [row["regimen_id"] for row in csv.DictReader(file)] == IDS


def test_none_is_missing() -> None:
    assert len(IDS) == len(set(IDS)) == 175
    known = set(LIBRARY.names("regimens"))
    assert [name for name in IDS if name not in known and name not in REASONS] == []
    assert set(REASONS) <= set(IDS)


@pytest.mark.parametrize("name", GIVEN)
def test_every_dose_has_a_status_and_a_source(name: str) -> None:
    regimen = LIBRARY.load_regimen(name)
    assert regimen.label != name
    assert regimen.source
    assert (not regimen.doses) == (name in NO_DRUG)
    for dose in regimen.doses:
        assert dose.status in ("verified", "recalled", "assumed"), dose
        assert dose.status != "assumed" or dose.source or regimen.status == "assumed"


def test_every_drug_has_a_card_that_can_be_given_so() -> None:
    cards = set(LIBRARY.names("drugs"))
    doses = {(dose.drug, dose.route) for name in GIVEN for dose in LIBRARY.load_regimen(name).doses}
    assert {drug for drug, _ in doses} - cards == set()
    for drug, route in doses:
        card = LIBRARY.load_drug(drug)
        assert route != "oral" or "absorption" in card.values, drug
        assert route != "sc" or "depot_absorption" in card.values, drug


def printed() -> Iterator[tuple[str, str, set[float], str]]:
    """Regimen, drug, amounts and days of every item of the table that prints an amount and days."""
    if not TABLE.is_file():
        return
    with TABLE.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for item in row["schedule"].split(";"):
                drug, amount, _, _, days, _, _ = item.split("|")
                name = row["regimen_id"]
                if amount and days not in ("", "biw") and (name, drug) not in ON_PROGRESSION:
                    yield name, drug, {float(one) for one in amount.replace("-", "/").split("/")}, days


def agrees(dose: Dose, name: str, days: str, cycle: float) -> bool:
    length = dose.cycle or cycle
    if days == "qw" and (name, dose.drug) in THREE_OF_FOUR:
        return dose.days in ((1, 8, 15), (8, 15))
    every = {"qw": 7, "q2w": 14, "q4w": 28}.get(days)
    wanted = (
        tuple(range(1, int(length) + 1, every))
        if every
        else parse_days(f"{days}:1-28" if days == "qod" else days, length)
    )
    return dose.days == wanted


@pytest.mark.parametrize(("name", "drug", "amounts", "days"), list(printed()))
def test_what_is_printed_is_given(name: str, drug: str, amounts: set[float], days: str) -> None:
    regimen = LIBRARY.load_regimen(name)
    assert any(
        dose.drug == drug and dose.amount in amounts and agrees(dose, name, days, regimen.cycle)
        for dose in regimen.doses
    )


def test_daratumumab_goes_from_cycles_of_three_weeks_to_four() -> None:
    times = LIBRARY.load_regimen("castor_dvd").days(300.0)["daratumumab"].tolist()
    assert times == [0, 7, 14, 21, 28, 35, 42, 49, 56, 63, 84, 105, 126, 147, 168, 196, 224, 252, 280]


def test_an_arm_of_dexamethasone_is_the_other_without_lenalidomide() -> None:
    both, alone = LIBRARY.load_regimen("mm010_len_dex"), LIBRARY.load_regimen("mm009_010_dex_pooled")
    expected = [replace(dose, source=both.source) for dose in both.doses if dose.drug == "dexamethasone"]
    assert list(alone.doses) == expected
