"""Which patients share a block: those who take about as many steps."""

from __future__ import annotations

import numpy as np

from pdsim._jit import LANES
from pdsim.ensemble.recording import _cost, _homes, _swaps


def moved(homes):
    """Places whose patients go to another block."""
    return np.flatnonzero(homes != np.arange(len(homes)) // LANES)


def test_every_block_is_full():
    level = np.random.default_rng(3).integers(0, 200, 5 * LANES)
    homes = _homes(level, level > 40)
    assert np.bincount(homes, minlength=5).tolist() == [LANES] * 5


def test_slow_patients_are_put_together():
    level = np.tile([112, 28, 8, 8], LANES)
    busy = level > 8
    assert _cost(level) == 4 * 112
    assert _cost(level, _homes(level, busy)) == 112 + 28 + 8 + 8


def test_who_is_given_something_comes_before_who_is_not():
    busy = np.arange(2 * LANES) % 2 == 0
    homes = _homes(np.full(2 * LANES, 20), busy)
    assert len(set(homes[busy])) == 1
    assert len(moved(homes)) == LANES


def test_patients_alike_stay_where_they_are():
    level = np.repeat([60, 30, 90], LANES) + np.arange(3 * LANES) % 2
    assert len(moved(_homes(level, level > 0))) == 0


def test_pairs_that_change_places_bring_everybody_home_and_move_nobody_else():
    random = np.random.default_rng(5)
    homes = np.where(random.random(6 * LANES) < 0.3, -1, np.arange(6 * LANES) // LANES)
    homes[homes < 0] = random.permutation((np.arange(6 * LANES) // LANES)[homes < 0])
    order = np.arange(len(homes))
    pairs = _swaps(homes)
    for here, there in pairs:
        order[[here, there]] = order[[there, here]]
    assert np.array_equal(homes[order], np.arange(len(homes)) // LANES)
    assert set(np.flatnonzero(order != np.arange(len(homes)))) == set(moved(homes))
    assert len(pairs) < len(moved(homes))
