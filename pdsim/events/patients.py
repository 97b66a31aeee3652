"""The patients of a table: their rows, the numbers that key their draws, and parameters that vary among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pdsim.dosing.table import EventTable
from pdsim.draws import exponentials
from pdsim.errors import DoseError, did_you_mean
from pdsim.events import variability

_DRAWS = 32  # exponential draws of a state that vanishes; one that does so more often uses them again in turn


class Roster(NamedTuple):
    """Patients in the order in which they appear: IDs, rows of each, and the number that keys each one's draws."""

    ids: list[Any]
    rows: list[np.ndarray]
    numbers: np.ndarray
    seed: int

    @classmethod
    def of(cls, table: EventTable, seed: int) -> Roster:
        """List the patients of a table; their IDs are their numbers where all are whole and not negative."""
        patients = table.patients()
        ids = [patient for patient, _ in patients]
        whole = all(isinstance(patient, int) and patient >= 0 for patient in ids)
        numbers = np.array(ids if whole else range(len(ids)), dtype=np.int64)
        return cls(ids, [rows for _, rows in patients], numbers, seed)

    def by_row(self) -> tuple[np.ndarray, np.ndarray]:
        """Number of each row's patient, and place of the row among the patient's own, (row,)."""
        count = sum(len(rows) for rows in self.rows)
        number, place = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        for rows, own in zip(self.rows, self.numbers, strict=True):
            number[rows], place[rows] = own, np.arange(len(rows))
        return number, place

    def entries(self, kernels: Any, patients: np.ndarray) -> np.ndarray:
        """Unit exponentials for states that may vanish and come back, (state, draw, patient)."""
        drawn = np.ones((len(kernels.states), _DRAWS, len(patients)))
        for place in np.flatnonzero(kernels.extinct_below):
            purpose = f"entry.{kernels.states[place]}"
            drawn[place] = exponentials(self.seed, self.numbers[patients], purpose, _DRAWS).T
        return drawn


def vary(
    values: np.ndarray,
    names: tuple[str, ...],
    table: EventTable,
    roster: Roster,
    omega: Any,
    occasion: Mapping[str, Any] | None,
) -> None:
    """Multiply parameters (row, param) by what varies between patients and occasions, in place.

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
    number, _ = roster.by_row()
    factors: list[tuple[str, np.ndarray]] = []
    if omega is not None:
        own, place = np.unique(number, return_inverse=True)
        drawn = variability.between_patients(omega, known, roster.seed, own)
        factors += [(name, factor[place]) for name, factor in drawn.items()]
    for name, spec in (occasion or {}).items():
        column = table.column(name)
        if column is None:
            raise DoseError(f"occasion: the table has no column {name}.{did_you_mean(name, table.columns)}")
        found = variability.between_occasions(spec, known, roster.seed, number, table.columns[column], name)
        factors += found.items()
    for name, factor in factors:
        for column_of, flat in enumerate(names):
            if name in (flat, flat.partition("[")[0]):
                values[:, column_of] *= factor
