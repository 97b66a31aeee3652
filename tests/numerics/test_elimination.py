"""Sparse LU over lanes: the solution of any pattern, the lanes that are told, and none disturbed by another."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from pdsim._jit import LANES
from pdsim.solvers.elimination import elimination, factorise, solve


def _solved(pattern, matrices, right):
    """Solutions (lane, row) and marks of lanes that failed, from matrices (lane, row, column)."""
    plan = elimination(pattern)
    factors = np.array([matrices[:, i, j] for i, j in zip(plan.row, plan.column, strict=True)]).reshape(-1)
    diagonal = np.ascontiguousarray(np.einsum("lii->il", matrices)).reshape(-1)
    spoilt, rows = np.zeros(LANES), np.ascontiguousarray(right.T).reshape(-1)
    factorise(LANES, plan, factors, diagonal, spoilt)
    solve(LANES, plan, factors, rows)
    return rows.reshape(-1, LANES).T, spoilt


@pytest.fixture(scope="module")
def system():
    draw = np.random.default_rng(5)
    pattern = (draw.random((9, 9)) < 0.3) | np.eye(9, dtype=bool)
    matrices = np.where(pattern, draw.normal(size=(LANES, 9, 9)), 0.0) + 4.0 * np.eye(9)
    return pattern, matrices, draw.normal(size=(LANES, 9))


def test_solution_is_that_of_the_dense_matrix(system):
    pattern, matrices, right = system
    found, spoilt = _solved(pattern, matrices, right)
    assert (spoilt == 0.0).all()
    assert found == pytest.approx(np.linalg.solve(matrices, right[..., None])[..., 0], rel=1e-11)


def test_order_keeps_an_arrow_without_fill():
    arrow = np.eye(12, dtype=bool)
    arrow[0] = arrow[:, 0] = True  # taken first, the first row would fill in everything
    assert len(elimination(arrow).row) == arrow.sum()


def test_a_lane_without_a_pivot_is_told_and_the_others_keep_their_bits():
    draw = np.random.default_rng(6)
    pattern = np.ones((4, 4), dtype=bool)
    matrices, right = draw.normal(size=(LANES, 4, 4)) + 4.0 * np.eye(4), draw.normal(size=(LANES, 4))
    whole, _ = _solved(pattern, matrices, right)
    matrices[3] = 1.0  # rows that cancel
    matrices[7, 2, 2] = np.nan
    found, spoilt = _solved(pattern, matrices, right)
    assert set(np.flatnonzero(spoilt)) == {3, 7}
    others = spoilt == 0.0
    assert np.array_equal(found[others], whole[others])


def test_numba_knows_a_plan_before_any_solver_is_loaded():
    assert type(numba.typeof(elimination(np.eye(2, dtype=bool)))).__name__ == "BundleType"
