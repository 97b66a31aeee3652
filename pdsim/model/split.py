"""Splits a traced model into a driver, which the disease does not act on, and the disease, which sees it by forcings.

Driver states read concentrations and each other only, and forget: each block of them returns to rest faster than a
threshold, so that a regular regimen soon brings it back to the same values. Forcings are the largest parts of the
disease's rates made of concentrations, driver states and parameters alone, without the parameters that multiply or add
to them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import sympy

from pdsim.model.graph import blocks, reached_by
from pdsim.model.tracing import Trace

SLOWEST = 0.2
"""Slowest return to rest of a driver block, 1/day; one that is slower keeps the memory of whole cycles."""

SLOW_READOUT = 2.0
"""Below this rate, 1/day, a block that the disease does not read is left to the disease's long steps."""


def split(traced: Trace, day: float = 1.0) -> tuple[Trace, Trace, int] | None:
    """Split a trace into driver and disease.

    Parameters
    ----------
    traced : Trace
        Of the whole model.
    day : float
        A day in the model's time unit.

    Returns
    -------
    tuple of (Trace, Trace, int), or None
        The driver's states, followed by one state for each forcing, whose derivative is the forcing; the disease's
        states, with forcings in the place of concentrations; the number of forcings. None where no drug acts.
    """
    driver = _driver_states(traced, day)
    moving = {traced.states[name] for name in driver} | set(traced.concentrations.values())
    disease = {name: symbol for name, symbol in traced.states.items() if name not in driver}
    forcings = _Forcings(moving, set(disease.values()))
    rates = {name: forcings(traced.derivatives[name]) for name in disease}
    if not forcings.found or not disease:
        return None
    table = {f"forcing {i}": symbol for i, symbol in enumerate(forcings.found.values())}
    rows = {f"forcing {i}": expression for i, expression in enumerate(forcings.found)}
    plain = SimpleNamespace(extinct_below=None)
    first = replace(
        traced,
        model=SimpleNamespace(states={**traced.model.states, **dict.fromkeys(table, plain)}),
        states={name: traced.states[name] for name in driver} | table,
        derivatives={name: traced.derivatives[name] for name in driver} | rows,
        initial=dict.fromkeys([*driver, *table], sympy.S.Zero),
        outputs={},
    )
    second = replace(
        traced,
        states=disease,
        derivatives=rates,
        concentrations=table,
        initial=dict.fromkeys(disease, sympy.S.Zero),
        outputs={},
    )
    return first, second, len(table)


def reads_time(traced: Trace) -> bool:
    """Whether a rate names the time itself, so that the same doses do not give the same course."""
    return any(traced.time in expression.free_symbols for expression in traced.derivatives.values())


def _driver_states(traced: Trace, day: float) -> list[str]:
    """States that depend on concentrations, doses and each other alone, and forget fast enough; in model order."""
    known = {symbol: name for name, symbol in traced.states.items()}
    reads = {
        name: [known[symbol] for symbol in expression.free_symbols if symbol in known]
        for name, expression in traced.derivatives.items()
    }
    drugs = set(traced.concentrations.values())
    declared = traced.model.states
    returns = _Return(traced)
    found: set[str] = set()
    speed: dict[str, float] = {}
    for group in blocks(reads):
        inside = set(group)
        upstream = {other for name in group for other in reads[name]} - inside
        items = [declared[name.split("[")[0]] for name in group]
        fed = upstream or any(item.dosed for item in items)
        fed = fed or any(traced.derivatives[name].free_symbols & drugs for name in group)
        free = fed and upstream <= found and not any(item.extinct_below for item in items)
        speed |= dict.fromkeys(group, returns(group) * day if free else 0.0)
        if speed[group[0]] >= SLOWEST:
            found |= inside
    feeding = reached_by(reads, set(reads) - found)
    return [name for name in traced.states if name in found and (name in feeding or speed[name] >= SLOW_READOUT)]


