"""Splits a traced model into a driver, which the disease does not act on, and the disease, which sees it by forcings.

Driver states read concentrations and each other only, and forget: each block of them returns to rest faster than a
threshold, so that a regular regimen soon brings it back to the same values. Forcings are the largest parts of the
disease's rates made of concentrations, driver states and parameters alone, without the parameters that multiply or add
to them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import sympy

from pdsim.model.graph import blocks, reached_by
from pdsim.model.tracing import Trace

SLOWEST = 0.2
"""Slowest return to rest of a driver block, 1/day; one that is slower keeps the memory of whole cycles."""

STIFF = 20.0
"""A driver block with a rate above it, 1/day, stays one though it is slow too: the disease would pay for its steps."""

SLOW_READOUT = 2.0
"""Below this rate, 1/day, a block that the disease does not read is left to the disease's long steps."""


FADING = 1.5
"""Rate, 1/day, from which a state is integrated as what differs from its own decay."""


@dataclass(frozen=True)
class Parts:
    """A model split in two.

    driver : its states, followed by one for each of them whose derivative is the state's own rate of decay, minus the
        derivative of its rate by itself, and by one for each of `pulls`; its outputs are the forcings
    disease : its states, with forcings in the place of concentrations, followed by one for each state that fades whose
        derivative is its rate of decay
    levels : place of each driver state in the rows in which they depend on one another, from 1; -1 in a ring of states
        or where a rate is not linear in its own state
    pulls : pairs of states without such a place, counted among these, of which the first one's rate reads the other;
        the derivative by it is the strength of the pull
    fading : the disease's states that fade
    """

    driver: Trace
    disease: Trace
    levels: list[int]
    pulls: list[tuple[int, int]]
    fading: list[str]


def split(traced: Trace, day: float = 1.0) -> Parts | None:
    """Split a trace into driver and disease.

    Parameters
    ----------
    traced : Trace
        Of the whole model.
    day : float
        A day in the model's time unit.

    Returns
    -------
    Parts, or None
        None where no drug acts.
    """
    driver = _driver_states(traced, day)
    moving = {traced.states[name] for name in driver} | set(traced.concentrations.values())
    disease = {name: symbol for name, symbol in traced.states.items() if name not in driver}
    forcings = _Forcings(moving, set(disease.values()))
    rates = {name: forcings(traced.derivatives[name]) for name in disease}
    if not forcings.found or not disease:
        return None
    table = {f"forcing {i}": symbol for i, symbol in enumerate(forcings.found.values())}
    fading = _fading(traced, rates, day)
    own = {name: traced.derivatives[name] for name in driver}
    levels = _levels(traced, driver)
    strengths = _pulls(traced, [name for name, level in zip(driver, levels, strict=True) if level < 0])
    falls = _falls(traced, own, driver), _falls(traced, rates, fading)
    behind = falls[0] | {f"pull {number}": strength for number, strength in enumerate(strengths.values())}
    plain = SimpleNamespace(extinct_below=None)
    # states are looked up by the part of their names before a bracket
    declared = dict(traced.model.states) | {
        name.partition("[")[0]: plain for part in (behind, falls[1]) for name in part
    }
    model = SimpleNamespace(states=declared)
    first = replace(
        traced,
        model=model,
        states={name: traced.states[name] for name in driver} | _symbols(behind),
        derivatives=own | behind,
        initial=dict.fromkeys([*driver, *behind], sympy.S.Zero),
        outputs={f"forcing {i}": expression for i, expression in enumerate(forcings.found)},
    )
    second = replace(
        traced,
        model=model,
        states=disease | _symbols(falls[1]),
        derivatives=rates | falls[1],
        concentrations=table,
        initial=dict.fromkeys([*disease, *falls[1]], sympy.S.Zero),
        outputs={},
    )
    return Parts(first, second, levels, list(strengths), fading)


def _pulls(traced: Trace, ring: list[str]) -> dict[tuple[int, int], Any]:
    """How strongly states pull others that read them, by their places in `ring`."""
    return {
        (one, other): strength
        for one, name in enumerate(ring)
        for other, read in enumerate(ring)
        if one != other and (strength := traced.derivatives[name].diff(traced.states[read])) != 0
    }


def _falls(traced: Trace, rates: dict[str, Any], chosen: Iterable[str]) -> dict[str, Any]:
    """Rates at which states decay by themselves."""
    return {f"fall of {name}": -rates[name].diff(traced.states[name]) for name in chosen}


def _symbols(names: Iterable[str]) -> dict[str, Any]:
    return {name: sympy.Symbol(name, real=True) for name in names}


def _levels(traced: Trace, driver: list[str]) -> list[int]:
    """See `Parts`."""
    level: dict[str, int] = {}
    reads = {
        name: [other for other in driver if traced.states[other] in traced.derivatives[name].free_symbols]
        for name in driver
    }
    for group in blocks(reads):
        for name in group:
            own = traced.states[name]
            before = [level[other] for other in reads[name] if other not in group]
            linear = own not in traced.derivatives[name].diff(own).free_symbols
            level[name] = 1 + max(before, default=0) if linear and len(group) == 1 and -1 not in before else -1
    return [level[name] for name in driver]


def _fading(traced: Trace, rates: dict[str, Any], day: float) -> list[str]:
    """States which decay fast at entry and without drugs; counted ones are integrated as logarithms."""
    returns = _Return(traced)
    declared = traced.model.states
    uncounted = [name for name in rates if not declared[name.split("[")[0]].extinct_below]
    return [name for name in uncounted if returns([name])[0] * day >= FADING]


def reads_time(traced: Trace) -> bool:
    """Whether a rate names the time itself, so that the same doses do not give the same course."""
    expressions = [*traced.derivatives.values(), *traced.outputs.values()]
    return any(traced.time in expression.free_symbols for expression in expressions)


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
        slowest, fastest = returns(group) if free else (0.0, 0.0)
        speed |= dict.fromkeys(group, slowest * day)
        if slowest * day >= SLOWEST or fastest * day >= STIFF:
            found |= inside
    feeding = reached_by(reads, set(reads) - found)
    return [name for name in traced.states if name in found and (name in feeding or speed[name] >= SLOW_READOUT)]


class _Return:
    """Slowest and fastest rate at which a block returns to rest, at entry, without drugs, for default parameters."""

    def __init__(self, traced: Trace) -> None:
        known = {name: float(item.default) for name, item in traced.model.params.items()}
        params = {symbol: known.get(name.split("[")[0], 1.0) for name, symbol in traced.params.items()}
        self.traced = traced
        self.values = {**params, traced.time: 0.0, **dict.fromkeys(traced.concentrations.values(), 0.0)}
        for name, symbol in traced.states.items():
            magnitude = traced.model.states[name.split("[")[0]].magnitude
            self.values[symbol] = _number(traced.initial[name], params, magnitude)

    def __call__(self, group: list[str]) -> tuple[float, float]:
        rates = [self.traced.derivatives[name] for name in group]
        symbols = [self.traced.states[name] for name in group]
        slopes = [[_number(rate.diff(symbol), self.values, np.inf) for symbol in symbols] for rate in rates]
        if not np.isfinite(slopes).all():
            return 0.0, 0.0
        rates_back = -np.linalg.eigvals(slopes).real
        return float(rates_back.min()), float(rates_back.max())


def _number(expression: Any, values: dict[Any, float], otherwise: float) -> float:
    expression = sympy.sympify(expression)
    floats = {symbol: sympy.Float(values[symbol]) for symbol in expression.free_symbols if symbol in values}
    try:
        return float(expression.xreplace(floats))
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
