"""From a card and its values in each patient to its kinetics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from pdsim.pk.card import DrugCard
from pdsim.pk.cells import CellsSystem, cells_system
from pdsim.pk.individual import Individual
from pdsim.pk.kinetics import DISTRIBUTION, Kinetics, in_rates
from pdsim.pk.quantity import unit_of
from pdsim.pk.system import EffectValues, LinearSystem, StatesSystem

System = LinearSystem | StatesSystem | CellsSystem
_Place = TypeVar("_Place")

NANO = 1e9  # nmol in a mol
MILLI = 1e-3  # g in a mg


def system(card: DrugCard, individual: Individual, patients: int) -> System:
    """Build the kinetics that a card's kind asks for; `individual` maps a key to values (patient,)."""
    if card.kind == "cells":
        return cells_system(card, individual, patients)
    return states_system(card, individual) if card.kind == "states" else linear_system(card, individual)


def states_system(card: DrugCard, individual: Individual) -> StatesSystem:
    """Gather the values that the equations of a card of kind "states" read."""
    entry, bioavailability, lag = _routes(card, individual, {name: name for name in card.compartments})
    return StatesSystem(
        drug=card.name,
        kinetics=kinetics(card),
        values={key: individual(key) for key in card.values if in_rates(key)},
        nmol_per_mg=NANO * MILLI / card.molar_mass,
        route=card.route,
        entry=entry,
        bioavailability=bioavailability,
        lag=lag,
        species=card.species,
        effects=_effects(card, individual),
    )


def kinetics(card: DrugCard) -> Kinetics:
    """Return the equations of a card of kind "states"."""
    reference = {name: (item.reference, unit_of(item.unit)) for name, item in card.covariates.items()}
    scale = NANO * MILLI / card.molar_mass * (card.reference.amount if card.reference else 0.0)
    return Kinetics(
        drug=card.name,
        values=tuple(
            (key, float(value.typical(reference)), value.unit) for key, value in card.values.items() if in_rates(key)
        ),
        metabolites=tuple((one.name, one.form) for one in card.metabolites),
        compartments=card.compartments,
        species=card.species,
        nmol_per_mg=NANO * MILLI / card.molar_mass,
        scale=scale or 1.0,
    )


def linear_system(card: DrugCard, individual: Individual) -> LinearSystem:
    """Assemble matrix, entries and readouts of a card, of its linear part where it has another.

    Parameters
    ----------
    card : DrugCard
    individual : callable
        Key to values (patient,).

    Returns
    -------
    LinearSystem
    """
    at = {name: index for index, name in enumerate(card.compartments)}
    volume = individual("volume")
    matrix = np.zeros((len(volume), len(at), len(at)))
    elimination = individual("clearance") / volume
    matrix[:, at["central"], at["central"]] -= elimination
    for name, key in (("gut", "absorption"), ("depot", "depot_absorption")):
        if name in at:
            _flow(matrix, at[name], at["central"], individual(key))
    for other, size_key, key in DISTRIBUTION:
        if other in at:
            exchange = individual(key)
            _flow(matrix, at["central"], at[other], exchange / volume)
            _flow(matrix, at[other], at["central"], exchange / individual(size_key))
    volumes = [volume, *_metabolites(card, individual, matrix, at, elimination)]
    total = np.zeros((len(card.species), *matrix.shape[:2]))
    free = np.zeros_like(total)
    places = [at["central"], *(at[metabolite.name] for metabolite in card.metabolites)]
    unbound = ["unbound", *(f"{metabolite.name}.unbound" for metabolite in card.metabolites)]
    for row, (place, size, key) in enumerate(zip(places, volumes, unbound, strict=True)):
        total[row, :, place] = 1 / size
        free[row, :, place] = individual(key) / size
    entry, bioavailability, lag = _routes(card, individual, at)
    return LinearSystem(
        drug=card.name,
        compartments=card.compartments,
        matrix=matrix,
        nmol_per_mg=NANO * MILLI / card.molar_mass,
        route=card.route,
        entry=entry,
        bioavailability=bioavailability,
        lag=lag,
        species=card.species,
        readout=free,
        readout_total=total,
        effects=_effects(card, individual),
    )


def _effects(card: DrugCard, individual: Individual) -> tuple[EffectValues, ...]:
    return tuple(
        EffectValues(effect.input, effect.species, {key: individual(f"{effect.input}.{key}") for key in effect.keys})
        for effect in card.effects
    )


def _flow(matrix: np.ndarray, source: int, target: int, rate: np.ndarray) -> None:
    matrix[:, source, source] -= rate
    matrix[:, target, source] += rate


def _metabolites(
    card: DrugCard, individual: Individual, matrix: np.ndarray, at: dict[str, int], elimination: np.ndarray
) -> list[np.ndarray]:
    """Add the metabolites to the matrix; return the volume of each.

    A metabolite given by its ratio has the parent's volume, so that amounts stand as concentrations do.
    """
    volumes = []
    for metabolite in card.metabolites:
        place = at[metabolite.name]
        loss = individual(f"{metabolite.name}.elimination")
        matrix[:, place, place] -= loss
        if metabolite.form == "ratio":
            matrix[:, place, at["central"]] += loss * individual(f"{metabolite.name}.ratio")
            volumes.append(individual("volume"))
        else:
            matrix[:, place, at["central"]] += elimination * individual(f"{metabolite.name}.fraction")
            volumes.append(individual(f"{metabolite.name}.volume"))
    return volumes


def _routes(
    card: DrugCard, individual: Individual, at: Mapping[str, _Place]
) -> tuple[dict[str, _Place], dict[str, np.ndarray], dict[str, np.ndarray]]:
    ones = np.ones(len(individual("volume")))
    entry = {"iv": at["central"], "infusion": at["central"]}
    bioavailability = {"iv": ones, "infusion": ones}
    lag = {"iv": 0 * ones, "infusion": 0 * ones}
    for route, place, prefix in (("oral", "gut", ""), ("sc", "depot", "depot_")):
        if place in at:
            entry[route] = at[place]
            for table, key, default in ((bioavailability, "bioavailability", ones), (lag, "lag", 0 * ones)):
                table[route] = individual(prefix + key) if prefix + key in card.values else default
    return entry, bioavailability, lag
