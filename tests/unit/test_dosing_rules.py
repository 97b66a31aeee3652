"""Dosing rules as data: conditions, what is read from files, what is refused and in which words."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from pdsim.dosing import Regimen, regimen_from_dict, rule_set_from_dict
from pdsim.dosing.rules import parse_condition
from pdsim.dosing.rules.binding import bind_rule
from pdsim.errors import ConfigError, DoseError
from pdsim.library import Library

ROOT = Path(__file__).resolve().parents[2]
SETS = sorted(path.stem for path in (ROOT / "configs" / "rules").glob("*.toml"))
HEAD = 'cycle = "28 d"\n[[dose]]\ndrug = "lenalidomide"\namount = "25 mg"\ndays = "1-21"\n'
BOTH = HEAD + '[[dose]]\ndrug = "dexamethasone"\namount = "40 mg"\ndays = "weekly"\n'


def read(text: str, head: str = BOTH) -> Regimen:
    return regimen_from_dict(tomllib.loads(head + text), "rd", "rd.toml")


def rule(**keys: str) -> str:
    return "[[rule]]\n" + "".join(f"{key.rstrip('_')} = {value}\n" for key, value in keys.items())


def mistakes(text: str, head: str = BOTH) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text, head)
    return str(caught.value).splitlines()[1:]


# conditions -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "values", "holds"),
    [
        ("anc < 1.0 Gpt", {"anc": [0.9, 1.0, np.nan]}, [True, False, False]),
        ("anc < 1.0 Gpt/L", {"anc": [0.9, 1.0, np.nan]}, [True, False, False]),
        ("anc < 1000/uL", {"anc": [0.9, 1.0, 2.0]}, [True, False, False]),
        ("platelets <= 50 Gpt and anc >= 1 Gpt", {"platelets": [50, 40, 60], "anc": [1, 0.5, 2]}, [True, False, False]),
        ("age > 75 yr", {"age": [75, 75.1, 90]}, [False, True, True]),
        ("age > 900 months", {"age": [75, 75.1, 90]}, [False, True, True]),
        ("creatinine_clearance <= 1.8 L/h", {"creatinine_clearance": [30, 31, 20]}, [True, False, True]),
        ("response >= PR", {"response": [3, 1, np.nan]}, [True, False, False]),
        ("response != PD", {"response": [3, 0, np.nan]}, [True, False, False]),
        ("progressed", {"progressed": [1, 0, 1]}, [True, False, True]),
        ("not progressed", {"progressed": [1, 0, 1]}, [False, True, False]),
        ("neutropenia >= 3", {"neutropenia": [3, 2, np.nan]}, [True, False, False]),
        ("car_t_day >= 80 d", {"car_t_day": [80, 79, np.nan]}, [True, False, False]),
        ("cycle > 8", {"cycle": [8, 9, 1]}, [False, True, False]),
    ],
)
def test_conditions(written: str, values: dict[str, list[float]], holds: list[bool]) -> None:
    condition = parse_condition(written)
    arrays = {name: np.array(value, float) for name, value in values.items()}
    assert condition.holds(arrays).tolist() == holds
    known = ~np.isnan(np.array(list(arrays.values()))).any(axis=0)
    assert condition.fails(arrays).tolist() == (known & ~np.array(holds)).tolist()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("anc < 1.0", '"anc < 1.0" has no unit; write "anc < 1.0 Gpt"'),
        ("age > 75", '"age > 75" has no unit; write "age > 75 yr"'),
        ("anc < 1.0 Gp", "unknown unit 'Gp'. Did you mean 'Gpt'"),
        ("age > 75 kg", "'kg' (mass) does not fit 'yr' (time)"),
        ("anc = 1.0 Gpt", 'is no condition (compare with "=="); write'),
        ("anc <", '"anc <" is no condition; write "anc < 1.0 Gpt"'),
        ("anc", '"anc" is compared with nothing; write for example "anc < 1 Gpt"'),
        ("response", 'write for example "response >= PR"'),
        ("response >= PRR", "'PRR' is no response. Did you mean 'PR'"),
        ("progressed == 1", 'write "progressed" or "not progressed"'),
        ("not age > 75 yr", '"not" stands before a yes-or-no value alone'),
        ("anc < 1 Gpt or platelets < 50 Gpt", 'has an "or"; write two rules'),
        ("anc < 1 Gpt and anc > 2 Gpt", "can never hold"),
        ("anc < low", "'low' is no quantity; write for example \"anc < 1 Gpt\""),
        ("sex > female", "a level is compared with == or !="),
        ("", "'' is no condition; write"),
        (7, "7 is no condition; write"),
    ],
)
def test_conditions_that_are_none(written: object, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_condition(written)


@pytest.mark.parametrize(
    ("one", "other", "excludes"),
    [
        ("anc < 1 Gpt", "anc >= 1 Gpt", True),
        ("anc <= 1 Gpt", "anc >= 1 Gpt", False),
        ("anc < 1000/uL", "anc >= 1 Gpt", True),
        ("anc < 1 Gpt", "platelets < 50 Gpt", False),
        ("anc < 1 Gpt and age > 75 yr", "age <= 75 yr", True),
        ("progressed", "not progressed", True),
        ("response >= PR", "response < PR", True),
        ("response >= PR", "response < VGPR", False),
        ("sex == female", "sex == male", True),
        ("sex == female", "sex != female", True),
        ("risk_factors == 1", "risk_factors >= 2", True),
        ("risk_factors >= 1", "risk_factors != 1", False),
    ],
)
def test_conditions_that_exclude_each_other(one: str, other: str, excludes: bool) -> None:
    first, second = parse_condition(one), parse_condition(other)
    assert first.excludes(second) is second.excludes(first) is excludes


def test_levels_and_units_of_a_cohort() -> None:
    found = read(rule(when='"sex == female and waist > 1 m"', drug='"lenalidomide"', action='"stop"')).rules[0]
    bound = bind_rule(found, {"sex": "1", "waist": "cm"}, {"sex": {"male": 0, "female": 1}}, "a.toml")
    assert bound is not None
    values = {"sex": np.array([1.0, 1.0, 0.0]), "waist": np.array([101.0, 99.0, 150.0])}
    assert bound.when.holds(values).tolist() == [True, False, False]
    with pytest.raises(ValueError, match=r"'female' is no level of 'sex'. Did you mean 'femal'"):
        bind_rule(found, {"sex": "1", "waist": "cm"}, {"sex": {"femal": 1}}, "a.toml")
    with pytest.raises(ValueError, match=r"reads 'waist', .*Add \[covariates.waist\] to a.toml"):
        bind_rule(found, {"sex": "1"}, {"sex": {"female": 1}}, "a.toml")
    misspelt = read(rule(when='"platelet < 50"', drug='"lenalidomide"', action='"stop"')).rules[0]
    with pytest.raises(ValueError, match=r"reads 'platelet', .* Did you mean 'platelets'"):
        bind_rule(misspelt, {}, {}, "a.toml")


# files ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rd", "rd_rules", "rd_growth_factor", "rd_frail"])
def test_shipped_regimens_with_rules_round_trip(name: str) -> None:
    found = Library().load_regimen(name)
    again = regimen_from_dict(found.to_dict(), name, "again")
    assert again == found
    assert len(again.rules) == {"rd": 0, "rd_rules": 8, "rd_growth_factor": 9, "rd_frail": 11}[name]


@pytest.mark.parametrize("name", SETS)
def test_shipped_rules_have_sources_and_describe_themselves(name: str) -> None:
    found = Library().load_rule_set(name)
    assert found.source
    assert all(one.status and one.name for one in found.rules)
    lines = found.describe()
    assert len(lines) == len(found.rules) + 2
    assert all(one.name in line and one.when.written in line for one, line in zip(found.rules, lines[1:], strict=False))


def test_every_key_round_trips() -> None:
    text = """
