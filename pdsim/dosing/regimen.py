"""A regimen: dose lines in cycles, and the verbs that combine regimens."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pdsim.dosing.amount import parse_amount
from pdsim.dosing.days import parse_days
from pdsim.dosing.dose import STATUSES, Dose, DoseLine, RuledLine
from pdsim.dosing.rules.checks import rule_mistakes
from pdsim.dosing.rules.rule import Rule, describe_rule, rule_to_dict
from pdsim.dosing.text import describe_dose, dose_to_dict, tidy
from pdsim.errors import DoseError
from pdsim.units import days as to_days

if TYPE_CHECKING:
    from pdsim.dosing.table import EventTable

_YEARS = 36525.0  # days in which a first dose is looked for


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
    rules : tuple of Rule
        What changes the doses at visits.
    rule_sets : tuple of str
        Names of the rule files that some of the rules came from.
    meaning : str
        What the arm stands for where its name does not say it: an arm without drugs, or a class of regimens.

    Raises
    ------
    DoseError
        If a dose line cannot be given as written, or rules do not fit the lines or contradict each other; all
        mistakes are listed.

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
    rules: tuple[Rule, ...] = ()
    rule_sets: tuple[str, ...] = field(default=(), compare=False)
    meaning: str = ""

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", self.name)
        found = [] if self.cycle > 0 and math.isfinite(self.cycle) else [f"  cycle: {self.cycle:g} days is no length"]
        for number, dose in enumerate(self.doses, 1):
            found += [f"  dose[{number}] ({dose.drug}).{key}: {text}" for key, text in dose.mistakes(self.cycle)]
        if not found:
            found = ["  " + text for text in rule_mistakes(self.doses, self.rules, self.cycle)]
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
        return max((dose.length(self.cycle) for dose in self.doses if not dose.when_needed), default=0.0)

    @property
    def first_cells(self) -> float:
        """Day of the first planned dose that is counted in cells, such as CAR-T cells; NaN without one."""
        cells = [dose for dose in self.doses if dose.unit == "cell" and not dose.when_needed]
        firsts = [times[0] for dose in cells if len(times := dose.times(_YEARS, self.cycle))]
        return float(min(firsts, default=math.nan))

    @property
    def status(self) -> str:
        """How well the doses are known, as the weakest of them: assumed, recalled, verified; empty if none says it."""
        found = {dose.status for dose in self.doses}
        return next((status for status in reversed(STATUSES) if status in found), "")

    def lines(self, stop: float) -> tuple[DoseLine, ...]:
        """Expand to the planned dose times strictly below `stop` days, one line for each dose of the file.

        Day 1 of cycle 1 is time 0. A line without a dose before `stop` is kept, with no times. Doses that wait for a
        rule are left out.

        Raises
        ------
        DoseError
            If `stop` is not finite.
        """
        if not math.isfinite(stop):
            raise DoseError(f"regimen '{self.name}': dose times need an end, not stop = {stop}")
        return tuple(_expanded(dose, stop, self.cycle) for dose in self.doses if not dose.when_needed)

    def ruled_lines(self, stop: float) -> tuple[RuledLine, ...]:
        """Expand to every line that the rules may come to give, below `stop` days; see `lines`.

        The planned lines come first, then those that wait for a rule, then the planned ones on the days of the cycle
        that a rule can change to.
        """
        planned = tuple(RuledLine(line) for line in self.lines(stop))
        waiting = tuple(
            RuledLine(_expanded(dose, stop, self.cycle), waits=True) for dose in self.doses if dose.when_needed
        )
        return (*planned, *waiting, *self._moved_lines(stop))

    def _moved_lines(self, stop: float) -> list[RuledLine]:
        wanted = dict.fromkeys((drug, rule.days) for rule in self.rules if rule.days for drug in rule.drugs)
        found = []
        for drug, days in wanted:
            if self.schedule(drug, days):
                lines = [dose for dose in self.doses if dose.drug == drug]
                moved = [replace(dose, days=parse_days(days, dose.cycle or self.cycle)) for dose in lines]
                found += [RuledLine(_expanded(dose, stop, self.cycle), schedule=days) for dose in moved]
        return found

    def schedule(self, drug: str, days: str) -> str:
        """Return days of the cycle as `RuledLine` names them: empty where the planned lines have them already."""
        lines = [dose for dose in self.doses if dose.drug == drug]
        planned = all(dose.days == parse_days(days, dose.cycle or self.cycle) for dose in lines)
        return "" if planned else days

    def to_table(self, stop: str | float, model: Any = None, **more: Any) -> EventTable:
        """Write the planned doses below `stop` as an event table that `pdsim.simulate_events` takes; without rules.

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
        """Give both together, from the same day; the rules of both hold."""
        if not isinstance(other, Regimen):
            return NotImplemented
        return self._joined(other, self.doses + other._in_cycles_of(self), f"{self.name} + {other.name}")

    def then(self, other: Regimen, after: str | float | None = None) -> Regimen:
        """Give `other` once this one has been given for a while.

        Parameters
        ----------
        other : Regimen
            What follows; its day 1 is the day of the change. The rules of both hold from day 0.
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
        rules = tuple("  " + describe_rule(rule) for rule in self.rules)
        said = (("meaning", self.meaning), ("source", self.source))
        return (head, *(body or ["  no drug"]), *rules, *(f"  {key}: {text}" for key, text in said if text))

    def to_dict(self) -> dict[str, Any]:
        """Return the keys of a regimen file; `regimen_from_dict` reads them back to an equal regimen.

        Rules of rule files are written out.
        """
        head = {"cycle": f"{tidy(self.cycle)} d", "source": self.source, "until": self.until, "meaning": self.meaning}
        if self.label != self.name:
            head["label"] = self.label
        kept: dict[str, Any] = {key: value for key, value in head.items() if value}
        rules = {"rule": [rule_to_dict(rule) for rule in self.rules]} if self.rules else {}
        return {**kept, "dose": [dose_to_dict(dose) for dose in self.doses], **rules}

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
        rules = tuple(dict.fromkeys((*self.rules, *other.rules)))
        sets = tuple(dict.fromkeys((*self.rule_sets, *other.rule_sets)))
        return Regimen(name, self.cycle, doses, source, self.until or other.until, rules=rules, rule_sets=sets)


def _moved(dose: Dose, days: float) -> Dose:
    return replace(dose, start=dose.start + days, stop=dose.stop + days)


def _expanded(dose: Dose, stop: float, cycle: float) -> DoseLine:
    times = dose.times(stop, cycle)
    times.flags.writeable = False
    return DoseLine(dose.drug, dose.amount, dose.unit, dose.per, dose.route, dose.duration, times)
