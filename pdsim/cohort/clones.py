"""From the table ``[clones]`` to names, traits and shares of the clones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pdsim.cohort.composition import Composition, Slope
from pdsim.cohort.population import Trait, Variable
from pdsim.cohort.tables import Table
from pdsim.errors import did_you_mean

_SLOPES = ("shift", "widening")
_FRACTION_KEYS = ("distribution", "typical", "log_odds_sd", *_SLOPES, "source", "status", "correlation")
_TRAIT_KEYS = ("values", "unit", "long_name", "source", "status")
_FRACTION_KINDS = ("logistic_normal", "fixed")


@dataclass(frozen=True)
class Clones:
    """What the table ``[clones]`` says."""

    names: tuple[str, ...] = ()
    traits: tuple[Trait, ...] = ()
    composition: Composition | None = None


def read_clones(table: Table) -> Clones:
    """Read names, one list a trait, and the shares; mistakes are noted in the table."""
    if not table.data:
        return Clones()
    names = table.words("name") or ()
    if "name" not in table.data:
        table.wrong("name", f'missing; write name = ["sensitive", ...].{did_you_mean("name", table.data)}')
    if len(set(names)) < len(names):
        table.wrong("name", "names a clone twice")
    traits = [
        read_trait(table, key, len(names))
        for key in table.data
        if key not in ("name", "fraction") and not (not names and key == "names")
    ]
    return Clones(names, tuple(trait for trait in traits if trait), _read_fraction(table, names))


def check_slopes(table: Table, clones: Clones, variables: Sequence[Variable]) -> None:
    """Note what the shares of the clones lean on and the population does not have as a number."""
    if clones.composition is None:
        return
    numbers = [variable.name for variable in variables if not variable.levels]
    for key in _SLOPES:
        for slope in getattr(clones.composition, key):
            if slope.variable not in numbers:
                hint = did_you_mean(slope.variable, numbers) or f" Known are: {', '.join(numbers)}."
                place = table.table("fraction").table(key).table(clones.names[slope.clone])
                place.wrong(slope.variable, f"is no number of the patients.{hint}")


def read_trait(table: Table, key: str, clones: int) -> Trait | None:
    """Read one trait: a list of numbers, or a table with ``values`` and where they come from."""
    detailed = not isinstance(table.data[key], list)
    inner = table.table(key) if detailed else table
    entry = "values" if detailed else key
    unit, labels = "1", dict.fromkeys(("long_name", "source", "status"), "")
    if detailed:
        inner.unknown(_TRAIT_KEYS, "a trait")
        unit, labels = inner.unit(), inner.labels()
        if "values" not in inner.data:
            inner.wrong("values", "missing; give one number for each clone")
    values = inner.numbers(entry, unit)
    if values is None:
        return None
    if clones and len(values) != clones:
        inner.wrong(entry, f"has {len(values)} numbers for {clones} clones; give one for each name")
        return None
    return Trait(key, values, unit, **labels)


def _read_fraction(table: Table, names: tuple[str, ...]) -> Composition | None:
    clones = len(names)
    if "fraction" not in table.data:
        table.wrong("fraction", "missing; write [clones.fraction] with the typical share of each clone")
        return None
    if isinstance(table.data["fraction"], list):
        shares = table.numbers("fraction")
        composition = None if shares is None else Composition(shares, (0.0,) * len(shares))
        return _checked(composition, table, clones, {"typical": "fraction"})
    inner = table.table("fraction")
    kind = inner.text("distribution")
    if kind not in _FRACTION_KINDS:
        hint = did_you_mean(kind, _FRACTION_KINDS) or f" Known are: {', '.join(_FRACTION_KINDS)}."
        inner.wrong("distribution", f"'{kind}' is not known for shares of clones.{hint}" if kind else f"missing.{hint}")
    inner.unknown(_FRACTION_KEYS, "the shares of clones")
    labels = inner.labels()
    typical, spread = inner.numbers("typical"), _spread(inner, kind, clones)
    if "typical" not in inner.data:
        inner.wrong("typical", "missing; give the typical share of each clone")
    shift, widening = (_slopes(inner.table(key), names) for key in _SLOPES)
    if typical is None or spread is None:
        return None
    found = Composition(typical, spread, labels["source"], labels["status"], shift, widening)
    return _checked(found, inner, clones, {})


def _slopes(table: Table, names: tuple[str, ...]) -> tuple[Slope, ...]:
    """Read a table of clones, each with numbers by the name of a variable."""
    found: list[Slope] = []
    for clone in table.data:
        if clone not in names[1:]:
            hint = did_you_mean(clone, names[1:]) or f" Known are: {', '.join(names[1:])}."
            table.wrong(clone, f"is no clone besides the first, to which the others are compared.{hint}")
            continue
        inner = table.table(clone)
        for variable in inner.data:
            amount = inner.number(variable)
            if amount is not None:
                found.append(Slope(names.index(clone), variable, amount))
    return tuple(found)


def _spread(table: Table, kind: str, clones: int) -> tuple[float, ...] | None:
    if kind == "fixed":
        if "log_odds_sd" in table.data:
            table.wrong("log_odds_sd", "fixed shares have no spread; write distribution = 'logistic_normal'")
        return (0.0,) * clones
    if "log_odds_sd" not in table.data:
        table.wrong(
            "log_odds_sd", "missing; give the SD of the log-ratio to the first clone, one number or one a clone"
        )
        return None
    if isinstance(table.data["log_odds_sd"], list):
        return table.numbers("log_odds_sd")
    number = table.number("log_odds_sd")
    return None if number is None else (number,) * clones


def _checked(found: Composition | None, table: Table, clones: int, keys: dict[str, str]) -> Composition | None:
    if found is None or not clones:
        return None
    mistakes = list(found.mistakes(clones))
    for key, what in mistakes:
        table.wrong(keys.get(key, key), what)
    return None if mistakes else found
