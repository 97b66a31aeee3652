"""Merges drugs whose amounts are states into a traced model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from pdsim.model import effects
from pdsim.model.declare import Param, State
from pdsim.model.uses import DrugKinetics, EffectUse, kinetics_of


def drug_states(uses: Iterable[EffectUse]) -> dict[str, State]:
    """Declare the states of all drugs that have some, by name, such as ``daratumumab.central``."""
    found = {}
    for drug, kinetics in kinetics_of(uses).items():
        for short, item in kinetics.states.items():
            state = State(item.default, item.unit, item.sentence, dosed=item.dosed, scale=item.scale)
            state.name = f"{drug}.{short}"
            found[state.name] = state
    return found


def with_drugs(model: Any, uses: Iterable[EffectUse]) -> Any:
    """Return the model's declarations with states and card values of the drugs added; itself where none has any."""
    uses = tuple(uses)
    states = drug_states(uses)
    if not states:
        return model
    params = {
        f"{drug}.{key}": Param(value, unit, f"{key} of {drug}")
        for drug, kinetics in kinetics_of(uses).items()
        for key, value, unit in kinetics.values
    }
    return SimpleNamespace(
        name=model.name,
        time=model.time,
        states={**model.states, **states},
        params={**model.params, **params},
        inputs=model.inputs,
        outputs=model.outputs,
    )


def equations(
    kinetics: DrugKinetics, day: float, states: Mapping[str, Any], params: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Derivatives of one drug's states by full name, and free concentrations (nM) by species.

    Parameters
    ----------
    kinetics : DrugKinetics
    day : float
        Days in the model's unit of time.
    states, params : mapping
        Symbols by full name.
    """
    prefix = f"{kinetics.drug}."
    s = {short: states[prefix + short] for short in kinetics.states}
    p = {key: params[prefix + key] for key, _, _ in kinetics.values}
    rates = kinetics.rates(s, p, effects)
    in_order = {prefix + short: rates[short] if day == 1.0 else day * rates[short] for short in kinetics.states}
    return in_order, kinetics.concentrations(s, p)
