"""Gaussian copula: correlation between the standard normal scores of variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LEAST_EIGENVALUE = 1e-8  # below this a matrix counts as not positive definite
OFFERED_EIGENVALUE = 0.02  # of the matrix offered instead, so that it survives rounding to two decimals


@dataclass(frozen=True)
class Correlation:
    """Correlation between the scores of two variables.

    The scores are what a distribution turns into values, so the rank correlation of the values follows exactly; their
    ordinary correlation is a little smaller where a distribution is skewed or cut. Of categories in their order it is
    the polychoric correlation.
    """

    first: str
    second: str
    value: float


def groups(names: Sequence[str], correlations: Iterable[Correlation]) -> list[tuple[str, ...]]:
    """Return the sets of names that hang together, each in the order of `names`."""
    group = {name: {name} for name in names}
    for pair in correlations:
        joined = group[pair.first] | group[pair.second]
        for name in joined:
            group[name] = joined
    found = dict.fromkeys(tuple(name for name in names if name in members) for members in group.values())
    return [members for members in found if len(members) > 1]


def matrix(names: Sequence[str], correlations: Iterable[Correlation]) -> np.ndarray:
    """Return the correlation matrix (name, name) of one group; pairs that are not stated have 0."""
    place = {name: number for number, name in enumerate(names)}
    found = np.eye(len(names))
    for pair in correlations:
        if pair.first in place:
            row, column = place[pair.first], place[pair.second]
            found[row, column] = found[column, row] = pair.value
    return found


def impossible(names: Sequence[str], correlations: Sequence[Correlation]) -> list[str]:
    """Describe every group whose correlations exclude each other, with the nearest possible values."""
    found = []
    for group in groups(names, correlations):
        stated = matrix(group, correlations)
        if np.linalg.eigvalsh(stated)[0] >= LEAST_EIGENVALUE:
            continue
        near = np.round(nearest(stated), 2)
        now, offered = [], []
        for column, second in enumerate(group):
            for row, first in enumerate(group[:column]):
                if stated[row, column]:
                    now.append(f"{first}-{second} = {stated[row, column]:g}")
                if stated[row, column] or near[row, column]:
                    offered.append(f"{first}-{second} = {near[row, column]:g}")
        found.append(
            f"the correlations {', '.join(now)} exclude each other (the matrix is not positive definite). "
            f"The nearest possible ones: {', '.join(offered)}"
        )
    return found


def nearest(stated: np.ndarray, rounds: int = 2000) -> np.ndarray:
    """Return the correlation matrix nearest to a symmetric matrix with unit diagonal.

    Alternating projections with Dykstra's correction; eigenvalues are kept at `OFFERED_EIGENVALUE` or above.

    References
    ----------
    Higham, IMA J Numer Anal 2002;22:329, doi:10.1093/imanum/22.3.329.
    """
    found, correction = stated.copy(), np.zeros_like(stated)
    for _ in range(rounds):
        shifted = found - correction
        sizes, directions = np.linalg.eigh(shifted)
        lifted = (directions * np.maximum(sizes, OFFERED_EIGENVALUE)) @ directions.T
        correction = lifted - shifted
        before, found = found, lifted.copy()
        np.fill_diagonal(found, 1.0)
        if np.abs(found - before).max() < 1e-6:
            break
    return found


def correlate(
    scores: Mapping[str, np.ndarray], names: Sequence[str], correlations: Sequence[Correlation]
) -> dict[str, np.ndarray]:
    """Turn independent standard normal scores into correlated ones.

    Parameters
    ----------
    scores : mapping of str to array, (patient,)
        Independent scores of every name.
    names : sequence of str
        Order of the variables: a later one leans on the earlier ones, which keep the draws they had without it.
    correlations : sequence of Correlation
        Positive definite in each group.

    Returns
    -------
    dict of str to array, (patient,)
    """
    found = dict(scores)
    for group in groups(names, correlations):
        factor = np.linalg.cholesky(matrix(group, correlations))
        for row, name in enumerate(group):
            # Added term by term: a matrix product may round differently for another number of patients.
            total = factor[row, 0] * scores[group[0]]
            for column in range(1, row + 1):
                total = total + factor[row, column] * scores[group[column]]
            found[name] = total
    return found
