"""The right-hand side as text: flat assignments that run on floats, on compiled numbers and on a peer's own symbols."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import sympy

from benchmarks.equations import Equations
from pdsim._jit import cache_folder
from pdsim.model.printing import Hoist, Printer, safe

_NUMBERS = '''"""Generated for a benchmark; do not edit."""

from math import exp, log, sqrt

from numba import cfunc, njit, types


@njit(error_model="numpy")
def above(x):
    return 1.0 if x > 0.0 else 0.0


@njit(error_model="numpy")
def positive(x):
    return x if x > 0.0 else 0.0


@njit(error_model="numpy")
def gate(x, value):
    return value if x > 0.0 else 0.0


@njit(error_model="numpy")
def select(x, yes, no):
    return yes if x > 0.0 else no


@njit(error_model="numpy")
def power(x, degree):
    return x**degree


'''
_SIGNATURE = (
    "types.void(types.double, types.CPointer(types.double), types.CPointer(types.double), types.CPointer(types.double))"
)
_FLAGS = 'error_model="numpy", cache=True'
_FUSED = ', fastmath={"contract"}'  # not where fast reactions balance: rows would no longer cancel to the last bit


class Text:
    """Statements of an `Equations`: constants that depend on parameters alone, then the rates."""

    def __init__(self, equations: Equations) -> None:
        self.equations = equations
        seen: dict[Any, Any] = {}
        hoist = Hoist(equations.params)
        self._hoisted = [hoist(safe(rate, seen)) for rate in equations.rates]
        names = {symbol: f"s{i}" for i, symbol in enumerate(equations.symbols)}
        names |= {symbol: f"p{i}" for i, symbol in enumerate(equations.params)}
        names |= {symbol: f"d{i}" for i, symbol in enumerate(hoist.derived.values())}
        names[sympy.Symbol("time", real=True)] = "t"
        self._derive = Printer(names)
        self.derived = self._derive.statements(list(hoist.derived)) if hoist.derived else []
        self._rates = Printer(names)
        self.slopes = self._rates.statements(self._hoisted)
        self._names = names

    @property
    def constants(self) -> int:
        """How many numbers `derive` returns, which `rates` reads as ``p``: parameters and what is made of them."""
        return len(self.equations.params) + len(self.derived)

    def derive(self) -> list[str]:
        """Statements that make the derived constants ``d0, d1, ...`` of ``p0, p1, ...``."""
        return [*self._derive.lines, *(f"d{i} = {text}" for i, text in enumerate(self.derived))]

    def rates(self) -> list[str]:
        """Statements that make the slopes ``r0, r1, ...`` of ``t, s0, p0, d0, ...``."""
        return [*self._rates.lines, *(f"r{i} = {text}" for i, text in enumerate(self.slopes))]

    def values(self) -> np.ndarray:
        """Parameters and derived constants of the patients, (patient, constant)."""
        given = self.equations.values
        namespace: dict[str, Any] = {"exp": np.exp, "log": np.log, "sqrt": np.sqrt, "power": np.power}
        namespace |= {"above": lambda x: (x > 0.0) * 1.0, "positive": lambda x: np.maximum(x, 0.0)}
        namespace |= {"gate": lambda x, v: np.where(x > 0.0, v, 0.0), "select": lambda x, a, b: np.where(x > 0.0, a, b)}
        namespace |= {f"p{i}": given[:, i] for i in range(given.shape[1])}
        exec("\n".join(self.derive()), namespace)
        derived = [np.broadcast_to(namespace[f"d{i}"], len(given)) for i in range(len(self.derived))]
        return np.concatenate([given, np.reshape(derived, (-1, len(given))).T], axis=1)

    def jacobian(self) -> list[str]:
        """Statements that fill ``jac[row, column]``, zero before, with the slopes' derivatives by the states."""
        found = {
            (row, column): slope
            for row, rate in enumerate(self._hoisted)
            for column, symbol in enumerate(self.equations.symbols)
            if symbol in rate.free_symbols and (slope := rate.diff(symbol)) != 0
        }
        printer = Printer(self._names)
        texts = printer.statements(list(found.values()))
        return [*printer.lines, *(f"jac[{r}, {c}] = {text}" for (r, c), text in zip(found, texts, strict=True))]

    def loads(self, state: str, constant: str) -> list[str]:
        """Statements that read states and constants from arrays of these names."""
        params = len(self.equations.params)
        lines = [f"s{i} = {state}[{i}]" for i in range(len(self.slopes))]
        lines += [f"p{i} = {constant}[{i}]" for i in range(params)]
        return lines + [f"d{i} = {constant}[{params + i}]" for i in range(len(self.derived))]

    def on(self, namespace: Mapping[str, Any]) -> Callable:
        """The rates as a function ``(t, y, p) -> list`` on whatever numbers or symbols `namespace` computes with."""
        body = [*self.loads("y", "p"), *self.rates(), f"return [{', '.join(f'r{i}' for i in range(len(self.slopes)))}]"]
        made = dict(namespace)
        exec("def rates(t, y, p):\n" + "".join(f"    {line}\n" for line in body), made)
        return made["rates"]


def compiled(equations: Equations, jacobian: bool = False) -> ModuleType:
    """Module of numba functions: ``derive(values, p)``, ``rates(t, y, p, dy)``, and a C ``callback`` of the rates.

    With `jacobian` also ``slopes(t, y, p, jac)``; it writes the entries that are not always zero.

    The file stands in pdsim's cache folder and is named by its content, so that a second process compiles nothing.
    """
    text = Text(equations)
    flags = _FLAGS if equations.problem.stiff else _FLAGS + _FUSED
    body = _NUMBERS + _function("derive", "values, p", _deriving(text), flags)
    body += _function("rates", "t, y, p, dy", _rating(text), flags)
    if jacobian:
        body += _function("slopes", "t, y, p, jac", [*text.loads("y", "p"), *text.jacobian()], flags)
    body += f"@cfunc({_SIGNATURE}, cache=True)\ndef callback(t, y, dy, p):\n"
    body += "".join(f"    {line}\n" for line in _rating(text))
    name = f"benchmark_{hashlib.blake2b(body.encode(), digest_size=10).hexdigest()}"
    path = cache_folder() / "benchmarks" / f"{name}.py"
    _write(path, body)
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
        sys.modules[name] = module
        spec.loader.exec_module(module)  # type: ignore[union-attr]
        module.constants = text.constants  # type: ignore[attr-defined]
    return sys.modules[name]


def _deriving(text: Text) -> list[str]:
    params = len(text.equations.params)
    lines = [f"p{i} = values[{i}]" for i in range(params)] + text.derive()
    lines += [f"p[{i}] = p{i}" for i in range(params)]
    return lines + [f"p[{params + i}] = d{i}" for i in range(len(text.derived))]


def _rating(text: Text) -> list[str]:
    return [*text.loads("y", "p"), *text.rates(), *(f"dy[{i}] = r{i}" for i in range(len(text.slopes)))]


def _function(name: str, arguments: str, body: list[str], flags: str) -> str:
    return f"@njit({flags})\ndef {name}({arguments}):\n" + "".join(f"    {line}\n" for line in body) + "\n\n"


def _write(path: Path, body: str) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(f".{id(body)}")
    aside.write_text(body, encoding="utf-8")
    aside.replace(path)
