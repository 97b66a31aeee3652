"""Drug cards: pharmacokinetics in closed form or as states of the model, covariates, exposure."""

from __future__ import annotations

from pdsim.pk.build import System
from pdsim.pk.card import DrugCard, Effect, Metabolite, Reference, Value
from pdsim.pk.cells import CellsSystem, missing_state
from pdsim.pk.closed_form import Exposure, concentration, exposure, propagate
from pdsim.pk.course import course, half_life, published, usual_exposure
from pdsim.pk.individual import dose_scale
from pdsim.pk.kinetics import Kinetics
from pdsim.pk.parse import card_from_dict
from pdsim.pk.system import EffectValues, LinearSystem, Modes, StatesSystem

__all__ = [
    "CellsSystem",
    "DrugCard",
    "Effect",
    "EffectValues",
    "Exposure",
    "Kinetics",
    "LinearSystem",
    "Metabolite",
    "Modes",
    "Reference",
    "StatesSystem",
    "System",
    "Value",
    "card_from_dict",
    "concentration",
    "course",
    "dose_scale",
    "exposure",
    "half_life",
    "missing_state",
    "propagate",
    "published",
    "usual_exposure",
]
