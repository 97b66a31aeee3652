"""A problem as one plain ODE for peers: the traced model, the drugs' kinetics as states, doses as jumps.

Every peer integrates these very expressions, so that all solve identical equations. States are divided by their scale,
so that one absolute tolerance serves them all; in form ``"log"`` cell counts are integrated as logarithms, as in pdsim.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks.problem import Problem, Setup

FORMS = ("natural", "log")


@dataclass(frozen=True)
class Timeline:
    """Pieces of time between doses: piece i runs from ``edges[i]`` to ``edges[i + 1]``.

    edges : (piece + 1,)
    first : (piece + 1,) first jump of each piece
    state : (jump,) state that a jump enters
    due : (piece + 1,) first output of each piece; a piece writes those in [begin, end), the last one its end too
    """

    edges: np.ndarray
    first: np.ndarray
    state: np.ndarray
    due: np.ndarray
    outputs: np.ndarray


@dataclass(frozen=True, eq=False)
class Equations:
    """Right-hand side, outputs and patients of a problem.

    names, symbols, rates : states with their derivatives, SymPy
    params : symbols of the parameters, in the order of `values`
    values : (patient, param); entry : (patient, state); jumps : (patient, jump)
    answers : expressions of the tracked outputs
    """

    problem: Problem
    form: str
    names: tuple[str, ...]
    symbols: tuple[Any, ...]
    rates: tuple[Any, ...]
    params: tuple[Any, ...]
    answers: tuple[Any, ...]
    values: np.ndarray
    entry: np.ndarray
    jumps: np.ndarray
    timeline: Timeline

    @cached_property
    def digest(self) -> str:
        """Hash of all that the answer depends on."""
        text = "\n".join(str(part) for part in (self.names, self.rates, self.answers, self.params))
        found = hashlib.blake2b(text.encode(), digest_size=12)
        lines = self.timeline
        for array in (self.values, self.entry, self.jumps, lines.edges, lines.first, lines.state, lines.outputs):
            # rounded, for another processor may differ in the last bits
            found.update(np.char.mod("%.6e", np.asarray(array, dtype=np.float64)).tobytes())
        return found.hexdigest()

    @cached_property
    def _observe(self) -> Callable:
        import sympy

        return sympy.lambdify([*self.symbols, *self.params], list(self.answers), "numpy", cse=True)

    def tracked(self, y: np.ndarray) -> np.ndarray:
        """Tracked outputs, (patient, output, variable), from states (patient, output, state)."""
        columns = [y[..., i] for i in range(y.shape[-1])]
        constants = [self.values[: len(y), i, None] for i in range(self.values.shape[1])]
        found = self._observe(*columns, *constants)
        return np.stack([np.broadcast_to(part, y.shape[:-1]) for part in found], axis=-1)


def equations(problem: Problem, patients: int, form: str = "natural") -> Equations:
    """Write out a problem for its first `patients`."""
    return _Builder(problem.setup, problem, patients, form).build()


class _Builder:
    """Traces the model and puts the drugs' kinetics beside it."""

    def __init__(self, setup: Setup, problem: Problem, patients: int, form: str) -> None:
        from pdsim.model import EffectUse, trace

        self.setup, self.problem, self.form = setup, problem, form
        self.cohort = setup.cohort(patients)
        self.systems = {name: card.system(self.cohort) for name, card in setup.drugs.items()}
        uses = [
            EffectUse(drug, effect.species, effect.input, tuple(effect.keys))
            for drug, system in self.systems.items()
            for effect in system.effects
        ]
        clones = tuple(self.cohort["clone"].values.tolist()) if "clone" in self.cohort.coords else ()
        self.traced = trace(setup.loaded, clones, uses)
        acting = set(self.traced.concentrations)
        self.systems = {name: system for name, system in self.systems.items() if acting & set(system.species)}
        self.lines = [
            line
            for line in (setup.regimen.lines(problem.span) if setup.regimen else ())
            if line.drug in self.systems or line.drug in self.traced.states
        ]

    def build(self) -> Equations:
        import sympy

        constants = dict(self._constants())
        inside, flows = self._kinetics(constants)
        rates = {**{k: e.xreplace(inside) for k, e in self.traced.derivatives.items()}, **flows}
        symbols = {**self.traced.states, **{name: sympy.Symbol(name, real=True) for name in flows}}
        forms = self._forms(symbols)
        outside = {symbol: natural for symbol, natural, _ in forms.values()}
        answers = [self.traced.outputs[name].xreplace(inside).xreplace(outside) for name in self.problem.tracked]
        order = sorted(constants, key=str)
        values = np.stack([np.broadcast_to(constants[key], self._patients) for key in order], axis=1)
        return Equations(
            problem=self.problem,
            form=self.form,
            names=tuple(symbols),
            symbols=tuple(symbols.values()),
            rates=tuple(self._slope(rates[name], *forms[name], outside) for name in symbols),
            params=tuple(order),
            answers=tuple(answers),
            values=np.ascontiguousarray(values, dtype=np.float64),
            entry=self._entry(constants, forms),
            **self._doses(list(symbols), forms),
        )

    @property
    def _patients(self) -> tuple[int]:
        return (self.cohort.sizes["patient"],)

    def _constants(self) -> list[tuple[Any, np.ndarray]]:
        """Symbol and values, (patient,), of every parameter of the model and the cards."""
        cards = {
            flat: next(e for e in self.systems[drug].effects if (e.species, e.input) == (species, target)).keys[key]
            for drug, species, target, key, flat in self.traced.drug_params
        }
        found = []
        for flat, symbol in self.traced.params.items():
            base, _, clone = flat.partition("[")
            if flat in cards and flat not in self.cohort:
                value = cards[flat]
            elif base in self.cohort.data_vars:
                variable = self.cohort[base]
                value = (variable.sel(clone=clone.rstrip("]")) if "clone" in variable.dims else variable).values
            else:
                value = np.asarray(self.setup.loaded.params[base].default)
            found.append((symbol, np.asarray(value, dtype=np.float64)))
        return found

    def _kinetics(self, constants: dict[Any, np.ndarray]) -> tuple[dict[Any, Any], dict[str, Any]]:
        """Concentrations in terms of amounts, and the derivatives of the amounts; adds their constants."""
        import sympy

        readouts: dict[Any, Any] = {}
        flows: dict[str, Any] = {}
        for drug, system in self.systems.items():
            names = [f"{drug}:{compartment}" for compartment in system.compartments]
            amounts = [sympy.Symbol(name, real=True) for name in names]

            def constant(label: str, values: np.ndarray) -> Any:
                if not np.any(values):
                    return sympy.S.Zero
                symbol = sympy.Symbol(label, real=True)
                constants[symbol] = values
                return symbol

            for i, name in enumerate(names):
                terms = [
                    constant(f"{drug}.flow.{i}.{j}", system.matrix[:, i, j]) * amount
                    for j, amount in enumerate(amounts)
                ]
                flows[name] = sympy.Add(*terms)
            for row, species in enumerate(system.species):
                if species in self.traced.concentrations:
                    parts = [
                        constant(f"{species}.level.{j}", system.readout[row, :, j]) * amount
                        for j, amount in enumerate(amounts)
                    ]
                    readouts[self.traced.concentrations[species]] = sympy.Add(*parts)
        return readouts, flows

    def _forms(self, symbols: dict[str, Any]) -> dict[str, tuple[Any, Any, float]]:
        """By state: its symbol, the natural value in terms of what is integrated, and the scale (0 for a logarithm).

        One symbol serves for both: expressions hold the natural value until `build` replaces it.
        """
        import sympy

        found = {}
        for name, symbol in symbols.items():
            scale = self._scale(name)
            counted = ":" not in name and self.setup.loaded.states[name.split("[")[0]].extinct_below is not None
            if counted and self.form == "log":
                found[name] = (symbol, sympy.exp(symbol), 0.0)
            else:
                found[name] = (symbol, symbol if scale == 1.0 else sympy.Float(scale) * symbol, scale)
        return found

    def _scale(self, name: str) -> float:
        """What a state is divided by: a power of two, so that terms that cancel still cancel to the last bit."""
        if ":" not in name:
            usual = self.setup.loaded.states[name.split("[")[0]].magnitude
        else:
            drug = name.split(":")[0]
            usual = max(self._amount(line).max() for line in self.lines if line.drug == drug)
        return float(2.0 ** np.round(np.log2(usual)))

    @staticmethod
    def _slope(rate: Any, symbol: Any, natural: Any, scale: float, outside: dict[Any, Any]) -> Any:
        """Derivative of the integrated state."""
        import sympy

        if scale:
            return rate.xreplace(outside) if scale == 1.0 else (rate.xreplace(outside) / sympy.Float(scale))
        parts = []
        for term in sympy.Add.make_args(rate):
            factors = list(sympy.Mul.make_args(term))
            if symbol in factors:
                factors.remove(symbol)
                parts.append(sympy.Mul(*factors).xreplace(outside))
            else:
                parts.append(term.xreplace(outside) * sympy.exp(-symbol))
        return sympy.Add(*parts)

    def _entry(self, constants: dict[Any, np.ndarray], forms: dict[str, tuple[Any, Any, float]]) -> np.ndarray:
        import sympy

        made = sympy.lambdify(list(constants), [self.traced.initial.get(name, 0) for name in forms], "numpy")
        natural = [np.broadcast_to(value, self._patients) for value in made(*constants.values())]
        columns = [
            np.log(value) if not scale else value / scale
            for value, (_, _, scale) in zip(natural, forms.values(), strict=True)
        ]
        return np.ascontiguousarray(np.stack(columns, axis=1), dtype=np.float64)

    def _amount(self, line: Any) -> np.ndarray:
        """What a line gives, (patient,), in the unit of the state that it enters."""
        from pdsim.units import parse_quantity

        if line.per != "flat" or line.duration:
            raise ValueError(f"{self.problem.name}: doses of peers are flat and have no duration")
        if line.drug in self.traced.states:
            unit = self.setup.loaded.states[line.drug].unit
            return np.full(self._patients, parse_quantity(f"{line.amount!r} {line.unit}", unit))
        system = self.systems[line.drug]
        route = system.route_of(line.route)
        milligrams = parse_quantity(f"{line.amount!r} {line.unit}", "mg")
        return milligrams * system.nmol_per_mg * system.bioavailability[route]

    def _target(self, line: Any) -> tuple[str, float]:
        """State that a line enters, and its lag."""
        if line.drug in self.traced.states:
            return line.drug, 0.0
        system = self.systems[line.drug]
        route = system.route_of(line.route)
        lags = np.unique(system.lag[route])
        if len(lags) > 1:
            raise ValueError(f"{self.problem.name}: peers need one lag for all patients, got {lags}")
        return f"{line.drug}:{system.compartments[system.entry[route]]}", float(lags[0])

    def _doses(self, names: list[str], forms: dict[str, tuple[Any, Any, float]]) -> dict[str, Any]:
        """Timeline and jumps."""
        times, states, amounts = [np.zeros(0)], [np.zeros(0, dtype=np.int64)], [np.zeros((*self._patients, 0))]
        for line in self.lines:
            target, lag = self._target(line)
            times.append(line.times + lag)
            states.append(np.full(len(line.times), names.index(target)))
            amounts.append(np.repeat((self._amount(line) / forms[target][2])[:, None], len(line.times), axis=1))
        when = np.concatenate(times)
        order = np.argsort(when, kind="stable")
        order = order[when[order] < self.problem.span]
        when = when[order]
        edges = np.unique(np.concatenate([[0.0, self.problem.span], when]))
        outputs = self.problem.times
        due = np.searchsorted(outputs, edges)
        due[-1] = len(outputs)
        lines = Timeline(edges, np.searchsorted(when, edges), np.concatenate(states)[order], due, outputs)
        return {"timeline": lines, "jumps": np.ascontiguousarray(np.concatenate(amounts, axis=1)[:, order])}
