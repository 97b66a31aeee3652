"""Calls the functions of a model file and turns what goes wrong into errors with file and line."""

from __future__ import annotations

import ast
import linecache
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pdsim.errors import ModelError, did_you_mean
from pdsim.model.declare import source_files, unknown_name

Values = Mapping[str, Any]


class Receiver:
    """The ``s``, ``p`` or ``u`` of a model body: declared names as attributes, mistakes noted with their line."""

    def __init__(self, model: Any, letter: str, values: Values, mistakes: list[str] | None = None) -> None:
        vars(self).update(values)
        vars(self)["_Receiver__note"] = (model, letter, mistakes)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        model, letter, mistakes = vars(self)["_Receiver__note"]
        frame = sys._getframe(1)
        text = f"{frame.f_code.co_filename}:{frame.f_lineno}: {unknown_name(model, letter, name)}"
        if mistakes is None:
            raise ModelError(text)
        if text not in mistakes:
            mistakes.append(text)
        return 1.0

    def __setattr__(self, name: str, value: Any) -> None:
        raise ModelError("a model body must not assign to s, p or u; use local names")


class Derivatives(dict):
    """What the derivative constructor ``d(...)`` returns."""


def constructor(**values: Any) -> Derivatives:
    """Collect derivatives; names are checked by the caller."""
    return Derivatives(values)


def location(model: Any, error: BaseException) -> tuple[str, str]:
    """Return (``file:line``, source line) of the innermost frame of an error that lies in the model's files."""
    file = model.rates.__code__.co_filename
    own = {str(path) for path in source_files(Path(file))}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in own]
    if not frames:
        return file, ""
    last = frames[-1]
    return f"{last.filename}:{last.lineno}", last.line or linecache.getline(last.filename, last.lineno or 0).strip()


def defined_at(model: Any, function: Any) -> str:
    """Return ``file:line`` of a function of the model."""
    code = getattr(function, "__code__", model.rates.__code__)
    return f"{code.co_filename}:{code.co_firstlineno}"


def branch_advice(line: str) -> str:
    """Say which construct of a source line cannot be traced and what to write instead."""
    try:
        tree = ast.parse(line.strip().removesuffix(":") + ":\n pass" if line.strip().endswith(":") else line.strip())
    except SyntaxError:
        tree = ast.parse("pass")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("max", "min"):
                other = "maximum(a, b) or positive(x)" if called == "max" else "minimum(a, b)"
                return f"{called}() of a value; use {other}"
            if called.split(".")[0] in ("math", "np", "numpy") and "." in called:
                own = {"pow": "power"}.get(called.split(".")[1], called.split(".")[1])
                known = own if own in ("exp", "log", "sqrt", "power") else "the effects of pdsim.model"
                return f"{called}() of a value; use {known}"
            if called in ("float", "int", "round", "bool"):
                return f"{called}() of a value; leave it out"
    if line.lstrip().startswith(("if ", "elif ", "while ")) or " if " in line:
        return "`if` on a value; use where(condition, a, b) or positive(x)"
    return "a decision on a value; use where(condition, a, b), positive(x), minimum(a, b) or maximum(a, b)"


def over_dimension(model: Any, declared: Values, name: str, value: Any, clones: Sequence[str]) -> str:
    """Return what is wrong with the length of a value, or ``""``."""
    wants = getattr(declared[name], "dim", None)
    sequence = isinstance(value, (tuple, list))
    if wants and not sequence:
        return f"'{name}' has dimension {wants} and needs an entry for each; use each(...)"
    if not wants and sequence:
        return f"'{name}' has no dimension but {len(value)} values were returned; use total(...) or declare dim"
    if sequence and len(value) != len(clones):
        return f"'{name}' has {len(value)} entries for a dimension of {len(clones)}"
    return ""


def check_returned(
    model: Any, what: str, at: str, declared: Values, returned: Any, clones: Sequence[str], partial: bool = False
) -> list[str]:
    """List names missing from, or foreign to, a returned dict, and values of the wrong length."""
    if not isinstance(returned, Mapping):
        form = "return d(name=..., ...)" if what == "rates" else "return dict(name=..., ...)"
        return [f"{at}: {what} must {form}, got {type(returned).__name__}"]
    label = "Output" if what == "outputs" else "State"
    mistakes = [
        f"{at}: {what} returns '{name}', but no {label} '{name}' is declared.{did_you_mean(name, declared)}"
        for name in returned
        if name not in declared
    ]
    if not partial:
        missing = "has no derivative" if what == "rates" else "is not returned"
        mistakes += [f"{at}: {label} '{name}' {missing} in {what}" for name in declared if name not in returned]
    for name in declared:
        wrong = over_dimension(model, declared, name, returned[name], clones) if name in returned else ""
        if wrong:
            mistakes.append(f"{at}: {what}: {wrong}")
    return mistakes


def receivers(model: Any, states: Values, params: Values, inputs: Values, mistakes: list[str] | None = None) -> tuple:
    """Return ``s, p, u``."""
    return tuple(
        Receiver(model, letter, values, mistakes)
        for letter, values in zip("spu", (states, params, inputs), strict=True)
    )


def drug_record(concentration: Any, keys: Values) -> SimpleNamespace:
    """One drug as a ``combine`` sees it."""
    return SimpleNamespace(c=concentration, **keys)
