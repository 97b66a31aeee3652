"""Traces a model's functions with SymPy symbols: derivatives, outputs, entry values, Jacobian, pruning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy

from pdsim.errors import ModelError
from pdsim.model import bodies
from pdsim.model.declare import flat_names
from pdsim.model.graph import blocks, reached_by
from pdsim.model.kinetics import drug_states, equations, with_drugs
from pdsim.model.uses import EffectUse, check_uses, key_names, kinetics_of
from pdsim.units import convert

Expressions = dict[str, Any]


@dataclass
class Trace:
    """Expressions of a model for given clones and drugs; every dict goes by flat name, in declaration order.

    ``equations`` are the derivatives with Inputs as symbols, ``derivatives`` those with the drugs' concentrations in
    place. Dropped states touch no result. States of drugs, such as ``daratumumab.central``, follow those of the model,
    and ``model`` then declares them too.
    """

    model: Any
    clones: tuple[str, ...]
    uses: tuple[EffectUse, ...]
    time: Any
    states: Expressions
    params: Expressions
    concentrations: Expressions
    inputs: Expressions
    equations: Expressions
    derivatives: Expressions
    outputs: Expressions
    initial: Expressions
    dropped: tuple[str, ...] = ()
    drug_params: tuple[tuple[str, str, str, str, str], ...] = field(default=())

    def jacobian(self) -> dict[tuple[int, int], Any]:
        """Non-zero derivatives of the rates by (row, column): natural states, then concentrations, then time."""
        columns = [*self.states.values(), *self.concentrations.values(), self.time]
        found: dict[tuple[int, int], Any] = {}
        for row, expression in enumerate(self.derivatives.values()):
            free = expression.free_symbols
            for column, symbol in enumerate(columns):
                slope = expression.diff(symbol) if symbol in free else 0
                if slope != 0:
                    found[row, column] = slope
        return found


def trace(
    model: Any,
    clones: Sequence[str] = (),
    uses: Iterable[EffectUse] = (),
    *,
    dosed: Sequence[str] | None = None,
    keep: Sequence[str] = (),
) -> Trace:
    """Trace a model for the clones of a population and the effects of a study's drugs.

    Parameters
    ----------
    model : Model
        From `load_model_file`, or a subclass of `Model`.
    clones : sequence of str
        Names along the clone dimension.
    uses : iterable of EffectUse
        An Input that none names is 0, and what it switches off is simplified away.
    dosed : sequence of str, optional
        States of the model that doses enter; None means all that are declared so. States that stay where they start
        without the others' doses and the other drugs become constants.
    keep : sequence of str
        States to keep though no result depends on them, or though they would stay where they start.

    Raises
    ------
    ModelError
        Where the body branches on values, or names or lengths do not fit.
    """
    clones = tuple(clones)
    ordered = check_uses(model, uses)
    traced = _full(model, clones, ordered)
    still = _still(traced, dosed, keep)
    if still:
        _substitute(traced, {traced.states[name]: value for name, value in still.items()})
    used = {use.input for use in ordered}
    whole = traced if used == set(model.inputs) else equations_of(model, clones)
    kept = _needed(traced, whole, set(still), dosed, keep)
    traced.dropped = tuple(name for name in traced.states if name not in kept)
    for table in (traced.states, traced.equations, traced.derivatives, traced.initial):
        for name in traced.dropped:
            del table[name]
    return traced


def equations_of(model: Any, clones: Sequence[str]) -> Trace:
    """Trace without drugs and pruning; every Input stays a symbol."""
    return _full(model, tuple(clones), None)


def _full(model: Any, clones: tuple[str, ...], uses: tuple[EffectUse, ...] | None) -> Trace:
    """Trace without pruning; ``uses`` None leaves every Input a free symbol."""
    symbol = _symbol
    states = {name: symbol(name) for name in flat_names(model.states, clones)}
    params = {name: symbol(name) for name in flat_names(model.params, clones)}
    used = model.inputs if uses is None else {use.input for use in uses}
    inputs = {name: symbol(f"u.{name}") if name in used else sympy.S.Zero for name in model.inputs}
    time = symbol("time")
    s, p, u = bodies.receivers(
        model,
        _gathered(model.states, states, clones),
        _gathered(model.params, params, clones),
        inputs,
    )
    call = _Caller(model, clones)
    entry = dict(call("initial", model.states, model.initial, p, partial=True)) if model.initial else {}
    entry = {name: entry.get(name, item.default) for name, item in model.states.items()}
    entry = {
        k: (v if isinstance(v, (tuple, list)) or not model.states[k].dim else (v,) * len(clones))
        for k, v in entry.items()
    }
    rates = call("rates", model.states, model.rates, time, s, p, u, bodies.constructor)
    outputs = call("outputs", model.outputs, model.outputs, time, s, p, u) if model.outputs else {}
    equations = _flat(model.states, rates, clones)
    out = Trace(
        model, clones, uses or (), time, states, params, {}, {}, equations, dict(equations),
        _flat(model.outputs, outputs, clones), _flat(model.states, entry, clones),
    )  # fmt: skip
    if uses is None:
        out.inputs = inputs
    else:
        _put_drugs_in(out, inputs)
    return out


def _symbol(name: str) -> Any:
    return sympy.Symbol(name, real=True)


def _gathered(declared: dict[str, Any], flat: Expressions, clones: tuple[str, ...]) -> dict[str, Any]:
    """Nest flat symbols into what the model body sees."""
    return {
        name: tuple(flat[f"{name}[{clone}]"] for clone in clones) if item.dim else flat[name]
        for name, item in declared.items()
    }


def _flat(declared: dict[str, Any], values: dict[str, Any], clones: tuple[str, ...]) -> Expressions:
    out: Expressions = {}
    for name, item in declared.items():
        entries = values[name] if item.dim else (values[name],)
        labels = [f"{name}[{clone}]" for clone in clones] if item.dim else [name]
        for label, value in zip(labels, entries, strict=True):
            expression = sympy.sympify(value)
            if expression.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo):
                raise ModelError(f"'{label}' divides by zero or is infinite for the drugs in use")
            numbers = expression.atoms(sympy.Float)
            whole = {number: sympy.Integer(int(number)) for number in numbers if float(number).is_integer()}
            out[label] = expression.xreplace(whole)
    return out


class _Caller:
    """Calls a body and explains what stops a trace."""

    def __init__(self, model: Any, clones: tuple[str, ...]) -> None:
        self.model, self.clones = model, clones

    def __call__(self, what: str, declared: Any, function: Callable, *args: Any, partial: bool = False) -> Any:
        model = self.model
        try:
            returned = function(*args)
        except ModelError:
            raise
        except Exception as error:
            at, line = bodies.location(model, error)
            advice = bodies.branch_advice(line) if isinstance(error, TypeError) else f"{type(error).__name__}: {error}"
            if "each()" in str(error) or "total()" in str(error) or "where()" in str(error):
                advice = str(error)
            raise ModelError(f"{at}: {what}: {advice}\n    {line}") from error
        at = bodies.defined_at(model, getattr(function, "function", function))
        mistakes = bodies.check_returned(model, what, at, declared, returned, self.clones, partial)
        if mistakes:
            raise ModelError("\n".join(mistakes))
        return returned


def _put_drugs_in(out: Trace, inputs: Expressions) -> None:
    """Replace Input symbols by the combination of the drugs that act on them."""
    named = key_names(out.uses, out.model)
    own = _put_kinetics_in(out)
    for use in out.uses:
        if use.kinetics is None:
            out.concentrations.setdefault(use.species, _symbol(f"c.{use.species}"))
    out.concentrations = dict(sorted(out.concentrations.items()))
    free = {**out.concentrations, **own}
    out.params.update({name: _symbol(name) for _, _, name in named})
    out.drug_params = tuple((use.drug, use.species, use.input, key, name) for use, key, name in named)
    combined = {}
    for name, symbol in inputs.items():
        drugs = tuple(
            bodies.drug_record(free[use.species], {key: out.params[flat] for other, key, flat in named if other == use})
            for use in out.uses
            if use.input == name
        )
        if drugs:
            out.inputs[name] = sympy.sympify(out.model.inputs[name].combine(drugs))
            combined[symbol] = out.inputs[name]
    for table in (out.derivatives, out.outputs):
        for name, expression in table.items():
            table[name] = expression.xreplace(combined)


def _put_kinetics_in(out: Trace) -> Expressions:
    """Add the states of drugs that have some; return their free concentrations by species."""
    free: Expressions = {}
    states = drug_states(out.uses)
    out.model = with_drugs(out.model, out.uses)
    out.states.update({name: _symbol(name) for name in states})
    out.initial.update({name: sympy.sympify(state.default) for name, state in states.items()})
    for drug, kinetics in kinetics_of(out.uses).items():
        out.params.update({f"{drug}.{key}": _symbol(f"{drug}.{key}") for key, _, _ in kinetics.values})
        rates, levels = equations(kinetics, float(convert(1.0, out.model.time, "day")), out.states, out.params)
        flat = _flat({name: states[name] for name in rates}, rates, ())
        out.equations.update(flat)
        out.derivatives.update(flat)
        free |= levels
    return free


def _substitute(out: Trace, values: dict[Any, Any]) -> None:
    for table in (out.equations, out.derivatives, out.outputs):
        for name, expression in table.items():
            table[name] = expression.xreplace(values)


def _still(out: Trace, dosed: Sequence[str] | None, keep: Sequence[str]) -> Expressions:
    """States that stay at a number or a parameter where they start, with that value."""
    moved = _entered(out, dosed) | {name for name, state in drug_states(out.uses).items() if state.dosed}
    moved |= set(keep) | {name for name, item in out.model.states.items() if item.extinct_below}
    still = {
        name: value
        for name, value in out.initial.items()
        if name.split("[")[0] not in moved and (value.is_Number or value.is_Symbol)
    }
    while still:
        values = {out.states[name]: value for name, value in still.items()}
        moving = [name for name in still if out.derivatives[name].xreplace(values) != 0]
        if not moving:
            break
        for name in moving:
            del still[name]
    return still


def _entered(out: Trace, dosed: Sequence[str] | None) -> set[str]:
    """States of the model itself that doses enter."""
    drugs = drug_states(out.uses)
    declared = {name for name, item in out.model.states.items() if item.dosed and name not in drugs}
    return declared if dosed is None else set(dosed)


def _needed(out: Trace, whole: Trace, still: set[str], dosed: Sequence[str] | None, keep: Sequence[str]) -> set[str]:
    """States behind a result: Outputs, dosed states, and blocks that nothing else reads even with all drugs."""
    shown = _reads(whole.outputs.values(), whole)
    reads = {name: _reads([expression], whole) for name, expression in whole.derivatives.items()}
    results: set[str] = set()
    for group in map(set, blocks(reads)):
        read_by_others = shown.union(*(reads[name] for name in reads if name not in group))
        results |= group if not group & read_by_others else set()
    roots = _reads(out.outputs.values(), out) | results - set(drug_states(out.uses))
    roots |= {name for name in out.states if name.split("[")[0] in _entered(out, dosed) | set(keep)}
    reads = {name: _reads([expression], out) for name, expression in out.derivatives.items()}
    return reached_by(reads, roots) - still


def _reads(expressions: Iterable[Any], out: Trace) -> set[str]:
    known = {symbol: name for name, symbol in out.states.items()}
    return {known[symbol] for expression in expressions for symbol in expression.free_symbols if symbol in known}
