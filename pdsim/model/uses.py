"""Which drug concentration feeds which Input of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pdsim.errors import ModelError, did_you_mean


class DrugKinetics(Protocol):
    """A drug whose amounts are states of the model; a dataclass of plain data, which says what the equations are."""

    @property
    def drug(self) -> str:
        """Name of the card."""

    @property
    def values(self) -> tuple[tuple[str, float, str], ...]:
        """Key, typical value and unit of the card values that the equations read."""

    @property
    def states(self) -> Mapping[str, Any]:
        """By short name: records with ``default``, ``unit``, ``sentence``, ``dosed`` and ``scale``."""

    def rates(self, s: Mapping[str, Any], p: Mapping[str, Any], effects: Any) -> dict[str, Any]:
        """Derivatives per day by short name."""

    def concentrations(self, s: Mapping[str, Any], p: Mapping[str, Any]) -> dict[str, Any]:
        """Free concentrations in nM by species."""


@dataclass(frozen=True, order=True)
class EffectUse:
    """One effect of a drug card: a species acts on an Input with the card's keys.

    Parameters
    ----------
    drug : str
        Name of the card.
    species : str
        Free concentration that acts, such as the drug or its metabolite.
    input : str
        Input of the model.
    keys : tuple of str
        Keys that the card gives; they must be those of the Input's ``combine``.
    kinetics : DrugKinetics, optional
        Equations of a drug whose amounts are states of the model; None where the concentration comes in closed form.
    """

    drug: str
    species: str
    input: str
    keys: tuple[str, ...]
    kinetics: DrugKinetics | None = field(default=None, compare=False)


def kinetics_of(uses: Iterable[EffectUse]) -> dict[str, DrugKinetics]:
    """Drugs whose amounts are states, in order of their names."""
    return {use.drug: use.kinetics for use in sorted(uses) if use.kinetics is not None}


def check_uses(model: Any, uses: Iterable[EffectUse]) -> tuple[EffectUse, ...]:
    """Return the uses in a fixed order, or raise a `ModelError` that lists every misfit with the model."""
    mistakes: list[str] = []
    ordered = sorted(uses)
    for use in ordered:
        where = f"drug '{use.drug}', effect on '{use.input}'"
        if use.input not in model.inputs:
            mistakes.append(f"{where}: model '{model.name}' has no such Input.{did_you_mean(use.input, model.inputs)}")
            continue
        wanted = tuple(model.inputs[use.input].combine.keys)
        if set(use.keys) != set(wanted):
            mistakes.append(f"{where}: needs exactly the keys {', '.join(wanted)}; got {', '.join(use.keys) or 'none'}")
    seen: set[tuple[str, str, str]] = set()
    for use in ordered:
        triple = (use.drug, use.species, use.input)
        if triple in seen:
            mistakes.append(f"drug '{use.drug}': species '{use.species}' acts twice on '{use.input}'")
        seen.add(triple)
    if mistakes:
        raise ModelError("\n".join(mistakes))
    return tuple(ordered)


def key_names(uses: Sequence[EffectUse], model: Any) -> list[tuple[EffectUse, str, str]]:
    """List (use, key, kernel parameter name) such as ``lenalidomide.cereblon_closed.affinity``.

    The species joins the name, ``drug.species.input.key``, where another species of the drug acts on the same Input.
    """
    named: list[tuple[EffectUse, str, str]] = []
    for use in uses:
        shared = sum((other.drug, other.input) == (use.drug, use.input) for other in uses) > 1
        prefix = f"{use.drug}.{use.species}" if shared and use.species != use.drug else use.drug
        for key in model.inputs[use.input].combine.keys:
            named.append((use, key, f"{prefix}.{use.input}.{key}"))
    return named
