"""From factors to scenarios: grids, lists, one at a time, Latin hypercubes, Sobol points and the plans of SALib."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from pdsim.errors import PdsimError

BASELINE = "as the study has it"
SAMPLED = ("lhs", "sobol", "morris", "saltelli")
_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")


@dataclass(frozen=True)
class Level:
    """What one factor is in one scenario: the values of its keys, its name, and its number for an axis (or NaN)."""

    values: tuple[Any, ...]
    label: str
    number: float


@dataclass(frozen=True)
class Factor:
    """Keys of a study that change together.

    Parameters
    ----------
    name : str
        Name in the store.
    keys : tuple of str
        Paths of the keys.
    values : tuple of tuple, optional
        Choices, each with one value for every key; None for a range.
    labels : tuple of str, optional
        Names of the choices.
    low, high : float
        Ends of a range, in `unit`.
    unit : str
        Unit that a value of a range is written with; empty for a bare number.
    scale : {"linear", "log", "whole"}
        How a range is spaced; "whole" gives whole numbers.
    points : int
        Values of a range in a grid or one at a time.
    title : str
        Name for axes.
    """

    name: str
    keys: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...] | None = None
    labels: tuple[str, ...] | None = None
    low: float = 0.0
    high: float = 1.0
    unit: str = ""
    scale: str = "linear"
    points: int = 2
    title: str = ""

    def at(self, place: float) -> Level:
        """Return the level at a place from 0 to 1 of the range, or of the choices in their order."""
        if self.values is not None:
            return self.levels()[min(int(place * len(self.values)), len(self.values) - 1)]
        if self.scale == "log":
            value: float | int = math.exp(math.log(self.low) + place * (math.log(self.high) - math.log(self.low)))
        elif self.scale == "whole":
            value = min(int(self.low + place * (self.high - self.low + 1)), int(self.high))
        else:
            value = self.low + place * (self.high - self.low)
        written = f"{value!r} {self.unit}" if self.unit else value
        return Level((written,), f"{value:.4g} {self.unit}".strip(), float(value))

    def levels(self) -> list[Level]:
        """Return the choices, or the range at its `points`."""
        if self.values is None:
            return [self.at(place) for place in np.linspace(0.0, 1.0, self.points)]
        names = self.labels or [", ".join(map(_word, value)) for value in self.values]
        numbers = self._numbers()
        one_unit = len({unit for _, unit in numbers}) == 1
        return [
            Level(value, name, number if one_unit else math.nan)
            for value, name, (number, _) in zip(self.values, names, numbers, strict=True)
        ]

    @property
    def axis_unit(self) -> str:
        """Unit of the numbers of the levels; empty where they have none or several."""
        if self.values is None:
            return self.unit
        units = {unit for _, unit in self._numbers()}
        return units.pop() if len(units) == 1 else ""

    def _numbers(self) -> list[tuple[float, str]]:
        """Number and unit of every choice: of its label, else of its only value."""
        written: Sequence[Any] = self.labels or [value[0] if len(value) == 1 else "" for value in self.values or ()]
        return [_number(one) for one in written]


@dataclass(frozen=True)
class Scenario:
    """One setting of all factors; a factor that is not named stays as the study has it."""

    index: int
    label: str
    levels: dict[str, Level]
    settings: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Design:
    """Scenarios in their order, and for sampled plans their places in the unit cube (scenario, factor)."""

    plan: str
    factors: tuple[Factor, ...]
    scenarios: tuple[Scenario, ...]
    places: np.ndarray | None = None


def expand_design(plan: str, factors: Sequence[Factor], size: int = 0, seed: int = 0, levels: int = 4) -> Design:
    """Expand a plan.

    Parameters
    ----------
    plan : {"grid", "list", "one_at_a_time", "lhs", "sobol", "morris", "saltelli"}
        Every combination; the n-th values of all factors together; the study and then one factor at a time; a Latin
        hypercube or scrambled Sobol points; the plans of SALib for elementary effects and for Sobol indices.
    factors : sequence of Factor
    size : int
        Scenarios of "lhs" and "sobol"; trajectories of "morris"; base sample of "saltelli", which takes
        size x (factors + 2) scenarios.
    seed : int
        Seed of a sampled plan.
    levels : int
        Levels of "morris", even.

    Returns
    -------
    Design

    Raises
    ------
    PdsimError
        No factor, lists of different lengths, a range without an end, or SALib is not installed.

    Examples
    --------
    >>> dose = Factor("dose", ("arms.rep.dose.lenalidomide.amount",), (("10 mg",), ("25 mg",)))
    >>> [scenario.label for scenario in expand_design("grid", [dose]).scenarios]
    ['dose = 10 mg', 'dose = 25 mg']
    """
    if not factors:
        raise PdsimError("there is nothing to vary; give at least one factor")
    if plan in SAMPLED:
        places = _places(plan, len(factors), size, seed, levels)
        rows = [[factor.at(place) for factor, place in zip(factors, row, strict=True)] for row in places]
        width = len(str(len(rows) - 1))
        named = [(f"{index:0{width}d}", _named(factors, row)) for index, row in enumerate(rows)]
        return Design(plan, tuple(factors), _scenarios(factors, named), places)
    tables = [factor.levels() for factor in factors]
    if plan == "grid":
        found = [_named(factors, row) for row in product(*tables)]
    elif plan == "list":
        if len({len(table) for table in tables}) > 1:
            lengths = ", ".join(f"{factor.name} {len(table)}" for factor, table in zip(factors, tables, strict=True))
            raise PdsimError(f"a list takes the values of all factors together; they are of several lengths: {lengths}")
        found = [_named(factors, row) for row in zip(*tables, strict=True)]
    else:
        found = [{}] + [{factor.name: level} for factor, table in zip(factors, tables, strict=True) for level in table]
    return Design(plan, tuple(factors), _scenarios(factors, [(_label(levels), levels) for levels in found]))


def _scenarios(factors: Sequence[Factor], named: Sequence[tuple[str, dict[str, Level]]]) -> tuple[Scenario, ...]:
    labels = [label for label, _ in named]
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise PdsimError(f"two scenarios are both called '{twice}'; give the factor labels, or remove one")
    keys = {factor.name: factor.keys for factor in factors}
    return tuple(
        Scenario(
            index,
            label,
            levels,
            tuple(pair for name, level in levels.items() for pair in zip(keys[name], level.values, strict=True)),
        )
        for index, (label, levels) in enumerate(named)
    )


def _named(factors: Sequence[Factor], row: Sequence[Level]) -> dict[str, Level]:
    return {factor.name: level for factor, level in zip(factors, row, strict=True)}


def _label(levels: dict[str, Level]) -> str:
    return "; ".join(f"{name} = {level.label}" for name, level in levels.items()) or BASELINE


def _places(plan: str, count: int, size: int, seed: int, levels: int) -> np.ndarray:
    """Points of the unit cube, (scenario, factor)."""
    if plan in ("lhs", "sobol"):
        from scipy.stats import qmc

        rng = np.random.default_rng(seed)
        if plan == "lhs":
            return np.asarray(qmc.LatinHypercube(count, rng=rng).random(size))
        power = max(0, math.ceil(math.log2(size)))
        return np.asarray(qmc.Sobol(count, rng=rng).random_base2(power)[:size])
    problem = {"num_vars": count, "names": [f"x{place}" for place in range(count)], "bounds": [[0.0, 1.0]] * count}
    sample = need_salib().sample
    if plan == "morris":
        return np.asarray(sample.morris.sample(problem, size, num_levels=levels, seed=seed))
    return np.asarray(sample.sobol.sample(problem, size, calc_second_order=False, seed=seed))


def need_salib() -> Any:
    """Return SALib with the parts in use; PdsimError with the way to install it where it is not there."""
    try:
        import SALib
        import SALib.analyze.morris
        import SALib.analyze.sobol
        import SALib.sample.morris
        import SALib.sample.sobol
    except ImportError:
        raise PdsimError("this needs SALib, which is not installed: pip install 'pdsim[sensitivity]'") from None
    return SALib


def read_quantity(written: Any) -> tuple[float, str] | None:
    """Split a number and the text of its unit; None where the value is something else."""
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        return None
    found = _QUANTITY.fullmatch(written if isinstance(written, str) else repr(written))
    return (float(found[1]), found[2]) if found else None


def _number(written: Any) -> tuple[float, str]:
    return read_quantity(written) or (math.nan, f"{written}")


def _word(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_word, value)) + "]"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
