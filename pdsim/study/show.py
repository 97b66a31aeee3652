"""One entry of the library as lines of text: a model, a drug, a regimen or a population."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pdsim.library import Library
from pdsim.library.files import shown

if TYPE_CHECKING:
    from pdsim.cohort import Population
    from pdsim.dosing import Regimen
    from pdsim.pk import DrugCard

_PATIENTS = 1024  # drawn to describe a population
_CYCLES = 26  # cycles in which a calendar looks for a change
_ROW = 42  # days a row of a calendar
_DOSES = 8  # most doses of a figure


def entry_lines(kind: str, name: str, library: Library) -> list[str]:
    """Describe one entry; the first line says which file it is.

    Parameters
    ----------
    kind : {"model", "drug", "regimen", "rule_set", "population"}
    name : str
        Name or path.
    library : Library
    """
    head = f"{kind} {name} ({shown(library.find(kind, name))})"
    entry = library.load(kind, name)
    if kind == "model":
        from pdsim.model import describe

        return [head, *str(describe(entry)).splitlines()]
    if kind == "population":
        return [head, *population_lines(entry)]
    lines = [head, *entry.describe()]
    return [*lines, "", *calendar(entry)] if kind == "regimen" else lines


def population_lines(population: Population) -> list[str]:
    """Tabulate a population: shares of the clones, and median and 5 to 95 % range of every variable."""
    from pdsim.cohort import sample_cohort, summary

    table = summary(sample_cohort(population, _PATIENTS, seed=1))
    names = [str(name) for name in table.index]
    width = max(map(len, names), default=0)
    lines = [line for line in (population.title, population.source) if line]
    lines.append(f"{'':{width}}  {'median':>9}  {'5 %':>9}  {'95 %':>9}  of {_PATIENTS} patients")
    for name, row in zip(names, table.itertuples(index=False), strict=True):
        values = "  ".join(
            "         " if value != value else f"{value:9.4g}" for value in (row.median, row.q05, row.q95)
        )
        unit = "" if row.units in ("", "1") else f"{row.units}, "
        lines.append(f"{name:{width}}  {values}  {unit}{row.long_name}".rstrip())
    return lines


def calendar(regimen: Regimen) -> list[str]:
    """Return the dosing days of the cycles as rows of marks; a cycle like the one before is left out."""
    length = max(1, round(regimen.cycle))
    given = regimen.days(_CYCLES * regimen.cycle)
    width = max([len(drug) for drug in given], default=0)
    lines: list[str] = []
    before: list[str] = []
    for cycle in range(_CYCLES):
        first = round(cycle * regimen.cycle)
        days = {drug: {day - first + 1 for day in found} for drug, found in given.items()}
        marks = [_marks(days[drug], length) for drug in given]
        if marks != before:
            lines.append(f"cycle {cycle + 1}" if not before else f"from cycle {cycle + 1}")
            lines += _rows(list(given), marks, width, length)
        before = marks
    return lines


def _marks(days: set[int], length: int) -> str:
    return "".join("x" if day in days else "." for day in range(1, length + 1))


def _rows(drugs: list[str], marks: list[str], width: int, length: int) -> list[str]:
    rows: list[str] = []
    for start in range(0, length, _ROW):
        stop = min(start + _ROW, length)
        scale = "".join(f"{day:<7d}" for day in range(start + 1, stop + 1, 7))
        rows.append(f"  {'day':{width}}  {scale.rstrip()}")
        rows += [f"  {drug:{width}}  {line[start:stop]}" for drug, line in zip(drugs, marks, strict=True)]
    return rows


def concentration_figure(card: DrugCard, file: Path) -> str:
    """Draw the total concentration in the reference patient over some doses; return where it was written.

    The doses are the card's reference doses, as many as five half-lives hold and at most eight; a card with linear
    kinetics and without a reference gets one dose of 1 mg.

    Raises
    ------
    PdsimError
        The file's ending is none of png, svg and pdf, or the card has no concentrations to draw.
    StoreError
        The file cannot be written.
    """
    import numpy as np
    from matplotlib.figure import Figure

    from pdsim.errors import PdsimError
    from pdsim.pk import Reference, course, half_life
    from pdsim.plot import drug_concentration, style
    from pdsim.study.folder import writing

    ending = file.suffix.lstrip(".")
    if ending not in ("png", "svg", "pdf"):
        raise PdsimError(f"A figure is written as png, svg or pdf: '{file}' ends in none of them.")
    if card.kind == "cells":
        raise PdsimError(f"{card.name} is cells, which the disease model follows: there is no concentration to draw.")
    if card.kind == "states" and card.reference is None:
        raise PdsimError(f"{card.where}: a figure needs a dose; add [reference] with amount and every.")
    slow = half_life(card)
    given, doses = card.reference, 1
    if given is None:
        given = Reference(1.0, max(0.5, 5 * slow), card.route or "iv", 0.0, "one dose of 1 mg")
    else:
        doses = min(_DOSES, max(2, math.ceil(5 * slow / given.every)))
    times = np.linspace(0.0, doses * given.every, 1 + 600 * doses)
    values = course(replace(card, reference=given), times, doses).T
    with style(), writing(file):
        figure = Figure()
        axes = drug_concentration(times, values, card.species, figure.add_subplot())
        axes.set_title(f"{card.label}: {given.text}, reference patient")
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file)
    return shown(file)
