"""Amounts as written in a regimen: "25 mg", "750 mg/m2", "16 mg/kg", "450e6 cell"."""

from __future__ import annotations

import re
from typing import Any

from pdsim.dosing.dose import Per
from pdsim.errors import DoseError, UnitError, did_you_mean
from pdsim.units import parse_quantity

MASSES = ("mg", "g", "ug", "mcg", "ng")
COUNTS = {"cell": "cell", "cells": "cell", "IU": "IU"}

_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")


def parse_amount(written: Any) -> tuple[float, str, Per]:
    """Read an amount with its unit.

    Returns
    -------
    amount : float
        In mg, cells or IU; for each m2 or kg if `per` says so.
    unit : {"mg", "cell", "IU"}
    per : {"flat", "m2", "kg"}

    Raises
    ------
    DoseError
        If there is no number, or no unit.
    UnitError
        If the unit is unknown.
    """
    found = _NUMBER.fullmatch(written if isinstance(written, str) else repr(written))
    if found is None:
        raise DoseError(f'{written!r} is no amount; write a number and a unit, for example "25 mg"')
    number, unit = found[1], found[2]
    if not unit:
        raise DoseError(f'{number} has no unit; write "{number} mg", or mg/m2, mg/kg, cell, IU')
    unit, per = _split(unit)
    if unit in COUNTS:
        return float(number), COUNTS[unit], per
    if unit not in MASSES:
        known = (*MASSES, *COUNTS)
        raise UnitError(f"'{unit}' is no unit of an amount.{did_you_mean(unit, known)} Known: {', '.join(known)}")
    return parse_quantity(f"{number} {unit}", "mg"), "mg", per


def _split(unit: str) -> tuple[str, Per]:
    head, slash, tail = (part.strip() for part in unit.partition("/"))
    if not slash:
        return unit, "flat"
    if tail in ("m2", "m**2", "m^2"):
        return head, "m2"
    if tail == "kg":
        return head, "kg"
    raise UnitError(f"'/{tail}' in '{unit}': an amount is flat, per m2 or per kg; give per_day for doses in a day")
