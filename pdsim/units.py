"""Units at the border: quantities in files become plain numbers in a stated unit.

Times, masses, volumes and their quotients are converted by a small table of whole numbers, so that a run needs no
pint; everything else goes through the pint registry, which also knows ``units.txt``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from math import isnan
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdsim.errors import UnitError, did_you_mean

if TYPE_CHECKING:
    import pint

_SECONDS = {
    **dict.fromkeys(("s", "second", "seconds"), 1),
    **dict.fromkeys(("min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("wk", "week", "weeks"), 604800),
    **dict.fromkeys(("mo", "month", "months"), 2629800),  # 30.4375 d
    **dict.fromkeys(("yr", "year", "years"), 31557600),  # 365.25 d
}
_NANOGRAMS = {"ng": 1, "ug": 10**3, "mcg": 10**3, "mg": 10**6, "g": 10**9, "kg": 10**12}
_MICROLITRES = {"uL": 1, "mL": 10**3, "dL": 10**5, "L": 10**6}
_PLAIN: dict[str, tuple[str, int]] = {
    "1": ("", 1),
    "cell": ("cell", 1),
    "m2": ("area", 1),
    **{name: ("time", size) for name, size in _SECONDS.items()},
    **{name: ("mass", size) for name, size in _NANOGRAMS.items()},
    **{name: ("volume", size) for name, size in _MICROLITRES.items()},
}
_OFTEN = (*_PLAIN, "Gpt", "copy", "IU", "mol", "mmol", "umol", "nmol", "mM", "uM", "nM", "pM", "cm", "kDa", "percent")
_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")


def parse_quantity(text: str | float, unit: str, where: str = "") -> float:
    """Read a quantity as a number in `unit`.

    Parameters
    ----------
    text : str or float
        ``"25 mg"``; a number, or a text that is only a number, is already in `unit`.
    unit : str
        Unit of the result, such as ``"mg"``, ``"1/day"`` or ``"1"``.
    where : str, optional
        File and key that the quantity stands at, for the message.

    Returns
    -------
    float

    Raises
    ------
    UnitError
        The text is no quantity, its unit is unknown, or it measures something else than `unit`.

    Examples
    --------
    >>> parse_quantity("0.025 g", "mg")
    25.0
    """
    return _read(text, where, lambda number, found: convert(number, found, unit) if found else number, f"25 {unit}")


def days(value: str | float, where: str = "") -> float:
    """Read a time in days: ``"3 yr"``, ``"28 d"``, ``"12 months"``; a bare number is days.

    Raises
    ------
    UnitError
        The text is no time.

    Examples
    --------
    >>> days("3 yr")
    1095.75
    """
    return _read(value, where, lambda number, found: convert(number, found, "d") if found else number, "28 d")


def convert(value: Any, from_unit: str, to_unit: str) -> Any:
    """Convert a number or an array between units.

    Raises
    ------
    UnitError
        A unit is unknown, or the two measure different things.

    Examples
    --------
    >>> convert(1.5, "L/h", "L/day")
    36.0
    """
    if from_unit.strip() == to_unit.strip():
        return value
    ratio = _plain_ratio(from_unit, to_unit)
    if ratio is not None:
        return value * ratio.numerator / ratio.denominator
    old, new = _pint_unit(from_unit), _pint_unit(to_unit)
    if old.dimensionality != new.dimensionality:
        raise UnitError(
            f"'{from_unit}' ({_kind(old)}) does not fit '{to_unit}' ({_kind(new)}); write the value in '{to_unit}' "
            "or in a unit of the same kind"
        )
    return registry().Quantity(value, old).to(new).magnitude


def check_unit(text: str) -> None:
    """Raise `UnitError` unless `text` is a unit that pdsim can read."""
    if _plain(text) is None:
        _pint_unit(text)


def compatible(a: str, b: str) -> bool:
    """Whether two units measure the same kind of thing, so that `convert` works; `UnitError` if one is unknown."""
    if a.strip() == b.strip() or _plain_ratio(a, b) is not None:
        return True
    return bool(_pint_unit(a).dimensionality == _pint_unit(b).dimensionality)


@cache
def registry() -> pint.UnitRegistry:
    """Return the one pint registry of the process, with the units of ``units.txt``."""
    import pint

    units: pint.UnitRegistry = pint.UnitRegistry()
    units.load_definitions(Path(__file__).with_name("units.txt"))
    return units


def _read(text: str | float, where: str, to_number: Callable[[float, str], float], example: str) -> float:
    place = f"{where}: " if where else ""
    if isinstance(text, bool) or not isinstance(text, str | Real):
        raise UnitError(f"{place}{text!r} is no quantity; write a number or a text such as '{example}'")
    if not isinstance(text, str):
        if isnan(text):
            raise UnitError(f"{place}not-a-number is no quantity; write a number or a text such as '{example}'")
        return float(text)
    parts = _QUANTITY.fullmatch(text)
    if parts is None:
        raise UnitError(f"{place}'{text}' is no quantity; write a number and a unit, such as '{example}'")
    try:
        unit = f"1{parts[2]}" if parts[2].startswith("/") else parts[2]  # "1000/uL"
        return float(to_number(float(parts[1]), unit))
    except UnitError as error:
        raise UnitError(f"{place}cannot read '{text}': {error}") from None


def _plain(unit: str) -> tuple[tuple[str, ...], tuple[str, ...], Fraction] | None:
    """Kinds above and below the stroke, and size, of a unit made of the small table; None for any other."""
    parts = [_PLAIN.get(part.strip()) for part in unit.split("/")]
    if any(part is None for part in parts):
        return None
    (kind, size), *below = (part for part in parts if part is not None)
    scale = Fraction(size)
    for _, divisor in below:
        scale /= divisor
    return (kind,), tuple(sorted(name for name, _ in below if name)), scale


@cache
def _plain_ratio(from_unit: str, to_unit: str) -> Fraction | None:
    """Factor between two units of the small table that measure the same thing, else None."""
    old, new = _plain(from_unit), _plain(to_unit)
    if old is None or new is None or old[:2] != new[:2]:
        return None
    return old[2] / new[2]


@cache
def _pint_unit(text: str) -> pint.Unit:
    import pint

    try:
        return registry().parse_units(text.strip() if text.strip() != "1" else "")
    except pint.UndefinedUnitError as error:
        name = str(error.args[0]) if error.args else text
        near = did_you_mean(name, _OFTEN) or did_you_mean(name, dir(registry()))
        raise UnitError(f"unknown unit '{name}'.{near}") from None
    except ValueError:
        raise UnitError(
            f"'{text}' has a number in the unit; a unit stands alone, and the number belongs before it"
        ) from None
    except Exception:
        raise UnitError(f"'{text}' is no unit; write one such as 'mg', '1/day' or 'cell/uL'") from None


def _kind(unit: pint.Unit) -> str:
    text = str(unit.dimensionality)
    return text.replace("[", "").replace("]", "").replace("_", " ")
