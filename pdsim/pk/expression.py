"""Arithmetic of quantities and covariates: "60 L/day + 2.64 L/day/(mL/min) * creatinine_clearance"."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pdsim.errors import UnitError, did_you_mean
from pdsim.pk.quantity import KNOWN, ONE, Unit, scan, unit_of

Measured = tuple[Any, Unit]  # magnitude (number or array over patients) and its unit

FUNCTIONS: dict[str, Callable] = {"exp": np.exp, "log": np.log, "sqrt": np.sqrt}

_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_NAME = re.compile(r"[A-Za-z]\w*")


@dataclass(frozen=True)
class Expression:
    """An expression of a card, read once.

    Parameters
    ----------
    text : str
        As written.
    tree : ast.expr
        The expression with every quantity replaced by a placeholder.
    quantities : tuple of (number, unit)
        Values of the placeholders.
    names : tuple of str
        Covariates used.
    """

    text: str
    tree: ast.expr
    quantities: tuple[Measured, ...]
    names: tuple[str, ...]

    def evaluate(self, covariates: Mapping[str, Measured], unit: str) -> Any:
        """Compute the value in `unit`, a number or an array over patients.

        Raises
        ------
        UnitError
            If terms of a sum, or the result, do not fit.
        """
        value, found = _value(self.tree, self.quantities, covariates)
        wanted = unit_of(unit)
        if not found.fits(wanted):
            raise UnitError(f'"{self.text}" gives {found}, not {unit}')
        return value * (found.factor / wanted.factor)


def parse_expression(text: str) -> Expression:
    """Read an expression; a number may be followed by a unit.

    Allowed are ``+ - * / **``, brackets, ``exp``, ``log``, ``sqrt``, and names of covariates.

    Raises
    ------
    UnitError
        If the word after a number is no unit.
    ValueError
        If it is no such expression.
    """
    source, quantities = _without_units(text)
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except SyntaxError:
        raise ValueError(f'"{text}" cannot be read; write for example "60 L/day * (weight/70 kg)**0.75"') from None
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names: list[str] = []
    for node in ast.walk(tree):
        _check(node, text)
        if isinstance(node, ast.Name) and not node.id.startswith("_") and id(node) not in called:
            if node.id in FUNCTIONS:
                raise ValueError(f'"{text}": {node.id} is a function; write {node.id}(...)')
            names.append(node.id)
    return Expression(text, tree, tuple(quantities), tuple(dict.fromkeys(names)))


def constant(value: float, unit: str) -> Expression:
    """Return the expression of one number with a unit."""
    text = f"{value:g}" if unit == "1" else f"{value:g} {unit.removeprefix('1')}"
    return Expression(text, ast.Name("_0"), ((float(value), unit_of(unit)),), ())


def _without_units(text: str) -> tuple[str, list[Measured]]:
    """Replace each quantity by ``_0``, ``_1``, ...; names cannot begin with an underscore."""
    out: list[str] = []
    quantities: list[Measured] = []
    at = 0
    while at < len(text):
        name, number = _NAME.match(text, at), _NUMBER.match(text, at)
        if name:
            out.append(name[0])
            at = name.end()
        elif number:
            unit, at = _unit_after(text, number.end())
            out.append(f"_{len(quantities)}")
            quantities.append((float(number[0]), unit))
        elif text[at] == "_":
            raise ValueError(f'"{text}": a name begins with a letter')
        else:
            out.append(text[at])
            at += 1
    return "".join(out), quantities


def _unit_after(text: str, end: int) -> tuple[Unit, int]:
    start = end
    while text[start : start + 1] == " ":
        start += 1
    unit, after = scan(text, start)
    if after > start:
        return unit, after
    word = _NAME.match(text, start)
    if word:
        hint = did_you_mean(word[0], KNOWN)
        raise UnitError(
            f"'{word[0]}' in \"{text}\" follows a number and is no unit.{hint} A covariate needs a * before it"
        )
    return ONE, end


def _check(node: ast.AST, text: str) -> None:
    if isinstance(node, ast.Call):
        if not (
            isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS and len(node.args) == 1 and not node.keywords
        ):
            raise ValueError(f'"{text}" calls something else than {", ".join(FUNCTIONS)} of one value')
        return
    arithmetic = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.UAdd, ast.USub)
    if not isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Name, ast.Load, *arithmetic)):
        raise ValueError(f'"{text}" may hold numbers with units, covariates, + - * / ** and brackets only')


def _value(node: ast.expr, quantities: tuple[Measured, ...], covariates: Mapping[str, Measured]) -> Measured:
    def of(child: ast.expr) -> Measured:
        return _value(child, quantities, covariates)

    if isinstance(node, ast.Name):
        return quantities[int(node.id[1:])] if node.id.startswith("_") else covariates[node.id]
    if isinstance(node, ast.UnaryOp):
        value, unit = of(node.operand)
        return (-value if isinstance(node.op, ast.USub) else value), unit
    if isinstance(node, ast.BinOp):
        return _joined(node.op, of(node.left), of(node.right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        value, unit = of(node.args[0])
        return FUNCTIONS[node.func.id](_pure(value, unit, f"{node.func.id}()")), ONE
    raise TypeError(f"no arithmetic: {ast.dump(node)}")


def _joined(operator: ast.operator, one: Measured, other: Measured) -> Measured:
    (left, left_unit), (right, right_unit) = one, other
    if isinstance(operator, ast.Mult):
        return left * right, left_unit * right_unit
    if isinstance(operator, ast.Div):
        return left / right, left_unit / right_unit
    if isinstance(operator, ast.Pow):
        return _power(left, left_unit, _pure(right, right_unit, "an exponent"))
    if not left_unit.fits(right_unit):
        raise UnitError(f"{left_unit} and {right_unit} cannot be added or subtracted")
    right = right * (right_unit.factor / left_unit.factor)
    return (left - right if isinstance(operator, ast.Sub) else left + right), left_unit


def _pure(value: Any, unit: Unit, what: str) -> Any:
    if not unit.fits(ONE):
        raise UnitError(f"{what} needs a number without unit, not {unit}")
    return value * unit.factor


def _power(base: Any, unit: Unit, exponent: Any) -> Measured:
    if unit.fits(ONE):
        return (base * unit.factor) ** exponent, ONE
    if np.ndim(exponent):
        raise UnitError(f"{unit} cannot be raised to a power that differs between patients")
    return base**exponent, unit ** float(exponent)
