"""Which drug cards arms are compiled with, so that many arms share few kernels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pdsim.model import Model
    from pdsim.pk import DrugCard

# They bring states that every patient of the kernel pays for, given the drug or not (measured: three times the time).
COSTLY = frozenset({"proteasome_block", "proteasome_inactivation"})
# What the partners of costly drugs act on as a rule; beside states of drugs even drugs that are not given cost time.
COMMON = frozenset({"cereblon_closed", "glucocorticoid"})


def family(drugs: Iterable[str], model: Model, cards: Mapping[str, DrugCard]) -> tuple[str, ...]:
    """Return which of all `cards` an arm with these drugs is compiled with, in the order of their names.

    Drugs with linear kinetics cost nothing where they are not given, so a kernel knows all there are; those with states
    of their own, cells, and what acts on the proteasome are there only where the arm gives them, and then only with
    cereblon drugs and steroids. The answer depends on the arm alone, so an arm's result does not depend on the trials
    that are run with it.
    """
    given = {drug for drug in drugs if not _is_state(drug, model)}
    cheap = {name for name, card in cards.items() if not _costly(card) and _acts_on(card, model)}
    if given - cheap:
        cheap = {name for name in cheap if all(effect.input in COMMON for effect in cards[name].effects)}
    return tuple(sorted(given | cheap))


def _is_state(drug: str, model: Model) -> bool:
    state = model.states.get(drug.partition("[")[0])
    return state is not None and state.dosed


def _acts_on(card: DrugCard, model: Model) -> bool:
    return all(effect.input in model.inputs for effect in card.effects)


def _costly(card: DrugCard) -> bool:
    return card.kind != "linear" or any(effect.input in COSTLY for effect in card.effects)
