"""Runs a model in plain Python: the check at load, and the reference edition that kernels are tested against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pdsim.errors import ModelError
from pdsim.model import bodies
from pdsim.model.declare import flat_names

Flat = Mapping[str, float]
_TEST_CLONES = ("first", "second")


def plain_initial(model: Any, clones: Sequence[str], params: Flat | None = None) -> dict[str, float]:
    """Natural entry values by flat name; parameters not given take their defaults."""
    nested = _nested(model.params, _filled(model.params, clones, params), clones)
    given = model.initial(bodies.Receiver(model, "p", nested)) if model.initial else {}
    entry = {name: given.get(name, item.default) for name, item in model.states.items()}
    return _flattened(model.states, entry, clones)


def plain_rates(
    model: Any, clones: Sequence[str], t: float, states: Flat, params: Flat | None = None, inputs: Flat | None = None
) -> dict[str, float]:
    """Natural derivatives by flat name, in the model's time unit.

    Parameters
    ----------
    model : Model
        The model.
    clones : sequence of str
        Names along the clone dimension.
    t : float
        Time in the model's unit.
    states, params : mapping
        Values by flat name such as ``cells[sensitive]``; parameters not given take their defaults.
    inputs : mapping, optional
        Values of the Inputs; 0 where not given. `plain_inputs` computes them from drugs.
    """
    returned = model.rates(t, *_arguments(model, clones, states, params, inputs), bodies.constructor)
    return _flattened(model.states, returned, clones)


def plain_outputs(
    model: Any, clones: Sequence[str], t: float, states: Flat, params: Flat | None = None, inputs: Flat | None = None
) -> dict[str, float]:
    """Natural outputs by flat name; arguments as for `plain_rates`."""
    returned = model.outputs(t, *_arguments(model, clones, states, params, inputs))
    return _flattened(model.outputs, returned, clones)


def plain_inputs(model: Any, uses: Sequence[Any], concentrations: Flat, card_values: Flat) -> dict[str, float]:
    """Input values from free concentrations (nM) by species and card values by kernel parameter name."""
    from pdsim.model.uses import check_uses, key_names

    named = key_names(check_uses(model, uses), model)
    found = {}
    for name, item in model.inputs.items():
        drugs = {
            use: {key: card_values[flat] for other, key, flat in named if other == use}
            for use, _, _ in named
            if use.input == name
        }
        records = tuple(bodies.drug_record(concentrations[use.species], keys) for use, keys in drugs.items())
        found[name] = float(item.combine(records)) if records else 0.0
    return found


def check_plain(model: Any) -> None:
    """Call the model's functions on floats with two clones and check every name and length.

    Raises
    ------
    ModelError
        With all mistakes found: undeclared names, missing or foreign derivatives and outputs, wrong lengths, and
        exceptions, each with its line.
    """
    mistakes = _shape_mistakes(model)
    if not mistakes:
        _call_all(model, mistakes)
    if mistakes:
        raise ModelError(_report(model, mistakes))


def _report(model: Any, mistakes: list[str]) -> str:
    unique = list(dict.fromkeys(mistakes))
    count = "1 mistake" if len(unique) == 1 else f"{len(unique)} mistakes"
    return f"model '{model.name}': {count}\n" + "\n".join(f"  {text}" for text in unique)


def _shape_mistakes(model: Any) -> list[str]:
    mistakes = []
    if not callable(model.rates):
        mistakes.append(f"{model.name}: no function rates(t, s, p, u, d)")
    if not model.states:
        mistakes.append(f"{model.name}: no State is declared")
    if model.outputs and model.outputs.function is None:
        mistakes.append(f"{model.name}: Outputs are declared but there is no function outputs(t, s, p, u)")
    return mistakes


def _call_all(model: Any, mistakes: list[str]) -> None:
    clones = _TEST_CLONES
    params = _nested(model.params, _filled(model.params, clones, None), clones)
    inputs = _trial_inputs(model, mistakes)
    entry = {name: (item.default,) * 2 if item.dim else item.default for name, item in model.states.items()}
    if model.initial:
        (_, p, _) = bodies.receivers(model, {}, params, {}, mistakes)
        given = _call(model, "initial", model.initial, (p,), model.states, mistakes, partial=True)
        fits = {
            k: v
            for k, v in given.items()
            if k in entry and not bodies.over_dimension(model, model.states, k, v, clones)
        }
        entry.update(fits)
    s, p, u = bodies.receivers(model, entry, params, inputs, mistakes)
    _call(model, "rates", model.rates, (0.0, s, p, u, bodies.constructor), model.states, mistakes)
    if model.outputs.function:
        _call(model, "outputs", model.outputs.function, (0.0, s, p, u), model.outputs, mistakes)


def _trial_inputs(model: Any, mistakes: list[str]) -> dict[str, float]:
    """Value of every Input with two drugs at concentration 1; combines without keys are mistakes."""
    found = {}
    for name, item in model.inputs.items():
        found[name] = 0.5
        keys = getattr(item.combine, "keys", None)
        if keys is None:
            mistakes.append(f"Input '{name}': its combine has no keys; mark the function with combine(key='unit', ...)")
            continue
        record = bodies.drug_record(1.0, dict.fromkeys(keys, 1.0))
        try:
            found[name] = float(item.combine((record, record)))
            if item.combine(()) != 0:
                mistakes.append(f"Input '{name}': its combine gives {item.combine(())} without drugs; it must give 0")
        except Exception as error:
            mistakes.append(f"Input '{name}': its combine fails: {type(error).__name__}: {error}")
    return found


def _call(
    model: Any, what: str, function: Any, args: tuple, declared: Mapping, mistakes: list[str], partial: bool = False
) -> Mapping[str, Any]:
    try:
        returned = function(*args)
    except ModelError as error:
        mistakes.append(str(error))
        return {}
    except Exception as error:
        at, line = bodies.location(model, error)
        hint = "; apply each(...) to values over a dimension" if "'tuple'" in str(error) else ""
        mistakes.append(f"{at}: {what}: {type(error).__name__}: {error}{hint}" + (f"\n      {line}" if line else ""))
        return {}
    at = bodies.defined_at(model, function)
    mistakes += bodies.check_returned(model, what, at, declared, returned, _TEST_CLONES, partial)
    return returned if isinstance(returned, Mapping) else {}


def _arguments(model: Any, clones: Sequence[str], states: Flat, params: Flat | None, inputs: Flat | None) -> tuple:
    unknown = sorted(set(inputs or {}) - set(model.inputs))
    if unknown:
        raise ModelError(f"model '{model.name}' has no Input {', '.join(unknown)}")
    return bodies.receivers(
        model,
        _nested(model.states, states, clones),
        _nested(model.params, _filled(model.params, clones, params), clones),
        {name: (inputs or {}).get(name, 0.0) for name in model.inputs},
    )


def _filled(declared: Mapping, clones: Sequence[str], given: Flat | None) -> dict[str, float]:
    values = {label: item.default for name, item in declared.items() for label in flat_names({name: item}, clones)}
    unknown = sorted(set(given or {}) - set(values))
    if unknown:
        raise ModelError(f"no parameter named {', '.join(unknown)}")
    return {**values, **(given or {})}


def _nested(declared: Mapping, flat: Flat, clones: Sequence[str]) -> dict[str, Any]:
    return {
        name: tuple(flat[f"{name}[{clone}]"] for clone in clones) if item.dim else flat[name]
        for name, item in declared.items()
    }


def _flattened(declared: Mapping, nested: Mapping[str, Any], clones: Sequence[str]) -> dict[str, float]:
    out: dict[str, float] = {}
    for name, item in declared.items():
        value = nested[name]
        if not item.dim:
            out[name] = float(value)
        else:
            entries = value if isinstance(value, (tuple, list)) else (value,) * len(clones)
            out |= {f"{name}[{clone}]": float(v) for clone, v in zip(clones, entries, strict=True)}
    return out
