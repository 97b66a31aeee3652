"""Checks units in dimension and scale: the functions run on floats and on quantities of the same magnitudes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pdsim import units
from pdsim.errors import ModelError, UnitError
from pdsim.model import bodies

_CLONES = ("first", "second")
_TOLERANCE = 1e-9
_TIMES = ("second", "minute", "hour", "day", "week", "month", "year", "s", "min", "h", "d", "wk", "mo", "yr")


def check_units(model: Any) -> None:
    """Check that every derivative, output and entry value balances in dimension and in scale.

    Raises
    ------
    ModelError
        Naming the states and outputs that do not balance, with the factor between the two numbers where only the
        scale is wrong; or the line where quantities that do not fit meet.
    """
    mistakes = [text for name, item in _declared(model).items() for text in _unreadable(name, item.unit)]
    mistakes += _unreadable("time", model.time)
    if not mistakes:
        _Balance(model, mistakes).run()
    if mistakes:
        listed = "\n".join(f"  {text}" for text in dict.fromkeys(mistakes))
        raise ModelError(f"model '{model.name}': units do not balance\n{listed}")


def _declared(model: Any) -> dict[str, Any]:
    return {**model.states, **model.params, **model.inputs, **model.outputs}


def _unreadable(name: str, unit: str) -> list[str]:
    try:
        units.check_unit(unit)
    except UnitError as error:
        return [f"{name}: {error}"]
    return []


def _pint_text(unit: str) -> str:
    return "dimensionless" if unit.strip() == "1" else unit


class _Balance:
    """Evaluates the model twice and compares."""

    def __init__(self, model: Any, mistakes: list[str]) -> None:
        self.model, self.mistakes = model, mistakes
        self.registry = units.registry()
        self.numbers = {name: _trial(place, item) for place, (name, item) in enumerate(_declared(model).items())}

    def quantity(self, number: float, unit: str) -> Any:
        return self.registry.Quantity(number, _pint_text(unit))

    def values(self, declared: Mapping[str, Any], quantities: bool) -> dict[str, Any]:
        """Trial values of some declarations, two to a dimension."""
        out: dict[str, Any] = {}
        for name, item in declared.items():
            numbers = [self.numbers[name] * factor for factor in ((1.0, 1.13) if item_dim(item) else (1.0,))]
            filled = tuple(self.quantity(number, item.unit) if quantities else number for number in numbers)
            out[name] = filled if item_dim(item) else filled[0]
        return out

    def run(self) -> None:
        model = self.model
        sides = []
        for quantities in (False, True):
            s, p, u = (self.values(table, quantities) for table in (model.states, model.params, model.inputs))
            t = self.quantity(1.7, model.time) if quantities else 1.7
            sides.append((t, *bodies.receivers(model, s, p, u)))
        per_time = {name: f"({_pint_text(item.unit)})/({model.time})" for name, item in model.states.items()}
        own = {name: item.unit for name, item in model.states.items()}
        shown = {name: item.unit for name, item in model.outputs.items()}
        self.compare("rates", "d({})/dt", model.rates, [(*side, bodies.constructor) for side in sides], per_time)
        if model.initial:
            self.compare("initial", "entry value of {}", model.initial, [(side[2],) for side in sides], own)
        if model.outputs:
            self.compare("outputs", "output {}", model.outputs.function, sides, shown)

    def compare(self, what: str, label: str, function: Any, sides: Sequence[tuple], wanted: Mapping[str, str]) -> None:
        try:
            plain, measured = (function(*side) for side in sides)
        except Exception as error:
            at, line = bodies.location(self.model, error)
            self.mistakes.append(f"{at}: {what}: {error}\n      {line}")
            return
        at = bodies.defined_at(self.model, function)
        for name, value in measured.items():
            pairs = zip(_entries(plain[name]), _entries(value), strict=True)
            wrong = next((text for a, b in pairs if (text := self.misfit(a, b, wanted[name]))), "")
            if wrong:
                self.mistakes.append(f"{at}: {label.format(name)}: {wrong}")

    def misfit(self, plain: float, measured: Any, unit: str) -> str:
        """Say how a quantity differs from the plain number in its unit, or ``""``."""
        if not hasattr(measured, "to"):
            measured = self.quantity(measured, "1")
        try:
            number = measured.to(_pint_text(unit)).magnitude
        except Exception:
            if measured.magnitude == 0 and plain == 0:
                return ""
            return f"has unit {measured.units:~C}, not {unit}".replace("unit ,", "no unit,")
        if abs(number - plain) <= _TOLERANCE * max(abs(number), abs(plain)):
            return ""
        factor = f"{number / plain:.6g}" if plain else "an infinite factor"
        return f"wrong scale: in {unit} it is {factor} times the number that the equation gives{self.suspects()}"

    def suspects(self) -> str:
        """Name the declarations with a time unit other than the model's."""
        found = []
        for name, item in _declared(self.model).items():
            usual = re.sub(r"[a-z]+", lambda word: self.model.time if word[0] in _TIMES else word[0], item.unit)
            size = units.convert(1.0, item.unit, usual)
            if abs(size - 1.0) > _TOLERANCE:
                found.append(f"{name} is in {item.unit}, {size:.6g} times {usual}")
        return f"; the model's time unit is {self.model.time}, but {'; '.join(found)}" if found else ""


def item_dim(item: Any) -> str | None:
    """Dimension of a declaration; Inputs have none."""
    return getattr(item, "dim", None)


def _entries(value: Any) -> tuple:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _trial(place: int, item: Any) -> float:
    """A magnitude near the default that no cancellation hits by accident."""
    base = float(getattr(item, "default", 0.0) or 0.0) or 0.7
    return base * (1.0 + 0.1 * (0.6180339887 * (place + 1) % 1.0))
