"""Designs that contradict themselves."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields

from pdsim.config.messages import Mistakes
from pdsim.endpoints import DeathHazard
from pdsim.errors import ConfigError, did_you_mean
from pdsim.trial.schema import OutcomeTable, TrialFile
from pdsim.units import days
from pdsim.visits import ResponseRules


def check_design(table: TrialFile, mistakes: Mistakes) -> None:
    """Note what no trial could be: times out of order, ratios of arms that were not randomised, rows used twice."""
    _check_times(table, mistakes)
    _check_fields(table, mistakes)
    _check_arms(table, mistakes)
    _check_history(table, mistakes)
    rows = Counter(row for one in table.outcome for row in one.row)
    for place, one in enumerate(table.outcome):
        _check_outcome(table, one, place, mistakes)
        for row in one.row:
            if rows[row] > 1:
                mistakes.add(("outcome", place, "row"), f"row {row} is scored {rows[row]} times in this file.")


def _check_times(table: TrialFile, mistakes: Mistakes) -> None:
    end = days(table.follow_up)
    for key in ("visits", "counts"):
        if days(getattr(table, key)) > end:
            mistakes.add((key,), f"'{getattr(table, key)}' is longer than follow_up = '{table.follow_up}'.")
    accrual = table.censoring.accrual
    if accrual and days(accrual) >= end:
        what = f"'{accrual}' leaves the last patients no follow-up of '{table.follow_up}'."
        mistakes.add(("censoring", "accrual"), what)


def _check_fields(table: TrialFile, mistakes: Mistakes) -> None:
    """Note numbers of the criteria and of the death hazard that there are none of, or that cannot be."""
    for key, kind in (("criteria", ResponseRules), ("death", DeathHazard)):
        known = [one.name for one in fields(kind)]
        given = getattr(table, key)
        wrong = [name for name in given if name not in known]
        for name in wrong:
            mistakes.add(
                (key, name), f"unknown key.{did_you_mean(name, known) or ' Known are: ' + ', '.join(known) + '.'}"
            )
        if not wrong:
            try:
                kind(**given)
            except ConfigError as error:
                mistakes.add((key,), " ".join(str(error).split()))


def _check_arms(table: TrialFile, mistakes: Mistakes) -> None:
    if table.randomised and len(table.arms) < 2:
        mistakes.add(("randomised",), "one arm alone cannot be randomised; add another or write false.")
    for name, arm in table.arms.items():
        if arm.allocation is not None and not table.randomised:
            mistakes.add(("arms", name, "allocation"), "belongs to a randomised trial; write randomised = true.")
        if table.randomised and arm.keep:
            mistakes.add(("arms", name, "keep"), "patients are chosen before they are randomised; use [[eligibility]].")
    if table.power and not table.randomised:
        mistakes.add(("power",), "compares arms, so it needs randomised = true.")
    if table.power and table.power.test == table.power.against:
        mistakes.add(("power", "against"), "an arm cannot be compared with itself.")


def _check_history(table: TrialFile, mistakes: Mistakes) -> None:
    for place, line in enumerate(table.history):
        if line.window and days(line.window[0]) >= days(line.window[1]):
            mistakes.add(("history", place, "window"), f"'{line.window[0]}' is not before '{line.window[1]}'.")


def _check_outcome(table: TrialFile, one: OutcomeTable, place: int, mistakes: Mistakes) -> None:
    if one.against and not table.randomised:
        mistakes.add(("outcome", place, "against"), "a hazard ratio needs randomised = true.")
    if one.at and days(one.at) > days(table.follow_up):
        mistakes.add(("outcome", place, "at"), f"'{one.at}' is after the end of follow_up = '{table.follow_up}'.")
    if not one.source and not table.source:
        mistakes.add(("outcome", place, "source"), "no source is given, here or for the trial.")
