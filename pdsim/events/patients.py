"""The patients of a table: their rows, the numbers that key their draws, and parameters that vary among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pdsim.dosing.table import EventTable
from pdsim.draws import exponentials
from pdsim.errors import DoseError, did_you_mean
from pdsim.events import variability
from pdsim.events.values import ParameterSets

_DRAWS = 32  # exponential draws of a state that vanishes; one that does so more often uses them again in turn


class Roster(NamedTuple):
    """Patients of a table whose rows of each stand together.

    ids; starts : where the rows of each begin, and where those of the last end, (patient + 1,); numbers : what keys the
    draws of each, (patient,); seed
    """

    ids: list[Any]
    starts: np.ndarray
    numbers: np.ndarray
    seed: int

    @classmethod
    def of(cls, table: EventTable, seed: int) -> Roster:
        """List the patients of a table; their IDs are their numbers where all are whole and not negative."""
        ids = table.id[table.starts[:-1]].tolist()
        whole = all(isinstance(patient, int) and patient >= 0 for patient in ids)
        numbers = np.array(ids if whole else range(len(ids)), dtype=np.int64)
        return cls(ids, table.starts, numbers, seed)

    def of_rows(self, rows: np.ndarray) -> np.ndarray:
        """Places of the patients of some rows, (row,)."""
        return np.searchsorted(self.starts, rows, side="right") - 1

    def entries(self, kernels: Any, patients: np.ndarray) -> np.ndarray:
        """Unit exponentials for states that may vanish and come back, (state, draw, patient)."""
        drawn = np.ones((len(kernels.states), _DRAWS, len(patients)))
        for place in np.flatnonzero(kernels.extinct_below):
            purpose = f"entry.{kernels.states[place]}"
            drawn[place] = exponentials(self.seed, self.numbers[patients], purpose, _DRAWS).T
        return drawn


def vary(
    sets: ParameterSets,
    names: tuple[str, ...],
    table: EventTable,
    roster: Roster,
    omega: Any,
    occasion: Mapping[str, Any] | None,
) -> None:
    """Multiply parameters by what varies between patients and occasions, in place.

    Raises
    ------
    CohortError
        Variances that do not fit.
    DoseError
        The table lacks a column of occasions.
    """
    if omega is None and not occasion:
        return
    known = list(dict.fromkeys([*(flat.partition("[")[0] for flat in names), *names]))
    patient = roster.of_rows(sets.starts)
    number = roster.numbers[patient]
    factors: list[tuple[str, np.ndarray]] = []
    if omega is not None:
        drawn = variability.between_patients(omega, known, roster.seed, roster.numbers)
        factors += [(name, factor[patient]) for name, factor in drawn.items()]
    for name, spec in (occasion or {}).items():
        column = table.column(name)
        if column is None:
            raise DoseError(f"occasion: the table has no column {name}.{did_you_mean(name, table.columns)}")
        own = table.columns[column][sets.starts]
        found = variability.between_occasions(spec, known, roster.seed, number, own, name)
        factors += found.items()
    for name, factor in factors:
        for column_of, flat in enumerate(names):
            if name in (flat, flat.partition("[")[0]):
                sets.values[:, column_of] *= factor
