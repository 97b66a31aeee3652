"""From the TOML keys of a population file to a Population, with all mistakes in one message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pdsim.cohort.clones import Clones, check_slopes, read_clones
from pdsim.cohort.correlation import Correlation, impossible
from pdsim.cohort.derived import in_order, read_expressions
from pdsim.cohort.expressions import Expression
from pdsim.cohort.links import read_correlations
from pdsim.cohort.population import FRACTION, Population, Variable
from pdsim.cohort.rules import COMMON, DERIVED, kind_of, read_distribution
from pdsim.cohort.tables import Table
from pdsim.errors import ConfigError
from pdsim.schema import VARIABLES

KEYS = ("title", "source", "clones", "parameters", "covariates")
_ROLES = {"parameters": "parameter", "covariates": "covariate"}
_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_MOSTELLER = Variable(
    "bsa", "covariate", Expression.read("sqrt(height * weight / 3600)"), "m2", "body surface area by Mosteller",
    "Mosteller 1987 N Engl J Med 317:1098", "verified",
)  # fmt: skip


def population_from_dict(data: Mapping[str, Any], name: str, where: str) -> Population:
    """Build a population from the keys of its file.

    Parameters
    ----------
    data : mapping
        Keys ``title``, ``source``, and the tables ``clones``, ``parameters`` and ``covariates``.
    name : str
        Name of the population.
    where : str
        File, for messages.

    Returns
    -------
    Population
        With ``bsa`` added where weight and height are there and it is not.

    Raises
    ------
    ConfigError
        Lists every mistake with its key path; entries of lists count from 1.

    Examples
    --------
    >>> age = {"distribution": "normal", "mean": 66, "sd": 9, "unit": "yr"}
    >>> population_from_dict({"covariates": {"age": age}}, "small", "small.toml").scores
    ('age',)
    """
    mistakes: list[str] = []
    file = Table(data, "", mistakes)
    file.unknown(KEYS, "a population")
    clones = read_clones(file.table("clones"))
    tables = _tables(file, clones)
    variables = _variables(tables)
    check_slopes(file.table("clones"), clones, variables)
    links = read_correlations(tables, file.table("clones"), clones, variables)
    population = Population(
        name, where, file.text("title"), file.text("source"), clones.names, clones.traits, clones.composition,
        in_order(variables), links,
    )  # fmt: skip
    if not mistakes:
        mistakes += _excluded(population, links)
    if mistakes:
        count = len(mistakes)
        head = f"{where}: {count} mistake{'s' * (count > 1)} in population '{name}'"
        raise ConfigError("\n".join([head, *("  " + text for text in mistakes)]))
    return population


def _excluded(population: Population, links: tuple[Correlation, ...]) -> list[str]:
    return [f"correlation: {text}" for text in impossible(population.scores, links)]


def _tables(file: Table, clones: Clones) -> dict[str, tuple[str, Table]]:
    """Return role and table of every variable by name, in the order of the file."""
    found: dict[str, tuple[str, Table]] = {}
    for section in (key for key in file.data if key in _ROLES):
        outer = file.table(section)
        for name in outer.data:
            trouble = _bad_name(name, clones)
            if name in found:
                trouble = f"'{name}' is already in {found[name][1].path}"
            if trouble:
                outer.wrong(name, trouble)
            else:
                found[name] = (_ROLES[section], outer.table(name))
    return found


def _bad_name(name: str, clones: Clones) -> str:
    if not _NAME.fullmatch(name):
        return "a name has letters, digits and underscores; a dot stands between a drug and its parameter"
    if name in [trait.name for trait in clones.traits]:
        return f"'{name}' is already a trait of the clones"
    if name == FRACTION or (name in VARIABLES and VARIABLES[name].kind != "covariate"):
        return f"'{name}' is the name of a result; a value at entry is called, for example, '{name}_entry'"
    return ""


def _variables(tables: Mapping[str, tuple[str, Table]]) -> tuple[Variable, ...]:
    found: list[Variable] = []
    expressions: dict[str, Table] = {}
    for name, (role, table) in tables.items():
        kind = kind_of(table)
        unit, labels = _unit(name, table), table.labels()
        if kind == DERIVED:
            table.unknown(("expression", *COMMON[:-1]), "a derived variable")
            expressions[name] = table
        elif kind:
            rule = read_distribution(table, kind, unit)
            if rule is not None:
                found.append(Variable(name, role, rule, unit, **labels))
    levels = {name: table.data.get("levels") for name, (_, table) in tables.items()}
    known = {name: tuple(words) if isinstance(words, list) else () for name, words in levels.items()}
    for name, expression in read_expressions(expressions, known).items():
        role, table = tables[name]
        labels = {key: table.text(key) for key in ("long_name", "source", "status")}
        found.append(Variable(name, role, expression, table.text("unit") or _registered(name) or "1", **labels))
    if "bsa" not in tables and {"height", "weight"} <= set(tables):
        found.append(_MOSTELLER)
    return tuple(found)


def _unit(name: str, table: Table) -> str:
    """Read the unit of a variable; a registered one has only the unit of the registry."""
    fixed = _registered(name)
    unit = table.unit(fixed or "1")
    if fixed and unit != fixed:
        table.wrong("unit", f"'{name}' is stored in '{fixed}', not '{unit}'; write unit = '{fixed}' and values such as "
                    f"\"80 {unit}\" where you have them in another unit")  # fmt: skip
    return unit


def _registered(name: str) -> str:
    return VARIABLES[name].unit if name in VARIABLES else ""
