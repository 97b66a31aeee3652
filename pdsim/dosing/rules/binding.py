"""Rules in the units and level codes of the patients they are meant for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pdsim.dosing.rules.condition import VISIT
from pdsim.dosing.rules.rule import Rule
from pdsim.errors import did_you_mean


def lacks(rule: Rule, covariates: Mapping[str, str]) -> tuple[str, ...]:
    """Names that a rule reads and that are neither known at visits nor covariates."""
    return tuple(name for name in rule.covariates if name not in covariates)


def bind_rule(
    rule: Rule, units: Mapping[str, str], levels: Mapping[str, Mapping[str, int]], population: str
) -> Rule | None:
    """Return a rule whose covariates are in the units and codes of some patients; None for an optional one they lack.

    Parameters
    ----------
    rule : Rule
    units : mapping of str to str
        Unit of every covariate of the patients.
    levels : mapping of str to mapping of str to int
        Codes of the levels of every category.
    population : str
        What the message calls the file to add a covariate to.

    Raises
    ------
    ValueError
        A covariate is missing, a unit does not fit, a level is unknown; the message says which.
    """
    missing = lacks(rule, units)
    if missing and rule.optional:
        return None
    if missing:
        name = missing[0]
        hint = did_you_mean(name, (*VISIT, *units))
        raise ValueError(
            f"rule '{rule.name}' reads '{name}', which is neither known at visits nor a covariate of the patients."
            f"{hint} Add [covariates.{name}] to {population}, or make the rule optional = true"
        )
    try:
        when = rule.when.bound(units, levels)
        return replace(rule, when=when, resume=rule.resume.bound(units, levels) if rule.resume else None)
    except ValueError as error:
        raise ValueError(f"rule '{rule.name}': {error}") from None


def car_t_mistake(rule: Rule, first_cells: float, covariates: Mapping[str, str]) -> str:
    """Say what is missing for a rule that counts days from CAR-T cells, or return ""."""
    reads = any("car_t_day" in condition.names for condition in rule.conditions)
    if not reads or first_cells == first_cells or "car_t_day" in covariates:
        return ""
    return (
        f"rule '{rule.name}' reads 'car_t_day', and the regimen gives no cells; add a dose line in cells, or the "
        "covariate 'car_t_day' (days from the infusion to day 0) to the population"
    )
