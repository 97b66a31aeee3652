"""Standard normal scores of patients: evenly spread Sobol points, or independent draws."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from pdsim import draws
from pdsim._normal import quantile

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
    numbers = np.arange(start, start + count)
    order = numbers ^ (numbers >> 1)  # the sequence runs through its points in the order of Gray's code
    found = {}
    for name, directions in zip(names, _directions(len(names)), strict=True):
        draw = draws.uniforms(seed, np.zeros(1, dtype=np.int64), f"population.sobol.{name}", BITS + 1)[0]
        words = np.floor(draw * 2.0**BITS).astype(np.int64)
        shift = words[BITS]
        # points are directions joined, and what scrambles these scrambles those
        cells = shift ^ _joined(order, shift ^ scrambled(directions, words))
        found[name] = quantile((cells + 0.5) * 2.0**-BITS)
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
    tops = 1 << np.arange(BITS)
    return words[BITS] ^ _joined(cells, tops | (words[:BITS] & (tops - 1)))


def _joined(numbers: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Join by exclusive or, for each number, the words (BITS,) at its set bits."""
    found = np.zeros(len(numbers), dtype=np.int64)
    for low in range(0, BITS, _SLICE):
        table = np.zeros(1, dtype=np.int64)
        for word in words[low : low + _SLICE]:
            table = np.concatenate([table, table ^ word])
        found ^= table[(numbers >> low) & ((1 << _SLICE) - 1)]
    return found


@cache
def _directions(dimensions: int) -> np.ndarray:
    """Return direction numbers (dimension, bit) from the table that lies beside SciPy's engine.

    SciPy's own engine has them too, but importing it takes longer than all else of drawing a cohort.
    """
    folder = Path(find_spec("scipy").origin).parent  # type: ignore[union-attr, arg-type]
    with np.load(folder / "stats" / "_sobol_direction_numbers.npz") as table:
        starts, polynomials = table["vinit"][:dimensions].tolist(), table["poly"][:dimensions].tolist()
    found = [[1] * BITS]
    for words, polynomial in zip(starts[1:], polynomials[1:], strict=True):
        degree = polynomial.bit_length() - 1
        del words[degree:]
        for bit in range(degree, BITS):
            word = words[bit - degree]
            for back in range(1, degree + 1):
                if polynomial >> (degree - back) & 1:
                    word ^= words[bit - back] << back
            words.append(word)
        found.append(words)
    return np.array(found) << np.arange(BITS - 1, -1, -1)
