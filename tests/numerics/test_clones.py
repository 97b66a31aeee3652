"""Clones that die out and enter: where, when, once, and whatever the stored grid."""

from __future__ import annotations

import numpy as np
import pytest

from pdsim._jit import LANES

METHODS = pytest.mark.parametrize("method", ["explicit", "fifth", "stiff"])


@pytest.fixture
def clones(make_block, stored):
    """Run the two clones; returns the block, their sizes and their presence (output, clone, lane)."""

    def run(entry, params, times, stop=None, visits=(), **options):
        block = make_block("clones", entry, params, outputs=times, below=[1.0, 1.0], **options)
        for visit in (*visits, stop or times[-1]):
            block.advance(visit)
        block.finish()
        assert (block.failed == 0).all()
        present = stored(block, "present")
        return block, np.where(present == 1.0, np.exp(stored(block)), 0.0), present

    return run


@METHODS
def test_decay_to_one_cell(clones, method):
    kills = np.linspace(0.3, 3.0, LANES)
    death = np.log(1e6) / kills
    for lane in (0, 9, 15):
        edge = death[lane]
        times = [edge * (1 - 1e-9), edge * (1 + 1e-9), edge + 3.0]
        block, sizes, present = clones([1e6, 0.0], [-kills, 0, 0, 0, 0], times, method=method)
        assert present[:, 0, lane].tolist() == [1.0, 0.0, 0.0]
        assert sizes[0, 0, lane] == pytest.approx(1.0, rel=1e-6)
    assert (block.state.y.reshape(2, LANES)[0, block.state.present.reshape(2, LANES)[0] == 0.0] == 0.0).all()


@METHODS
def test_supply_reaches_the_draw(clones, method):
    draws = np.ones((2, 4, LANES))
    draws[1, 0] = np.linspace(0.2, 3.0, LANES)
    growth, mutation = 0.25, 2e-4
    # the integral of mutation * 1000 exp(growth t) reaches the draw
    entry = np.log1p(draws[1, 0] * growth / (mutation * 1000.0)) / growth
    lane = 11
    times = [entry[lane] * (1 - 1e-5), entry[lane] * (1 + 1e-5), entry[lane] + 1.0]
    block, sizes, present = clones(
        [1000.0, 0.0], [growth, 0, 0.4, 0, mutation], times, method=method, draws=draws, rtol=1e-7
    )
    assert present[:, 1, lane].tolist() == [0.0, 1.0, 1.0]
    assert sizes[1, 1, lane] == pytest.approx(1.0, abs=1e-3)
    source = mutation * 1000.0 * np.exp(growth * entry[lane])
    grown = np.exp(0.4) + source / (growth - 0.4) * (np.exp(growth) - np.exp(0.4))
    assert sizes[2, 1, lane] == pytest.approx(grown, rel=1e-5)
    assert (block.state.redraw.reshape(2, LANES)[1] == 1).all()


@METHODS
def test_supply_into_an_absent_clone_without_growth(clones, method):
    # constant supply 0.3, draw 1.2: enters on day 4 and settles at 0.3 / 0.1
    draws = np.full((2, 4, LANES), 1.2)
    times = [4.0 - 1e-9, 4.0 + 1e-9, 5.0, 200.0]
    _, sizes, _ = clones([1e3, 0.0], [0, 0, -0.1, 0.3, 0], times, method=method, draws=draws, rtol=1e-8)
    assert sizes[:, 1, 0] == pytest.approx([0.0, 1.0, 3.0 - 2.0 * np.exp(-0.1), 3.0], rel=1e-6)


@METHODS
def test_clone_that_cannot_hold_uses_its_draws_in_turn(clones, method):
    draws = np.ones((2, 4, LANES))
    draws[1] = np.array([1.0, 2.0, 0.5, 1.5])[:, None]
    supply, stop = 0.3, 61.0
    block, _, present = clones(
        [1e3, 0.0], [0, 0, -0.9, supply, 0], [stop], method=method, draws=draws, visits=np.arange(7.0, 60.0, 7.0)
    )
    # it dies at once wherever it enters: after 18.3 of supply three rounds of 5 are through, and draws of 1 and 2
    assert (block.state.redraw.reshape(2, LANES)[1] == 3 * 4 + 2).all()
    assert block.state.y.reshape(2, LANES)[1] == pytest.approx(supply * stop - 18.0, abs=1e-6)
    assert (present[:, 1] == 0.0).all()
    assert block.steps < 80 * 16 * LANES


@METHODS
def test_draws_are_shared_by_nobody(clones, method):
    rng = np.random.default_rng(3)
    draws = rng.exponential(size=(2, 4, LANES))
    block, _, _ = clones([1e3, 0.0], [0, 0, -0.9, 0.3, 0], [40.0], method=method, draws=draws)
    left = block.state.y.reshape(2, LANES)[1]
    for lane in range(LANES):
        used = 0.0
        for number in range(block.state.redraw.reshape(2, LANES)[1, lane]):
            used += draws[1, number % 4, lane]
        assert left[lane] == pytest.approx(0.3 * 40.0 - used, abs=1e-6)


@METHODS
def test_two_clones_at_one_instant(clones, method):
    edge = np.log(1e4) / 0.5
    times = [edge - 1e-6, edge + 1e-6]
    _, _, present = clones([1e4, 1e4], [-0.5, 0, -0.5, 0, 0], times, method=method)
    assert present[:, :, 0].tolist() == [[1.0, 1.0], [0.0, 0.0]]


@METHODS
def test_stored_grid_changes_nothing(clones, method):
    growth = np.linspace(-1.5, -0.1, LANES)
    results = []
    for times in ([60.0], np.linspace(0.0, 60.0, 61), np.linspace(0.0, 60.0, 977)):
        block, sizes, _ = clones([1e4, 0.0], [growth, 0.0, -0.3, 0.25, 1e-4], times, method=method)
        results.append((block.state.y.copy(), block.state.redraw.copy(), block.steps, sizes[-1]))
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_methods_agree_on_deaths_and_entries(clones):
    growth = np.linspace(-1.5, 0.3, LANES)
    times = np.linspace(0.0, 30.0, 301)
    found = [
        clones([1e3, 0.0], [growth, 0.0, 0.2, 0.05, 1e-4], times, method=method, rtol=1e-8)
        for method in ("explicit", "stiff")
    ]
    assert np.array_equal(found[0][2], found[1][2])
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-5)


def test_entry_below_one_cell_is_absent(clones):
    sizes = np.where(np.arange(LANES) % 2 == 0, 0.99, 1.0)
    block, _, present = clones([sizes, 0.0], [0.1, 0, 0, 0, 0], [0.0, 1.0])
    assert present[0, 0].tolist() == [0.0, 1.0] * 8
    assert (block.state.y.reshape(2, LANES)[0, ::2] == 0.0).all()
