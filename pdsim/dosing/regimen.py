"""A regimen: dose lines in cycles, and the verbs that combine regimens."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pdsim.dosing.amount import parse_amount
from pdsim.dosing.dose import Dose, DoseLine
from pdsim.dosing.text import describe_dose, dose_to_dict, tidy
from pdsim.errors import DoseError
from pdsim.units import days as to_days

if TYPE_CHECKING:
    from pdsim.dosing.table import EventTable


@dataclass(frozen=True)
class Regimen:
    """Drugs given together in cycles.

    Parameters
    ----------
    name : str
        Name of the file, or of the arm.
    cycle : float
        Length of a cycle in days.
    doses : tuple of Dose
        Dose lines in the order of the file.
    source : str
        Where the schedule is printed.
    until : None or "progression"
        What ends treatment before the end of the simulation.
    label : str
        Name for plots; the name if empty.

    Raises
    ------
    DoseError
        If a dose line cannot be given as written; all mistakes are listed.

    Examples
    --------
    >>> weekly = Regimen.every("7 d", "40 mg", drug="dexamethasone")
    >>> len(weekly.lines(28.0)[0].times)
    4
    """

    name: str
    cycle: float
    doses: tuple[Dose, ...] = ()
    source: str = ""
    until: Literal["progression"] | None = None
    label: str = ""

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", self.name)
        found = [] if self.cycle > 0 and math.isfinite(self.cycle) else [f"  cycle: {self.cycle:g} days is no length"]
        for number, dose in enumerate(self.doses, 1):
            found += [f"  dose[{number}] ({dose.drug}).{key}: {text}" for key, text in dose.mistakes(self.cycle)]
        if found:
            raise DoseError("\n".join([f"regimen '{self.name}' cannot be given:", *found]))

    @classmethod
    def every(
        cls,
        interval: str | float,
        amount: str,
        *,
        drug: str,
        times: int | None = None,
        route: str | None = None,
        duration: str | float = 0.0,
        name: str = "",
    ) -> Regimen:
        """Give one dose at the start of every interval.

        Parameters
        ----------
        interval : str or float
            Time from dose to dose, ``"28 d"``; a bare number is days.
        amount : str
            Amount with unit, ``"100 mg"`` or ``"16 mg/kg"``.
        drug : str
            Name of the drug.
        times : int, optional
            Number of doses; without end if left out.
        route, duration, name
            As in `Dose` and `Regimen`.

        Raises
        ------
        DoseError
            If the amount, the route or the number of doses is impossible.
        UnitError
            If a unit is unknown.
        """
        value, unit, per = parse_amount(amount)
        if times is not None and times < 1:
            raise DoseError(f"times = {times}: give at least one dose, or leave times out for a dose without end")
        dose = Dose(
            drug,
            value,
            unit,
            per,
            route,
            days=(1,),
            cycles=None if times is None else (1, times),
            duration=to_days(duration),
        )
        return cls(name or drug, to_days(interval), (dose,))

    @property
    def length(self) -> float:
        """Day on which the last line ends, infinite if one is without end."""
        return max((dose.length(self.cycle) for dose in self.doses), default=0.0)

    def lines(self, stop: float) -> tuple[DoseLine, ...]:
        """Expand to dose times strictly below `stop` days, one line for each dose of the file.

        Day 1 of cycle 1 is time 0. A line without a dose before `stop` is kept, with no times.

        Raises
        ------
        DoseError
            If `stop` is not finite.
        """
        if not math.isfinite(stop):
            raise DoseError(f"regimen '{self.name}': dose times need an end, not stop = {stop}")
        lines = []
        for dose in self.doses:
            times = dose.times(stop, self.cycle)
            times.flags.writeable = False
            lines.append(DoseLine(dose.drug, dose.amount, dose.unit, dose.per, dose.route, dose.duration, times))
        return tuple(lines)

    def to_table(self, stop: str | float, model: Any = None, **more: Any) -> EventTable:
        """Write the doses below `stop` as an event table that `pdsim.simulate_events` takes.

        Parameters
        ----------
        stop : str or float
            ``"84 d"``; a bare number is days.
        model : Model, optional
            Its time unit is that of TIME, its states' units those of AMT; without it days, and amounts as written.
        patients : int or sequence of int
            Number of patients, or their IDs; 1 if left out.
        at : sequence of float
            Days at which a row without a dose is added; it comes after the doses of its time.
        scale : mapping
            ``"m2"`` and ``"kg"`` to array (patient,), for doses by size; see `pdsim.pk.dose_scale`.

        Raises
        ------
        DoseError
            If a drug is no dosed state of the model, or a size is missing.
        """
        from pdsim.dosing.regimen_table import regimen_table

        return regimen_table(self, stop, model, **more)

    def days(self, stop: float) -> dict[str, np.ndarray]:
        """Give the days (int, from 0, ascending) on which each drug is given before `stop`."""
        found: dict[str, list[np.ndarray]] = {}
        for line in self.lines(stop):
            found.setdefault(line.drug, []).append(np.floor(line.times).astype(np.int64))
        return {drug: np.unique(np.concatenate(parts)) for drug, parts in found.items()}

    def __add__(self, other: Regimen) -> Regimen:
        """Give both together, from the same day."""
        if not isinstance(other, Regimen):
            return NotImplemented
        return self._joined(other, self.doses + other._in_cycles_of(self), f"{self.name} + {other.name}")

    def then(self, other: Regimen, after: str | float | None = None) -> Regimen:
        """Give `other` once this one has been given for a while.

        Parameters
        ----------
        other : Regimen
            What follows; its day 1 is the day of the change.
        after : str or float, optional
            ``"6 cycles"`` of this regimen, a time such as ``"24 wk"``, or days; left out, the
            length of this regimen, which must then have an end.

        Raises
        ------
        DoseError
            If this regimen has no end and `after` is left out, or `after` is not positive.
        """
        change = self._change(after)
        if not (change > 0 and math.isfinite(change)):
            raise DoseError(
                f"'{self.name}' has no end: say when '{other.name}' follows, for example after=\"6 cycles\""
            )
        before = tuple(replace(dose, stop=min(dose.stop, change)) for dose in self.doses if dose.start < change)
        later = tuple(_moved(dose, change) for dose in other._in_cycles_of(self))
        return self._joined(other, before + later, f"{self.name}, then {other.name}")

    def repeat(self, times: int) -> Regimen:
        """Give it that many times, one after the other, and then stop.

        A regimen with an end is repeated whole; of one without end, a cycle is repeated, so that
        ``regimen.repeat(8)`` is eight cycles.

        Raises
        ------
        DoseError
            If `times` is below 1, or only a part of the regimen is without end.
        """
        if times < 1:
            raise DoseError(f"times = {times}: repeat a regimen at least once")
        if math.isfinite(self.length):
            doses = tuple(_moved(dose, turn * self.length) for turn in range(times) for dose in self.doses)
            return replace(self, doses=doses)
        if all(dose == replace(dose, cycles=None, cycle=None, start=0.0, stop=math.inf) for dose in self.doses):
            return replace(self, doses=tuple(replace(dose, cycles=(1, times)) for dose in self.doses))
        raise DoseError(f"'{self.name}' has lines without end beside others; give each line its cycles before repeat")

    def describe(self) -> tuple[str, ...]:
        """Say in lines of text what is given when."""
        head = f"{self.label}: cycle of {tidy(self.cycle)} days" + (f", until {self.until}" if self.until else "")
        body = tuple("  " + describe_dose(dose, self.cycle) for dose in self.doses)
        return (head, *body, *([f"  source: {self.source}"] if self.source else []))

    def to_dict(self) -> dict[str, Any]:
        """Return the keys of a regimen file; `regimen_from_dict` reads them back to an equal regimen."""
        head = {"cycle": f"{tidy(self.cycle)} d", "source": self.source, "until": self.until}
        if self.label != self.name:
            head["label"] = self.label
        kept: dict[str, Any] = {key: value for key, value in head.items() if value}
        return {**kept, "dose": [dose_to_dict(dose) for dose in self.doses]}

    def _change(self, after: str | float | None) -> float:
        if after is None:
            return self.length
        cycles = re.fullmatch(r"\s*(\d+)\s*cycles?\s*", after) if isinstance(after, str) else None
        return int(cycles[1]) * self.cycle if cycles else to_days(after)

    def _in_cycles_of(self, other: Regimen) -> tuple[Dose, ...]:
        if self.cycle == other.cycle:
            return self.doses
        return tuple(replace(dose, cycle=dose.cycle or self.cycle) for dose in self.doses)

    def _joined(self, other: Regimen, doses: tuple[Dose, ...], name: str) -> Regimen:
        source = "; ".join(dict.fromkeys(text for text in (self.source, other.source) if text))
        return Regimen(name, self.cycle, doses, source, self.until or other.until)


def _moved(dose: Dose, days: float) -> Dose:
    return replace(dose, start=dose.start + days, stop=dose.stop + days)
