"""Drugs that no rate reads: concentrations as on the ordinary path, and steps that no dose cuts."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from pdsim._jit import LANES
from pdsim.solvers.block import LineBlock
from pdsim.solvers.observed import ObservedBlock

TIMES = np.arange(0.0, 12.01, 0.25)
LANE = np.arange(LANES)


@pytest.fixture(scope="module")
def both(make_block, oral_system):
    """Lanes with kinetics, lags and amounts of their own, one where rates meet: on both paths, and without drugs."""
    absorption = 2.4 * np.linspace(1.0, 6.0, LANES)
    lines = [
        LineBlock(0, 0, 0.0, np.arange(12.0), 100.0 + LANE, 0.01 * LANE),
        LineBlock(0, 1, 0.5, np.array([2.0, 2.25, 7.0]), np.full(LANES, 30.0), np.zeros(LANES)),
        LineBlock(-1, 0, 0.0, np.array([5.0]), np.full(LANES, 0.5), np.zeros(LANES)),
    ]

    def make(lines=lines):
        return make_block(
            "lotka", [1.0, 1.0], outputs=TIMES, system=oral_system(absorption), lines=lines, rtol=1e-8, atol=1e-10
        )

    def run(block):
        block.advance(6.0)
        block.scale_doses(np.array([0.5, 1.0, 1.0])[:, None] * np.ones(LANES))
        block.advance(12.0)
        block.finish()
        return block

    plain = make()
    twin = ObservedBlock(**{item.name: getattr(plain, item.name) for item in fields(plain) if item.init})
    undosed = make([*(replace(line, times=np.zeros(0)) for line in lines[:2]), lines[2]])
    return run(plain), run(twin), run(undosed)


def test_concentrations_are_those_of_the_ordinary_path(both):
    plain, observed = (block.record.concentrations for block in both[:2])
    assert (plain > 0.0).sum() > 0.9 * plain.size
    np.testing.assert_allclose(observed, plain, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(both[1].concentrations(), both[0].concentrations(), rtol=1e-11)


def test_states_do_not_hear_of_the_doses(both):
    plain, observed, undosed = both
    np.testing.assert_allclose(observed.record.y, plain.record.y, rtol=1e-5)
    assert np.array_equal(observed.record.y, undosed.record.y)
    assert observed.steps == undosed.steps < plain.steps
