"""Conditions of rules: "anc < 1.0 Gpt and platelets < 50 Gpt", "age > 75 yr", "response >= PR", "not progressed"."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pdsim.errors import UnitError, did_you_mean
from pdsim.schema import RESPONSE, VARIABLES
from pdsim.units import check_unit, convert

Values = Mapping[str, np.ndarray]

VISIT_UNITS: Mapping[str, str] = {
    "anc": "Gpt",
    "platelets": "Gpt",
    "m_protein": "g/L",
    "flc": "mg/L",
    "neutropenia": "1",
    "thrombocytopenia": "1",
    "car_t_day": "d",
    "cycle": "1",
    "day": "d",
}
"""What a visit knows, with its unit: measured values, CTCAE grades and the calendar."""

VISIT = (*VISIT_UNITS, "response", "progressed")
"""Everything that a visit knows; any other name is a covariate of the patients."""

FORMS = '"anc < 1.0 Gpt", "age > 75 yr", "response >= PR", "progressed", joined by "and"'

_RELATIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_NAME = r"[A-Za-z_]\w*(?:\.\w+)*"
_TERM = re.compile(rf"(?:(not)\s+)?({_NAME})\s*(?:(<=|>=|==|!=|<|>)\s*(.+?))?")
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*)")


@dataclass(frozen=True)
class Term:
    """One comparison: `name` `relation` `value` in `unit`, or a level's name as `word` until its code is known."""

    name: str
    relation: str
    value: float
    unit: str = ""
    word: str = ""

    def holds(self, values: Values) -> np.ndarray:
        """Whether it holds, bool (patient,); not where the value is missing."""
        found = np.asarray(values[self.name], dtype=float)
        holds = np.asarray(_RELATIONS[self.relation](found, self.value))
        # of all comparisons only this one is true of a missing value
        return holds & ~np.isnan(found) if self.relation == "!=" else holds


