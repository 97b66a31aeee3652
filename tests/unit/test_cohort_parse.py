"""Population files: what is read, and every mistake with its place."""

from __future__ import annotations

import tomllib

import pytest

from pdsim.cohort import population_from_dict
from pdsim.cohort.distributions import Lognormal
from pdsim.errors import ConfigError

GOOD = """
title = "small"
source = "none"
[clones]
name = ["sensitive", "resistant"]
cereblon = [1.0, 0.04]
[clones.fraction]
distribution = "logistic_normal"
typical = [0.9, 0.1]
log_odds_sd = 2.0
correlation.resistant = { growth_net = 0.3 }
[parameters.growth_net]
distribution = "lognormal"
typical = 0.0113
unit = "1/day"
cv = 0.5
source = "here"
status = "assumed"
[covariates.age]
distribution = "normal"
mean = 66
sd = 9
[covariates.weight]
distribution = "fixed"
value = "80000 g"
[covariates.height]
distribution = "truncated_normal"
mean = "1.7 m"
sd = "9 cm"
low = 140
"""


def read(text: str):
    return population_from_dict(tomllib.loads(text), "small", "small.toml")


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    head, *lines = str(caught.value).splitlines()
    count = len(lines)
    assert head == f"small.toml: {count} mistake{'s' * (count > 1)} in population 'small'"
    assert all(line.startswith("  ") for line in lines)
    return [line[2:] for line in lines]


def one(table: str, name: str = "covariates.x") -> str:
    """The one mistake of one variable, without its place."""
    (found,) = mistakes(f"[{name}]\n{table}")
    assert found.startswith(f"{name}.")
    return found.removeprefix(f"{name}.")


def test_a_good_file_is_read_whole():
    found = read(GOOD)
    assert (found.name, found.where, found.title, found.source) == ("small", "small.toml", "small", "none")
    assert found.clones == ("sensitive", "resistant")
    assert found.traits[0].values == (1.0, 0.04)
    assert found.composition is not None
    assert found.composition.log_odds_sd == (2.0, 2.0)
    assert found.scores == ("clone_fraction.resistant", "growth_net", "age", "weight", "height")
    growth = found.variable("growth_net")
    assert growth.rule == Lognormal(0.0113, pytest.approx(0.4723807))
    assert (growth.role, growth.unit, growth.source, growth.status) == ("parameter", "1/day", "here", "assumed")
    assert [(pair.first, pair.second, pair.value) for pair in found.correlations] == [
        ("clone_fraction.resistant", "growth_net", 0.3)
    ]
    with pytest.raises(KeyError):
        found.variable("nothing")


def test_units_come_from_the_file_or_the_registry_and_quantities_are_converted():
    found = read(GOOD)
    assert found.variable("age").unit == "yr"
    assert found.variable("weight").rule.value == 80
    height = found.variable("height").rule
    assert (height.mean, height.sd, height.low) == pytest.approx((170, 9, 140))


def test_body_surface_is_added_once():
    assert read(GOOD).variables[-1].name == "bsa"
    own = read(GOOD + '[covariates.bsa]\ndistribution = "fixed"\nvalue = 1.8\n')
    assert [variable.name for variable in own.variables].count("bsa") == 1


def test_a_parameter_of_a_drug_card_has_a_dot():
    found = read("[parameters.'lenalidomide.clearance']\ndistribution = 'fixed'\nvalue = 288\nunit = 'L/day'")
    assert found.variables[0].name == "lenalidomide.clearance"


def test_shares_and_traits_have_short_and_long_forms():
    found = read("""
        [clones]
        name = ["a", "b"]
        fraction = [0.25, 0.75]
        speed = { values = ["1 mg/L", 2], unit = "g/L", source = "here", status = "recalled" }
    """)
    assert found.composition is not None
    assert (found.composition.typical, found.composition.log_odds_sd) == ((0.25, 0.75), (0.0, 0.0))
    assert (found.traits[0].values, found.traits[0].unit, found.traits[0].source) == ((0.001, 2.0), "g/L", "here")
    fixed = read('[clones]\nname = ["a", "b"]\nfraction = { distribution = "fixed", typical = [0.5, 0.5] }')
    assert fixed.composition is not None
    assert fixed.composition.log_odds_sd == (0.0, 0.0)


