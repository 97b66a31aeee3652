"""Regimen files: what is read, what is refused, and in which words."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from pdsim.dosing import Dose, Regimen, regimen_from_dict
from pdsim.errors import ConfigError
from pdsim.library import Library

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Library(paths=[])
KEYS = "Accepted: cycle, label, source, status, until, meaning, same_as, without, [[dose]], [[rule]], rules"


def read(text: str) -> Regimen:
    return regimen_from_dict(tomllib.loads(text), "rep", "rep.toml")


def one(line: str, cycle: str = "28 d") -> Dose:
    return read(f'cycle = "{cycle}"\n[[dose]]\ndrug = "a"\n{line}').doses[0]


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ('"1-4"', (1, 2, 3, 4)),
        ('"1,8,15,22"', (1, 8, 15, 22)),
        ("[1, 8]", (1, 8)),
        ("3", (3,)),
        ('"1-3, 9"', (1, 2, 3, 9)),
        ('"qod:1-7"', (1, 3, 5, 7)),
        ('"weekly"', (1, 8, 15, 22)),
        ('"continuous"', "continuous"),
    ],
)
def test_days(written: str, days: object) -> None:
    assert one(f'amount = "1 mg"\ndays = {written}').days == days


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("25 mg", (25.0, "mg", "flat")),
        ("0.5 g", (500.0, "mg", "flat")),
        ("750 mg/m2", (750.0, "mg", "m2")),
        ("16 mg/kg", (16.0, "mg", "kg")),
        ("450e6 cell", (450e6, "cell", "flat")),
        ("1.5e6 cells/kg", (1.5e6, "cell", "kg")),
    ],
)
def test_amounts(written: str, amount: tuple[float, str, str]) -> None:
    dose = one(f'amount = "{written}"\ndays = "1"')
    assert (dose.amount, dose.unit, dose.per) == amount


def test_all_keys_of_a_dose() -> None:
    dose = one(
        'amount = "1 mg"\ndays = "1"\ncycles = "2-"\nroute = "infusion"\nduration = "1 h"\ntime = "6 h"\nper_day = 2\n'
        'start = "1 wk"\nstop = "1 yr"\ncycle = "7 d"\nstatus = "assumed"\nsource = "usual"'
    )
    expected = Dose(
        "a", 1.0, "mg", "flat", "infusion", (1,), (2, None), 1 / 24, 0.25, 2, 7.0, 365.25, 7.0, "assumed", "usual"
    )
    assert dose == expected


def test_every_mistake_is_in_one_message() -> None:
    with pytest.raises(ConfigError) as caught:
        read("""
cycl = "28 d"
cycle = "28 d"
until = "death"
[[rul]]
when = "anc < 1.0 Gpt"
[[dose]]
drug = "lenalidomide"
amount = 25
days = "1-29"
rute = "oral"
[[dose]]
drug = "b"
amount = "25 mgg"
days = "21-1"
route = "orl"
[[dose]]
amount = "-3 mg"
days = "1"
cycles = "8-1"
route = "infusion"
[[dose]]
drug = "c"
amount = "3 mg/L"
days = [1.5]
time = "30 h"
per_day = 0
status = "guess"
duration = "x"
""")
    assert str(caught.value).splitlines() == [
        "rep.toml: 19 mistakes in regimen 'rep'",
        f"  cycl: unknown key. Did you mean 'cycle'? {KEYS}",
        f"  rul: unknown table. Did you mean 'rule' or 'rules'? {KEYS}",
        "  until: 'death' is not known; write until = \"progression\" or leave it out",
        "  dose[1] (lenalidomide).rute: unknown key. Did you mean 'route'? Accepted: drug, amount, days, cycles, "
        "route, duration, time, per_day, start, stop, cycle, status, source, when_needed",
        '  dose[1] (lenalidomide).amount: 25 has no unit; write "25 mg", or mg/m2, mg/kg, cell, IU',
        "  dose[1] (lenalidomide).days: day 29 is outside the cycle of 28 days (days count from 1)",
        '  dose[2] (b).days: "21-1" runs backwards; write "1-21"',
        "  dose[2] (b).amount: 'mgg' is no unit of an amount. Did you mean 'mg' or 'mcg'? "
        "Known: mg, g, ug, mcg, ng, cell, cells, IU",
        "  dose[2] (b).route: 'orl' is no route. Did you mean 'oral'? Known: oral, iv, infusion, sc",
        '  dose[3].drug: missing; write for example drug = "lenalidomide"',
        '  dose[3].cycles: "8-1" runs backwards; write "1-8"',
        "  dose[3].amount: -3 mg is not a positive amount",
        '  dose[3].duration: an infusion needs its length, for example duration = "1 h"',
        '  dose[4] (c).days: [1.5] holds something that is not a whole day; write "1-21", "1,8,15,22", [1, 8], '
        '"qod:1-21", "weekly" or "continuous"',
        "  dose[4] (c).duration: 'x' is no quantity; write a number and a unit, such as '28 d'",
        "  dose[4] (c).amount: '/L' in 'mg/L': an amount is flat, per m2 or per kg; give per_day for doses in a day",
        "  dose[4] (c).time: 30 h is not within one day",
        "  dose[4] (c).per_day: 0 doses a day; write a whole number from 1",
        "  dose[4] (c).status: 'guess' is no status; use verified, recalled, assumed",
    ]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('[[dose]]\ndrug = "a"\namount = "1 mg"\ndays = "1"', "cycle: missing"),
        ('cycle = "28 d"', r"at least one \[\[dose\]\]"),
        ('cycle = "-28 d"\n[[dose]]\ndrug = "a"\namount = "1 mg"\ndays = "1"', "positive number of days"),
        ('cycle = "28 q"\n[[dose]]\ndrug = "a"\namount = "1 mg"\ndays = "1"', "unknown unit 'q'"),
        ('cycle = "28 d"\n[[dose]]\ndrug = "a"\namount = "1 mg"\ndays = "1,1"', "listed twice"),
        ('cycle = "28 d"\n[[dose]]\ndrug = "a"\namount = "1 mg"\ndays = "0"', "day 0 is outside"),
        ('cycle = "28 d"\n[[dose]]\ndrug = "a"\namount = "1 mg"\ndays = "1"\ncycles = "0-3"', "before cycle 1"),
        ('cycle = "28 d"\n[[dose]]\ndrug = "a"\namount = "1 mg"\ndays = "1"\nper_day = 1.5', "not a whole number"),
    ],
)
def test_one_mistake(text: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        read(text)


@pytest.mark.parametrize("name", LIBRARY.names("regimens"))
def test_shipped_regimens_round_trip(name: str) -> None:
    found = LIBRARY.load_regimen(name)
    assert regimen_from_dict(found.to_dict(), name, "again") == found
    assert found.source
    assert found.meaning or found.until == "progression" or found.length < 28.0 * 2


def test_a_combined_regimen_round_trips() -> None:
    first = Regimen.every("28 d", "0.1 mg", drug="a", route="infusion", duration="1 h")
    both = first.then(Regimen.every("21 d", "2 mg/kg", drug="b", times=3), after="50 h")
    assert regimen_from_dict(both.to_dict(), both.name, "again") == both


def test_rep_is_given_as_published() -> None:
    path = ROOT / "configs" / "regimens" / "rep.toml"
    days = regimen_from_dict(tomllib.loads(path.read_text()), "rep", "rep.toml").days(56.0)
    assert days["lenalidomide"].tolist() == [*range(21), *range(28, 49)]
    assert days["cyclophosphamide"].tolist() == days["prednisone"].tolist() == list(range(56))
