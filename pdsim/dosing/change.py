"""A regimen with one drug given otherwise: another amount, other days, a later start, or not at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pdsim.dosing.amount import parse_amount
from pdsim.dosing.borrow import borrowed_rules
from pdsim.dosing.days import parse_days
from pdsim.dosing.dose import Dose
from pdsim.dosing.regimen import Regimen
from pdsim.dosing.rules.parse import RuleSet
from pdsim.errors import DoseError, did_you_mean
from pdsim.units import days as to_days


def change_drug(
    regimen: Regimen,
    drug: str,
    *,
    given: bool = True,
    amount: str | None = None,
    factor: float | None = None,
    days: str | Sequence[int] | None = None,
    start: str | float | None = None,
    stop: str | float | None = None,
) -> Regimen:
    """Return a regimen in which one drug is given otherwise; what is not named stays.

    Parameters
    ----------
    regimen : Regimen
    drug : str
        One of the regimen's drugs.
    given : bool
        False leaves the drug out, with the rules on it.
    amount : str, optional
        Amount of every dose of the drug, such as ``"50 mg"``.
    factor : float, optional
        What every amount is multiplied by.
    days : str or sequence of int, optional
        Days of the cycle, as in a regimen file; for a drug with one dose line.
    start : str or float, optional
        Day of the regimen on which the drug's first cycle begins; its lines keep their distances.
    stop : str or float, optional
        Day before which the last dose is given.

    Raises
    ------
    DoseError
        The regimen does not give the drug, or the change cannot be given.
    UnitError, ValueError
        An amount, a time or days cannot be read.
    """
    own = [dose for dose in regimen.doses if dose.drug == drug]
    if not own:
        known = list(dict.fromkeys(dose.drug for dose in regimen.doses))
        raise DoseError(
            f"the regimen '{regimen.name}' does not give '{drug}'.{did_you_mean(drug, known)} "
            f"It gives {', '.join(known) or 'no drug'}."
        )
    if not given:
        doses = tuple(dose for dose in regimen.doses if dose.drug != drug)
        return replace(regimen, doses=doses, rules=borrowed_rules(regimen, (), doses))
    changed: dict[str, Any] = {}
    if amount is not None:
        changed["amount"], changed["unit"], changed["per"] = parse_amount(amount)
    if days is not None:
        if len(own) > 1:
            raise DoseError(f"'{drug}' has {len(own)} dose lines in '{regimen.name}'; give its days in a regimen file")
        changed["days"] = parse_days(days if isinstance(days, str) else list(days), own[0].cycle or regimen.cycle)
    later = 0.0 if start is None else to_days(start) - min(dose.start for dose in own)
    end = math.inf if stop is None else to_days(stop)

    def change(dose: Dose) -> Dose:
        found = replace(dose, **changed)
        shifted = replace(found, start=dose.start + later, stop=min(dose.stop + later, end))
        return replace(shifted, amount=shifted.amount * (1.0 if factor is None else factor))

    return replace(regimen, doses=tuple(change(dose) if dose.drug == drug else dose for dose in regimen.doses))


def change_rules(regimen: Regimen, sets: Sequence[RuleSet], names: Sequence[str]) -> Regimen:
    """Return a regimen with the rules of these files in place of its own; without any, doses are as planned.

    Raises
    ------
    DoseError
        A rule does not fit the regimen's doses.
    """
    return replace(regimen, rules=tuple(rule for one in sets for rule in one.rules), rule_sets=tuple(names))
