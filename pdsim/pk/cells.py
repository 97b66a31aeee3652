"""Cells as a drug: a dose goes into a state of the disease model, which holds their whole course."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim.errors import DoseError, did_you_mean

if TYPE_CHECKING:
    from pdsim.pk.card import DrugCard
    from pdsim.pk.individual import Individual
    from pdsim.pk.system import EffectValues

ROUTES = ("iv", "infusion")


@dataclass(frozen=True, eq=False)
class CellsSystem:
    """A product of cells in each patient.

    Parameters
    ----------
    drug : str
        Name of the card.
    state : str
        State of the disease model that doses enter, such as ``"car_t"`` or ``"cells[first]"``.
    fraction : array, (patient,)
        Part of the dose that engrafts.
    route : str or None
        Route of doses that name none.
    """

    drug: str
    state: str
    fraction: np.ndarray
    route: str | None
    species: tuple[str, ...] = ()
    effects: tuple[EffectValues, ...] = ()

    def route_of(self, route: str | None) -> str:
        """Return the route of a dose, the card's if it names none.

        Raises
        ------
        DoseError
            If cells cannot be given that way.
        """
        chosen = route or self.route or "iv"
        if chosen not in ROUTES:
            raise DoseError(f"{self.drug}: cells are not given by route '{chosen}'; known: {', '.join(ROUTES)}")
        return chosen


def cells_system(card: DrugCard, individual: Individual, patients: int) -> CellsSystem:
    """Read the fraction that engrafts in each patient; 1 where the card gives none."""
    fraction = individual("fraction") if "fraction" in card.values else np.ones(patients)
    return CellsSystem(card.name, card.state, fraction, card.route)


def missing_state(card: DrugCard, model: str, states: Mapping[str, Any]) -> str:
    """Say what is wrong where a card doses a state that the model does not have, or does not let doses into; or ``""``.

    Parameters
    ----------
    card : DrugCard
        Of any kind; only cells enter a state that they name.
    model : str
        Name of the disease model.
    states : mapping
        Its declared states by name, each with ``dosed``.
    """
    if card.kind != "cells":
        return ""
    dosed = [name for name, state in states.items() if state.dosed]
    if card.state.partition("[")[0] in dosed:
        return ""
    hint = did_you_mean(card.state, dosed)
    known = f"States that take doses: {', '.join(dosed)}" if dosed else "It has no state that takes doses"
    return f"{card.where}: pk.state: model '{model}' has no state '{card.state}' that takes doses.{hint} {known}"
