"""Reads all derived variables of a population and puts them in an order that can be computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pdsim.cohort.expressions import Expression, parse_expression
from pdsim.cohort.population import Variable
from pdsim.cohort.tables import Table


def read_expressions(tables: Mapping[str, Table], known: Mapping[str, tuple[str, ...]]) -> dict[str, Expression]:
    """Read the expression of every derived variable; mistakes and circles are noted in the tables.

    Parameters
    ----------
    tables : mapping of str to Table
        Derived variables by name.
    known : mapping of str to tuple of str
        All variables of the file, with the levels of the categories.
    """
    found: dict[str, Expression] = {}
    for name, table in tables.items():
        text = table.text("expression")
        if not text:
            if "expression" not in table.data:
                table.wrong("expression", "missing; a derived variable needs it")
            continue
        try:
            found[name] = parse_expression(text, known)
        except ValueError as wrong:
            table.wrong("expression", str(wrong))
    reported: set[str] = set()
    for name in found:
        circle = _circle(name, found)
        if circle and not reported & set(circle):
            reported |= set(circle)
            tables[name].wrong("expression", f"goes round in a circle: {' -> '.join(circle)}")
    return found


def in_order(variables: Iterable[Variable]) -> tuple[Variable, ...]:
    """Return variables in the given order, derived ones last and after what they read.

    Variables in a circle are left out.
    """
    variables = tuple(variables)
    done = [variable for variable in variables if not variable.derived]
    waiting = [variable for variable in variables if variable.derived]
    while waiting:
        blocked = {variable.name for variable in waiting}
        ready = [variable for variable in waiting if not blocked & set(_reads(variable))]
        if not ready:
            break
        done += ready
        waiting = [variable for variable in waiting if variable not in ready]
    return tuple(done)


def _reads(variable: Variable) -> tuple[str, ...]:
    return variable.rule.names if isinstance(variable.rule, Expression) else ()


def _circle(start: str, expressions: Mapping[str, Expression]) -> list[str]:
    """Return the names of a circle through `start`, or nothing."""
    trails = [[start]]
    seen: set[str] = set()
    while trails:
        trail = trails.pop()
        for name in expressions[trail[-1]].names:
            if name == start:
                return [*trail, start]
            if name in expressions and name not in seen:
                seen.add(name)
                trails.append([*trail, name])
    return []
