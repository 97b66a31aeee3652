"""What a visit changes of the doses to come, and what it leaves as it was taken."""

from __future__ import annotations

import numpy as np
import pytest

from pdsim._jit import LANES
from pdsim.solvers.block import LineBlock, make_lines, scale_lines

NAN = np.nan


@pytest.fixture
def lines():
    each = np.ones(LANES)
    return make_lines([LineBlock(0, 0, 0.0, np.array(times), each, 0.0 * each) for times in ([1.0, 2.0, 3.0], [2.0])])


def noted(lines, lane):
    return lines.given.reshape(-1, LANES)[:, lane].tolist()


def test_doses_before_a_change_stay_as_they_were_taken(lines):
    factor = np.ones((2, LANES))
    factor[0, 3] = 0.5
    scale_lines(lines, factor, np.full(LANES, 2.0))
    np.testing.assert_equal(noted(lines, 3), [1.0, NAN, NAN, NAN])
    factor[0, 3] = 0.0
    scale_lines(lines, factor, np.full(LANES, 3.0))
    np.testing.assert_equal(noted(lines, 3), [1.0, 0.5, NAN, NAN])
    np.testing.assert_equal(noted(lines, 4), [1.0, 1.0, NAN, NAN])
    assert np.array_equal(lines.factor.reshape(2, LANES), factor)


def test_each_lane_has_a_time_of_its_own(lines):
    time = np.where(np.arange(LANES) < 8, 1.5, 2.5)
    scale_lines(lines, np.zeros((2, LANES)), time)
    np.testing.assert_equal(noted(lines, 0), [1.0, NAN, NAN, NAN])
    np.testing.assert_equal(noted(lines, 8), [1.0, 1.0, NAN, 1.0])


def test_from_an_end_on_nothing_is_given_until_it_is_set_anew(lines):
    until = np.full((2, LANES), np.inf)
    until[0, 5] = 2.0
    scale_lines(lines, np.ones((2, LANES)), np.ones(LANES), until)
    np.testing.assert_equal(noted(lines, 5), [NAN, 0.0, 0.0, NAN])
    until[0, 5] = 2.5
    scale_lines(lines, np.ones((2, LANES)), np.full(LANES, 1.5), until)
    np.testing.assert_equal(noted(lines, 5), [NAN, NAN, 0.0, NAN])
