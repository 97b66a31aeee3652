"""Events asked for: when an output or state first comes to lie beyond a level, on the solver's own course."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pdsim._jit import LANES
from pdsim.errors import PdsimError, did_you_mean
from pdsim.solvers.block import Block
from pdsim.units import parse_quantity

if TYPE_CHECKING:
    from pdsim.model import Kernels

SCAN = 0.25  # days between the times at which conditions are looked at
NEAR = 1e-6  # days to which the time of an event is found
_PARTS = 16  # into which a bracket is cut at once
_CONDITION = re.compile(r"\s*(\w+(?:\[[^\]]*\])?)\s*(<=|>=|<|>)\s*(.+?)\s*")

Margins = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Condition:
    """A quantity lies beyond a level.

    name, text : of the event, and as it was written
    quantity : flat name of an output or state
    sign : 1 where the quantity must lie above the level, -1 below
    closed : whether the level itself will do
    """

    name: str
    text: str
    quantity: str
    sign: float
    closed: bool
    level: float

    def margin(self, values: np.ndarray) -> np.ndarray:
        """How far beyond the level values lie."""
        return self.sign * (values - self.level)

    def met(self, margins: np.ndarray) -> np.ndarray:
        """Whether the condition holds; not where a value is missing."""
        return margins >= 0.0 if self.closed else margins > 0.0


def read_conditions(given: Mapping[str, str] | None, kernels: Kernels) -> tuple[Condition, ...]:
    """Read conditions such as ``"m_protein > 60 g/L"``.

    Raises
    ------
    PdsimError
        With every condition that cannot be read or names what the model does not have.
    """
    found, mistakes = [], []
    for name, text in (given or {}).items():
        try:
            found.append(_read(name, text, kernels))
        except PdsimError as error:
            mistakes.append(str(error))
    if mistakes:
        raise PdsimError("\n".join(mistakes))
    return tuple(found)


def _read(name: str, text: str, kernels: Kernels) -> Condition:
    where = f"events.{name}"
    parts = _CONDITION.fullmatch(str(text))
    if parts is None:
        raise PdsimError(f"{where} = '{text}' is no condition; write for example 'm_protein > 60 g/L'")
    quantity, comparison, level = parts.groups()
    flats = [*kernels.outputs, *kernels.states]
    own = [flat for flat in flats if flat.partition("[")[0] == quantity]
    if quantity not in flats and own:
        raise PdsimError(f"{where}: '{quantity}' has a value for each clone; name one of {', '.join(own)}")
    if quantity not in flats:
        raise PdsimError(f"{where}: the model has no output or state '{quantity}'.{did_you_mean(quantity, flats)}")
    number = parse_quantity(level, kernels.units[quantity.partition("[")[0]], where)
    return Condition(name, str(text), quantity, 1.0 if comparison[0] == ">" else -1.0, "=" in comparison, number)


class Crossings:
    """First times at which conditions hold on the lanes of a block.

    Conditions are looked at every `SCAN` days, at visits and at the end; where one has come to hold in between, the
    stretch from the visit before is run again with outputs inside the bracket until it is shorter than `NEAR`.

    Parameters
    ----------
    conditions : tuple of Condition
    unit : float
        Days in one unit of the model's time.
    """

    def __init__(self, conditions: tuple[Condition, ...], unit: float) -> None:
        self.conditions = conditions
        self.unit = unit
        self.times = np.full((len(conditions), LANES), np.nan)

    @property
    def open(self) -> bool:
        """Whether some condition has not yet held on some lane."""
        return bool(self.conditions) and bool(np.isnan(self.times).any())

    def look(self, before: Block, times: np.ndarray, margins: np.ndarray, stop: float, margins_of: Margins) -> None:
        """Look at a stretch.

        Parameters
        ----------
        before : Block
            At the start of the stretch, on the same course; it stays there.
        times : array, (time,)
            In the model's unit, the last at `stop`.
        margins : array, (condition, time, lane)
        stop : float
            To which the stretch was run in one call.
        margins_of : callable
            Margins (condition, time, lane) of times and the record's y, present and concentrations.
        """
        brackets: dict[tuple[int, int], tuple[float, float, float, float]] = {}
        for c, condition in enumerate(self.conditions):
            met = condition.met(margins[c])
            for lane in np.flatnonzero(np.isnan(self.times[c]) & met.any(axis=0)):
                row = int(met[:, lane].argmax())
                self.times[c, lane] = times[row] * self.unit
                if row > 0 and np.isfinite(margins[c, row - 1, lane]):
                    low, high = margins[c, row - 1 : row + 1, lane]
                    brackets[c, int(lane)] = times[row - 1], times[row], low, high
        while brackets:
            brackets = self._narrow(before, brackets, stop, margins_of)

    def _narrow(self, before: Block, brackets: dict, stop: float, margins_of: Margins) -> dict:
        """Run again with outputs inside the brackets; return those that are still too long."""
        points = {key: self._points(*bracket) for key, bracket in brackets.items()}
        times = np.unique(np.concatenate(list(points.values())))
        twin = before.fork()
        twin.watch(times)
        twin.advance(stop)
        margins = margins_of(times, *twin.record)
        left = {}
        for (c, lane), (start, end, low, high) in brackets.items():
            own = np.searchsorted(times, points[c, lane])
            inside = margins[c, own, lane]
            met = self.conditions[c].met(np.append(inside, high))
            at, row = np.append(times[own], end), int(met.argmax())
            first, last = (at[row - 1], inside[row - 1]) if row else (start, low)
            self.times[c, lane] = at[row] * self.unit
            if at[row] - first > NEAR / self.unit:
                left[c, lane] = first, at[row], last, np.append(inside, high)[row]
        return left

    def _points(self, start: float, end: float, low: float, high: float) -> np.ndarray:
        """Times inside a bracket: evenly spaced, and close about where a straight line crosses the level."""
        even = np.linspace(start, end, _PARTS + 1)[1:-1]
        root = start + (end - start) * low / (low - high)
        about = root + NEAR / self.unit * np.array([-64.0, -8.0, -0.45, 0.45, 8.0, 64.0])
        return np.unique(np.concatenate([even, about[(about > start) & (about < end)]]))
