"""From the tables ``[sweep]`` and ``[sensitivity]`` to a design: factors, their values or ranges, and scenarios."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdsim.config.messages import Mistakes
from pdsim.config.overrides import read_value
from pdsim.errors import PdsimError
from pdsim.library.files import shown
from pdsim.sweep.design import Design, Factor, Level, Scenario, expand_design, read_quantity

if TYPE_CHECKING:
    from pdsim.config.schema import Study
    from pdsim.config.sweep_schema import FactorTable, SensitivityTable, SweepTable

_LABEL = "scenario"  # column of a CSV file that names its rows
_LEAST = 1e-300


def read_design(study: Study, mistakes: Mistakes) -> Design:
    """Return the design of a study with ``[sweep]``; raises ConfigError with all mistakes of its factors."""
    sweep = study.sweep
    assert sweep is not None
    labels: list[str] = []
    if sweep.file is not None:
        factors, labels = _from_csv(Path(study.folder) / sweep.file, mistakes)
    else:
        factors = [_factor(table, number, mistakes) for number, table in enumerate(sweep.factor)]
    plan, size, levels = _plan(sweep, study.sensitivity, factors, mistakes)
    names = [factor.name for factor in factors]
    for number, name in enumerate(names):
        if name in names[:number]:
            mistakes.add(("sweep", "factor", number, "name"), f"two factors are called '{name}'; name one of them.")
    mistakes.raise_if_any()
    try:
        design = expand_design(plan, factors, size, study.seed, levels)
    except PdsimError as error:
        mistakes.add(("sweep",), str(error))
        mistakes.raise_if_any()
        raise
    return _relabelled(design, labels) if labels else design


def _plan(
    sweep: SweepTable, sensitivity: SensitivityTable | None, factors: list[Factor], mistakes: Mistakes
) -> tuple[str, int, int]:
    """Name, size and levels of the plan; Morris and Sobol indices bring their own."""
    if sensitivity is not None and sensitivity.own_plan:
        if sweep.plan is not None or sweep.size is not None:
            what = f"the method '{sensitivity.methods[0]}' makes its own plan; leave plan and size out."
            mistakes.add(("sweep", "plan"), what)
        return sensitivity.own_plan, sensitivity.size, sensitivity.levels
    plan = sweep.plan or ("list" if sweep.file is not None else "grid")
    sampled = plan in ("lhs", "sobol")
    if sampled and sweep.size is None:
        mistakes.add(("sweep", "size"), f"is missing: the plan '{plan}' needs the number of scenarios.")
    if not sampled and sweep.size is not None:
        what = f"the plan '{plan}' has as many scenarios as its factors give; leave it out."
        mistakes.add(("sweep", "size"), what)
    if sensitivity is not None and not sampled:
        what = 'PRCC and delta need a sampled plan; write plan = "lhs" or "sobol" in [sweep].'
        mistakes.add(("sensitivity", "method"), what)
    if sweep.file is not None and (plan != "list" or sweep.factor):
        mistakes.add(("sweep", "file"), 'a file gives the scenarios; write plan = "list" and no [[sweep.factor]].')
    if not factors and sweep.file is None:
        mistakes.add(("sweep", "factor"), "is missing: say what is varied in [[sweep.factor]] tables.")
    return plan, sweep.size or 0, 4


def _factor(table: FactorTable, number: int, mistakes: Mistakes) -> Factor:
    keys = (table.key,) if isinstance(table.key, str) else tuple(table.key)
    name = table.name or keys[0].rpartition(".")[2].replace("[", "_").replace("]", "")
    where = ("sweep", "factor", number)
    common: dict[str, Any] = {"name": name, "keys": keys, "title": table.title or name.replace("_", " ")}
    if table.values is not None:
        values = [(value,) for value in table.values] if isinstance(table.key, str) else _rows(table, where, mistakes)
        return Factor(**common, values=tuple(values), labels=table.labels)
    low, high = read_quantity(table.low), read_quantity(table.high)
    if low is None or high is None or low[1] != high[1]:
        mistakes.add((*where, "low"), f"low and high should be numbers in one unit, not {table.low} and {table.high}.")
        return Factor(**common)
    if high[0] <= low[0]:
        mistakes.add((*where, "high"), f"should be more than low, {table.low}.")
    if table.scale == "log" and low[0] < _LEAST:
        mistakes.add((*where, "low"), f"should be more than 0 on a logarithmic scale, not {table.low}.")
    return Factor(**common, low=low[0], high=high[0], unit=low[1], scale=table.scale, points=table.points or 2)


def _rows(table: FactorTable, where: tuple[str | int, ...], mistakes: Mistakes) -> list[tuple[Any, ...]]:
    rows = list(table.values or ())
    for place, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(table.key):
            mistakes.add((*where, "values", place), f"should be a list of {len(table.key)} values, one for each key.")
    return [tuple(row) if isinstance(row, list) else (row,) for row in rows]


def _from_csv(path: Path, mistakes: Mistakes) -> tuple[list[Factor], list[str]]:
    """Factors from the columns of a CSV file, each a key of the study; and the names of its rows."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError) as error:
        mistakes.add(("sweep", "file"), f"{shown(path)} cannot be read: {error}.")
        return [], []
    if len(rows) < 2:
        mistakes.add(("sweep", "file"), f"{shown(path)} should have a line of keys and at least one of values.")
        return [], []
    head = [cell.strip() for cell in rows[0]]
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(head):
            mistakes.add(("sweep", "file"), f"{shown(path)}, row {number}: {len(row)} values for {len(head)} keys.")
            return [], []
    labels = [row[head.index(_LABEL)].strip() for row in rows[1:]] if _LABEL in head else []
    factors = []
    for column, key in enumerate(head):
        if key != _LABEL:
            values = tuple((_cell(row[column].strip()),) for row in rows[1:])
            factors.append(Factor(key.rpartition(".")[2] or key, (key,), values, title=key))
    return factors, labels


def _cell(text: str) -> Any:
    try:
        return read_value(text)
    except PdsimError:
        return text


def _relabelled(design: Design, labels: list[str]) -> Design:
    scenarios = tuple(
        Scenario(one.index, label, one.levels, one.settings)
        for one, label in zip(design.scenarios, labels, strict=True)
    )
    return Design(design.plan, design.factors, scenarios, design.places)


__all__ = ["Level", "read_design"]
