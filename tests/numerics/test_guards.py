"""Patients that cannot be integrated: named, NaN from there on, without end neither, and nobody else's business."""

from __future__ import annotations

import numpy as np
import pytest

from pdsim import schema
from pdsim._jit import LANES
from pdsim.solvers.status import (
    ADVICE,
    BAD_INPUT,
    MEANINGS,
    NAN,
    OK,
    OVERFLOW,
    STEP_FLOOR,
    STIFF,
    TOO_MANY_STEPS,
)

TIMES = np.linspace(0.0, 6.0, 25)
METHODS = pytest.mark.parametrize("method", ["explicit", "stiff", "auto"])


def finished(make_block, stored, kinds, **options):
    """Run lanes of the faulty problem to day 6 in three visits; returns the block and its outputs (output, lane)."""
    entry = np.linspace(0.5, 2.0, LANES)
    block = make_block("faulty", [entry], [kinds], outputs=TIMES, **options)
    for day in (2.0, 4.0, 6.0):
        block.advance(day)
    block.finish()
    return block, stored(block)[:, 0]


@METHODS
@pytest.mark.parametrize(
    ("kind", "place", "codes"),
    [
        (1.0, 9, (STEP_FLOOR, OVERFLOW)),  # y^2 reaches infinity on day 1/y0
        (2.0, 0, (OVERFLOW,)),  # exp(30 t) on day 23
        (3.0, 15, (NAN,)),  # the root of a negative number from day 3 on
        (4.0, 4, (STEP_FLOOR, NAN, TOO_MANY_STEPS)),  # 1 / (t - 3)
    ],
    ids=["blow-up", "growth", "root", "pole"],
)
def test_a_failed_lane(make_block, stored, method, kind, place, codes):
    kinds = np.zeros(LANES)
    options = {"method": method, "max_steps": 20_000, "max_step": 1.0}
    plain, expected = finished(make_block, stored, kinds, **options)
    kinds[place] = kind
    entry = np.linspace(0.5, 2.0, LANES)
    if kind == 2.0:
        entry[place] = 1e230  # so that day 6 is enough
    block = make_block("faulty", [entry], [kinds], outputs=TIMES, **options)
    for day in (2.0, 4.0, 6.0):
        block.advance(day)
    block.finish()
    found = stored(block)[:, 0]
    assert block.failed[place] in codes
    gone = np.isnan(found[:, place])
    assert gone[-1]
    assert not gone[0]
    assert np.all(np.diff(gone.astype(int)) >= 0)  # once gone, gone for good
    failed_at = TIMES[gone][0]
    assert failed_at == pytest.approx({1.0: 1 / entry[place], 2.0: 5.37, 3.0: 3.0, 4.0: 3.0}[kind], abs=0.26)
    others = np.arange(LANES) != place
    assert (block.failed[others] == OK).all()
    assert (plain.failed == OK).all()
    assert np.array_equal(found[:, others], expected[:, others])
    assert np.array_equal(block.state.y[others], plain.state.y[others])


@METHODS
def test_many_steps(make_block, stored, method):
    kinds = np.zeros(LANES)
    kinds[6] = 5.0  # oscillates a million times a day
    block, found = finished(make_block, stored, kinds, method=method, max_steps=500, atol=1e-12)
    assert block.failed[6] == TOO_MANY_STEPS
    assert np.isnan(found[1:, 6]).all()
    assert (np.delete(block.failed, 6) == OK).all()
    assert np.isfinite(np.delete(found, 6, axis=1)).all()


@METHODS
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_bad_parameter(make_block, stored, method, value):
    kinds = np.zeros(LANES)
    plain, expected = finished(make_block, stored, kinds, method=method)
    kinds[3] = value
    block, found = finished(make_block, stored, kinds, method=method)
    assert block.failed.tolist() == [BAD_INPUT if lane == 3 else OK for lane in range(LANES)]
    assert np.isnan(found[:, 3]).all()
    others = np.arange(LANES) != 3
    assert np.array_equal(found[:, others], expected[:, others])
    assert plain.steps > block.steps


def test_bad_entry_kinetics_and_dose(make_block, oral_system, line):
    entry = np.ones(LANES)
    entry[1] = np.nan
    elimination = np.full(LANES, 2.4)
    elimination[2] = np.nan
    absorption = np.full(LANES, 24.0)
    system = oral_system(absorption, np.where(np.isnan(elimination), 2.4, elimination))
    system.matrix[2, 1, 1] = np.nan
    system.readout[0, 3, 1] = np.inf
    amount, lag = np.full(LANES, 10.0), np.zeros(LANES)
    amount[4], lag[5] = np.nan, np.nan
    good = oral_system(absorption, 2.4)
    modes = good.modes()
    object.__setattr__(system, "modes", lambda: modes)
    block = make_block("driven", [entry, 0.0], [1.0], system=system, lines=[line([0.0, 1.0], amount, lag=lag)])
    block.advance(3.0)
    assert block.failed.tolist() == [OK] + [BAD_INPUT] * 5 + [OK] * 10


def test_all_lanes_bad(make_block):
    block = make_block("faulty", [np.nan], [0.0], outputs=[0.0, 1.0])
    block.advance(1.0)
    block.finish()
    assert (block.failed == BAD_INPUT).all()
    assert np.isnan(block.record.y).all()


def test_rate_that_is_not_a_number_from_the_start(make_block):
    block = make_block("faulty", [1.0], [np.where(np.arange(LANES) == 2, 3.0, 0.0)], start=4.0, outputs=[5.0])
    block.advance(5.0)
    block.finish()
    assert block.failed[2] == NAN
    assert np.isnan(block.record.y[2])
    assert (np.delete(block.failed, 2) == OK).all()


def test_logarithm_grows_over(make_block):
    block = make_block("clones", [1e3, 0.0], [50.0, 0, 0, 0, 0], below=[1.0, 1.0], max_step=1.0)
    block.advance(50.0)
    assert (block.failed == OVERFLOW).all()
    assert (block.state.time < 15.0).all()


def test_every_failure_has_a_name_and_advice():
    codes = {NAN, STEP_FLOOR, TOO_MANY_STEPS, OVERFLOW, BAD_INPUT}
    assert set(ADVICE) == codes
    assert set(MEANINGS) == codes | {OK}
    assert {code: name for name, code in schema.STATUS.items()} == MEANINGS
    assert STIFF not in MEANINGS