def test_all_mistakes_of_a_file_come_at_once():
    found = mistakes("""
        [parameter.growth]
        value = 1
        [parameters.growth]
        distribution = "lognorml"
        typical = 1
        [parameters.kill]
        distribution = "normal"
        mean = 1
        sd = -1
        [covariates.age]
        distribution = "uniform"
        low = 90
        high = 30
        colour = "red"
    """)
    assert [line.partition(":")[0] for line in found] == [
        "parameter",
        "parameters.growth.distribution",
        "parameters.kill.sd",
        "covariates.age.colour",
    ]
    assert found[0].startswith("parameter: unknown key of a population. Did you mean 'parameters'?")
    assert "'lognorml' is not known. Did you mean 'lognormal'" in found[1]


def cases(text: str) -> list:
    """Lines of TOML, each followed by its message, which is indented; "; " ends a line of TOML."""
    found, table = [], []
    for line in filter(str.strip, text.splitlines()):
        if line.startswith(" "):
            found.append(pytest.param("\n".join(table).replace("; ", "\n"), line.strip(), id=line.strip()[:60]))
            table = []
        else:
            table.append(line)
    return found


@pytest.mark.parametrize(
    ("table", "message"),
    cases("""
mean = 1
    distribution: missing; write one of fixed, normal,
distribution = 'normal'; mean = 1
    sd: missing; the distribution 'normal' needs it
distribution = 'normal'; mean = 1; sd = 0
    sd: should be more than 0, not 0
distribution = 'normal'; mean = nan; sd = 1
    mean: not-a-number is no quantity
distribution = 'normal'; mean = inf; sd = 1
    mean: should be a finite number, not inf
distribution = 'normal'; mean = true; sd = 1
    mean: should be a number, not true
distribution = 'normal'; mean = 1; sd = 1; low = 0
    low: a normal is not cut; write distribution = 'truncated_normal'
distribution = 'normal'; mean = 1; sd = 1; meen = 2
    meen: unknown key of the distribution 'normal'. Did you mean 'mean'?
distribution = 'truncated_normal'; mean = 1; sd = 1
    low: missing; the distribution 'truncated_normal' needs low, high or both
distribution = 'truncated_normal'; mean = 1; sd = 1; low = 3; high = 2
    low: should be below high = 2, not 3
distribution = 'truncated_normal'; mean = 1; sd = 1; low = 30
    low: low and high keep only 3e-185 of the distribution; move them towards its middle
distribution = 'lognormal'; typical = 1
    cv: give either cv or log_sd, one of them
distribution = 'lognormal'; typical = 1; cv = 1; log_sd = 1
    cv: give either cv or log_sd, not both
distribution = 'lognormal'; typical = 1; cv = -0.5
    cv: should be more than 0, not -0.5
distribution = 'lognormal'; typical = 0; log_sd = 1
    typical: should be more than 0, not 0
distribution = 'truncated_lognormal'; typical = 1; cv = 1; low = -1
    low: a lognormal value is never negative; -1 cuts nothing
distribution = 'logit_normal'; typical = 1.5; logit_sd = 1
    typical: 1.5 should lie between low = 0 and high = 1
distribution = 'uniform'; low = 0; high = inf
    high: should be a finite number, not inf
distribution = 'categorical'; levels = ['a', 'b']; probability = [0.5, 0.4]
    probability: should sum to 1, not 0.9
distribution = 'categorical'; levels = ['a', 'b']; probability = [1]
    probability: has 1 numbers for the 2 levels; give one for each
distribution = 'categorical'; values = [1, 2]; probability = [1.5, -0.5]
    probability: every number should lie between 0 and 1
distribution = 'categorical'; levels = ['a', 'a']; probability = [0.5, 0.5]
    levels: names something twice
distribution = 'categorical'; levels = ['a b']; probability = [1]
    levels: 'a b' is not a name without blanks, in quotes
distribution = 'categorical'; probability = [1]
    levels: give either levels or values, one of them
distribution = 'categorical'; levels = 'a'; probability = [1]
    levels: should be a list of names, not 'a'
distribution = 'categorical'; values = [1, 'b']; probability = [0.5, 0.5]
    values[2]: 'b' is no quantity
distribution = 'categorical'; values = 3; probability = [1]
    values: should be a list of numbers, not 3
distribution = 'fixed'; value = '3 g'; unit = '1/day'
    value: cannot read '3 g'
distribution = 'fixed'; value = 3; unit = 'Gtp'
    unit: unknown unit 'Gtp'. Did you mean
distribution = 'fixed'; value = 3; status = 'verifed'
    status: 'verifed' is not one of verified, recalled, assumed. Did you mean 'verified'?
distribution = 'fixed'; value = 3; source = 3
    source: should be text in quotes, not 3
distribution = 'derived'
    expression: missing; a derived variable needs it
expression = 'agee + 1'
    expression: unknown variable 'agee'. Known are: x.
expression = 'x + 1'
    expression: goes round in a circle: x -> x
expression = '1'; low = 3
    low: unknown key of a derived variable.
expression = '1'; correlation = { x = 0.5 }
    correlation: unknown key of a derived variable.
distribution = 'normal'; mean = 1; sd = 1; correlation = { x = 0.5 }
    correlation.x: a variable does not correlate with itself
distribution = 'normal'; mean = 1; sd = 1; correlation = { y = 0.5 }
    correlation.y: unknown variable 'y'. Known are: x.
distribution = 'fixed'; value = 1; correlation = { x = 0.5 }
    correlation.x: a fixed value cannot be correlated
"""),
)
def test_a_mistake_of_one_variable(table, message):
    assert one(table).startswith(message)


