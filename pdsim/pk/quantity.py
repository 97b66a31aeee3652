"""Units of drug cards as exact factors and exponents; pint, which takes a second to start, is not needed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pdsim.errors import UnitError, did_you_mean

# factor to the base unit, and the base unit: litre, day, gram, mole, metre, square metre of body surface
_ATOMS: dict[str, tuple[float, str]] = {
    "L": (1.0, "L"),
    "dL": (1e-1, "L"),
    "mL": (1e-3, "L"),
    "uL": (1e-6, "L"),
    "day": (1.0, "day"),
    "d": (1.0, "day"),
    "h": (1 / 24, "day"),
    "hour": (1 / 24, "day"),
    "min": (1 / 1440, "day"),
    "week": (7.0, "day"),
    "wk": (7.0, "day"),
    "month": (30.4375, "day"),
    "yr": (365.25, "day"),
    "year": (365.25, "day"),
    "kg": (1e3, "g"),
    "g": (1.0, "g"),
    "mg": (1e-3, "g"),
    "ug": (1e-6, "g"),
    "ng": (1e-9, "g"),
    "mol": (1.0, "mol"),
    "mmol": (1e-3, "mol"),
    "umol": (1e-6, "mol"),
    "nmol": (1e-9, "mol"),
    "pmol": (1e-12, "mol"),
    "m": (1.0, "m"),
    "cm": (1e-2, "m"),
    "m2": (1.0, "m2"),
}
_MOLAR = {"M": 1.0, "mM": 1e-3, "uM": 1e-6, "nM": 1e-9, "pM": 1e-12}
KNOWN = (*_ATOMS, *_MOLAR)

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")


@dataclass(frozen=True)
class Unit:
    """A factor to base units, and the exponent of each base unit that is not zero."""

    factor: float = 1.0
    powers: tuple[tuple[str, float], ...] = ()

    def __mul__(self, other: Unit) -> Unit:
        return self._combined(other, 1.0)

    def __truediv__(self, other: Unit) -> Unit:
        return self._combined(other, -1.0)

    def __pow__(self, exponent: float) -> Unit:
        return Unit(self.factor**exponent, tuple((base, power * exponent) for base, power in self.powers if exponent))

    def fits(self, other: Unit) -> bool:
        """Tell whether both measure the same thing."""
        return self.powers == other.powers

    def _combined(self, other: Unit, sign: float) -> Unit:
        powers = dict(self.powers)
        for base, power in other.powers:
            powers[base] = powers.get(base, 0.0) + sign * power
        kept = tuple(sorted((base, power) for base, power in powers.items() if power))
        return Unit(self.factor * other.factor**sign, kept)

    def __str__(self) -> str:
        if not self.powers:
            return "1"
        return " ".join(base if power == 1 else f"{base}^{power:g}" for base, power in self.powers)


ONE = Unit()


def atom(word: str) -> Unit | None:
    """Return the unit of one word, None if it is none."""
    if word in _ATOMS:
        factor, base = _ATOMS[word]
        return Unit(factor, ((base, 1.0),))
    if word in _MOLAR:
        return Unit(_MOLAR[word], (("L", -1.0), ("mol", 1.0)))
    return None


def unit_of(text: str) -> Unit:
    """Read a unit such as ``"L/day/(mL/min)"``, ``"ng*h/mL"``, ``"1/h"`` or ``"1"``.

    Raises
    ------
    UnitError
        If a word is no unit known to drug cards.
    """
    plain = text.replace(" ", "")
    unit, end = scan(plain, 0)
    while plain[end : end + 1] == "*" and end:
        factor, after = scan(plain, end + 1)
        if after == end + 1:
            break
        unit, end = unit * factor, after
    if end < len(plain) or not plain:
        word = _WORD.search(plain, end)
        hint = did_you_mean(word[0], KNOWN) if word else ""
        raise UnitError(f"'{text}' is no unit of a drug card.{hint} Known: {', '.join(KNOWN)}")
    return unit


def scan(text: str, start: int) -> tuple[Unit, int]:
    """Read the longest unit from `start`, also one that begins with ``/``; returns it and where it ends."""
    unit, end = _term(text, start)
    while end < len(text) and text[end] == "/":
        below, after = _below(text, end + 1)
        if after == end + 1:
            break
        unit, end = unit / below, after
    return unit, end


def _term(text: str, start: int) -> tuple[Unit, int]:
    if text[start : start + 1] == "1" and text[start + 1 : start + 2] in ("/", ""):
        return ONE, start + 1
    found = _WORD.match(text, start)
    unit = atom(found[0]) if found else None
    return (unit, found.end()) if found and unit else (ONE, start)


def _below(text: str, start: int) -> tuple[Unit, int]:
    if text[start : start + 1] != "(":
        return _term(text, start)
    unit, end = scan(text, start + 1)
    return (unit, end + 1) if end > start + 1 and text[end : end + 1] == ")" else (ONE, start)
