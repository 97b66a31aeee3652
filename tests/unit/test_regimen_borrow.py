"""Regimens that borrow from another, arms without drugs, and regimens that cannot be simulated."""

from __future__ import annotations

from pathlib import Path

import pytest

from pdsim.dosing import Dose, regimen_from_dict
from pdsim.errors import ConfigError, NotFoundError
from pdsim.library import Library
from pdsim.library.summary import regimen_lines

BASE = """label = "Base"
cycle = "21 d"
source = "A 2001"
status = "verified"
until = "progression"
[[dose]]
drug = "a"
amount = "1 mg"
days = "1,8"
[[dose]]
drug = "b"
amount = "2 mg"
days = "1"
status = "assumed"
source = "usual"
[[dose]]
drug = "a"
amount = "3 mg"
days = "1"
start = "8 cycles"
cycle = "28 d"
"""


@pytest.fixture
def library(tmp_path: Path) -> Library:
    (tmp_path / "base.toml").write_text(BASE)
    return Library(paths=[], study_folder=tmp_path)


def add(library: Library, name: str, text: str) -> Library:
    assert library.study_folder
    (library.study_folder / f"{name}.toml").write_text(text)
    return library


def message(library: Library, text: str) -> list[str]:
    """What is said about a regimen file `mine`, without its first line."""
    with pytest.raises(ConfigError) as caught:
        add(library, "mine", text).load_regimen("mine")
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def test_the_status_of_the_file_is_that_of_doses_without_one(library: Library) -> None:
    base = library.load_regimen("base")
    assert [dose.status for dose in base.doses] == ["verified", "assumed", "verified"]
    assert base.status == "assumed"


def test_start_counts_cycles_of_the_regimen(library: Library) -> None:
    assert [dose.start for dose in library.load_regimen("base").doses] == [0.0, 0.0, 168.0]


def test_an_alias_has_the_doses_of_the_other_with_their_sources(library: Library) -> None:
    mine = add(library, "mine", 'same_as = "base"\nlabel = "My arm"').load_regimen("mine")
    assert (mine.name, mine.label, mine.cycle, mine.until, mine.source) == (
        "mine", "My arm", 21.0, "progression", "A 2001",
    )  # fmt: skip
    assert mine.lines(300.0)[2].times.tolist() == library.load_regimen("base").lines(300.0)[2].times.tolist()
    assert [dose.source for dose in mine.doses] == ["A 2001", "usual", "A 2001"]


def test_no_borrowed_dose_is_better_known_than_the_borrower_says(library: Library) -> None:
    mine = add(library, "mine", 'same_as = "base"\nsource = "B 2002"\nstatus = "recalled"').load_regimen("mine")
    assert mine.source == "B 2002"
    assert [dose.status for dose in mine.doses] == ["recalled", "assumed", "recalled"]


def test_a_drug_of_its_own_replaces_all_lines_of_that_drug(library: Library) -> None:
    text = (
        'same_as = "base"\n[[dose]]\ndrug = "a"\namount = "9 mg"\ndays = "2"\n[[dose]]\ndrug = "c"\namount = "1 mg"\n'
    )
    mine = add(library, "mine", text + 'days = "1-21"').load_regimen("mine")
    assert [(dose.drug, dose.amount) for dose in mine.doses] == [("b", 2.0), ("a", 9.0), ("c", 1.0)]


def test_drugs_are_left_out(library: Library) -> None:
    mine = add(library, "mine", 'same_as = "base"\nwithout = ["a"]').load_regimen("mine")
    assert [dose.drug for dose in mine.doses] == ["b"]


def test_borrowing_goes_on_through_files(library: Library) -> None:
    add(library, "first", 'same_as = "base"\nwithout = ["a"]')
    assert add(library, "mine", 'same_as = "first"').load_regimen("mine").doses == (
        Dose("b", 2.0, days=(1,), status="assumed", source="usual"),
    )
    assert library.lenders("mine") == ["first", "base"]
    assert library.lenders("base") == []


RULES = """
[[rule]]
name = "both"
when = "anc < 1.0 Gpt"
drug = ["a", "b"]
action = "stop"
[[rule]]
name = "first"
when = "anc < 0.5 Gpt"
drug = "a"
action = "stop"
"""


