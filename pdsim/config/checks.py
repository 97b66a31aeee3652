"""Checks the names, numbers and units of a study against the model, population and drugs that it refers to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pdsim.config.messages import Mistakes
from pdsim.config.names import Bounds, References, tables
from pdsim.errors import UnitError, did_you_mean
from pdsim.library.files import shown
from pdsim.units import convert, days, parse_quantity

if TYPE_CHECKING:
    from pdsim.model import Model


def check_study(tree: Mapping[str, Any], found: References, mistakes: Mistakes) -> None:
    """Note every name, range and unit of a parsed study that does not fit what it refers to.

    Parameters
    ----------
    tree : mapping
        The parsed study, as it came; entries of a wrong type are passed over, the schema reports them.
    found : References
        What could be loaded; takes notes on what is only worth knowing.
    mistakes : Mistakes
        Takes what is wrong.
    """
    arms = tables(tree.get("arms"))
    for name, arm in arms.items():
        _check_settings(arm.get("set"), ("arms", name, "set"), found, mistakes)
    _check_hypotheses(tree.get("hypothesis"), arms, found, mistakes)
    _check_population(tree.get("population"), found, mistakes)
    _check_rules(arms, tree.get("population"), found, mistakes)
    _check_save(tree.get("save"), found.model, mistakes)
    _check_times(tree, mistakes)
    _check_method(tree.get("solver"), mistakes)
    if tree.get("sensitivity") and not tree.get("sweep"):
        mistakes.add(
            ("sensitivity",), "there is no table [sweep] that says what is varied. Add [[sweep.factor]] tables."
        )


def setting(value: float | str, unit: str) -> float:
    """Return a parameter's new value in the parameter's unit; a bare number is in it already."""
    return parse_quantity(value, unit) if isinstance(value, str) else float(value)


def _check_settings(settings: Any, key: tuple[str | int, ...], found: References, mistakes: Mistakes) -> None:
    if not isinstance(settings, dict) or found.model is None:
        return
    known = found.settable()
    for name, value in settings.items():
        if name not in known:
            hint = did_you_mean(name, known) or f" 'pdsim show {found.model.name}' lists its parameters."
            mistakes.add((*key, name), f"the model '{found.model.name}' has no parameter '{name}'.{hint}")
        elif not isinstance(value, bool) and isinstance(value, int | float | str):
            wrong = _out_of_bounds(value, known[name])
            if wrong:
                mistakes.add((*key, name), wrong)


def _out_of_bounds(value: float | str, bounds: Bounds) -> str:
    try:
        number = setting(value, bounds.unit)
    except UnitError as error:
        return str(error)
    if bounds.low is not None and number < bounds.low:
        return f"should be at least {bounds.low:g} {bounds.unit}, not {value}."
    if bounds.high is not None and number > bounds.high:
        return f"should be at most {bounds.high:g} {bounds.unit}, not {value}."
    return ""


def _check_hypotheses(entries: Any, arms: Mapping[str, Any], found: References, mistakes: Mistakes) -> None:
    seen: set[tuple[Any, Any]] = set()
    for number, entry in enumerate(entries if isinstance(entries, list) else []):
        if not isinstance(entry, dict):
            continue
        key = ("hypothesis", number)
        name, arm = str(entry.get("name")), entry.get("arm")
        if isinstance(arm, str) and arm not in arms:
            mistakes.add((*key, "arm"), f"there is no arm '{arm}'.{did_you_mean(arm, arms)} Arms: {_listed(arms)}.")
        if (name, str(arm)) in seen:
            mistakes.add((*key, "name"), f"the arm '{arm}' has two hypotheses named '{name}'.")
        seen.add((name, str(arm)))
        _check_settings(entry.get("set"), (*key, "set"), found, mistakes)


def _check_population(name: Any, found: References, mistakes: Mistakes) -> None:
    """Note parameters of the population that are misspelt or in another unit; others may belong to another model."""
    model, population = found.model, found.population
    if model is None or population is None:
        return
    file = shown(found.files["population", name])
    units = {name: param.unit for name, param in model.params.items()}
    for drug, card in found.drugs.items():
        units |= {f"{drug}.{key}": value.unit for key, value in card.all_values().items()}
    given = [(("parameters", one.name), one.name, one.unit) for one in population.variables if one.role == "parameter"]
    given += [(("clones", one.name), one.name, one.unit) for one in population.traits]
    unused = []
    for key, parameter, unit in given:
        if parameter in units:
            wrong = _other_unit(unit, units[parameter])
            if wrong:
                mistakes.add((*key, "unit"), wrong, file)
        elif hint := did_you_mean(parameter, units):
            mistakes.add(key, f"the model '{model.name}' has no parameter '{parameter}'.{hint}", file)
        else:
            unused.append(parameter)
    if unused:
        found.notes.append(f"The model '{model.name}' makes no use of {_listed(unused)} in {file}.")
    if not population.clones and any(state.dim for state in model.states.values()):
        mistakes.add(("clones",), f"is missing: the model '{model.name}' has states of each clone.", file)


def _check_rules(arms: Mapping[str, Any], name: Any, found: References, mistakes: Mistakes) -> None:
    """Note covariates that dosing rules read and the population lacks; optional rules without them are noted."""
    from pdsim.dosing.rules.binding import bind_rule, car_t_mistake, lacks

    population = found.population
    if population is None:
        return
    units = {one.name: one.unit for one in population.variables if one.role == "covariate"}
    levels = {one.name: {word: code for code, word in enumerate(one.levels)} for one in population.variables}
    file = shown(found.files["population", name])
    for arm, regimen in found.regimens.items():
        where = shown(found.files["regimen", arms[arm]["regimen"]])
        for rule in regimen.rules:
            try:
                if bind_rule(rule, units, levels, file) is None:
                    missing = _listed(lacks(rule, units))
                    note = f"The rule '{rule.name}' is left out: {file} has no covariate {missing}."
                    found.notes += [] if note in found.notes else [note]
            except ValueError as error:
                mistakes.add((), str(error), where)
            if text := car_t_mistake(rule, regimen.first_cells, units):
                mistakes.add((), text, where)


def _other_unit(unit: str, wanted: str) -> str:
    try:
        factor = convert(1.0, unit, wanted)
    except UnitError:
        return f"'{unit}' does not fit the model's unit, '{wanted}'."
    return "" if abs(factor - 1.0) < 1e-12 else f"the model has it in '{wanted}', not '{unit}'."


def _check_save(save: Any, model: Model | None, mistakes: Mistakes) -> None:
    if model is None or not isinstance(save, list):
        return
    for number, name in enumerate(save):
        if not isinstance(name, str):
            continue
        if name in model.outputs:
            if name in save[:number]:
                mistakes.add(("save", number), f"'{name}' is listed twice.")
            continue
        hint = did_you_mean(name, model.outputs) or f" Its outputs: {_listed(model.outputs)}."
        what = "is a state, no output," if name in model.states else "is no output"
        mistakes.add(("save", number), f"'{name}' {what} of the model '{model.name}'.{hint}")


def _check_times(tree: Mapping[str, Any], mistakes: Mistakes) -> None:
    stop = _days(tree.get("stop"))
    for key in ("every", "visits"):
        step = _days(tree.get(key))
        if stop is not None and step is not None and step > stop:
            mistakes.add((key,), f"'{tree[key]}' is longer than the whole study, stop = '{tree['stop']}'.")


def _check_method(solver: Any, mistakes: Mistakes) -> None:
    from pdsim.solvers.block import METHODS

    method = solver.get("method", "auto") if isinstance(solver, dict) else "auto"
    if isinstance(method, str) and method not in METHODS:
        what = f"'{method}' is not one of {_listed(METHODS)}.{did_you_mean(method, METHODS)}"
        mistakes.add(("solver", "method"), what)


def _days(value: Any) -> float | None:
    try:
        return days(value) if isinstance(value, str) else None
    except UnitError:
        return None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
