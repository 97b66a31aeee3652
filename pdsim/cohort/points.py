"""Standard normal scores of patients: evenly spread Sobol points, or independent draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from pdsim import draws

BITS = 30  # of a Sobol coordinate; also the limit of patient numbers, 2**30
_SLICE = 10  # bits that one look-up table scrambles at a time


def random_scores(seed: int, patients: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Draw independent scores; those of a name do not depend on which other names there are.

    Parameters
    ----------
    seed : int
    patients : array of int, (patient,)
    names : sequence of str
        The stream of a name is ``population.<name>``.

    Returns
    -------
    dict of str to array, (patient,)
    """
    return {name: draws.normals(seed, patients, f"population.{name}", 1)[:, 0] for name in names}


def sobol_scores(seed: int, start: int, count: int, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Take the scores of patients ``start`` to ``start + count - 1`` from the Sobol sequence.

    Patient number is point number. The name at place d has dimension d, so names that come after it change nothing.
    Each dimension has a linear matrix scramble and a digital shift of its own, drawn from the seed and the name
    (stream ``population.sobol.<name>``). A coordinate is the middle of its cell of width 2**-30, never 0 or 1.

    Returns
    -------
    dict of str to array, (patient,)

    References
    ----------
    Joe and Kuo, SIAM J Sci Comput 2008;30:2635. Matousek, J Complexity 1998;14:527.
    """
    if not names:
        return {}
    points = _plain_points(start, count, len(names))
    found = {}
    for place, name in enumerate(names):
        words = draws.uniforms(seed, np.zeros(1, dtype=np.int64), f"population.sobol.{name}", BITS + 1)[0]
        cells = scrambled(points[:, place], np.floor(words * 2.0**BITS).astype(np.int64))
        found[name] = ndtri((cells + 0.5) * 2.0**-BITS)
    return found


def scrambled(cells: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Scramble Sobol coordinates given as whole numbers below 2**BITS.

    Parameters
    ----------
    cells : array of int, (patient,)
    words : array of int, (BITS + 1,)
        Random whole numbers below 2**BITS: one for each bit of the matrix, the last for the shift.

    Returns
    -------
    array of int, (patient,)
        A bit is flipped by bits above it only, so that every cell of the net keeps exactly its points.
    """
    found = np.full(len(cells), words[BITS])
    for low in range(0, BITS, _SLICE):
        table = np.zeros(1, dtype=np.int64)
        for bit in range(low, low + _SLICE):
            top = 1 << bit
            table = np.concatenate([table, table ^ (top | (int(words[bit]) & (top - 1)))])
        found ^= table[(cells >> low) & ((1 << _SLICE) - 1)]
    return found


def _plain_points(start: int, count: int, dimensions: int) -> np.ndarray:
    """Return unscrambled Sobol points (patient, dimension) as whole numbers below 2**BITS."""
    from scipy.stats.qmc import Sobol

    engine = Sobol(dimensions, scramble=False, bits=BITS)
    if start:
        engine.fast_forward(start)
        points = engine.random(count)
    else:  # the first point alone: SciPy warns of every first count that is no power of two
        points = np.concatenate([engine.random(1), engine.random(count - 1)])
    return (points * 2.0**BITS).astype(np.int64)
