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
    from pdsim.model.tracing import trace

_LATE = {"Kernels": "compiled", "kernels": "compiled", "trace": "tracing", "check_units": "balance"}

__all__ = [
    "EffectUse", "Input", "Kernels", "Model", "ModelError", "Output", "Param", "State", "additive", "bliss",
    "check_plain", "check_units", "combine", "competitive_binding", "each", "emax", "exp", "hill", "kernels",
    "load_model_file", "log", "maximum", "minimum", "plain_initial", "plain_inputs", "plain_outputs", "plain_rates",
    "positive", "power", "sqrt", "total", "trace", "where",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module 'pdsim.model' has no attribute '{name}'")
    return getattr(import_module(f"pdsim.model.{_LATE[name]}"), name)
