"""Functions for model bodies that work on floats, on SymPy symbols and on quantities with units.

The kernels compute the same values; see `pdsim._lanemath` for their behaviour at the ends of the number range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from operator import add, mul
from typing import Any


def _symbolic(*values: Any) -> bool:
    return any(hasattr(value, "free_symbols") for value in values)


def _symbols() -> Any:
    from pdsim.model import symbols

    return symbols


def _number(value: Any, what: str) -> float:
    """Return a dimensionless float; a quantity with a dimension raises pint's error."""
    if hasattr(value, "to"):
        return float(value.to("dimensionless").magnitude)
    if isinstance(value, (tuple, list)):
        raise TypeError(f"{what} takes one value; use each() to apply it to every entry of a dimension")
    return float(value)


def _like(template: Any, number: float) -> Any:
    return number * template.units if hasattr(template, "units") else number


def exp(x: Any) -> Any:
    """Exponential function; infinite where it overflows."""
    if _symbolic(x):
        return _symbols().exp(x)
    try:
        return math.exp(_number(x, "exp"))
    except OverflowError:
        return math.inf


def log(x: Any) -> Any:
    """Natural logarithm; minus infinity at 0, NaN below."""
    if _symbolic(x):
        return _symbols().log(x)
    value = _number(x, "log")
    if value > 0:
        return math.log(value)
    return -math.inf if value == 0 else math.nan


def sqrt(x: Any) -> Any:
    """Square root; NaN below 0."""
    if _symbolic(x):
        return _symbols().sqrt(x)
    if hasattr(x, "units"):
        return x**0.5
    return math.sqrt(x) if x >= 0 else math.nan


def power(x: Any, exponent: Any) -> Any:
    """``x`` to ``exponent`` for ``x >= 0``; NaN below 0."""
    if _symbolic(x, exponent):
        return _symbols().power(x, exponent)
    degree = _number(exponent, "power")
    if hasattr(x, "units"):
        return x**degree
    if x < 0:
        return math.nan
    try:
        return float(x) ** degree
    except (OverflowError, ZeroDivisionError):
        return math.inf


def positive(x: Any) -> Any:
    """``x`` where it is above 0, else 0."""
    if _symbolic(x):
        return _symbols().positive(x)
    return _like(x, 0.0) if getattr(x, "magnitude", x) <= 0 else x


def where(condition: Any, yes: Any, no: Any) -> Any:
    """``yes`` where the condition holds, else ``no``.

    A condition compares by ``<``, ``<=``, ``>`` or ``>=``; join several with ``&`` and ``|``.
    """
    if _symbolic(condition):
        return _symbols().where(condition, yes, no)
    if hasattr(yes, "units") and hasattr(no, "units"):
        no = no.to(yes.units) if condition else no
        yes = yes if condition else yes.to(no.units)
    return yes if condition else no


def minimum(a: Any, b: Any) -> Any:
    """The smaller of two values."""
    return where(a < b, a, b)


def maximum(a: Any, b: Any) -> Any:
    """The larger of two values."""
    return where(a > b, a, b)


def emax(x: Any, half: Any = 1) -> Any:
    """Saturating effect ``x / (half + x)``."""
    return x / (half + x)


def hill(x: Any, half: Any = 1, steepness: Any = 1) -> Any:
    """Sigmoid effect ``x**n / (half**n + x**n)`` with ``n = steepness``; 0 for ``x <= 0``."""
    if _symbolic(x, half, steepness):
        return _symbols().hill(x, half, steepness)
    degree = _number(steepness, "hill")
    ratio = _number(x / half, "hill")
    if ratio <= 0:
        return 0.0
    return 1.0 / (1.0 + exp(-degree * math.log(ratio)))


def each(function: Callable, *sequences: Any) -> tuple:
    """Apply a function along the clone dimension; values without the dimension are repeated.

    Raises
    ------
    TypeError
        If no argument has the dimension, or lengths differ.
    """
    lengths = {len(item) for item in sequences if isinstance(item, (tuple, list))}
    if len(lengths) != 1:
        found = "no argument with a dimension" if not lengths else f"lengths {sorted(lengths)}"
        raise TypeError(f"each() needs arguments over one dimension, got {found}")
    count = lengths.pop()
    columns = [item if isinstance(item, (tuple, list)) else (item,) * count for item in sequences]
    return tuple(function(*row) for row in zip(*columns, strict=True))


def total(sequence: Sequence[Any]) -> Any:
    """Sum over the clone dimension."""
    if not isinstance(sequence, (tuple, list)):
        raise TypeError("total() needs a value over a dimension; this one has no entries to add")
    return reduce(add, sequence) if sequence else 0.0


def combine(**units: str) -> Callable[[Callable], Callable]:
    """Mark a function of a tuple of drugs as the ``combine`` of an Input.

    Each drug is a record with its free concentration ``c`` (nM) and the keys named here, which its card must give.
    The unit of a key may contain ``{unit}``, the Input's own unit.
    """

    def mark(function: Callable) -> Callable:
        marked: Any = function
        marked.keys = tuple(units)
        marked.key_units = lambda unit: {key: text.format(unit=unit) for key, text in units.items()}
        return function

    return mark


@combine(affinity="nM", closed="{unit}")
def competitive_binding(drugs: Sequence[Any]) -> Any:
    """Drugs share one binding site: ``sum(load * closed) / (1 + sum(load))`` with ``load = c / affinity``."""
    if not drugs:
        return 0
    loads = [drug.c / drug.affinity for drug in drugs]
    return reduce(add, [load * drug.closed for load, drug in zip(loads, drugs, strict=True)]) / (1 + reduce(add, loads))


@combine(potency="nM/({unit})")
def additive(drugs: Sequence[Any]) -> Any:
    """Doses add: ``sum(c / potency)``."""
    return reduce(add, [drug.c / drug.potency for drug in drugs]) if drugs else 0


@combine(potency="nM")
def bliss(drugs: Sequence[Any]) -> Any:
    """Independent effects: ``1 - prod(1 - c / (c + potency))``."""
    return 1 - reduce(mul, [1 - drug.c / (drug.c + drug.potency) for drug in drugs]) if drugs else 0
