"""Kernels of a model together with the derivative of its states and outputs in one direction of its parameters.

Beside each state ``x`` goes its tangent ``X``: with a weight ``w`` for each parameter ``p``,

    dX/dt = sum_k (df/dx_k) X_k + sum_p (df/dp) w_p,    X(0) = sum_p (dx(0)/dp) w_p,

from the traced ``f``. A clone that no dose enters is integrated as its logarithm, and so is its tangent: ``X / x``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
import sympy

from pdsim.errors import ModelError, did_you_mean
from pdsim.model import files
from pdsim.model.compiled import Kernels
from pdsim.model.declare import FILE_MODULES
from pdsim.model.lower import jacobian_source, kernel_source
from pdsim.model.symbols import Gate
from pdsim.model.tracing import Trace, trace

MARK = "d "  # before the names of tangents, and of the weights of parameters


@dataclass(frozen=True, eq=False)
class TangentKernels(Kernels):
    """Kernels of states and tangents, in the shape of `Kernels`.

    The states are those of the model and then their tangents, ``d cells[sensitive]``; the parameters those of the
    model and then the weights, ``d growth``, 0 unless set; the outputs are tangents of the outputs asked for.

    Attributes
    ----------
    plain : Kernels
        Of the model alone.
    directions : tuple of str
        Parameters that have a weight.
    supplied : tuple of int
        Places of clones that may enter by mutation. The moment depends on the parameters, and the tangent does not
        follow that: it holds until the first such entry.
    """

    plain: Kernels
    directions: tuple[str, ...]
    supplied: tuple[int, ...]

    @cached_property
    def jacobian(self) -> Any:
        """Derivatives of the rates of states and tangents, of one lane; traced and compiled when first asked for."""
        name = self.module.replace("kernels", "jacobian")
        if not (files.folder() / f"{name}.py").exists():
            files.write_once(f"{name}.py", jacobian_source(_tangent(self.plain, self.directions)[0]))
        return files.load_kernel(name, "jacobian")


def tangent_kernels(kernels: Kernels, directions: Sequence[str]) -> TangentKernels:
    """Return the kernels of states and tangents, from the cache where it has them.

    Parameters
    ----------
    kernels : Kernels
        Of the model.
    directions : sequence of str
        Parameters to have a weight, by their names in `kernels`.

    Raises
    ------
    ModelError
        Where a name is no parameter.
    """
    _check(kernels, directions)
    name = f"{files.digest_of(kernels.key, 'tangent', *directions)}.json"
    whole = kernels.model.__module__.startswith(f"{FILE_MODULES}.")
    found = files.read_json(name) if whole else None
    if found is None or not (files.folder() / f"{found['module']}.py").exists():
        traced, supplied = _tangent(kernels, directions)
        text, derived = kernel_source(traced)
        found = {"n_derived": derived, "supplied": supplied}
        found["module"] = f"kernels_{files.digest_of(text, files.generator_key())}"
        files.write_once(f"{found['module']}.py", text)
        if whole:
            files.write_once(name, json.dumps(found))
    return _assembled(kernels, tuple(directions), found)


def _check(kernels: Kernels, directions: Sequence[str]) -> None:
    unknown = [name for name in directions if name not in kernels.params]
    if unknown:
        lines = [f"'{name}' is no parameter.{did_you_mean(name, kernels.params)}" for name in unknown]
        lines.append("Kinetics on a drug card (clearance, volume, absorption) have no derivative here")
        raise ModelError("\n".join(lines))


def _assembled(kernels: Kernels, directions: tuple[str, ...], found: dict[str, Any]) -> TangentKernels:
    own = {name: getattr(kernels, name) for name in Kernels.__dataclass_fields__}
    logs = _logs(kernels)
    own |= {
        "key": files.digest_of(kernels.key, "tangent", *directions),
        "states": (*kernels.states, *(f"{MARK}{name}" for name in kernels.states)),
        "params": (*kernels.params, *(f"{MARK}{name}" for name in directions)),
        "param_defaults": np.concatenate([kernels.param_defaults, np.zeros(len(directions))]),
        "outputs": tuple(f"{MARK}{name}" for name in kernels.outputs),
        "extinct_below": np.concatenate([kernels.extinct_below, np.zeros(len(kernels.states))]),
        "scale": np.concatenate([kernels.scale, np.where(logs, 1.0, kernels.scale)]),
        "n_derived": found["n_derived"],
        "module": found["module"],
    }
    return TangentKernels(**own, plain=kernels, directions=directions, supplied=tuple(found["supplied"]))


def _logs(kernels: Kernels) -> np.ndarray:
    """Which states have the tangent of their logarithm: counts that no dose can make jump, (state,)."""
    dosed = np.isin(np.arange(len(kernels.states)), kernels.dosed)
    return (kernels.extinct_below > 0.0) & ~dosed


def _tangent(kernels: Kernels, directions: Sequence[str]) -> tuple[Trace, list[int]]:
    """Trace of states and tangents, and the places of clones that are supplied by others."""
    dosed, keep = kernels.options
    plain = trace(kernels.model, kernels.clones, kernels.uses, dosed=dosed, keep=keep)
    own = {name: sympy.Symbol(f"{MARK}{name}", real=True) for name in plain.states}
    weights = {name: sympy.Symbol(f"weight {name}", real=True) for name in directions}
    logs = dict(zip(plain.states, _logs(kernels), strict=True))
    counted = dict(zip(plain.states, kernels.extinct_below > 0.0, strict=True))
    along = {plain.params[name]: weight for name, weight in weights.items()}
    for name, x in plain.states.items():
        along[x] = x * own[name] if logs[name] else Gate(x, own[name]) if counted[name] else own[name]

    def slope(expression: Any) -> Any:
        free = expression.free_symbols
        return sympy.Add(*(expression.diff(symbol) * part for symbol, part in along.items() if symbol in free))

    rates, entry, supplied = {}, {}, []
    for place, (name, x) in enumerate(plain.states.items()):
        rate, start = plain.derivatives[name], plain.initial[name]
        moved, begun = slope(rate), slope(start)
        if logs[name]:
            moved, supply = _of_logarithm(rate, x, own[name], slope)
            begun = Gate(start, begun / start)
        elif counted[name]:
            supply = rate.xreplace({x: sympy.S.Zero})
            moved = Gate(x, moved)
        if counted[name] and supply != 0:
            supplied.append(place)
        rates[f"{MARK}{name}"], entry[f"{MARK}{name}"] = moved, begun
    smooth = {f"{MARK}{name}": SimpleNamespace(extinct_below=None) for name in kernels.model.states}
    return replace(
        plain,
        model=SimpleNamespace(states={**kernels.model.states, **smooth}),
        states=plain.states | {f"{MARK}{name}": symbol for name, symbol in own.items()},
        params=plain.params | {f"{MARK}{name}": symbol for name, symbol in weights.items()},
        derivatives=plain.derivatives | rates,
        initial=plain.initial | entry,
        outputs={f"{MARK}{name}": slope(expression) for name, expression in plain.outputs.items()},
    ), supplied  # fmt: skip


def _of_logarithm(rate: Any, x: Any, own: Any, slope: Any) -> tuple[Any, Any]:
    """Rate of the tangent of log x for ``dx/dt = x growth + supply``, and the supply."""
    terms = sympy.Add.make_args(rate)
    supply = sympy.Add(*(term for term in terms if x not in sympy.Mul.make_args(term)))
    growth = sympy.Add(*(term / x for term in terms if x in sympy.Mul.make_args(term)))
    moved = slope(growth)
    if supply != 0:
        moved += slope(supply) / x - supply / x * own
    return Gate(x, moved), supply