class _Return:
    """Slowest rate at which a block returns to rest, at entry and without drugs, for the model's default parameters."""

    def __init__(self, traced: Trace) -> None:
        known = {name: float(item.default) for name, item in traced.model.params.items()}
        params = {symbol: known.get(name.split("[")[0], 1.0) for name, symbol in traced.params.items()}
        self.traced = traced
        self.values = {**params, traced.time: 0.0, **dict.fromkeys(traced.concentrations.values(), 0.0)}
        for name, symbol in traced.states.items():
            magnitude = traced.model.states[name.split("[")[0]].magnitude
            self.values[symbol] = _number(traced.initial[name], params, magnitude)

    def __call__(self, group: list[str]) -> float:
        rates = [self.traced.derivatives[name] for name in group]
        symbols = [self.traced.states[name] for name in group]
        slopes = [[_number(rate.diff(symbol), self.values, np.inf) for symbol in symbols] for rate in rates]
        return -float(np.linalg.eigvals(slopes).real.max()) if np.isfinite(slopes).all() else 0.0


def _number(expression: Any, values: dict[Any, float], otherwise: float) -> float:
    floats = {symbol: sympy.Float(value) for symbol, value in values.items()}
    try:
        return float(sympy.sympify(expression).xreplace(floats))
    except TypeError:  # not a real number for the defaults
        return otherwise


class _Forcings:
    """Replaces what depends on the driver alone by symbols; ``found`` maps expression to symbol."""

    def __init__(self, moving: set[Any], disease: set[Any]) -> None:
        self.moving, self.disease = moving, disease
        self.found: dict[Any, Any] = {}
        self._seen: dict[Any, Any] = {}

    def __call__(self, expression: Any) -> Any:
        if expression not in self._seen:
            self._seen[expression] = self._walk(expression)
        return self._seen[expression]

    def _neutral(self, expression: Any) -> bool:
        return not expression.free_symbols & self.moving

    def _pure(self, expression: Any) -> bool:
        free = expression.free_symbols
        return bool(free & self.moving) and not free & self.disease

    def _walk(self, expression: Any) -> Any:
        if self._neutral(expression):
            return expression
        if self._pure(expression):
            return self._core(expression)
        if not (expression.is_Add or expression.is_Mul):
            return expression.func(*(self(arg) for arg in expression.args))
        args = self._terms(expression) if expression.is_Add else expression.args
        pure = [arg for arg in args if self._pure(arg)]
        rest = [self(arg) for arg in args if not self._pure(arg)]
        return expression.func(*rest, *([self._core(expression.func(*pure))] if pure else []))

    def _terms(self, expression: Any) -> list[Any]:
        """Terms of a sum, those of a sum inside a product with parameters alone among them."""
        out: list[Any] = []
        for term in expression.args:
            factors = sympy.Mul.make_args(term)
            constant = [factor for factor in factors if not factor.free_symbols & (self.moving | self.disease)]
            varying = [factor for factor in factors if factor.free_symbols & (self.moving | self.disease)]
            if constant and len(varying) == 1 and varying[0].is_Add and not self._pure(varying[0]):
                out += [sympy.Mul(*constant, inner) for inner in self._terms(varying[0])]
            else:
                out.append(term)
        return out

    def _core(self, expression: Any) -> Any:
        """Symbol of a forcing, with parameters that multiply or add to it left outside."""
        if expression.is_Mul or expression.is_Add:
            apart = [arg for arg in expression.args if self._neutral(arg)]
            inner = [arg for arg in expression.args if not self._neutral(arg)]
            if apart or len(inner) == 1:
                return expression.func(*apart, self._core(expression.func(*inner)))
        if expression not in self.found:
            self.found[expression] = sympy.Symbol(f"forcing {len(self.found)}", real=True)
        return self.found[expression]


def names_of(traced: Trace, chosen: Iterable[str]) -> list[int]:
    """Places of some states in the whole model."""
    order = list(traced.states)
    return [order.index(name) for name in chosen]
