"""Prints traced expressions as flat statements of arithmetic that numba compiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sympy

from pdsim.model import symbols

_CALLS = {symbols.Above: "above", symbols.Positive: "positive", symbols.Gate: "gate", symbols.Select: "select"}
_LONGEST_PRODUCT = 8  # whole powers up to this are written as products


def safe(expression: Any, seen: dict[Any, Any]) -> Any:
    """Write Hill effects with one exponential and one logarithm, 0 at ``x <= 0``."""
    if not expression.args:
        return expression
    if expression in seen:
        return seen[expression]
    args = [safe(arg, seen) for arg in expression.args]
    if isinstance(expression, symbols.Hill):
        x, half, n = args
        # exp(n log half - n log x) would take a small difference of two large numbers
        ratio = sympy.exp(n * (sympy.log(half) - sympy.log(x)), evaluate=False)
        out = symbols.Gate(x, 1 / (1 + ratio))
    else:
        out = expression.func(*args) if tuple(args) != expression.args else expression
    seen[expression] = out
    return out


class Hoist:
    """Moves what depends on parameters alone into derived symbols, numbered in order of appearance."""

    def __init__(self, params: Iterable[Any]) -> None:
        self.params = set(params)
        self.derived: dict[Any, Any] = {}
        self._seen: dict[Any, Any] = {}

    def __call__(self, expression: Any) -> Any:
        """Return the expression with parameter-only parts replaced."""
        return self._settle(expression) if self._constant(expression) else self._walk(expression)

    def _constant(self, expression: Any) -> bool:
        return expression.free_symbols <= self.params

    def _settle(self, expression: Any) -> Any:
        if expression.is_number or expression.is_Symbol:
            return expression
        if expression not in self.derived:
            self.derived[expression] = sympy.Symbol(f"derived {len(self.derived)}", real=True)
        return self.derived[expression]

    def _walk(self, expression: Any) -> Any:
        if not expression.args or expression in self._seen:
            return self._seen.get(expression, expression)
        if expression.is_Add or expression.is_Mul:
            constant = [arg for arg in expression.args if self._constant(arg)]
            moving = [self._walk(arg) for arg in expression.args if not self._constant(arg)]
            if constant:
                moving.insert(0, self._settle(expression.func(*constant)))
            out = expression.func(*moving)
        else:
            out = expression.func(*(self(arg) for arg in expression.args))
        self._seen[expression] = out
        return out


class Printer:
    """Turns expressions into assignments; ``lines`` collects them."""

    def __init__(self, names: Mapping[Any, str], prefix: str = "x") -> None:
        self.names = dict(names)
        self.lines: list[str] = []
        self.prefix = prefix
        self.count = 0

    def statements(self, expressions: list[Any]) -> list[str]:
        """Share common parts among expressions and return the text of each."""
        shared, reduced = sympy.cse(expressions, symbols=self._fresh(), order="none")
        for symbol, expression in shared:
            text = self.text(expression)
            self.names[symbol] = self._assign(text)
        return [self.text(expression) for expression in reduced]

    def _fresh(self) -> Any:
        return (sympy.Symbol(f"shared {i}", real=True) for i in range(10**9))

    def _assign(self, text: str) -> str:
        name = f"{self.prefix}{self.count}"
        self.count += 1
        self.lines.append(f"{name} = {text}")
        return name

    def _atom(self, expression: Any) -> str:
        """Text of an expression that may be repeated at no cost."""
        text = self.text(expression)
        return text if expression.is_Symbol or expression.is_number else self._assign(text)

    def text(self, e: Any) -> str:
        """Text of one expression."""
        if e.is_Symbol:
            return self.names[e]
        if e.is_number and not e.free_symbols:
            return repr(float(e))
        if e.is_Add:
            return self._sum(e)
        if e.is_Mul:
            return self._product(e)
        if e.is_Pow:
            return self._power(e.base, e.exp)
        if isinstance(e, sympy.exp):
            return f"exp({self.text(e.args[0])})"
        if isinstance(e, sympy.log):
            return f"log({self.text(e.args[0])})"
        if isinstance(e, sympy.Abs):
            return f"abs({self.text(e.args[0])})"
        if isinstance(e, sympy.sign):
            x = self._atom(e.args[0])
            return f"(above({x}) - above(-{x}))"
        if type(e) in _CALLS:
            return f"{_CALLS[type(e)]}({', '.join(self.text(arg) for arg in e.args)})"
        raise TypeError(f"no kernel code for {type(e).__name__}")

    def _sum(self, e: Any) -> str:
        parts = []
        for arg in e.args:
            coefficient, rest = arg.as_coeff_Mul()
            negative = bool(coefficient < 0)
            body = self._factor(-arg if negative else arg) if rest.is_Add else self.text(-arg if negative else arg)
            parts.append((negative, body))
        parts.sort(key=lambda part: part[0])  # a sum that starts with a plus; the sort keeps the order otherwise
        first, *others = parts
        text = f"-{first[1]}" if first[0] else first[1]
        return text + "".join(f" - {body}" if negative else f" + {body}" for negative, body in others)

    def _factor(self, e: Any) -> str:
        text = self.text(e)
        return f"({text})" if e.is_Add or text.startswith("-") else text

    def _product(self, e: Any) -> str:
        above, below = [], []
        for arg in e.args:
            if arg.is_Pow and arg.exp.is_number and arg.exp < 0:
                below.append(sympy.Pow(arg.base, -arg.exp))
            else:
                above.append(arg)
        sign = ""
        if above and above[0] == -1:
            sign, above = "-", above[1:]
        top = "*".join(self._factor(arg) for arg in above) or "1.0"
        if not below:
            return f"{sign}{top}"
        bottom = "*".join(self._factor(arg) for arg in below)
        closed = bottom.startswith("(") and len(below) == 1
        plain = closed or not set("*/+- ") & set(bottom)
        return f"{sign}{top}/{bottom}" if plain else f"{sign}{top}/({bottom})"

    def _power(self, base: Any, degree: Any) -> str:
        if degree.is_number:
            whole = float(degree)
            if whole < 0:
                return f"1.0/{self._factor_of_power(base, -degree)}"
            if whole == 0.5:
                return f"sqrt({self.text(base)})"
            if whole == int(whole) and whole <= _LONGEST_PRODUCT:
                return "*".join([self._atom(base)] * int(whole)) if whole != 1 else self.text(base)
        return f"power({self.text(base)}, {self.text(degree)})"

    def _factor_of_power(self, base: Any, degree: Any) -> str:
        text = self._power(base, degree)
        return text if text.startswith(("sqrt(", "power(")) or text.isidentifier() else f"({text})"
