"""Derived variables: arithmetic over other variables, read as a syntax tree and never run as code."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pdsim.errors import did_you_mean

FUNCTIONS: Mapping[str, tuple[Callable[..., Any], int]] = {
    "log": (np.log, 1),
    "log2": (np.log2, 1),
    "exp": (np.exp, 1),
    "sqrt": (np.sqrt, 1),
    "abs": (np.abs, 1),
    "min": (np.minimum, 2),
    "max": (np.maximum, 2),
    "where": (np.where, 3),
}
_ARITHMETIC: Mapping[type, Callable[..., Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
_COMPARISONS: Mapping[type, Callable[..., Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}


@dataclass(frozen=True)
class Expression:
    """Arithmetic over other variables of the patient, such as ``where(isotype == 'IgG', 1, 0)``."""

    text: str
    tree: ast.expr

    @classmethod
    def read(cls, text: str) -> Expression:
        """Read the arithmetic without checking what is in it; ValueError if it is none."""
        try:
            return cls(text, ast.parse(text.strip(), mode="eval").body)
        except (SyntaxError, ValueError) as error:
            raise ValueError(f"'{text}' is no arithmetic: {error.args[0]}") from None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the variables it reads, each once, in order of appearance."""
        calls = {id(node.func) for node in ast.walk(self.tree) if isinstance(node, ast.Call)}
        found = [node for node in ast.walk(self.tree) if isinstance(node, ast.Name) and id(node) not in calls]
        return tuple(dict.fromkeys(node.id for node in sorted(found, key=lambda node: node.col_offset)))

    def evaluate(self, values: Mapping[str, np.ndarray], levels: Mapping[str, tuple[str, ...]]) -> np.ndarray:
        """Compute the value of every patient.

        Parameters
        ----------
        values : mapping of str to array, (patient,)
            Variables it reads; categories as codes.
        levels : mapping of str to tuple of str
            Level names of the categories.

        Returns
        -------
        array of float, (patient,)
            A truth value counts as 1 or 0; not finite where the arithmetic is impossible.
        """
        with np.errstate(all="ignore"):
            return np.asarray(_value(self.tree, values, levels), dtype=float)


def parse_expression(text: str, known: Mapping[str, tuple[str, ...]]) -> Expression:
    """Read an expression and check every name, level and operation in it.

    Parameters
    ----------
    text : str
        The arithmetic: ``+ - * / **``, comparisons, ``and``, ``or``, ``not``, and the functions of `FUNCTIONS`.
    known : mapping of str to tuple of str
        Variables it may read; level names for a category, nothing for a number.

    Raises
    ------
    ValueError
        The message lists all mistakes.
    """
    found = Expression.read(text)
    mistakes = list(dict.fromkeys(_Checker(known).number(found.tree)))
    if mistakes:
        raise ValueError("; ".join(mistakes))
    return found


class _Checker:
    """Yields what is wrong in a syntax tree."""

    def __init__(self, known: Mapping[str, tuple[str, ...]]) -> None:
        self.known = known

    def number(self, node: ast.expr) -> list[str]:
        match node:
            case ast.Constant(value=str() as word):
                return [f"'{word}' is a text; it can only be compared with a category"]
            case ast.Constant(value=value) if isinstance(value, int | float) and not isinstance(value, bool):
                return []
            case ast.Name(id=name):
                return self._name(name)
            case ast.BinOp(op=op) if type(op) in _ARITHMETIC:
                return self.number(node.left) + self.number(node.right)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not()):
                return self.number(node.operand)
            case ast.BoolOp():
                return [text for value in node.values for text in self.number(value)]
            case ast.Compare():
                return self._comparison(node)
            case ast.Call(func=ast.Name(id=name), keywords=[]):
                return self._call(name, node.args)
        return [f"'{ast.unparse(node)}' cannot stand in an expression; use arithmetic, comparisons and {_functions()}"]

    def _name(self, name: str) -> list[str]:
        if name not in self.known:
            hint = did_you_mean(name, self.known) or f" Known are: {', '.join(self.known)}."
            return [f"unknown variable '{name}'.{hint}"]
        if self.known[name]:
            return [f"'{name}' is a category; compare it with a level, such as {name} == '{self.known[name][0]}'"]
        return []

    def _comparison(self, node: ast.Compare) -> list[str]:
        if len(node.ops) > 1:
            return [f"'{ast.unparse(node)}' compares more than once; join two comparisons with 'and'"]
        if type(node.ops[0]) not in _COMPARISONS:
            return [f"'{ast.unparse(node)}' cannot stand in an expression; compare with < <= > >= == !="]
        left, right = node.left, node.comparators[0]
        for category, word in ((left, right), (right, left)):
            match category, word:
                case ast.Name(id=name), ast.Constant(value=str() as level) if self.known.get(name):
                    if not isinstance(node.ops[0], ast.Eq | ast.NotEq):
                        return [f"'{name}' is a category; its levels have no order, compare with == or !="]
                    levels = self.known[name]
                    hint = did_you_mean(level, levels) or f" Its levels are: {', '.join(levels)}."
                    return [] if level in levels else [f"'{level}' is no level of '{name}'.{hint}"]
        return self.number(left) + self.number(right)

    def _call(self, name: str, arguments: list[ast.expr]) -> list[str]:
        found = [text for argument in arguments for text in self.number(argument)]
        if name not in FUNCTIONS:
            return [f"unknown function '{name}'.{did_you_mean(name, FUNCTIONS)} Known are: {_functions()}", *found]
        count = FUNCTIONS[name][1]
        if len(arguments) != count:
            found.insert(0, f"'{name}' takes {count} argument{'s' * (count > 1)}, not {len(arguments)}")
        return found


def _functions() -> str:
    return ", ".join(FUNCTIONS)


def _value(node: ast.expr, values: Mapping[str, np.ndarray], levels: Mapping[str, tuple[str, ...]]) -> Any:
    match node:
        case ast.Constant():
            return float(node.value)  # type: ignore[arg-type]
        case ast.Name():
            return values[node.id]
        case ast.UnaryOp():
            inner = _value(node.operand, values, levels)
            if isinstance(node.op, ast.Not):
                return np.logical_not(inner)
            return -np.asarray(inner, dtype=float) if isinstance(node.op, ast.USub) else inner
        case ast.BoolOp():
            parts = [np.asarray(_value(part, values, levels), dtype=bool) for part in node.values]
            combine = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return combine.reduce(np.broadcast_arrays(*parts))
        case ast.Compare():
            sides = [_side(side, other, values, levels) for side, other in _pairs(node)]
            return _COMPARISONS[type(node.ops[0])](*sides)
        case ast.BinOp():
            left, right = (np.asarray(_value(side, values, levels), dtype=float) for side in (node.left, node.right))
            return _ARITHMETIC[type(node.op)](left, right)
        case ast.Call(func=ast.Name(id=name)):
            return FUNCTIONS[name][0](*(_value(argument, values, levels) for argument in node.args))
    raise AssertionError(ast.dump(node))


def _pairs(node: ast.Compare) -> tuple[tuple[ast.expr, ast.expr], tuple[ast.expr, ast.expr]]:
    left, right = node.left, node.comparators[0]
    return (left, right), (right, left)


def _side(
    side: ast.expr, other: ast.expr, values: Mapping[str, np.ndarray], levels: Mapping[str, tuple[str, ...]]
) -> Any:
    """Value of one side of a comparison; a level name becomes its code."""
    if isinstance(side, ast.Constant) and isinstance(side.value, str) and isinstance(other, ast.Name):
        return levels[other.id].index(side.value)
    return _value(side, values, levels)