@pytest.mark.parametrize(
    ("table", "message"),
    cases("""
names = ['a']; fraction = [1]
    clones.name: missing; write name = ["sensitive", ...]. Did you mean 'names'?
name = ['a', 'a']; fraction = [0.5, 0.5]
    clones.name: names a clone twice
name = ['a', 'b']; fraction = [0.5, 0.5]; cereblon = [1]
    clones.cereblon: has 1 numbers for 2 clones; give one for each name
name = ['a', 'b']; fraction = [0.5, 0.4]
    clones.fraction: should sum to 1, not 0.9
name = ['a', 'b']; fraction = [1.0, 0.0]
    clones.fraction: every share should be more than 0; give a clone that is absent a tiny share such as 1e-9
name = ['a', 'b']; fraction = [1.0]
    clones.fraction: has 1 numbers for 2 clones
name = ['a', 'b']
    clones.fraction: missing; write [clones.fraction] with the typical share of each clone
name = ['a']; fraction = [1]; speed = { value = [1] }
    clones.speed.value: unknown key of a trait. Did you mean 'values'?
name = ['a']; [clones.fraction]; typical = [1.0]; log_odds_sd = 1
    clones.fraction.distribution: missing. Known are: logistic_normal, fixed.
name = ['a', 'b']; [clones.fraction]; distribution = 'logistic_norml'; typical = [0.5, 0.5]; log_odds_sd = 1
    clones.fraction.distribution: 'logistic_norml' is not known for shares of clones. Did you mean 'logistic_normal'?
name = ['a', 'b']; [clones.fraction]; distribution = 'logistic_normal'; log_odds_sd = 1
    clones.fraction.typical: missing; give the typical share of each clone
name = ['a', 'b']; [clones.fraction]; distribution = 'logistic_normal'; typical = [0.5, 0.5]
    clones.fraction.log_odds_sd: missing; give the SD of the log-ratio to the first clone
name = ['a', 'b']; [clones.fraction]; distribution = 'logistic_normal'; typical = [0.5, 0.5]; log_odds_sd = [1]
    clones.fraction.log_odds_sd: has 1 numbers for 2 clones; give one for each, or one number
name = ['a', 'b']; [clones.fraction]; distribution = 'logistic_normal'; typical = [0.5, 0.5]; log_odds_sd = -1
    clones.fraction.log_odds_sd: should be finite and not negative
name = ['a', 'b']; [clones.fraction]; distribution = 'fixed'; typical = [0.5, 0.5]; log_odds_sd = 1
    clones.fraction.log_odds_sd: fixed shares have no spread; write distribution = 'logistic_normal'
"""),
)
def test_a_mistake_of_the_clones(table, message):
    assert mistakes(f"[clones]\n{table}")[0].startswith(message)


