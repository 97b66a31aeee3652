"""Draws a cohort from a population."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pdsim.cohort.correlation import correlate
from pdsim.cohort.dataset import to_dataset
from pdsim.cohort.expressions import Expression
from pdsim.cohort.points import BITS, random_scores, sobol_scores
from pdsim.cohort.population import Population
from pdsim.errors import CohortError, did_you_mean

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.library import Library

SAMPLINGS = ("sobol", "random")


def sample_cohort(
    population: Population | str,
    size: int,
    *,
    seed: int,
    sampling: Literal["sobol", "random"] = "sobol",
    start: int = 0,
    library: Library | None = None,
) -> xr.Dataset:
    """Draw the patients ``start`` to ``start + size - 1`` of a population.

    A patient depends on the population, `seed`, `sampling` and its number alone: patient 17 is the same in a cohort of
    any size, and cohorts drawn in pieces by `start` join to the whole.

    Parameters
    ----------
    population : Population or str
        A name is looked up in the library.
    size : int
        Number of patients, at least 1.
    seed : int
        Not negative.
    sampling : {"sobol", "random"}
        ``"sobol"`` spreads patients evenly, so that averages settle with fewer of them; best are sizes that are powers
        of two. Dimensions are dealt out in the order of `Population.scores`, so a variable at the end of the file
        changes no other. ``"random"`` draws patients and variables independently; a new variable anywhere changes no
        other (but correlated ones that come after it).
    start : int
        Number of the first patient.
    library : Library, optional
        Where a name is looked up; by default the shipped one.

    Returns
    -------
    Dataset
        Dims (patient[, clone]). Parameters and covariates (patient,) as float64 in the units of the population,
        categories as int8 with ``flag_values`` and ``flag_meanings``; traits and ``clone_fraction`` (patient, clone).

    Raises
    ------
    CohortError
        A number is out of range, or a derived variable cannot be computed for a patient.
    NotFoundError, ConfigError
        The named population is not there, or its file is wrong.

    Examples
    --------
    >>> import pdsim
    >>> pdsim.sample_cohort("len_refractory", 8, seed=7).sizes["patient"]
    8
    """
    size, seed, start = (_whole(word, value) for word, value in (("size", size), ("seed", seed), ("start", start)))
    _check(size, seed, start, sampling)
    if isinstance(population, str):
        population = _load(population, library)
    patients = np.arange(start, start + size, dtype=np.int64)
    names = population.scores
    sobol = sampling == "sobol"
    plain = sobol_scores(seed, start, size, names) if sobol else random_scores(seed, patients, names)
    scores = correlate(plain, names, population.correlations)
    values = values_of(population, scores, patients)
    shares = (
        population.composition.shares([scores[name] for name in population.fractions], values)
        if population.composition
        else None
    )
    return to_dataset(population, patients, values, shares, seed=seed, sampling=sampling)


def values_of(population: Population, scores: dict[str, np.ndarray], patients: np.ndarray) -> dict[str, np.ndarray]:
    """Turn scores into the values of all variables, each (patient,)."""
    levels = {variable.name: variable.levels for variable in population.variables}
    values: dict[str, np.ndarray] = {}
    for variable in population.variables:
        if isinstance(variable.rule, Expression):
            found = np.broadcast_to(variable.rule.evaluate(values, levels), patients.shape).copy()
        else:
            with np.errstate(over="ignore"):
                found = variable.rule.values(scores[variable.name])
        bad = np.flatnonzero(~np.isfinite(found))
        if len(bad):
            raise CohortError(_unusable(population, variable.name, found, values, patients, bad))
        values[variable.name] = found
    return values


def _unusable(
    population: Population,
    name: str,
    found: np.ndarray,
    values: dict[str, np.ndarray],
    patients: np.ndarray,
    bad: np.ndarray,
) -> str:
    rule = population.variable(name).rule
    place = f"{population.where or population.name}: '{name}' is {found[bad[0]]} for patient {patients[bad[0]]}"
    if not isinstance(rule, Expression):
        return f"{place} and {len(bad) - 1} others; narrow its distribution."
    inputs = ", ".join(f"{read} = {values[read][bad[0]]:g}" for read in rule.names)
    return (
        f"{place} ({len(bad)} in all), where {inputs} and the expression is '{rule.text}'. "
        "Guard it with where, min or max."
    )


def _check(size: int, seed: int, start: int, sampling: str) -> None:
    if size < 1:
        raise CohortError(f"size should be at least 1, not {size}.")
    if seed < 0 or start < 0:
        raise CohortError(f"seed and start should not be negative, not {seed} and {start}.")
    if sampling not in SAMPLINGS:
        raise CohortError(
            f"sampling '{sampling}' is not one of {', '.join(SAMPLINGS)}.{did_you_mean(str(sampling), SAMPLINGS)}"
        )
    if sampling == "sobol" and start + size > 2**BITS:
        raise CohortError(f"Sobol points end at patient {2**BITS - 1}; draw with sampling = 'random'.")


def _whole(word: str, value: Any) -> int:
    try:
        return index(value)
    except TypeError:
        raise CohortError(f"{word} should be a whole number, not {value!r}.") from None


def _load(name: str, library: Library | None) -> Population:
    if library is None:
        from pdsim.library import Library

        library = Library()
    return library.load_population(name)