cycle = "28 d"
[[dose]]
drug = "filgrastim"
amount = "0.3 mg"
days = "continuous"
when_needed = true
[[dose]]
drug = "lenalidomide"
amount = "25 mg"
days = "1-21"
[[rule]]
name = "a"
when = "anc < 1 Gpt"
action = "hold"
resume = "anc >= 1 Gpt"
then = { ladder = ["15 mg", "stop"], after = 2 }
[[rule]]
name = "b"
when = "anc < 0.5 Gpt"
drug = "filgrastim"
action = "give"
for = "5 d"
repeat = "7 d"
[[rule]]
name = "c"
when = "dialysis"
drug = ["lenalidomide"]
action = "set"
amount = "60 %"
days = [1, 8]
order = 2
optional = true
status = "assumed"
source = "x"
"""
    found = read(text, "")
    assert regimen_from_dict(found.to_dict(), "rd", "again") == found
    assert found.rules[0].ends
    assert found.rules[0].drugs == ()
    assert [line.schedule for line in found.ruled_lines(28.0)] == ["", "", "1,8"]
    assert [len(line.line.times) for line in found.ruled_lines(28.0)] == [21, 28, 2]
    assert set(found.days(28.0)) == {"lenalidomide"}


def test_rules_stay_when_regimens_are_combined() -> None:
    first = read(rule(name='"a"', when='"anc < 1 Gpt"', action='"hold"'), HEAD)
    second = Regimen.every("7 d", "40 mg", drug="dexamethasone")
    for both in (first + second, second + first, first.then(second, after="6 cycles"), first.repeat(2)):
        assert both.rules == first.rules
    assert (first + first).rules == first.rules


def test_every_mistake_is_in_one_message() -> None:
    assert mistakes("""
