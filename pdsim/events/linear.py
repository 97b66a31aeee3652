"""Whether a model is linear in its states, from its traced rates, and its matrices for given parameters."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pdsim._jit import LANES
from pdsim.solvers.pointers import call

_found: dict[str, list[tuple[int, int]]] = {}  # by name of the kernels, which holds a hash of their text

_UNIT = 2.0**100  # a unit state so large that the constant part of a rate costs the matrix no digits


def not_linear(kernels: Any) -> tuple[str, ...]:
    """List what keeps a model from a closed form; nothing if its rates are linear in the states and free of time.

    The answer belongs to the text of the kernels and is kept beside them, so that SymPy is imported once a model.
    """
    if kernels.module not in _found:
        _found[kernels.module] = _stored(kernels)
    states = kernels.states
    counted = [f"'{state}' is kept as a logarithm" for state, x in zip(states, kernels.extinct_below, strict=True) if x]
    timed = [f"the rate of '{state}' depends on time" for state in kernels.structure["time"]]
    bent = [
        f"the rate of '{states[row]}' is not linear in '{states[column]}'" for row, column in _found[kernels.module]
    ]
    return (*counted, *timed, *bent)


def _stored(kernels: Any) -> list[tuple[int, int]]:
    """What `_bent` says, from the file where it was written down."""
    from pdsim.model import files

    name = f"linear_{files.digest_of(kernels.module, _own_text())}.json"
    found = files.read_json(name)
    if found is None:
        found = {"bent": _bent(kernels)}
        files.write_once(name, json.dumps(found))
    return found["bent"]


@cache
def _own_text() -> str:
    return Path(__file__).read_text(encoding="utf-8")


def _bent(kernels: Any) -> list[tuple[int, int]]:
    """Rates and states (by place) that are not in proportion: the slope still holds a state."""
    from pdsim.model import trace

    dosed, keep = kernels.options
    traced = trace(kernels.model, kernels.clones, kernels.uses, dosed=dosed, keep=keep)
    symbols = list(traced.states.values())
    return [
        (row, column)
        for row, rate in enumerate(traced.derivatives.values())
        for column, symbol in enumerate(symbols)
        if symbol in rate.free_symbols and rate.diff(symbol).free_symbols & set(symbols)
    ]


def system(kernels: Any, params: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read matrix and constant part of the rates from the compiled kernel, ``dx/dt = matrix @ x + constant``.

    Parameters
    ----------
    kernels : Kernels
        Of a model that `not_linear` has nothing against.
    params : array, (patient, param)

    Returns
    -------
    matrix : array, (patient, state, state)
    constant : array, (patient, state)
    """
    states = len(kernels.states)
    points = [np.repeat(point, LANES) for point in (np.zeros(states), *(_UNIT * np.eye(states)))]
    constant_and_columns = np.empty((len(params), states + 1, states))
    time, present, nothing, dy = np.zeros(LANES), np.ones(states * LANES), np.zeros(0), np.zeros(states * LANES)
    for first in range(0, len(params), LANES):
        here = min(LANES, len(params) - first)
        p = filled_params(kernels, params[np.minimum(np.arange(first, first + LANES), len(params) - 1)])
        for place, y in enumerate(points):
            call(kernels.rates, LANES, time, y, p, nothing, present, dy)
            constant_and_columns[first : first + here, place] = dy.reshape(states, LANES).T[:here]
    constant = constant_and_columns[:, 0]
    columns = (constant_and_columns[:, 1:] - constant[:, None]) / _UNIT
    return np.swapaxes(columns, 1, 2), constant


def filled_params(kernels: Any, params: np.ndarray) -> np.ndarray:
    """Parameters of LANES patients (patient, param) with the rows derived from them, as the kernels read them."""
    count = len(kernels.params)
    rows = np.zeros((count + kernels.n_derived, LANES))
    rows[:count] = params.T
    flat = rows.reshape(-1)
    kernels.derive(LANES, flat)
    return flat
