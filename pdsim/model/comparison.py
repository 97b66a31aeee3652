"""Compares a model's compiled functions with its plain edition at random points, two drugs on every Input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pdsim._jit import LANES
from pdsim.model.compiled import Kernels, kernels
from pdsim.model.plain import plain_initial, plain_inputs, plain_outputs, plain_rates
from pdsim.model.uses import EffectUse

CLONES = ("first", "second", "third")
_POINTS = 4
_ROUNDING = 1e-12  # a dozen roundings of terms that partly cancel
_STEP = 1e-6
_DIFFERENCES = 1e-6  # truncation error of central differences for steep effects, such as a twentieth power


@dataclass
class Point:
    """One lane: values by flat name, and the arrays that hold it."""

    time: float
    params: dict[str, float]
    states: dict[str, float]
    concentrations: dict[str, float]


def trial_kernels(model: Any) -> Kernels:
    """Kernels with two drugs on every Input and three clones."""
    uses = [
        EffectUse(drug, drug, name, tuple(item.combine.keys))
        for name, item in model.inputs.items()
        for drug in (f"{name}_one", f"{name}_two")
    ]
    return kernels(model, CLONES, uses)


def points(made: Kernels) -> Iterator[Point]:
    """Yield points around the entry state; in odd ones the first state that may vanish is absent."""
    model, clones = made.model, made.clones
    rng = np.random.default_rng(20260101)
    for number in range(_POINTS):
        factor = np.exp(0.1 * rng.standard_normal(len(made.params)))
        values = np.where(np.isnan(made.param_defaults), 3.0, made.param_defaults) * factor
        params = dict(zip(made.params, values.tolist(), strict=True))
        for name, item in model.params.items():
            for flat in [flat for flat in params if flat.split("[")[0] == name]:
                params[flat] = min(
                    max(params[flat], item.low if item.low is not None else -np.inf), item.high or np.inf
                )
        own = {flat: params[flat] for flat in params if flat.split("[")[0] in model.params}
        entry = plain_initial(model, clones, own)
        spread = np.exp(0.2 * rng.standard_normal(len(entry)))
        states = {
            name: value * f if value else 0.1 * f
            for (name, value), f in zip(entry.items(), spread.tolist(), strict=True)
        }
        vanish = [name for name, low in zip(made.states, made.extinct_below, strict=True) if low]
        if vanish and number % 2:
            states[vanish[0]] = 0.0
        doses = {name: float(5.0 * rng.random()) for name in made.concentrations}
        yield Point(float(10 * rng.random()), params, states, doses)


def compiled_against_plain(model: Any) -> list[str]:
    """List the entry values, rates and outputs that differ between plain Python and kernels."""
    made = trial_kernels(model)
    messages: list[str] = []
    for point in points(made):
        lane = _Lane(made, point)
        scale = lane.sensitivity()
        pairs = [
            ("entry value of", lane.initial(), plain_initial(model, made.clones, lane.own_params()), None),
            ("rate of", lane.rates(), lane.plain_rates(point.states, point.concentrations, point.time), scale),
            ("output", lane.outputs(), lane.plain_outputs(), None),
        ]
        for what, compiled, plain, widths in pairs:
            for i, (name, value) in enumerate(compiled.items()):
                width = max(abs(plain[name]), widths[i] if widths is not None else 0.0)
                if not abs(value - plain[name]) <= _ROUNDING * width:
                    messages.append(f"{what} '{name}': compiled {value!r}, plain {plain[name]!r}")
    return messages


def jacobian_against_differences(model: Any) -> list[str]:
    """List the entries of the compiled Jacobian that differ from central differences of the plain rates."""
    made = trial_kernels(model)
    messages: list[str] = []
    columns = [*made.states, *made.concentrations, "time"]
    for point in points(made):
        lane = _Lane(made, point)
        jacobian, width = lane.jacobian(), lane.sensitivity()
        for j, name in enumerate(columns):
            size = lane.column_size(name)
            high, low = lane.shifted(name, _STEP * size), lane.shifted(name, -_STEP * size)
            for i, state in enumerate(made.states):
                slope = (high[state] - low[state]) / (2 * _STEP * size)
                if not abs(slope - jacobian[i, j]) * size <= _DIFFERENCES * max(width[i], abs(slope) * size):
                    messages.append(f"d({state})/d({name}): Jacobian {jacobian[i, j]:.8g}, differences {slope:.8g}")
    return messages


class _Lane:
    """A point in the arrays of the kernels, and in the plain edition."""

    def __init__(self, made: Kernels, point: Point) -> None:
        self.made, self.point = made, point
        rows = np.zeros((len(made.params) + made.n_derived, LANES))
        rows[: len(made.params)] = np.array(list(point.params.values()))[:, None]
        self.p = rows.ravel()
        made.derive(LANES, self.p)
        natural = np.array([point.states[name] for name in made.states])
        counted = made.extinct_below > 0
        self.present = np.where(counted & (natural == 0), 0.0, 1.0)
        y = np.where(counted, np.log(np.where(natural > 0, natural, 1.0)) * self.present, natural)
        self.natural, self.counted = natural, counted
        given = [np.array([point.time]), y, np.array(list(point.concentrations.values())), self.present]
        self.t, self.y, self.c, self.here = (np.repeat(np.asarray(v, dtype=float), LANES) for v in given)

    def own_params(self) -> dict[str, float]:
        """The model's own parameters, without card values."""
        return {k: v for k, v in self.point.params.items() if k.split("[")[0] in self.made.model.params}

    def initial(self) -> dict[str, float]:
        x = np.zeros(len(self.made.states) * LANES)
        self.made.initial(LANES, self.p, x)
        return dict(zip(self.made.states, x[::LANES].tolist(), strict=True))

    def rates(self) -> dict[str, float]:
        dy = np.zeros(len(self.made.states) * LANES)
        self.made.rates(LANES, self.t, self.y, self.p, self.c, self.here, dy)
        natural = np.where(self.counted & (self.present > 0), dy[::LANES] * self.natural, dy[::LANES])
        return dict(zip(self.made.states, natural.tolist(), strict=True))

    def outputs(self) -> dict[str, float]:
        out = np.zeros(len(self.made.outputs) * LANES)
        self.made.observe(LANES, self.t, self.y, self.p, self.c, self.here, out)
        return dict(zip(self.made.outputs, out[::LANES].tolist(), strict=True))

    def jacobian(self) -> np.ndarray:
        made = self.made
        jac = np.zeros((len(made.states), len(made.states) + len(made.concentrations) + 1))
        made.jacobian(0, self.t, self.y, self.p, self.c, self.here, jac)
        return jac

    def sensitivity(self) -> np.ndarray:
        """Size of the terms of each rate: the sum of its slopes times their variables."""
        sizes = [self.column_size(name) for name in [*self.made.states, *self.made.concentrations, "time"]]
        return np.abs(self.jacobian()) @ np.array(sizes)

    def column_size(self, name: str) -> float:
        point = self.point
        value = point.states.get(name, point.concentrations.get(name, point.time))
        return abs(value) or 1.0

    def inputs(self, concentrations: dict[str, float]) -> dict[str, float]:
        return plain_inputs(self.made.model, self.made.uses, concentrations, self.point.params)

    def plain_rates(self, states: dict[str, float], concentrations: dict[str, float], t: float) -> dict[str, float]:
        given = self.inputs(concentrations)
        return plain_rates(self.made.model, self.made.clones, t, states, self.own_params(), given)

    def plain_outputs(self) -> dict[str, float]:
        point, made = self.point, self.made
        given = self.inputs(point.concentrations)
        return plain_outputs(made.model, made.clones, point.time, point.states, self.own_params(), given)

    def shifted(self, name: str, step: float) -> dict[str, float]:
        """Plain rates with one variable moved."""
        point = self.point
        states = {k: v + step if k == name else v for k, v in point.states.items()}
        doses = {k: v + step if k == name else v for k, v in point.concentrations.items()}
        return self.plain_rates(states, doses, point.time + (step if name == "time" else 0.0))
