"""Coefficients of Radau IIA with four stages, order 7: Hairer and Wanner 1996, Solving ODEs II, section IV.5."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import legendre

STAGES = 4


def _nodes() -> np.ndarray:
    """Nodes on (0, 1], the last of them 1: zeros of a difference of two Legendre polynomials."""
    series = np.zeros(STAGES + 1)
    series[STAGES - 1 :] = 1.0, -1.0
    slope = legendre.legder(series)
    roots = np.sort(legendre.legroots(series).real)
    for _ in range(3):
        roots -= legendre.legval(roots, series) / legendre.legval(roots, slope)
    roots[-1] = 1.0
    return 0.5 * (roots + 1.0)


def _integrals(nodes: np.ndarray) -> np.ndarray:
    """Integrals from 0 to each node (row) of the polynomials that are 1 at one node (column) and 0 at the others."""
    powers = np.arange(STAGES)
    return (nodes[:, None] ** (powers + 1) / (powers + 1)) @ np.linalg.inv(nodes[:, None] ** powers)


NODES = _nodes()
INVERSE = np.linalg.inv(_integrals(NODES))
WEIGHTS = tuple(float(w) for w in _integrals(NODES)[-1])
# Legendre coefficients of what takes given values at the nodes, (degree, node)
COEFFICIENTS = np.linalg.inv(legendre.legvander(2.0 * NODES - 1.0, STAGES - 1))
