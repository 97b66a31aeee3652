"""The linear system of a drug in each patient, and its modes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pdsim.errors import DoseError

if TYPE_CHECKING:
    from pdsim.pk.kinetics import Kinetics

CONFLUENT = 1e-4  # relative gap of two rates below which the modal form has lost four digits


class EffectValues(NamedTuple):
    """An effect with its keys in each patient."""

    input: str
    species: str
    keys: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Modes:
    """Eigenvalues and eigenvectors, ``matrix = right @ diag(rates) @ left``.

    Parameters
    ----------
    rates : array, (patient, n)
        1/day, none positive, the slowest first.
    right, left : array, (patient, n, n)
        NaN where there are no such real vectors at all.
    confluent : array of bool, (patient,)
        Two rates come closer than 1e-4 of the larger: the modal form loses digits, use `propagate`.
    """

    rates: np.ndarray
    right: np.ndarray
    left: np.ndarray
    confluent: np.ndarray


@dataclass(frozen=True, eq=False)
class LinearSystem:
    """Amounts in compartments, ``dA/dt = matrix @ A``, in nmol and days.

    Parameters
    ----------
    drug : str
        Name of the card.
    compartments : tuple of str
        n names.
    matrix : array, (patient, n, n)
        1/day; a column is where it comes from.
    nmol_per_mg : float
        Amount of one mg of the drug.
    route : str or None
        Route of doses that name none.
    entry : dict of route to int
        Compartment that a dose enters.
    bioavailability : dict of route to array (patient,)
        Part of the dose that enters.
    lag : dict of route to array (patient,)
        Days from dose to entry.
    species : tuple of str
        Parent, then metabolites.
    readout : array, (species, patient, n)
        Amounts (nmol) to free concentration (nM).
    readout_total : array, (species, patient, n)
        The same for free and bound together.
    effects : tuple of (input, species, keys)
        Keys as arrays (patient,).
    """

    drug: str
    compartments: tuple[str, ...]
    matrix: np.ndarray
    nmol_per_mg: float
    route: str | None
    entry: Mapping[str, int]
    bioavailability: Mapping[str, np.ndarray]
    lag: Mapping[str, np.ndarray]
    species: tuple[str, ...]
    readout: np.ndarray
    readout_total: np.ndarray
    effects: tuple[EffectValues, ...]

    def route_of(self, route: str | None) -> str:
        """Return the route of a dose, the card's if it names none.

        Raises
        ------
        DoseError
            If the drug cannot be given that way.
        """
        return _route(self.drug, route or self.route, self.entry)

    def modes(self) -> Modes:
        """Decompose every patient's matrix; see `Modes`."""
        values, vectors = np.linalg.eig(self.matrix)
        complex_ = np.any(np.imag(values) != 0, axis=1)
        order = np.argsort(-np.real(values), axis=1)
        rates = np.take_along_axis(np.real(values), order, axis=1)
        right = np.take_along_axis(np.real(vectors), order[:, None, :], axis=2)
        right[complex_] = np.nan
        left = np.full_like(right, np.nan)
        try:
            left[~complex_] = np.linalg.inv(right[~complex_])
        except np.linalg.LinAlgError:  # somewhere exactly confluent: one vector for two rates
            for row in np.flatnonzero(~complex_):
                try:
                    left[row] = np.linalg.inv(right[row])
                except np.linalg.LinAlgError:
                    right[row] = np.nan
        gap = np.abs(np.diff(rates, axis=1))
        close = np.any(gap < CONFLUENT * np.abs(rates[:, 1:]), axis=1)
        return Modes(rates, right, left, complex_ | close)


@dataclass(frozen=True, eq=False)
class StatesSystem:
    """A drug whose amounts are states of the model; members that are not here are as in `LinearSystem`.

    Parameters
    ----------
    kinetics : Kinetics
        The equations.
    values : dict of str to array (patient,)
        Card values that the equations read, in the card's units.
    entry : dict of route to str
        State that a dose enters, by its short name.
    """

    drug: str
    kinetics: Kinetics
    values: Mapping[str, np.ndarray]
    nmol_per_mg: float
    route: str | None
    entry: Mapping[str, str]
    bioavailability: Mapping[str, np.ndarray]
    lag: Mapping[str, np.ndarray]
    species: tuple[str, ...]
    effects: tuple[EffectValues, ...]

    def route_of(self, route: str | None) -> str:
        """Return the route of a dose, the card's if it names none; see `LinearSystem.route_of`."""
        return _route(self.drug, route or self.route, self.entry)


def _route(drug: str, chosen: str | None, entry: Mapping[str, object]) -> str:
    known = ", ".join(entry)
    if chosen is None:
        raise DoseError(f"{drug}: the dose names no route and the card no default; write one of {known}")
    if chosen in entry:
        return chosen
    raise DoseError(f"{drug}: the card has no kinetics for route '{chosen}'; known: {known}")
