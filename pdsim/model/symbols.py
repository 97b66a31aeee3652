"""SymPy forms of the effects: compact, safe at zero, with derivatives. Imported only to trace a model."""

from __future__ import annotations

from typing import Any

import sympy
from sympy import And, Eq, Function, Ge, Gt, Integer, Le, Lt, Ne, Not, Or, Pow, S, exp, log, sqrt, sympify

__all__ = ["Above", "Gate", "Hill", "Positive", "Select", "exp", "hill", "log", "positive", "power", "sqrt", "where"]

_CLOSED_FORM_DEGREE = 4  # integer steepness up to which x**n / (half**n + x**n) is written out


class Above(Function):
    """1 where the argument is above 0, else 0."""

    is_real = True
    nargs = 1

    @classmethod
    def eval(cls, x: Any) -> Any:
        return (S.One if x > 0 else S.Zero) if x.is_number else None

    def fdiff(self, argindex: int = 1) -> Any:
        return S.Zero


class Positive(Function):
    """The argument where it is above 0, else 0."""

    is_real = True
    nargs = 1

    @classmethod
    def eval(cls, x: Any) -> Any:
        return (x if x > 0 else S.Zero) if x.is_number else None

    def fdiff(self, argindex: int = 1) -> Any:
        return Above(self.args[0])

    def _latex(self, printer: Any, exp: Any = None) -> str:
        text = rf"\left[{printer._print(self.args[0])}\right]^{{+}}"
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"


class Gate(Function):
    """The second argument where the first is above 0, else 0."""

    is_real = True
    nargs = 2

    @classmethod
    def eval(cls, x: Any, value: Any) -> Any:
        if value.is_zero:
            return S.Zero
        return (value if x > 0 else S.Zero) if x.is_number else None

    def _eval_derivative(self, symbol: Any) -> Any:
        return Gate(self.args[0], self.args[1].diff(symbol))


class Select(Function):
    """The second argument where the first is above 0, else the third."""

    is_real = True
    nargs = 3

    @classmethod
    def eval(cls, x: Any, yes: Any, no: Any) -> Any:
        if yes == no:
            return yes
        return (yes if x > 0 else no) if x.is_number else None

    def _eval_derivative(self, symbol: Any) -> Any:
        return Select(self.args[0], self.args[1].diff(symbol), self.args[2].diff(symbol))

    def _latex(self, printer: Any, exp: Any = None) -> str:
        x, yes, no = (printer._print(arg) for arg in self.args)
        text = rf"\begin{{cases}} {yes} & {x} > 0 \\ {no} & \text{{else}} \end{{cases}}"
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"


class Hill(Function):
    """``x**n / (half**n + x**n)`` for ``x > 0``, else 0."""

    is_real = True
    nargs = 3

    @classmethod
    def eval(cls, x: Any, half: Any, n: Any) -> Any:
        return S.Zero if x.is_zero else None

    def fdiff(self, argindex: int = 1) -> Any:
        x, half, n = self.args
        slope = self * (1 - self)
        if argindex == 1:
            return Gate(x, n * slope / x)
        if argindex == 2:
            return -n * slope / half
        return Gate(x, slope * (log(x) - log(half)))

    def _latex(self, printer: Any, exp: Any = None) -> str:
        x, half, n = (printer._print(arg) for arg in self.args)
        text = rf"H_{{{n}}}\!\left(\frac{{{x}}}{{{half}}}\right)"
        return text if exp is None else rf"{text}^{{{exp}}}"


def hill(x: Any, half: Any, steepness: Any) -> Any:
    """Hill effect; a small integer steepness is written out with powers."""
    x, half, steepness = sympify(x), sympify(half), sympify(steepness)
    if x.is_zero:
        return S.Zero
    whole = Integer(int(steepness)) if steepness.is_number and float(steepness).is_integer() else None
    if whole is not None and 1 <= whole <= _CLOSED_FORM_DEGREE:
        part = Pow(Positive(x), whole)
        return part / (Pow(half, whole) + part)
    return Hill(x, half, steepness)


def positive(x: Any) -> Any:
    """``x`` where it is above 0, else 0."""
    return Positive(sympify(x))


def power(x: Any, exponent: Any) -> Any:
    """``x`` to ``exponent``."""
    return Pow(sympify(x), sympify(exponent))


def where(condition: Any, yes: Any, no: Any) -> Any:
    """Choose by a condition made of comparisons."""
    yes, no = sympify(yes), sympify(no)
    if condition == sympy.true:
        return yes
    if condition == sympy.false:
        return no
    if isinstance(condition, And):
        for part in sorted(condition.args, key=str):
            yes = where(part, yes, no)
        return yes
    if isinstance(condition, Or):
        for part in sorted(condition.args, key=str):
            no = where(part, yes, no)
        return no
    if isinstance(condition, Not):
        return where(condition.args[0], no, yes)
    if isinstance(condition, (Eq, Ne)):
        raise TypeError("where() cannot test values for equality; compare with <, <=, > or >=")
    left, right = condition.args
    if isinstance(condition, (Gt, Le)):
        x = left - right
        return Select(x, yes, no) if isinstance(condition, Gt) else Select(x, no, yes)
    if isinstance(condition, (Lt, Ge)):
        x = right - left
        return Select(x, yes, no) if isinstance(condition, Lt) else Select(x, no, yes)
    raise TypeError("where() needs a comparison as its condition")
