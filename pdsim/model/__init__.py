"""What a model author sees: declarations, effects, and the tools that check, describe and compile a model."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pdsim.errors import ModelError
from pdsim.model.declare import Input, Model, Output, Param, State
from pdsim.model.effects import (
    additive,
    bliss,
    combine,
    competitive_binding,
    each,
    emax,
    exp,
    hill,
    log,
    maximum,
    minimum,
    positive,
    power,
    sqrt,
    total,
    where,
)
from pdsim.model.load import load_model_file
from pdsim.model.plain import check_plain, plain_initial, plain_inputs, plain_outputs, plain_rates
from pdsim.model.uses import EffectUse

if TYPE_CHECKING:
    from pdsim.model.balance import check_units
    from pdsim.model.compiled import Kernels, kernels
    from pdsim.model.contract import Finding, Report, check_model
    from pdsim.model.description import Description, describe
    from pdsim.model.template import new_model
    from pdsim.model.tracing import trace

_LATE = {
    "Description": "description",
    "Finding": "contract",
    "Kernels": "compiled",
    "Report": "contract",
    "check_model": "contract",
    "check_units": "balance",
    "describe": "description",
    "kernels": "compiled",
    "new_model": "template",
    "trace": "tracing",
}

__all__ = [
    "Description",
    "EffectUse",
    "Finding",
    "Input",
    "Kernels",
    "Model",
    "ModelError",
    "Output",
    "Param",
    "Report",
    "State",
    "additive",
    "bliss",
    "check_model",
    "check_plain",
    "check_units",
    "combine",
    "competitive_binding",
    "describe",
    "each",
    "emax",
    "exp",
    "hill",
    "kernels",
    "load_model_file",
    "log",
    "maximum",
    "minimum",
    "new_model",
    "plain_initial",
    "plain_inputs",
    "plain_outputs",
    "plain_rates",
    "positive",
    "power",
    "sqrt",
    "total",
    "trace",
    "where",
]


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module 'pdsim.model' has no attribute '{name}'")
    return getattr(import_module(f"pdsim.model.{_LATE[name]}"), name)
