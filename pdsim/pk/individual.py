"""Values of a card in each patient: covariates, variability, overrides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim.errors import CohortError, UnitError, did_you_mean
from pdsim.pk.card import FRACTIONS, MAY_BE_ZERO, DrugCard, Value
from pdsim.pk.expression import Measured
from pdsim.pk.quantity import unit_of
from pdsim.units import convert

if TYPE_CHECKING:
    import xarray as xr

Individual = Callable[[str], np.ndarray]  # key of a card -> (patient,) in the key's unit


def from_cohort(card: DrugCard, cohort: xr.Dataset) -> Individual:
    """Return the values of a card as a function of the key, for the patients of a cohort."""
    from pdsim.draws import normals

    patients = np.asarray(cohort["patient"].values, dtype=np.int64)
    values = card.all_values()

    @cache
    def individual(key: str) -> np.ndarray:
        value = values[key]
        name = f"{card.name}.{key}"
        if name in cohort.data_vars:
            found = _in_unit(cohort.variables[name], value.unit, f"cohort variable '{name}'")
        else:
            names = value.expression.names
            covariates = {word: _covariate(card, key, word, cohort) for word in names}
            found = np.broadcast_to(value.typical(covariates), patients.shape)
            if value.varies:
                found = _varied(found, value, normals(_seed(cohort, name), patients, f"pk.{name}", 1)[:, 0])
        _check(card, key, found, patients)
        return np.array(found, dtype=float)

    return individual


def typical(card: DrugCard, covariates: Mapping[str, float]) -> Individual:
    """Return the values of a card for one patient without variability."""
    values = card.all_values()
    for name in covariates:
        if name not in card.covariates:
            known = ", ".join(card.covariates) or "none"
            hint = did_you_mean(name, card.covariates)
            raise CohortError(f"{card.name}: '{name}' is no covariate of the card.{hint} It reads: {known}")
    given = {
        name: (float(covariates.get(name, covariate.reference)), unit_of(covariate.unit))
        for name, covariate in card.covariates.items()
    }

    def individual(key: str) -> np.ndarray:
        found = np.atleast_1d(np.asarray(values[key].typical(given), dtype=float))
        _check(card, key, found, np.zeros(1, dtype=np.int64))
        return found

    return individual


def dose_scale(cohort: xr.Dataset) -> dict[str, np.ndarray]:
    """Return what doses per m2 and per kg are multiplied with, where the cohort has it.

    Returns
    -------
    dict with ``"m2"`` and ``"kg"`` to array (patient,)
    """
    names = {"m2": "bsa", "kg": "weight"}
    return {per: _in_unit(cohort.variables[name], per, name) for per, name in names.items() if name in cohort.data_vars}


def _covariate(card: DrugCard, key: str, name: str, cohort: xr.Dataset) -> Measured:
    """Read a covariate, or 0 and 1 for a level of a category such as ``female`` of ``sex``."""
    wanted = card.covariates[name].unit
    if name in cohort.data_vars or name in cohort.coords:
        return _in_unit(cohort.variables[name], wanted, name), unit_of(wanted)
    for own, variable in cohort.variables.items():
        levels = str(variable.attrs.get("flag_meanings", "")).split()
        if name in levels and variable.dims == ("patient",) and own in cohort.data_vars:
            code = np.ravel(variable.attrs["flag_values"])[levels.index(name)]
            return (variable.values == code).astype(float), unit_of("1")
    if card.covariates[name].optional:
        return card.covariates[name].reference, unit_of(wanted)
    hint = did_you_mean(name, map(str, cohort.data_vars))
    raise CohortError(
        f"{card.where}: {key} needs the covariate '{name}' ({wanted}), and the cohort has none.{hint} "
        f"Add [covariates.{name}] to the population, or a cohort variable '{card.name}.{key}'"
    )


def _in_unit(variable: xr.Variable, unit: str, what: str) -> np.ndarray:
    written = variable.attrs.get("units")
    values = np.asarray(variable.values, dtype=float)
    if not written or written == unit:
        return values
    try:
        return convert(values, written, unit)
    except UnitError as wrong:
        raise UnitError(f"{what}: {wrong}") from None


def _seed(cohort: xr.Dataset, name: str) -> int:
    if "seed" not in cohort.attrs:
        raise CohortError(f"the cohort has no attribute 'seed', and {name} varies between patients; set cohort.attrs")
    return int(cohort.attrs["seed"])


def _varied(found: np.ndarray, value: Value, normal: np.ndarray) -> np.ndarray:
    if value.log_sd:
        return found * np.exp(value.log_sd * normal)
    odds = found / (1 - found) * np.exp(value.logit_sd * normal)
    return odds / (1 + odds)


def _check(card: DrugCard, key: str, found: Any, patients: np.ndarray) -> None:
    last = key.rpartition(".")[2]
    good = np.isfinite(found) & ((found >= 0) if last in MAY_BE_ZERO else (found > 0))
    if last in FRACTIONS:
        good &= found <= 1
    if not np.all(good):
        wrong = np.flatnonzero(~good)
        rows = ", ".join(str(patients[row]) for row in wrong[:5]) + (", ..." if len(wrong) > 5 else "")
        wanted = "between 0 and 1" if last in FRACTIONS else "positive"
        unit = f" {card.all_values()[key].unit}".removesuffix(" 1")
        raise CohortError(
            f"{card.where}: {key} is {found[wrong[0]]:g}{unit} and must be {wanted}, in patient {rows}; "
            "look at the covariates that it reads"
        )
