"""Models, drug cards, regimens and populations by name or path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pdsim.library.core import Library

if TYPE_CHECKING:
    from pdsim.cohort import Population
    from pdsim.dosing import Regimen
    from pdsim.model import Model
    from pdsim.pk import DrugCard

__all__ = ["Library", "load_drug", "load_model", "load_population", "load_regimen"]


def load_model(name: str) -> Model:
    """Load a disease model by name, or by a path written with a slash; see `Library.load_model`."""
    return Library().load_model(name)


def load_drug(name: str) -> DrugCard:
    """Load a drug card by name, or by a path written with a slash; see `Library.load_drug`."""
    return Library().load_drug(name)


def load_regimen(name: str) -> Regimen:
    """Load a regimen by name, or by a path written with a slash; see `Library.load_regimen`."""
    return Library().load_regimen(name)


def load_population(name: str) -> Population:
    """Load a population by name, or by a path written with a slash; see `Library.load_population`."""
    return Library().load_population(name)


def __dir__() -> list[Any]:
    return list(__all__)
