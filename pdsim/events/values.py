"""Numbers of every row of a table: model parameters, and lag, bioavailability, rate and duration of its doses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any, NamedTuple

import numpy as np

from pdsim.dosing.records import Mistakes
from pdsim.dosing.table import EventTable
from pdsim.dosing.timeline import Doses
from pdsim.errors import did_you_mean

Given = Mapping[str, float | str]


class ParameterSets(NamedTuple):
    """Parameters of a table, once for all rows that share them.

    starts : first row of each set, (set,), ascending; every patient's first row begins one
    values : (set, param)
    """

    starts: np.ndarray
    values: np.ndarray

    def at(self, rows: np.ndarray) -> np.ndarray:
        """Parameters of some rows, (row, param)."""
        return self.values[np.searchsorted(self.starts, rows, side="right") - 1]

    def distinct(self, first: np.ndarray) -> ParameterSets:
        """Without sets equal to the one before; rows of patients begin at `first` (patient,)."""
        if len(self.starts) == len(first):
            return self
        kept = np.isin(self.starts, first)
        kept[1:] |= (self.values[1:] != self.values[:-1]).any(axis=1)
        return ParameterSets(self.starts[kept], self.values[kept])


def parameter_sets(
    kernels: Any, table: EventTable, params: Given | None, more: Iterable[str], mistakes: Mistakes
) -> ParameterSets:
    """Value of every parameter: default, then column of its name, then `params`.

    Sets begin where any of these columns changes, or any of `more`.
    """
    known: dict[str, list[int]] = {}
    for place, flat in enumerate(kernels.params):
        for name in dict.fromkeys([flat.partition("[")[0], flat]):
            known.setdefault(name, []).append(place)
    asked = params or {}
    for name in asked:
        if name not in known:
            mistakes.add(f"params: the model has no parameter '{name}'.{did_you_mean(name, known)}")
    own = {name: name for name in known if name not in asked and table.column(name) is not None}
    given: Given = own | {name: value for name, value in asked.items() if name in known}
    columns = [table.column(value) for value in given.values() if isinstance(value, str)]
    starts = table.changes([*(name for name in columns if name is not None), *more])
    # a parameter's sets stand together in memory
    values = np.empty((len(kernels.params), len(starts))).T
    values[:] = np.asarray(kernels.param_defaults, dtype=float)
    for name, value in given.items():
        found = _number_or_column(value, table, starts, f"parameter '{name}'", mistakes)
        values[:, known[name]] = found[:, None]
    return ParameterSets(starts, values)


def _column(table: EventTable, name: str, rows: np.ndarray, use: str, mistakes: Mistakes) -> np.ndarray:
    """Numbers of a column in some rows."""
    column = table.columns[name]
    if column.dtype == object:
        mistakes.add(f"column {name}, used for {use}, holds text")
        return np.zeros(len(rows))
    if np.isfinite(column[table.changes([name])]).all():
        return column[rows]
    mistakes.where(~np.isfinite(column), f"column {name}, used for {use}, has no number")
    return np.nan_to_num(column[rows], nan=0.0, posinf=0.0, neginf=0.0)


def _number_or_column(
    given: float | str, table: EventTable, rows: np.ndarray, use: str, mistakes: Mistakes
) -> np.ndarray:
    if not isinstance(given, str):
        if not np.isfinite(given):
            mistakes.add(f"{use} is {given}; it must be a finite number")
        return np.full(len(rows), float(given))
    column = table.column(given)
    if column is None:
        mistakes.add(f"the table has no column {given} for {use}.{did_you_mean(given, table.columns)}")
        return np.zeros(len(rows))
    return _column(table, column, rows, use, mistakes)


class DoseValues:
    """Lag, bioavailability, rate and duration of doses by the state that they enter.

    Parameters
    ----------
    kernels : Kernels
    table : EventTable
    sets : ParameterSets
        With any variability worked in.
    mistakes : Mistakes
        Where what does not fit is noted.
    """

    def __init__(self, kernels: Any, table: EventTable, sets: ParameterSets, mistakes: Mistakes) -> None:
        self.kernels, self.table, self.sets, self.mistakes = kernels, table, sets, mistakes
        self.dosed = [kernels.states[place] for place in kernels.dosed]

    def doses(self, lag: Given, bioavailability: Given, rate: Given, duration: Given) -> Doses:
        """Work out every record; the given mappings go from a state to a number, a parameter or a column."""
        table, dose = self.table, np.flatnonzero(self.table.dose)
        target = self._targets(dose)
        lags = self._by_state("lag", lag, target, dose, 0.0)
        factor = self._by_state("bioavailability", bioavailability, target, dose, 1.0)
        rates = self._by_state("rate", rate, target, dose, np.nan)
        lasts = self._by_state("duration", duration, target, dose, np.nan)
        for name, column in (("lag", lags), ("bioavailability", factor)):
            if (column < 0).any():
                whole = self._whole(dose, column)
                self.mistakes.values(whole < 0, whole, f"the {name} of this dose is {{}}, below 0")
        written, planned = table.rate[dose], table.amt[dose]
        by_rate, by_duration = written == -1, written == -2
        self._need("RATE -1 asks for rate", dose[by_rate], rates[by_rate], target, least="above 0")
        self._need("RATE -2 asks for duration", dose[by_duration], lasts[by_duration], target, least="0 or more")
        amount = planned * factor
        flow = np.where(by_rate, rates, np.where(written > 0, written, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            flow = np.where(by_duration, np.where(lasts > 0, amount / lasts, 0.0), flow)
            length = np.where(by_duration, lasts, np.where(flow > 0, amount / flow, 0.0))
        length = np.where((planned == 0) & (flow > 0) & (table.ss[dose] > 0), inf, length)
        return Doses(
            time=table.time,
            evid=table.evid,
            given=table.dose,
            target=target,
            amount=self._whole(dose, amount),
            rate=self._whole(dose, np.nan_to_num(flow)),
            duration=self._whole(dose, np.nan_to_num(length, nan=0.0, posinf=inf)),
            lag=self._whole(dose, lags),
            interval=table.ii,
            further=table.addl,
            steady=self._whole(dose, table.ss[dose]),
        )

    def _whole(self, dose: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Values of doses among all rows, (row,); 0 elsewhere."""
        whole = np.zeros(len(self.table), dtype=values.dtype)
        if values.any():  # memory that is never written to costs nothing
            whole[dose] = values
        return whole

    def _targets(self, dose: np.ndarray) -> np.ndarray:
        """Place of the state that each dose enters, (row,); 0 in other rows."""
        states, named = self.kernels.states, self.table.cmt[dose].tolist()
        places = {}
        for cmt in dict.fromkeys(named):
            rows = (row for row, own in zip(dose.tolist(), named, strict=True) if own == cmt)
            place = self._place(cmt, rows)
            places[cmt] = place or 0
            if place is not None and states[place] not in self.dosed:
                known = ", ".join(self.dosed) or "none"
                self.mistakes.add(f"CMT {cmt}: no doses enter '{states[place]}'; with dosed=True: {known}", rows)
        one = next(iter(places.values())) if len(places) == 1 else None
        found = [places[cmt] for cmt in named] if one is None else np.full(len(named), one)
        return self._whole(dose, np.array(found, dtype=np.int64))

    def _place(self, cmt: Any, rows: Iterable[int]) -> int | None:
        states = self.kernels.states
        if cmt is None:
            if len(self.dosed) == 1:
                return states.index(self.dosed[0])
            which = f"the model has several: {', '.join(self.dosed)}" if self.dosed else "the model declares none"
            self.mistakes.add(f"the dose names no CMT, and of states that doses enter {which}", rows)
        elif isinstance(cmt, str):
            if cmt in states:
                return states.index(cmt)
            self.mistakes.add(f"CMT '{cmt}' is no state.{did_you_mean(cmt, states)} States: {', '.join(states)}", rows)
        elif isinstance(cmt, int) and 1 <= cmt <= len(states):
            return cmt - 1
        elif cmt > 0:  # a negative one is a mistake of the table itself
            self.mistakes.add(f"CMT {cmt} is no place among the {len(states)} states", rows)
        return None

    def _by_state(self, what: str, given: Given, target: np.ndarray, dose: np.ndarray, otherwise: float) -> np.ndarray:
        """Value of each dose, (dose,)."""
        found = np.full(len(dose), otherwise)
        for state, value in given.items():
            if state not in self.kernels.states:
                hint = did_you_mean(state, self.kernels.states)
                self.mistakes.add(f"{what}: the model has no state '{state}'.{hint}")
                continue
            own = target[dose] == self.kernels.states.index(state)
            found[own] = self._value(value, f"{what} of '{state}'", dose[own])
        return found

    def _value(self, given: float | str, use: str, rows: np.ndarray) -> np.ndarray:
        if isinstance(given, str) and given in self.kernels.params:
            return self.sets.at(rows)[:, self.kernels.params.index(given)]
        if isinstance(given, str) and self.table.column(given) is None:
            known = [*self.kernels.params, *self.table.columns]
            self.mistakes.add(f"{use}: '{given}' is neither a parameter nor a column.{did_you_mean(given, known)}")
            return np.zeros(len(rows))
        return _number_or_column(given, self.table, rows, use, self.mistakes)

    def _need(self, what: str, rows: np.ndarray, values: np.ndarray, target: np.ndarray, *, least: str) -> None:
        """Note where doses in `rows` lack a value, or have one that is too small."""
        for state in np.unique(target[rows]):
            name = self.kernels.states[state]
            own = target[rows] == state
            argument = what.rpartition(" ")[2]
            missing = own & np.isnan(values)
            if missing.any():
                self.mistakes.add(f"{what}; pass {argument} = {{'{name}': ...}}", rows[missing])
            wrong = own & ((values <= 0) if least == "above 0" else (values < 0))
            if wrong.any():
                self.mistakes.add(f"{what}, which must be {least}", rows[wrong])