def test_rules_come_along_for_drugs_that_are_given(library: Library) -> None:
    add(library, "ruled", BASE + RULES)
    own = RULES.partition('[[rule]]\nname = "first"')[0].replace("1.0", "0.7").replace('["a", "b"]', '"b"')
    without = add(library, "mine", 'same_as = "ruled"\nwithout = ["a"]').load_regimen("mine")
    assert [(rule.name, rule.drugs) for rule in without.rules] == [("both", ("b",))]
    replaced = add(library, "yours", 'same_as = "ruled"\n' + own).load_regimen("yours")
    assert [(rule.name, rule.drugs) for rule in replaced.rules] == [("first", ("a",)), ("both", ("b",))]


def test_an_arm_without_drugs_says_what_it_is(library: Library) -> None:
    mine = add(library, "mine", 'meaning = "visits only"').load_regimen("mine")
    assert mine.doses == mine.lines(100.0) == ()
    assert mine.describe() == ("mine: cycle of 28 days", "  no drug", "  meaning: visits only")
    assert regimen_from_dict(mine.to_dict(), "mine", "again") == mine


def test_every_mistake_of_a_borrower_is_in_one_message(library: Library) -> None:
    text = """same_as = "base"
cycle = "28 d"
withot = ["a"]
without = ["bb"]
status = "known"
meanng = "x"
meaning = 3
"""
    accepted = "Accepted: cycle, label, source, status, until, meaning, same_as, without, [[dose]], [[rule]], rules"
    assert message(library, text) == [
        f"withot: unknown table. Did you mean 'without'? {accepted}",
        f"meanng: unknown key. Did you mean 'meaning'? {accepted}",
        "without: 'base' does not give 'bb'. Did you mean 'b'? It gives a, b",
        "meaning: 3 is not a text in quotes",
        "status: 'known' is no status; use verified, recalled, assumed",
        "cycle: the cycle is that of the regimen in same_as; leave it out",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('same_as = "bas"', "same_as: There is no regimen 'bas'. Did you mean 'base'?"),
        ("same_as = 3", "same_as: 3 is not the name of a regimen in quotes"),
        ('without = "a"\nsame_as = "base"', "without: 'a' is no list of drugs; write for example [\"dexamethasone\"]"),
        ('without = ["a"]\nmeaning = "x"', "without: nothing can be left out of a regimen that is not same_as another"),
        ('cycle = "28 d"', "dose: give at least one [[dose]] table, or say with meaning what the arm without drugs is"),
        ('dose = 3\nmeaning = "x"', "dose: write every dose as a [[dose]] table"),
        ('same_as = "mine"', "same_as: regimens borrow from each other in a circle: mine, mine"),
    ],
)
def test_one_mistake(text: str, said: str, library: Library) -> None:
    assert message(library, text)[0].startswith(said)


def test_an_alias_needs_a_library() -> None:
    with pytest.raises(ConfigError, match=r"same_as: other regimens are found by a library"):
        regimen_from_dict({"same_as": "base"}, "mine", "mine.toml")


def test_a_regimen_that_cannot_be_simulated_says_why(library: Library) -> None:
    with pytest.raises(NotFoundError, match=r"The regimen 'len_prevnar' cannot be simulated: a study of .*vaccine"):
        library.load_regimen("len_prevnar")


def test_own_reasons_win_and_an_own_file_ends_them(library: Library) -> None:
    assert library.study_folder
    folder = library.study_folder / "regimens"
    folder.mkdir()
    (folder / "not_simulated.toml").write_text('len_prevnar = "mine"\nother = "why"\n')
    reasons = library.not_simulated()
    assert (reasons["len_prevnar"], reasons["other"]) == ("mine", "why")
    add(library, "other", BASE)
    assert "other" not in library.not_simulated()
    (folder / "not_simulated.toml").write_text("other = 3\n")
    with pytest.raises(ConfigError, match=r'write every line as name = "reason", not so: other'):
        library.not_simulated()


def test_the_list_says_how_well_each_is_known(library: Library) -> None:
    add(library, "watch", 'meaning = "visits only"')
    add(library, "broken", 'label = "Broken"\nsame_as = "nowhere"')
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in regimen_lines(library)}
    assert lines["base"] == "assumed Base"
    assert lines["watch"] == "no drug visits only"
    assert lines["broken"] == "wrong Broken"
    assert lines["mm010_len_dex"] == "verified RD (MM-010)"
    assert lines["len_prevnar"].startswith("not simulated a study of the response to a pneumococcal vaccine")
