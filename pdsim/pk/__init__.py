"""Drug cards: linear pharmacokinetics in closed form, covariates, exposure."""

from __future__ import annotations

from pdsim.pk.card import DrugCard, Effect, Metabolite, Value
from pdsim.pk.closed_form import Exposure, concentration, exposure, propagate
from pdsim.pk.individual import dose_scale
from pdsim.pk.parse import card_from_dict
from pdsim.pk.system import EffectValues, LinearSystem, Modes

__all__ = [
    "DrugCard",
    "Effect",
    "EffectValues",
    "Exposure",
    "LinearSystem",
    "Metabolite",
    "Modes",
    "Value",
    "card_from_dict",
    "concentration",
    "dose_scale",
    "exposure",
    "propagate",
]
