"""A regimen that is another one but for some drugs: `same_as`, `without`, and dose tables of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from pdsim.dosing.dose import STATUSES, Dose
from pdsim.dosing.regimen import Regimen
from pdsim.dosing.rules.rule import Rule
from pdsim.errors import PdsimError, did_you_mean

LoadRegimen = Callable[[str], Regimen]


def lender(written: Any, load: LoadRegimen | None) -> Regimen:
    """Return the regimen that `same_as` names.

    Raises
    ------
    ValueError
        It is no name, is not found, or is wrong itself.
    """
    if not isinstance(written, str) or not written.strip():
        raise ValueError(f"{written!r} is not the name of a regimen in quotes")
    if load is None:
        raise ValueError("other regimens are found by a library; load this one with pdsim.load_regimen")
    try:
        return load(written)
    except PdsimError as error:
        raise ValueError(str(error)) from None


def left_out(written: Any, base: Regimen | None) -> tuple[str, ...]:
    """Return the drugs that `without` names.

    Raises
    ------
    ValueError
        It is no list of names, or names a drug that `base` does not give.
    """
    if not isinstance(written, list) or not all(isinstance(drug, str) for drug in written):
        raise ValueError(f'{written!r} is no list of drugs; write for example ["dexamethasone"]')
    given = [] if base is None else sorted({dose.drug for dose in base.doses})
    for drug in written:
        if base is not None and drug not in given:
            hint = did_you_mean(drug, given)
            raise ValueError(f"'{base.name}' does not give '{drug}'.{hint} It gives {', '.join(given) or 'no drug'}")
    return tuple(written)


def borrowed(base: Regimen, own: Collection[Dose], without: Collection[str], status: str) -> tuple[Dose, ...]:
    """Return the doses of `base` of drugs that are neither given anew in `own` nor left out.

    They keep their source. None counts as better known than `status`, unless that is empty.
    """
    elsewhere = {*without, *(dose.drug for dose in own)}
    return tuple(
        replace(dose, status=_weaker(dose.status, status), source=dose.source or base.source)
        for dose in base.doses
        if dose.drug not in elsewhere
    )


def borrowed_rules(base: Regimen, own: Collection[Rule], doses: Collection[Dose]) -> tuple[Rule, ...]:
    """Return the rules of `base` on drugs that are still given, but those whose name an own rule has."""
    names, given = {rule.name for rule in own}, {dose.drug for dose in doses}
    narrowed = (
        replace(rule, drugs=tuple(drug for drug in rule.drugs if drug in given))
        for rule in base.rules
        if rule.name not in names and (not rule.drugs or given & set(rule.drugs))
    )
    return tuple(narrowed)


def _weaker(first: str, second: str) -> str:
    return max(first, second, key=("", *STATUSES).index)