[[rule]]
when = "anc < 1.0"
drug = "lenalidomide"
action = "hld"
[[rule]]
name = "ladder"
when = "anc < 1.0 Gpt"
drug = "lenalidomide"
action = "hold"
then = { ladder = ["15 mg", "25 mg"] }
[[rule]]
name = "zero"
when = "anc < 1.0 Gpt"
drug = "lenalidomide"
action = "set"
amount = "0 mg"
[[rule]]
name = "keys"
wen = "anc < 1.0 Gpt"
action = "reduce"
resume = "anc >= 1.0 Gpt"
[[rule]]
name = "units"
when = "anc < 1.0 Gpt"
drug = "lenalidomide"
action = "reduce"
ladder = ["15 mg", "50 %"]
repeat = "never"
""") == [
        "  rule[1].action: 'hld' is no action. Did you mean 'hold'? Known: hold, reduce, escalate, set, limit, stop, "
        "give",
        '  rule[1].when: "anc < 1.0" has no unit; write "anc < 1.0 Gpt"',
        "  rule[2] (ladder).then.ladder: 25 mg comes after 15 mg; steps go from high to low",
        '  rule[3] (zero).amount: a dose of zero is no step; to give nothing, write action = "hold" or action = "stop"',
        "  rule[4] (keys).wen: unknown key. Did you mean 'when'? Accepted: name, when, drug, action, amount, days, "
        "for, ladder, resume, then, repeat, order, optional, status, source",
        '  rule[4] (keys).when: missing; write for example when = "anc < 1.0 Gpt"',
        "  rule[4] (keys).drug: missing; 'reduce' needs it, for example drug = \"lenalidomide\"",
        "  rule[4] (keys).ladder: missing; 'reduce' needs it, for example ladder = "
        '["25 mg", "15 mg", "10 mg"]',
        "  rule[4] (keys).resume: 'reduce' has no use for it",
        "  rule[5] (units).repeat: 'never' is no quantity; write a number and a unit, such as '28 d'",
        "  rule[5] (units).ladder: 15 mg and 50 % are in different units; write all steps in one, or all in %",
    ]  # fmt: skip


LOW = '"anc < 1 Gpt"'
LEN = '"lenalidomide"'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            rule(name='"a"', when=LOW, drug='"lenalidomid"', action='"stop"'),
            "rule 'a': no dose line gives 'lenalidomid'. Did you mean 'lenalidomide'? Drugs of the regimen: "
            "lenalidomide, dexamethasone",
        ),
        (
            rule(name='"a"', when=LOW, drug=LEN, action='"set"', amount='"15 mg/m2"'),
            "rule 'a': 15 mg/m2 does not fit 'lenalidomide', which is given in mg",
        ),
        (
            rule(name='"a"', when=LOW, drug=LEN, action='"set"', amount='"15 mg"', days='"qod:1-31"'),
            "rule 'a': days: day 29, 31 is outside the cycle of 28 days (days count from 1)",
        ),
        (
            rule(name='"a"', when=LOW, drug='"all"', action='"limit"', amount='"50 %"'),
            "rule 'a': 'limit' cannot act on all drugs; name those it is meant for",
        ),
        (
            rule(name='"a"', when=LOW, drug=LEN, action='"give"', for_='"5 d"'),
            "rule 'a': 'lenalidomide' is given anyway; mark its dose line when_needed = true",
        ),
        (
            rule(name='"a"', when=LOW, action='"hold"', resume='"anc >= 0.5 Gpt"'),
            'rule \'a\': resume = "anc >= 0.5 Gpt" can hold while when = "anc < 1 Gpt" still does; a drug would be '
            "held and resumed at once",
        ),
        (
            rule(name='"a"', when=LOW, action='"stop"') + rule(name='"a"', when='"age > 75 yr"', action='"stop"'),
            "rule 'a': the name is there 2 times; the ledger needs one for each rule",
        ),
        (
            rule(name='"a"', when='"age > 75 yr"', drug=LEN, action='"set"', amount='"15 mg"')
            + rule(name='"b"', when='"age > 80 yr"', drug=LEN, action='"set"', amount='"10 mg"'),
            "rules 'a' and 'b' contradict each other: both change the amount of 'lenalidomide', and \"age > 75 yr\" "
            'and "age > 80 yr" can hold together; narrow one, or give each an order (the higher acts last)',
        ),
        (
            rule(name='"a"', when=LOW, drug=LEN, action='"reduce"', ladder='["10 mg"]')
            + rule(name='"b"', when='"response < PR"', drug=LEN, action='"escalate"', ladder='["50 mg"]'),
            "rules 'a' and 'b' contradict each other: both change the step of 'lenalidomide', and \"anc < 1 Gpt\" and "
            '"response < PR" can hold together; narrow one, or give each an order (the higher acts last)',
        ),
        (
            rule(name='"a"', when='"age > 75 yr"', drug=LEN, action='"limit"', amount='"15 mg"', days='"1-14"')
            + rule(name='"b"', when='"frail"', drug=LEN, action='"limit"', amount='"15 mg"', days='"qod:1-21"'),
            "rules 'a' and 'b' contradict each other: both change the days of 'lenalidomide', and \"age > 75 yr\" and "
            '"frail" can hold together; narrow one, or give each an order (the higher acts last)',
        ),
    ],
    ids=["drug", "unit", "days", "all", "given", "resume", "name", "amounts", "steps", "schedules"],
)  # fmt: skip
def test_rules_that_do_not_fit(text: str, words: str) -> None:
    assert mistakes(text) == ["  " + words]


def test_contradictions_are_settled_by_an_order_or_by_conditions_that_exclude_each_other() -> None:
    one = rule(name='"a"', when='"age > 75 yr"', drug=LEN, action='"set"', amount='"15 mg"')
    other = rule(name='"b"', when='"age > 80 yr"', drug=LEN, action='"set"', amount='"10 mg"')
    assert len(read(one + other + "order = 1\n").rules) == 2
    assert len(read(one.replace("> 75 yr", "> 75 yr and age <= 80 yr") + other).rules) == 2
    assert len(read(one + other.replace("lenalidomide", "dexamethasone")).rules) == 2


def test_a_drug_that_waits_needs_a_rule() -> None:
    waiting = '[[dose]]\ndrug = "filgrastim"\namount = "0.3 mg"\ndays = "1"\nwhen_needed = true\n'
    assert mistakes(waiting) == ["  'filgrastim' waits for a rule (when_needed), and no rule gives it"]
    give = rule(name='"a"', when=LOW, drug='"filgrastim"', action='"give"', for_='"5 d"')
    stop = rule(name='"b"', when=LOW, drug='"filgrastim"', action='"stop"')
    assert mistakes(waiting + give + stop) == [
        "  rule 'b': 'filgrastim' waits for a rule (when_needed); 'stop' can only act on a planned drug"
    ]


def test_python_regimens_are_held_to_the_same_rules() -> None:
    rules = Library().load_rule_set("lenalidomide_counts").rules
    with pytest.raises(DoseError, match="rule 'neutropenia': no dose line gives 'lenalidomide'"):
        Regimen("x", 28.0, Regimen.every("7 d", "40 mg", drug="dexamethasone").doses, rules=rules)


def test_rule_files_that_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)own.toml: 2 mistakes in rule set 'own'.*title: unknown.*at least one"):
        rule_set_from_dict({"title": "x"}, "own", "own.toml")
    (tmp_path / "rd.toml").write_text('rules = ["lenalidomide_count"]\n' + HEAD)
    with pytest.raises(ConfigError, match=r"rules\[1\] .*There is no rule set 'lenalidomide_count'. Did you mean"):
        Library(study_folder=tmp_path).load_regimen("./rd.toml")
    with pytest.raises(ConfigError, match=r"load the regimen with pdsim.load_regimen"):
        regimen_from_dict(tomllib.loads('rules = ["x"]\n' + HEAD), "rd", "rd.toml")
