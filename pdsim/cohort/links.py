"""Reads the correlations that the tables of a population state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pdsim.cohort.clones import Clones
from pdsim.cohort.correlation import Correlation
from pdsim.cohort.expressions import Expression
from pdsim.cohort.population import FRACTION, Variable
from pdsim.cohort.tables import Table
from pdsim.errors import did_you_mean


def read_correlations(
    tables: Mapping[str, tuple[str, Table]],
    clones_table: Table,
    clones: Clones,
    variables: Sequence[Variable],
) -> tuple[Correlation, ...]:
    """Read every stated pair once.

    Parameters
    ----------
    tables : mapping of str to (role, Table)
        Parameters and covariates; ``correlation = { age = -0.5 }`` in one of them.
    clones_table : Table
        ``[clones]``; ``[clones.fraction.correlation]`` has one table a clone, which names other clones or variables.
    clones, variables
        What was read from them.
    """
    rules = {variable.name: variable.rule for variable in variables}
    excluded = {name: reason for name, rule in rules.items() if (reason := _why_not(rule))}
    drawn = {name for name in rules if name not in excluded}
    drawn |= {f"{FRACTION}.{clone}" for clone in clones.names[1:]}
    failed = set(tables) - set(rules)
    found: dict[frozenset[str], Correlation] = {}
    for first, second, value, table in _stated(tables, clones_table, clones):
        trouble = next((excluded[name] for name in (first, second) if name in excluded), "")
        if clones.names and f"{FRACTION}.{clones.names[0]}" in (first, second):
            trouble = (
                f"'{clones.names[0]}' is the first clone, to which the others are compared; it has no draw of its own"
            )
        if trouble:
            table.wrong(second, trouble)
        elif failed & {first, second}:
            continue
        elif second not in drawn:
            hint = did_you_mean(second, drawn) or f" Known are: {', '.join(sorted(drawn))}."
            table.wrong(second, f"unknown variable '{second}'.{hint}")
        elif first == second:
            table.wrong(second, "a variable does not correlate with itself")
        elif not -1 < value < 1:
            table.wrong(second, f"a correlation lies between -1 and 1, not {value:g}")
        elif found.setdefault(frozenset((first, second)), Correlation(first, second, value)).value != value:
            table.wrong(second, f"'{first}' and '{second}' have another correlation elsewhere in the file")
    return tuple(found.values())


def _stated(
    tables: Mapping[str, tuple[str, Table]], clones_table: Table, clones: Clones
) -> Iterator[tuple[str, str, float, Table]]:
    for name, (_, table) in tables.items():
        if "correlation" in table.data and "expression" not in table.data:
            yield from _pairs(name, table.table("correlation"), clones, ())
    fraction = clones_table.data.get("fraction")
    if not isinstance(fraction, Mapping) or "correlation" not in fraction:
        return
    outer = clones_table.table("fraction").table("correlation")
    for clone in outer.data:
        if clone not in clones.names:
            outer.wrong(clone, f"unknown clone '{clone}'.{did_you_mean(clone, clones.names)}")
        else:
            yield from _pairs(f"{FRACTION}.{clone}", outer.table(clone), clones, clones.names)


def _pairs(
    first: str, table: Table, clones: Clones, clone_names: tuple[str, ...]
) -> Iterator[tuple[str, str, float, Table]]:
    for second in table.data:
        value = table.number(second)
        if value is not None:
            yield first, f"{FRACTION}.{second}" if second in clone_names else second, value, table


def _why_not(rule: object) -> str:
    if isinstance(rule, Expression):
        return "a derived variable cannot be correlated; correlate what it is computed from"
    if not getattr(rule, "correlates", False):
        return "a fixed value cannot be correlated"
    return ""