@dataclass(frozen=True)
class Condition:
    """Comparisons that must all hold.

    Parameters
    ----------
    written : str
        As in the file.
    terms : tuple of Term
    """

    written: str
    terms: tuple[Term, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names it reads, each once."""
        return tuple(dict.fromkeys(term.name for term in self.terms))

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names that the patients must bring."""
        return tuple(name for name in self.names if name not in VISIT)

    def holds(self, values: Values) -> np.ndarray:
        """Whether all comparisons hold: bool, (patient,). `values` has an array (patient,) for each name."""
        holds = self.terms[0].holds(values)
        for term in self.terms[1:]:
            holds = holds & term.holds(values)
        return holds

    def fails(self, values: Values) -> np.ndarray:
        """Whether it is known not to hold, with no value missing: bool, (patient,)."""
        known = ~np.any([np.isnan(np.asarray(values[name], dtype=float)) for name in self.names], axis=0)
        return known & ~self.holds(values)

    def excludes(self, other: Condition) -> bool:
        """Whether the two can never hold together, as far as each name alone tells."""
        return not all(_meet(name, (*self.terms, *other.terms)) for name in (*self.names, *other.names))

    def bound(self, units: Mapping[str, str], levels: Mapping[str, Mapping[str, int]]) -> Condition:
        """Return it in the units and level codes of a cohort.

        Parameters
        ----------
        units : mapping of str to str
            Unit of every covariate.
        levels : mapping of str to mapping of str to int
            Codes of the levels of every category.

        Raises
        ------
        ValueError
            A unit is missing or does not fit, or a level is unknown.
        """
        return replace(self, terms=tuple(_bound(term, units, levels) for term in self.terms))


def parse_condition(written: Any) -> Condition:
    """Read a condition.

    Names are those of `VISIT` or covariates of the patients at entry. A number needs a unit unless it is without
    dimension; ``response`` is compared with a class, such as ``PR``; a name alone is a yes-or-no value.

    Raises
    ------
    ValueError
        It cannot be read, or can never hold; the message says how to write it.
    """
    if not isinstance(written, str) or not written.strip():
        raise ValueError(f"{written!r} is no condition; write {FORMS}")
    if re.search(r"\bor\b", written):
        raise ValueError(f'"{written}" has an "or"; write two rules')
    condition = Condition(written, tuple(_term(part.strip()) for part in re.split(r"\band\b", written)))
    if condition.excludes(condition):
        raise ValueError(f'"{written}" can never hold')
    return condition


def _term(text: str) -> Term:
    found = _TERM.fullmatch(text)
    if found is None:
        hint = ' (compare with "==")' if re.fullmatch(rf"{_NAME}\s*=[^=].*", text) else ""
        raise ValueError(f'"{text}" is no condition{hint}; write {FORMS}')
    negated, name, relation, value = found.groups()
    if relation is None:
        return _flag(name, not negated)
    if negated:
        raise ValueError(f'"{text}": "not" stands before a yes-or-no value alone; turn the comparison round')
    if name == "progressed":
        raise ValueError(f'"{text}": write "progressed" or "not progressed"')
    number = _NUMBER.fullmatch(value)
    if name == "response":
        return Term(name, relation, _response(value), "")
    if number is None:
        return _word(name, relation, value)
    return _quantity(name, relation, number[1], number[2].strip())


def _flag(name: str, wanted: bool) -> Term:
    if name == "response" or name in VISIT_UNITS:
        example = "response >= PR" if name == "response" else f"{name} < 1{_unit_text(VISIT_UNITS[name])}"
        raise ValueError(f'"{name}" is compared with nothing; write for example "{example}"')
    return Term(name, "==", float(wanted))


def _response(value: str) -> float:
    if value not in RESPONSE or value == "not_evaluable":
        known = [word for word in RESPONSE if word != "not_evaluable"]
        raise ValueError(f"'{value}' is no response.{did_you_mean(value, known)} Known: {', '.join(known)}")
    return float(RESPONSE[value])


def _word(name: str, relation: str, value: str) -> Term:
    if name in VISIT_UNITS or not re.fullmatch(r"\w+", value):
        unit = _unit_text(VISIT_UNITS.get(name, "1"))
        raise ValueError(f"'{value}' is no quantity; write for example \"{name} {relation} 1{unit}\"")
    if relation not in ("==", "!="):
        raise ValueError(f'"{name} {relation} {value}": a level is compared with == or !=')
    return Term(name, relation, math.nan, "", value)


def _quantity(name: str, relation: str, number: str, unit: str) -> Term:
    # blood counts are commonly written per litre; Gpt already is
    unit = "Gpt" if unit in ("Gpt/L", "G/L") else f"1{unit}" if unit.startswith("/") else unit
    wanted = known_unit(name)
    if not unit:
        if wanted not in ("", "1"):
            raise ValueError(f'"{name} {relation} {number}" has no unit; write "{name} {relation} {number} {wanted}"')
        return Term(name, relation, float(number), wanted)
    try:
        if wanted:
            return Term(name, relation, float(convert(float(number), unit, wanted)), wanted)
        check_unit(unit)
    except UnitError as error:
        raise ValueError(f'"{name} {relation} {number} {unit}": {error}') from None
    return Term(name, relation, float(number), unit)


def known_unit(name: str) -> str:
    """Return the unit that pdsim keeps a name in, or "" for a covariate of the population's own."""
    if name in VISIT_UNITS:
        return VISIT_UNITS[name]
    known = VARIABLES.get(name)
    return known.unit if known is not None and known.kind == "covariate" else ""


def _unit_text(unit: str) -> str:
    return "" if unit == "1" else f" {unit}"


def _bound(term: Term, units: Mapping[str, str], levels: Mapping[str, Mapping[str, int]]) -> Term:
    if term.name in VISIT:
        return term
    codes = levels.get(term.name, {})
    if term.word:
        if term.word not in codes:
            known = f" Levels: {', '.join(codes)}" if codes else f" '{term.name}' is a number"
            raise ValueError(f"'{term.word}' is no level of '{term.name}'.{did_you_mean(term.word, codes)}{known}")
        return replace(term, value=float(codes[term.word]), word="")
    unit = units.get(term.name, "") or "1"
    if not term.unit:
        if unit != "1":
            raise ValueError(f'"{term.name} {term.relation} {term.value:g}" has no unit; it is in {unit}')
        return term
    try:
        return replace(term, value=float(convert(term.value, term.unit, unit)), unit=unit)
    except UnitError as error:
        raise ValueError(f'"{term.name} {term.relation} {term.value:g} {term.unit}": {error}') from None


def _meet(name: str, terms: tuple[Term, ...]) -> bool:
    """Whether some value of one name fulfils all terms; terms that cannot be compared are taken to meet."""
    own = [term for term in terms if term.name == name]
    words = {term.word for term in own if term.word and term.relation == "=="}
    if len(words) > 1 or words & {term.word for term in own if term.relation == "!="}:
        return False
    numbers = [term for term in own if not term.word]
    low, high, open_low, open_high = -math.inf, math.inf, False, False
    for term in numbers:
        if term.unit != numbers[0].unit:
            return True
        if term.relation in (">", ">=", "==") and term.value >= low:
            open_low = term.relation == ">" or (open_low and term.value == low)
            low = term.value
        if term.relation in ("<", "<=", "==") and term.value <= high:
            open_high = term.relation == "<" or (open_high and term.value == high)
            high = term.value
    if low > high or (low == high and (open_low or open_high)):
        return False
    return not (low == high and any(term.relation == "!=" and term.value == low for term in numbers))
