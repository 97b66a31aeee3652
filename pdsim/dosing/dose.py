"""One dose line of a regimen, and the dose times that it expands to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pdsim.dosing.days import Days
from pdsim.errors import did_you_mean

ROUTES = ("oral", "iv", "infusion", "sc")
STATUSES = ("verified", "recalled", "assumed")

Per = Literal["flat", "m2", "kg"]


@dataclass(frozen=True)
class Dose:
    """A drug given in a fixed amount on fixed days of each cycle.

    Parameters
    ----------
    drug : str
        Name of a drug card, or of a dosed state of the model.
    amount : float
        Amount of one administration in `unit`, for each m2 or kg if `per` says so.
    unit : str
        ``"mg"``, ``"cell"`` or ``"IU"``.
    per : {"flat", "m2", "kg"}
        What the amount is multiplied with.
    route : {"oral", "iv", "infusion", "sc"} or None
        None takes the route of the drug's card.
    days : tuple of int or "continuous"
        Days of the cycle, the first is 1; ``"continuous"`` is every day.
    cycles : (first, last) or None
        Cycles in which the line is given; a last of None is without end.
    duration : float
        Length of an infusion in days.
    time_of_day : float
        Part of the day at which the (first) dose is given, from 0 to below 1.
    per_day : int
        Evenly spaced administrations on a dosing day.
    start, stop : float
        Day 0 of the line's cycle 1, and the day before which its last dose is given, in days of
        the regimen.
    cycle : float or None
        Length of the line's cycle in days; None takes the regimen's.
    status, source : str
        For doses that no source prints: ``"assumed"`` and why.
    when_needed : bool
        Give nothing until a rule of the regimen says so; the days are those on which it may be given.
    """

    drug: str
    amount: float
    unit: str = "mg"
    per: Per = "flat"
    route: str | None = None
    days: Days = "continuous"
    cycles: tuple[int, int | None] | None = None
    duration: float = 0.0
    time_of_day: float = 0.0
    per_day: int = 1
    start: float = 0.0
    stop: float = math.inf
    cycle: float | None = None
    status: str = ""
    source: str = ""
    when_needed: bool = False

    def mistakes(self, cycle: float) -> list[tuple[str, str]]:
        """List what is wrong as (key, sentence), for a cycle of that many days."""
        found: list[tuple[str, str]] = []
        if not self.drug:
            found.append(("drug", "no drug is named"))
        if not (math.isfinite(self.amount) and self.amount > 0):
            found.append(("amount", f"{self.amount:g} {self.unit} is not a positive amount"))
        if self.route is not None and self.route not in ROUTES:
            known = ", ".join(ROUTES)
            hint = did_you_mean(self.route, ROUTES)
            found.append(("route", f"'{self.route}' is no route.{hint} Known: {known}"))
        found.extend(self._mistakes_of_time(self.cycle or cycle))
        if self.status and self.status not in STATUSES:
            known = ", ".join(STATUSES)
            found.append(("status", f"'{self.status}' is no status; use {known}"))
        return found

    def _mistakes_of_time(self, cycle: float) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        if self.days != "continuous":
            outside = [day for day in self.days if not 1 <= day < cycle + 1]
            if outside:
                listed = ", ".join(map(str, outside))
                found.append(("days", f"day {listed} is outside the cycle of {cycle:g} days (days count from 1)"))
            if not self.days:
                found.append(("days", "no day is given"))
        if self.route == "infusion" and self.duration <= 0:
            found.append(("duration", 'an infusion needs its length, for example duration = "1 h"'))
        if self.route in ("oral", "iv", "sc") and self.duration != 0:
            found.append(("duration", 'only an infusion has a length; write route = "infusion" or leave duration out'))
        elif self.duration < 0:
            found.append(("duration", "a length cannot be negative"))
        if not 0 <= self.time_of_day < 1:
            found.append(("time", f"{self.time_of_day * 24:g} h is not within one day"))
        if self.per_day < 1:
            found.append(("per_day", f"{self.per_day} doses a day; write a whole number from 1"))
        if self.start < 0:
            found.append(("start", "a line cannot start before day 0"))
        if self.stop <= self.start:
            found.append(("stop", f"day {self.stop:g} is not after the start, day {self.start:g}"))
        return found

    def length(self, cycle: float) -> float:
        """Day on which the line ends for good, infinite if it does not."""
        last = self.cycles[1] if self.cycles else None
        end = math.inf if last is None else self.start + last * (self.cycle or cycle)
        return min(self.stop, end)

    def times(self, stop: float, cycle: float) -> np.ndarray:
        """Times of all administrations in days, ascending, below `stop`."""
        cycle = self.cycle or cycle
        stop = min(stop, self.length(cycle))
        first = self.cycles[0] - 1 if self.cycles else 0
        begin = self.start + first * cycle
        if stop <= begin:
            return np.empty(0)
        if self.days == "continuous":
            mornings = begin + np.arange(math.ceil(stop - begin))
        else:
            cycles = np.arange(math.ceil((stop - begin) / cycle))
            mornings = (begin + cycles[:, None] * cycle + (np.asarray(self.days) - 1.0)).ravel()
        within = self.time_of_day + np.arange(self.per_day) / self.per_day
        times = np.sort((mornings[:, None] + within).ravel())
        return times[times < stop]


@dataclass(frozen=True, eq=False)
class DoseLine:
    """One dose line with all its times; what the solver is given.

    Parameters
    ----------
    drug, amount, unit, per, route, duration
        As in `Dose`.
    times : array of float, (dose,)
        Days from day 1 of cycle 1, which is 0; ascending, read-only.
    """

    drug: str
    amount: float
    unit: str
    per: Per
    route: str | None
    duration: float
    times: np.ndarray


@dataclass(frozen=True, eq=False)
class RuledLine:
    """A dose line that rules may change.

    Parameters
    ----------
    line : DoseLine
    schedule : str
        Days of the cycle where a rule has changed them; empty for the days of the file.
    waits : bool
        Nothing is given until a rule says so.
    """

    line: DoseLine
    schedule: str = ""
    waits: bool = False
