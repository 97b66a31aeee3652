"""From a population of the library to one with variables fixed and other clones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pdsim.cohort.composition import Composition
from pdsim.cohort.distributions import Categorical, Fixed
from pdsim.cohort.population import Population, Variable
from pdsim.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from pdsim.mechanisms.schema import PopulationTable


def changed(base: Population, table: PopulationTable) -> Population:
    """Return a population like `base` with the changes of a table.

    Raises
    ------
    ConfigError
        A clone or trait that `base` does not have.
    """
    found = _with_clones(base, table) if table.clones else base
    if table.shares or table.log_odds_sd:
        found = replace(found, composition=_composition(found, table))
    return fixed(found, table.patients)


def fixed(population: Population, values: Mapping[str, float | str]) -> Population:
    """Return the population with some variables the same in every patient.

    A variable that is there keeps its place among the draws, so that all others stay as they are; a new one, such as
    a parameter of the model or ``"lenalidomide.clearance"``, comes last. A category is given by the name of a level.

    Raises
    ------
    ConfigError
        A level that the category does not have, or a name for what is a number.
    """
    known = {variable.name: variable for variable in population.variables}
    variables = [
        replace(variable, rule=_fixed(variable, values[variable.name])) if variable.name in values else variable
        for variable in population.variables
    ]
    new = [Variable(name, "parameter", Fixed(float(value)), "") for name, value in values.items() if name not in known]
    return replace(population, variables=(*variables, *new))


def _fixed(variable: Variable, value: float | str) -> Fixed | Categorical:
    if not variable.levels:
        if isinstance(value, str):
            raise ConfigError(f"patients.{variable.name}: '{value}' is no number.")
        return Fixed(float(value))
    if value not in variable.levels:
        hint = f"{did_you_mean(str(value), variable.levels)} Levels: {', '.join(variable.levels)}."
        raise ConfigError(f"patients.{variable.name}: '{value}' is no level.{hint}")
    return Categorical(tuple(float(level == value) for level in variable.levels), variable.levels)


def _with_clones(base: Population, table: PopulationTable) -> Population:
    clones, traits, composition = base.clones, list(base.traits), base.composition
    if composition is None:
        raise ConfigError(f"The population '{base.name}' has no clones, so none can be added.")
    typical, spread = list(composition.typical), list(composition.log_odds_sd)
    for name, clone in table.clones.items():
        _known(clone.like, base.clones, f"clones.{name}.like")
        like = base.clones.index(clone.like)
        for trait in clone.traits:
            _known(trait, [one.name for one in traits], f"clones.{name}.traits")
        traits = [
            replace(trait, values=(*trait.values, clone.traits.get(trait.name, trait.values[like]))) for trait in traits
        ]
        typical = [share * (1 - clone.share) for share in typical] + [clone.share]
        spread.append(clone.log_odds_sd)
    shares = Composition(tuple(typical), tuple(spread), table.source, table.status)
    return replace(base, clones=(*clones, *table.clones), traits=tuple(traits), composition=shares)


def _composition(base: Population, table: PopulationTable) -> Composition:
    assert base.composition is not None
    typical = dict(zip(base.clones, base.composition.typical, strict=True))
    spread = dict(zip(base.clones, base.composition.log_odds_sd, strict=True))
    for name in (*table.shares, *table.log_odds_sd):
        _known(name, base.clones, "shares")
    first = base.clones[0]
    # ratios to the first clone are what the composition keeps, so the others follow its share
    scale = table.shares.get(first, typical[first]) / typical[first]
    typical = {name: table.shares.get(name, share * scale) for name, share in typical.items()}
    total = sum(typical.values())
    spread |= table.log_odds_sd
    return Composition(
        tuple(share / total for share in typical.values()), tuple(spread.values()), table.source, table.status
    )


def _known(name: str, names: tuple[str, ...] | list[str], key: str) -> None:
    if name not in names:
        raise ConfigError(f"{key}: there is no '{name}'.{did_you_mean(name, names)} Known are: {', '.join(names)}.")
