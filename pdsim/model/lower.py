"""Writes kernels as flat Python source from a trace: same text in every process, whatever the hash seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from pdsim._jit import LANES
from pdsim.model.printing import Hoist, Printer, safe
from pdsim.model.tracing import Trace

_HEAD = '''"""Generated from a model; do not edit."""

{mathematics}
from pdsim._abi import {abi}
from pdsim._jit import jit
from pdsim._lanes import Separate, get, put

'''
_LANES = """from math import sqrt

from pdsim._lanemath import above, alive, choose, exp, gate, log, positive, power, select
"""
_SCALAR = """from math import exp, log, sqrt
from math import pow as power

from pdsim._lanemath import above, alive, gate, positive, select
"""  # the C library's functions: one lane gains nothing from code that vectorises, and this compiles in half the time


def kernel_source(traced: Trace) -> tuple[str, int]:
    """Return the source of ``derive``, ``initial``, ``rates`` and ``outputs``, and the number of derived rows."""
    seen: dict[Any, Any] = {}
    rates = [safe(expression, seen) for expression in traced.derivatives.values()]
    outputs = [safe(expression, seen) for expression in traced.outputs.values()]
    entry = [safe(expression, seen) for expression in traced.initial.values()]
    hoist = Hoist(traced.params.values())
    split = [_split(hoist, traced, name, rate) for name, rate in zip(traced.states, rates, strict=True)]
    shown = [hoist(expression) for expression in outputs]
    text = _HEAD.format(abi="DERIVE, INITIAL, OUTPUTS, RATES", mathematics=_LANES)
    text += (
        _derive(traced, hoist) + _initial(traced, entry) + _rates(traced, hoist, split) + _outputs(traced, hoist, shown)
    )
    return text, len(hoist.derived)


def jacobian_source(traced: Trace) -> str:
    """Return the source of ``jacobian`` for one lane; it reads parameter rows only, none of the derived."""
    found = traced.jacobian()
    seen: dict[Any, Any] = {}
    rows = [safe(expression, seen) for expression in found.values()]
    printer = Printer(_names(traced, {}, scalar=True))
    loads = _Loads(traced, {}, "lane")
    texts = printer.statements(rows)
    body = loads.lines(rows) + printer.lines
    width = len(traced.states) + len(traced.concentrations) + 1
    body += [f"put(jac, {r * width + column}, 0, {text})" for (r, column), text in zip(found, texts, strict=True)]
    clear = [f"for place in range({len(traced.states) * width}):", "    put(jac, 0, place, 0.0)"]
    text = _HEAD.format(abi="JACOBIAN", mathematics=_SCALAR)
    return text + _function("jacobian", "JACOBIAN", "lane, t, y, p, c, present, jac", clear + body, loop=False)


def _counts(traced: Trace, name: str) -> bool:
    return traced.model.states[name.split("[")[0]].extinct_below is not None


def _split(hoist: Hoist, traced: Trace, name: str, rate: Any) -> tuple[Any, Any]:
    """Split a rate into ``x * growth + supply``; growth is None for a state that is not kept as a logarithm."""
    if not _counts(traced, name):
        return None, hoist(rate)
    symbol = traced.states[name]
    growth, supply = [], []
    for term in sympy.Add.make_args(rate):
        factors = list(sympy.Mul.make_args(term))
        if symbol in factors:
            factors.remove(symbol)
            growth.append(sympy.Mul(*factors))
        else:
            supply.append(term)
    return hoist(sympy.Add(*growth)), hoist(sympy.Add(*supply))


def _names(traced: Trace, derived: Mapping[Any, Any], scalar: bool = False) -> dict[Any, str]:
    """Local variable of every symbol."""
    names = {symbol: f"s{i}" for i, symbol in enumerate(traced.states.values())}
    names |= {symbol: f"p{i}" for i, symbol in enumerate(traced.params.values())}
    names |= {symbol: f"c{i}" for i, symbol in enumerate(traced.concentrations.values())}
    names |= {symbol: f"d{i}" for i, symbol in enumerate(derived.values())}
    names[traced.time] = "time"
    return names


class _Loads:
    """Statements that read the symbols of some expressions from the arrays."""

    def __init__(self, traced: Trace, derived: Mapping[Any, Any], lane: str) -> None:
        self.read: dict[Any, str] = {traced.time: f"time = get(t, 0, {lane})"}
        for i, (name, symbol) in enumerate(traced.states.items()):
            at = f"{i * LANES}, {lane}"
            value = f"alive(get(present, {at}), exp(get(y, {at})))" if _counts(traced, name) else f"get(y, {at})"
            self.read[symbol] = f"s{i} = {value}"
        for i, symbol in enumerate(traced.params.values()):
            self.read[symbol] = f"p{i} = get(p, {i * LANES}, {lane})"
        for i, symbol in enumerate(traced.concentrations.values()):
            self.read[symbol] = f"c{i} = get(c, {i * LANES}, {lane})"
        for i, symbol in enumerate(derived.values(), start=len(traced.params)):
            self.read[symbol] = f"d{i - len(traced.params)} = get(p, {i * LANES}, {lane})"

    def lines(self, expressions: list[Any]) -> list[str]:
        free = set().union(*(expression.free_symbols for expression in expressions))
        return [line for symbol, line in self.read.items() if symbol in free]


def _function(name: str, signature: str, arguments: str, body: list[str], loop: bool = True) -> str:
    indent = "        " if loop else "    "
    head = f"\n@jit(signature={signature}, pipeline_class=Separate)\ndef {name}({arguments}):\n"
    head += "    for l in range(lanes):\n" if loop else ""
    return head + "".join(f"{indent}{line}\n" for line in body or ["pass"]) + "\n"


def _derive(traced: Trace, hoist: Hoist) -> str:
    expressions = list(hoist.derived)
    printer = Printer(_names(traced, {}))
    texts = printer.statements(expressions) if expressions else []
    start = len(traced.params)
    body = _Loads(traced, {}, "l").lines(expressions) + printer.lines if expressions else []
    body += [f"put(p, {(start + i) * LANES}, l, {text})" for i, text in enumerate(texts)]
    return _function("derive", "DERIVE", "lanes, p", body)


def _initial(traced: Trace, entry: list[Any]) -> str:
    printer = Printer(_names(traced, {}))
    texts = printer.statements(entry) if entry else []
    body = _Loads(traced, {}, "l").lines(entry) + printer.lines if entry else []
    body += [f"put(x, {i * LANES}, l, {text})" for i, text in enumerate(texts)]
    return _function("initial", "INITIAL", "lanes, p, x", body)


def _rates(traced: Trace, hoist: Hoist, split: list[tuple[Any, Any]]) -> str:
    expressions = [part for pair in split for part in pair if part is not None]
    printer = Printer(_names(traced, hoist.derived))
    texts = iter(printer.statements(expressions) if expressions else [])
    counted = [symbol for name, symbol in traced.states.items() if _counts(traced, name)]
    loads = _Loads(traced, hoist.derived, "l").lines([*expressions, *counted]) if expressions else []
    ends = []
    for i, (growth, supply) in enumerate(split):
        at = f"{i * LANES}, l"
        if growth is None:
            ends.append(f"put(dy, {at}, {next(texts)})")
        elif supply == 0:
            next_growth, _ = next(texts), next(texts)
            ends.append(f"put(dy, {at}, alive(get(present, {at}), {next_growth}))")
        else:
            ends += [f"g{i} = {next(texts)}", f"a{i} = {next(texts)}"]
            ends.append(f"put(dy, {at}, choose(get(present, {at}), g{i} + a{i}/s{i}, a{i}))")
    return _function("rates", "RATES", "lanes, t, y, p, c, present, dy", loads + printer.lines + ends)


def _outputs(traced: Trace, hoist: Hoist, shown: list[Any]) -> str:
    printer = Printer(_names(traced, hoist.derived))
    texts = printer.statements(shown) if shown else []
    body = _Loads(traced, hoist.derived, "l").lines(shown) + printer.lines if shown else []
    body += [f"put(out, {i * LANES}, l, {text})" for i, text in enumerate(texts)]
    return _function("outputs", "OUTPUTS", "lanes, t, y, p, c, present, out", body)
