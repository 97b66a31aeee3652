"""Variability between patients, between a patient's occasions, and of a measurement; drawn by patient and purpose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from pdsim.draws import normals
from pdsim.errors import CohortError, did_you_mean

KINDS = ("proportional", "additive", "exponential")


def covariance(spec: Any, known: Iterable[str], what: str) -> tuple[list[str], np.ndarray]:
    """Read variances and covariances of log-normal parameters.

    Parameters
    ----------
    spec : mapping or DataFrame
        ``{"clearance": 0.09, "volume": 0.04, ("clearance", "volume"): 0.03}``: variances by parameter, covariances by
        pair; or a square DataFrame with the parameters as labels.
    known : iterable of str
        Parameters of the model.
    what : str
        Name of the argument, for messages.

    Returns
    -------
    list of str, array (parameter, parameter)

    Raises
    ------
    CohortError
        Unknown parameters, negative variances, or covariances that no numbers can have.
    """
    pairs = _pairs(spec, what)
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    known = list(known)
    wrong = [f"{what}: the model has no parameter '{n}'.{did_you_mean(n, known)}" for n in names if n not in known]
    wrong += [f"{what}: the variance of '{n}' is missing" for n in names if (n, n) not in pairs]
    variances = {name: value for (name, other), value in pairs.items() if name == other}
    wrong += [f"{what}: the variance of '{name}' is {v:g}" for name, v in variances.items() if not 0 <= v < np.inf]
    if wrong:
        raise CohortError("\n".join(wrong))
    matrix = np.zeros((len(names), len(names)))
    for (a, b), value in pairs.items():
        matrix[names.index(a), names.index(b)] = matrix[names.index(b), names.index(a)] = value
    return names, matrix


def _pairs(spec: Any, what: str) -> dict[tuple[str, str], float]:
    if hasattr(spec, "to_numpy"):
        names = [str(name) for name in spec.columns]
        matrix = spec.to_numpy(dtype=float)
        if [str(name) for name in spec.index] != names or not np.allclose(matrix, matrix.T):
            raise CohortError(f"{what}: the table must be symmetric, with the same parameters as rows and columns")
        return {(a, b): matrix[i, j] for i, a in enumerate(names) for j, b in enumerate(names) if i <= j}
    if not isinstance(spec, Mapping):
        raise CohortError(f"{what} is a mapping of parameters to variances, or a square DataFrame")
    return {(key, key) if isinstance(key, str) else tuple(key): float(value) for key, value in spec.items()}


def root(matrix: np.ndarray, what: str) -> np.ndarray:
    """Lower triangle whose product with its transpose is the matrix; rows of no variance are 0."""
    lower = np.zeros_like(matrix)
    for j in range(len(matrix)):
        rest = matrix[j:, j] - lower[j:, :j] @ lower[j, :j]
        if rest[0] > 1e-12 * matrix[j, j]:
            lower[j:, j] = rest / np.sqrt(rest[0])
    if not np.allclose(lower @ lower.T, matrix, rtol=1e-9, atol=1e-12 * np.abs(matrix).max(initial=0.0)):
        raise CohortError(f"{what}: no parameters can vary so; a covariance is at most the root of the two variances")
    return lower


def between_patients(spec: Any, known: Iterable[str], seed: int, patients: np.ndarray) -> dict[str, np.ndarray]:
    """Draw factors of parameters, ``exp(eta)`` with eta normal of the given covariance; name to (patient,)."""
    names, matrix = covariance(spec, known, "omega")
    drawn = [normals(seed, patients, f"between_patients.{name}", 1)[:, 0] for name in names]
    etas = root(matrix, "omega") @ np.array(drawn).reshape(len(names), -1)
    return dict(zip(names, np.exp(etas), strict=True))


def between_occasions(
    spec: Any, known: Iterable[str], seed: int, patients: np.ndarray, occasion: np.ndarray, column: str
) -> dict[str, np.ndarray]:
    """Draw factors of parameters for each row's occasion; name to (row,).

    Parameters
    ----------
    spec, known, seed
        As in `between_patients`.
    patients : array of int, (row,)
        Patient of each row.
    occasion : array, (row,)
        What stands in the table's column of occasions.
    column : str
        Its name.
    """
    what = f"occasion['{column}']"
    names, matrix = covariance(spec, known, what)
    lower = root(matrix, what)
    factors = {name: np.ones(len(patients)) for name in names}
    for label in np.unique(occasion.astype(str)):
        rows = np.flatnonzero(occasion.astype(str) == label)
        own, place = np.unique(patients[rows], return_inverse=True)
        drawn = [normals(seed, own, f"between_occasions.{column}.{label}.{name}", 1)[:, 0] for name in names]
        kappas = lower @ np.array(drawn).reshape(len(names), -1)
        for name, kappa in zip(names, kappas, strict=True):
            factors[name][rows] = np.exp(kappa[place])
    return factors


def check_residual(sigma: Mapping[str, Mapping[str, float]], outputs: Iterable[str]) -> None:
    """Raise a `CohortError` where a residual error has no such output or kind, or a negative variance."""
    outputs = list(outputs)
    wrong = []
    for name, kinds in sigma.items():
        if name not in outputs:
            wrong.append(f"sigma: '{name}' is not among the outputs asked for.{did_you_mean(name, outputs)}")
        if not isinstance(kinds, Mapping):
            wrong.append(f"sigma['{name}'] names its kind, for example {{'proportional': {kinds}}}")
            continue
        for kind, variance in kinds.items():
            if kind not in KINDS:
                wrong.append(f"sigma['{name}']: '{kind}' is no kind of error; use {', '.join(KINDS)}")
            elif not 0 <= variance < np.inf:
                wrong.append(f"sigma['{name}']['{kind}'] is {variance:g}; a variance is not negative")
    if wrong:
        raise CohortError("\n".join(wrong))


def measured(
    values: np.ndarray, kinds: Mapping[str, float], name: str, seed: int, patients: np.ndarray, number: np.ndarray
) -> np.ndarray:
    """Add residual error to predictions: ``y exp(e1) (1 + e2) + e3`` with the variances of the kinds given.

    Parameters
    ----------
    values : array, (row,)
    kinds : mapping
        Variances of "exponential" (e1), "proportional" (e2) and "additive" (e3).
    name : str
        Output.
    seed : int
    patients, number : array of int, (row,)
        Patient of each row, and place of the row among the patient's own.
    """
    own, place = np.unique(patients, return_inverse=True)
    draws = {kind: np.zeros(len(values)) for kind in KINDS}
    for kind, variance in kinds.items():
        drawn = normals(seed, own, f"residual.{kind}.{name}", int(number.max(initial=-1)) + 1)
        draws[kind] = np.sqrt(variance) * drawn[place, number]
    return values * np.exp(draws["exponential"]) * (1.0 + draws["proportional"]) + draws["additive"]
