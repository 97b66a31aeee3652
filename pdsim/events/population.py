"""Leads every patient of a table through its timeline, and tells of those who cannot be integrated."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from pdsim._jit import LANES
from pdsim.dosing.table import EventTable
from pdsim.dosing.timeline import Doses
from pdsim.errors import SolverError
from pdsim.events.closed import ClosedCourse
from pdsim.events.course import OdeCourse
from pdsim.events.march import Course, Group, groups, march
from pdsim.events.observe import observed
from pdsim.events.patients import Roster
from pdsim.events.values import ParameterSets
from pdsim.solvers.block import Options
from pdsim.solvers.status import ADVICE, MEANINGS, OK
from pdsim.units import convert

_MOST = 1024  # patients of one design that the closed form carries together


class Population:
    """Patients, their parameters and doses, and how their models are solved.

    Parameters
    ----------
    kernels : Kernels
    roster : Roster
    sets : ParameterSets
    doses : Doses
    options : Options or None
        Accuracy of the integration; None takes the closed form.
    table : EventTable or None
        What the doses follow from, if nothing else does.
    """

    def __init__(
        self, kernels: Any, roster: Roster, sets: ParameterSets, doses: Doses, options: Options | None,
        table: EventTable | None = None,
    ) -> None:  # fmt: skip
        self.kernels, self.roster, self.sets, self.doses, self.options = kernels, roster, sets, doses, options
        self._table = table
        self.failures: list[tuple[Any, str]] = []

    def columns(self, names: Sequence[str], carried_forward: bool, out: np.ndarray) -> list[str]:
        """Fill `out` (name, row) with states and outputs as they are when each row is reported.

        Returns
        -------
        list of str
            The names in the order of `out`.
        """
        kernels, rows = self.kernels, len(self.doses.time)
        ordered = sorted(names, key=lambda name: name in kernels.outputs)
        if self.options is None:
            for group in self._groups(carried_forward, _MOST):
                self._lead(ClosedCourse(kernels, self.sets.at(group.first), ordered, group.first), group, out)
            return ordered
        states = np.full((len(kernels.states), rows), np.nan)
        for group in self._groups(carried_forward, LANES):
            draws = self.roster.entries(kernels, group.patients)
            self._lead(OdeCourse(kernels, self.sets.at(group.first), self.options, draws), group, states)
        found = dict(zip(kernels.states, states, strict=True))
        if any(name in kernels.outputs for name in names):
            values = np.repeat(self.sets.values.T, np.diff([*self.sets.starts, rows]), axis=1)
            found |= zip(kernels.outputs, observed(kernels, self.doses.time, states, values), strict=True)
        for row, name in zip(out, ordered, strict=True):
            row[:] = found[name]
        return ordered

    def _groups(self, carried_forward: bool, most: int) -> Sequence[Group]:
        starts = self.sets.starts

        def search() -> list[Group]:
            changed = np.zeros(len(self.doses.time), dtype=bool)
            changed[starts] = True
            return groups(self.roster.starts, self.doses, changed, carried_forward, most)

        if self._table is None:
            return search()
        key = blake2b(starts.tobytes(), digest_size=16).digest()
        return self._table.find(("groups", self.kernels.states, key, carried_forward, most), search)

    def _lead(self, course: Course, group: Group, out: np.ndarray) -> None:
        march(course, group, self.sets, float(convert(1.0, "day", self.kernels.model.time)), out)
        self._note(course, group)

    def _note(self, course: Course, group: Group) -> None:
        for place in np.flatnonzero(course.failed != OK).tolist():
            code = int(course.failed[place])
            reason = course.reasons.get(place, f"{MEANINGS[code]}: {ADVICE[code]}")
            self.failures.append((self.roster.ids[group.patients[place]], reason))

    def report(self, on_failure: str) -> None:
        """Warn of patients that failed, or raise a `SolverError`."""
        if not self.failures or on_failure == "keep":
            return
        lines = [f"{len(self.failures)} of {len(self.roster.ids)} patients failed"]
        for reason in dict.fromkeys(reason for _, reason in self.failures):
            ids = [str(patient) for patient, why in self.failures if why == reason]
            lines.append(f"  ID {', '.join(ids[:5])}{', ...' if len(ids) > 5 else ''}: {reason}")
        if on_failure == "raise":
            raise SolverError("\n".join(lines))
        warnings.warn("\n".join(lines), RuntimeWarning, stacklevel=3)
