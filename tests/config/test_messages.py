"""Every mistake in a file ends in one message that names file, key, what is wrong and the nearest name."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from pdsim.config import load_study
from pdsim.errors import ConfigError, NotFoundError

Edit = Callable[..., object]

# file, old text, new text, the mistake as printed under its file
BAD = {
    "misspelt drug": (
        "regimens/toy.toml",
        'drug = "toycide"',
        'drug = "toycid"',
        "dose[1].drug: There is no drug 'toycid'. Did you mean 'toycide'?",
    ),
    "rule on a misspelt drug": (
        "regimens/toy.toml",
        "[[dose]]",
        '[[rule]]\nname = "low"\nwhen = "anc < 1 Gpt"\ndrug = "toycid"\naction = "stop"\n[[dose]]',
        "rule 'low': no dose line gives 'toycid'. Did you mean 'toycide'? Drugs of the regimen: toycide",
    ),
    "rule without a unit": (
        "regimens/toy.toml",
        "[[dose]]",
        '[[rule]]\nwhen = "anc < 1"\naction = "stop"\n[[dose]]',
        'rule[1].when: "anc < 1" has no unit; write "anc < 1 Gpt"',
    ),
    "rule on a covariate that nobody has": (
        "regimens/toy.toml",
        "[[dose]]",
        '[[rule]]\nname = "old"\nwhen = "age > 75 yr"\naction = "stop"\n[[dose]]',
        "rule 'old' reads 'age', which is neither known at visits nor a covariate of the patients. "
        "Add [covariates.age] to populations/toys.toml, or make the rule optional = true",
    ),
    "rule on days from cells that nobody is given": (
        "regimens/toy.toml",
        "[[dose]]",
        '[[rule]]\nname = "late"\nwhen = "car_t_day > 80 d"\naction = "stop"\n[[dose]]',
        "rule 'late' reads 'car_t_day', and the regimen gives no cells; add a dose line in cells",
    ),
    "misspelt rule file": (
        "regimens/toy.toml",
        "[[dose]]",
        'rules = ["lenalidomide_count"]\n[[dose]]',
        "rules[1] (lenalidomide_count): There is no rule set 'lenalidomide_count'. Did you mean 'lenalidomide_counts'",
    ),
    "misspelt regimen": (
        "study.toml",
        'regimen = "toy"',
        'regimen = "toi"',
        "arms.toy.regimen: There is no regimen 'toi'. Did you mean 'toy'?",
    ),
    "misspelt key": ("study.toml", "seed = 3", "sed = 3", "sed: unknown key. Did you mean 'seed'?"),
    "misspelt table": ("study.toml", "[cohort]", "[cohrt]", "cohrt: unknown table. Did you mean 'cohort'?"),
    "sensitivity to nothing": (
        "study.toml",
        "[cohort]",
        '[sensitivity]\nendpoints = ["orr"]\n[cohort]',
        "sensitivity: there is no table [sweep] that says what is varied.",
    ),
    "dose of a drug that is not given": (
        "study.toml",
        'until = "progression"',
        'until = "progression", dose = { toycid = { factor = 0.5 } }',
        "arms.toy.dose.toycid: the regimen 'toy' does not give 'toycid'. Did you mean 'toycide'?",
    ),
    "misspelt key of a dose": (
        "study.toml",
        'until = "progression"',
        'until = "progression", dose = { toycide = { amout = "5 mg" } }',
        "arms.toy.dose.toycide.amout: unknown key. Did you mean 'amount'?",
    ),
    "changed population that cannot be": (
        "study.toml",
        "[cohort]",
        "[cohort.change.parameters.growth]\ncv = -1\n[cohort]",
        "cohort.change: parameters.growth.cv:",
    ),
    "table of a later version": ("study.toml", "[cohort]", "[fit]\n[cohort]", "fit: unknown table."),
    "misspelt key of an arm": ("study.toml", "until =", "untl =", "arms.toy.untl: unknown key. Did you mean 'until'?"),
    "misspelt value": (
        "study.toml",
        '"progression"',
        '"progresion"',
        "arms.toy.until: 'progresion' is not one of progression. Did you mean 'progression'?",
    ),
    "misspelt parameter": (
        "study.toml",
        "{ kill = 0.0 }",
        "{ kil = 0.0 }",
        "hypothesis[1].set.kil: the model 'toy' has no parameter 'kil'. Did you mean 'kill'?",
    ),
    "parameter below its bound": (
        "study.toml",
        "{ kill = 0.0 }",
        "{ kill = -1 }",
        "hypothesis[1].set.kill: should be at least 0 1/day, not -1.",
    ),
    "parameter in a wrong unit": (
        "study.toml",
        "{ kill = 0.0 }",
        '{ kill = "1 mg" }',
        "hypothesis[1].set.kill: cannot read '1 mg'",
    ),
    "misspelt output": (
        "study.toml",
        '"burden"]',
        '"burdn"]',
        "save[2]: 'burdn' is no output of the model 'toy'. Did you mean 'burden'?",
    ),
    "misspelt unit": ("study.toml", '"7 d"', '"7 dy"', "every: cannot read '7 dy': unknown unit 'dy'."),
    "time without unit": (
        "study.toml",
        '"168 d"',
        "168",
        "stop: 168 has no unit. Write it as text with one, such as '168 d' or '3 yr'.",
    ),
    "time without unit in quotes": (
        "study.toml",
        '"168 d"',
        '"168"',
        "stop: '168' has no unit. Write one, such as '168 d' or '3 yr'.",
    ),
    "time of a wrong kind": ("study.toml", '"168 d"', '"168 mg"', "stop: cannot read '168 mg'"),
    "visits beyond the end": (
        "study.toml",
        '"28 d"',
        '"1 yr"',
        "visits: '1 yr' is longer than the whole study, stop = '168 d'.",
    ),
    "misspelt population": (
        "study.toml",
        '"toys"',
        '"toyz"',
        "population: There is no population 'toyz'. Did you mean 'toys'?",
    ),
    "misspelt model": (
        "study.toml",
        '"toy"\npop',
        '"tooy"\npop',
        "model: There is no model 'tooy'. Did you mean 'toy'?",
    ),
    "dose without unit": ("regimens/toy.toml", '"25 mg"', "25", "dose[1] (toycide).amount: 25 has no unit"),
    "days outside the cycle": (
        "regimens/toy.toml",
        '"1-21"',
        '"1-35"',
        "day 29, 30, 31, 32, 33, 34, 35 is outside the cycle of 28 days",
    ),
    "negative cohort": ("study.toml", "size = 4", "size = -4", "cohort.size: should be at least 1, not -4."),
    "cohort as text": ("study.toml", "size = 4", 'size = "4"', "cohort.size: should be a whole number, not '4'."),
    "hypothesis of no arm": (
        "study.toml",
        'arm = "toy"',
        'arm = "tey"',
        "hypothesis[1].arm: there is no arm 'tey'. Did you mean 'toy'? Arms: none, toy.",
    ),
    "arm name with a colon": (
        "study.toml",
        "none = {}",
        '"no:ne" = {}',
        "arms.no:ne: 'no:ne' should be made of letters, digits, '_', '-' and '+'.",
    ),
    "until without regimen": (
        "study.toml",
        "none = {}",
        'none = { until = "progression" }',
        "arms.none.until: there is no regimen that could end.",
    ),
    "no arms": (
        "study.toml",
        '[arms]\nnone = {}\ntoy = { regimen = "toy", until = "progression" }',
        "[arms]",
        "arms: should not be empty.",
    ),
    "tolerance out of range": (
        "study.toml",
        "[arms]",
        "[solver]\nrtol = -1.0\n[arms]",
        "solver.rtol: should be more than 0, not -1.0.",
    ),
    "misspelt method": (
        "study.toml",
        "[arms]",
        '[solver]\nmethod = "stif"\n[arms]',
        "solver.method: 'stif' is not one of auto, cascade, explicit, stiff. Did you mean 'stiff'?",
    ),
    "drug that the model cannot feel": (
        "models/drugs/toycide.toml",
        '"exposed"',
        '"expozed"',
        "model 'toy' has no such Input. Did you mean 'exposed'?",
    ),
    "clearance in a wrong unit": ("models/drugs/toycide.toml", '"200 L/day"', '"200 mg"', "pk.clearance: "),
}


@pytest.mark.parametrize("case", BAD)
def test_mistake_is_named(case: str, edit: Edit) -> None:
    file, old, new, expected = BAD[case]
    edit(file, old, new)
    with pytest.raises(ConfigError) as caught:
        load_study("study.toml")
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("in the study study.toml:")
    assert f"  {file}" in lines
    assert any(expected in line for line in lines[lines.index(f"  {file}") + 1 :])


def test_one_mistake_word_for_word(edit: Edit) -> None:
    edit("study.toml", "size = 4", "size = -4", "seed = 3", "seeds = 3")
    edit("regimens/toy.toml", '"1-21"', '"0-3"')
    with pytest.raises(ConfigError) as caught:
        load_study("study.toml")
    assert str(caught.value) == "\n".join(
        [
            "3 mistakes in the study study.toml:",
            "  study.toml",
            "    - cohort.size: should be at least 1, not -4.",
            "    - seeds: unknown key. Did you mean 'seed' or 'sweep'?",
            "  regimens/toy.toml",
            "    - dose[1] (toycide).days: day 0 is outside the cycle of 28 days (days count from 1)",
        ]
    )


def test_ten_mistakes_are_ten(edit: Edit) -> None:
    edit(
        "study.toml",
        *("seed = 3", "sed = 3"),
        *('"168 d"', "168"),
        *('"7 d"', '"7 dy"'),
        *("interval_n = 20", "interval_n = 0"),
        *('"burden"]', '"burdn"]'),
        *("size = 4", "size = -4"),
        *('"progression"', '"progresion"'),
        *('arm = "toy"', 'arm = "tey"'),
        *("{ kill = 0.0 }", "{ kil = 0.0 }"),
        *('"toys"', '"toyz"'),
    )
    with pytest.raises(ConfigError) as caught:
        load_study("study.toml")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("10 mistakes")
    assert sum(line.startswith("    - ") for line in lines) == 10


def test_syntax_error_has_its_line(edit: Edit) -> None:
    edit("study.toml", "seed = 3", "seed = = 3")
    with pytest.raises(
        ConfigError, match=r"study.toml, line 4, column 8: not valid TOML: .* The line reads: seed = = 3"
    ):
        load_study("study.toml")


def test_syntax_error_in_a_regimen_is_in_the_list(edit: Edit) -> None:
    edit("regimens/toy.toml", 'cycle = "28 d"', 'cycle = "28 d')
    edit("study.toml", "size = 4", "size = -4")
    with pytest.raises(ConfigError, match="2 mistakes") as caught:
        load_study("study.toml")
    assert "line 2" in str(caught.value)


def test_unknown_study() -> None:
    with pytest.raises(NotFoundError, match="There is no study file"):
        load_study("nowhere/study.toml")


def test_misspelt_study(folder: object) -> None:
    with pytest.raises(NotFoundError, match=r"Did you mean 'study.toml'\?"):
        load_study("studi.toml")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("cohort.sise=3", "there is no key 'sise' in 'cohort'. Did you mean 'size'?"),
        ("cohrt.size=3", "there is no 'cohrt' in a study. Did you mean 'cohort'?"),
        ("arms.tey.until=progression", "there is no 'tey' in 'arms'. Did you mean 'toy'?"),
        ("hypothesis.H2.arm=toy", "there is no hypothesis 'H2'. Known are: H1."),
        ("cohort.size", "should read key.path=value"),
        ("cohort.size=-1", "cohort.size: should be at least 1, not -1."),
        ("seed.x=1", "'seed' is a value, not a table."),
        ("arms.toy.set.kil=1", "has no parameter 'kil'. Did you mean 'kill'?"),
        ("save=[1", "'[1' is not a TOML value."),
    ],
)
def test_override_mistakes_name_the_override(override: str, expected: str, folder: object) -> None:
    with pytest.raises(ConfigError) as caught:
        load_study("study.toml", [override])
    lines = str(caught.value).splitlines()
    assert lines[0] == "1 mistake in the study study.toml:"
    assert lines[1] == f"  --set {override}"
    assert expected in lines[2]


def paths(tree: dict[str, object], before: tuple[str, ...] = ()) -> list[str]:
    """Key paths of a study, as overrides write them."""
    found = []
    for key, value in tree.items():
        if isinstance(value, dict):
            found += paths(value, (*before, key))
        found.append(".".join((*before, key)))
    return found


VALUES = ["3", "-1.5", "true", '""', '"x y"', "[]", "[1]", "{}", "{a = 1}", "nan", "1979-05-27"]


@pytest.mark.parametrize("value", VALUES)
def test_no_value_of_a_wrong_type_gets_past(value: str, folder: Path) -> None:
    """Where a value is refused, the message names its key; no other error comes out."""
    tree = tomllib.loads((folder / "study.toml").read_text())
    tree["hypothesis"] = {"H1": tree["hypothesis"][0]}
    said = {}
    for path in [*paths(tree), "solver", "solver.rtol", "folder", "name", "title"]:
        try:
            load_study("study.toml", [f"{path}={value}"])
        except (ConfigError, NotFoundError) as error:  # and nothing else
            said[path] = str(error)
    assert said
    assert [path for path, text in said.items() if path.rpartition(".")[2] not in text] == []