@pytest.mark.parametrize(
    ("extra", "message"),
    cases("""
[covariates.growth_net]; distribution = 'fixed'; value = 1
    covariates.growth_net: 'growth_net' is already in parameters.growth_net
[covariates.cereblon]; distribution = 'fixed'; value = 1
    covariates.cereblon: 'cereblon' is already a trait of the clones
[covariates.m_protein]; distribution = 'fixed'; value = 1
    covariates.m_protein: 'm_protein' is the name of a result; a value at entry is called, for example,
[covariates.'my age']; distribution = 'fixed'; value = 1
    covariates.my age: a name has letters, digits and underscores
[covariates.creatinine_clearance]; distribution = 'fixed'; value = 1; unit = 'L/h'
    covariates.creatinine_clearance.unit: 'creatinine_clearance' is stored in 'mL/min', not 'L/h'
[covariates.x]; expression = 'y'
[covariates.y]; expression = 'x * age'
    covariates.x.expression: goes round in a circle: x -> y -> x
[covariates.x]; expression = 'age'
[covariates.y]; distribution = 'normal'; mean = 0; sd = 1; correlation = { x = 0.1 }
    covariates.y.correlation.x: a derived variable cannot be correlated; correlate what it is computed from
[covariates.y]; distribution = 'normal'; mean = 0; sd = 1; correlation = { agee = 0.1 }
    covariates.y.correlation.agee: unknown variable 'agee'. Did you mean 'age'?
[covariates.y]; distribution = 'normal'; mean = 0; sd = 1; correlation = { age = -1 }
    covariates.y.correlation.age: a correlation lies between -1 and 1, not -1
[covariates.y]; distribution = 'normal'; mean = 0; sd = 1; correlation = { 'clone_fraction.sensitive' = 0.1 }
    covariates.y.correlation.clone_fraction.sensitive: 'sensitive' is the first clone
[covariates.y]; distribution = 'normal'; mean = 0; sd = 1; correlation = { z = 0.1 }
[covariates.z]; distribution = 'normal'; mean = 0; sd = 1; correlation = { y = 0.2 }
    covariates.z.correlation.y: 'z' and 'y' have another correlation elsewhere in the file
"""),
)
def test_a_mistake_between_variables(extra, message):
    (found,) = mistakes(f"{GOOD}\n{extra}")
    assert found.startswith(message)


def test_an_unknown_clone_in_a_correlation():
    (found,) = mistakes(GOOD.replace("correlation.resistant", "correlation.resistent"))
    assert found.startswith(
        "clones.fraction.correlation.resistent: unknown clone 'resistent'. Did you mean 'resistant'?"
    )


def test_a_wrong_variable_is_not_reported_again_by_those_that_read_it():
    found = mistakes(GOOD.replace("sd = 9\n", "sd = -9\n") + "[covariates.x]\nexpression = 'age + 1'")
    assert found == ["covariates.age.sd: should be more than 0, not -9"]


def test_a_table_that_is_none():
    assert mistakes("parameters = 3\n[covariates]\nage = 66") == [
        "parameters: should be a table, not 3",
        "covariates.age: should be a table, not 66",
        "covariates.age.distribution: missing; write one of fixed, normal, truncated_normal, lognormal, "
        "truncated_lognormal, logit_normal, uniform, categorical, derived",
    ]
