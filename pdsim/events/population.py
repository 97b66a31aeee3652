"""Leads every patient of a table through its timeline, and tells of those who cannot be integrated."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from pdsim._jit import LANES
from pdsim.dosing.timeline import Doses
from pdsim.errors import SolverError
from pdsim.events.closed import ClosedCourse
from pdsim.events.course import OdeCourse
from pdsim.events.march import Course, Group, groups, march
from pdsim.events.patients import Roster
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
    values : array, (row, param)
    doses : Doses
    options : Options or None
        Accuracy of the integration; None takes the closed form.
    """

    def __init__(self, kernels: Any, roster: Roster, values: np.ndarray, doses: Doses, options: Options | None) -> None:
        self.kernels, self.roster, self.values, self.doses, self.options = kernels, roster, values, doses, options
        self.failures: list[tuple[Any, str]] = []

    def states(self, carried_forward: bool) -> np.ndarray:
        """States when each row is reported, (row, state)."""
        day = float(convert(1.0, "day", self.kernels.model.time))
        # a state's rows stand together in memory
        out = np.full((len(self.kernels.states), len(self.values)), np.nan).T
        changed = self._changed()
        most = LANES if self.options else _MOST
        for group in groups(self.roster.rows, self.doses, changed, carried_forward, most):
            if group.rows.size == 0:
                continue
            course = self._course(group, self.values[group.rows[:, 0]])
            march(course, group, self.values, day, out)
            self._note(course, group)
        return out

    def _changed(self) -> np.ndarray:
        """Rows whose parameters differ from those of the patient's row before, and first rows, (row,)."""
        changed = np.zeros(len(self.values), dtype=bool)
        for column in self.values.T:
            changed[1:] |= column[1:] != column[:-1]
        for own in self.roster.rows:
            if own[-1] - own[0] == len(own) - 1:
                changed[own[0]] = True
            else:
                some = self.values[own]
                changed[own] = np.concatenate([[True], np.any(some[1:] != some[:-1], axis=1)])
        return changed

    def _course(self, group: Group, params: np.ndarray) -> Course:
        if self.options is None:
            return ClosedCourse(self.kernels, params)
        return OdeCourse(self.kernels, params, self.options, self.roster.entries(self.kernels, group.patients))

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
