"""Measured orders of convergence of both methods, their interpolants, and the control of error and step."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from pdsim.solvers import dop853, radau

OPEN = {"rtol": 1e-9, "atol": 1e12}  # every step is accepted, so that `max_step` sets them all


def exact(t):
    return np.stack([np.exp(np.sin(t)), 1.0 / (1.0 + t**2)])


def errors(make_block, stored, method, times, step, stop):
    """Largest error at the end and at the outputs, with equal steps."""
    block = make_block("smooth", [1.0, 1.0], outputs=times, method=method, max_step=step, **OPEN)
    block.advance(stop)
    block.finish()
    end = block.state.y.reshape(2, -1)[:, 0]
    inside = stored(block)[:, :, 0].T
    assert block.state.counts.sum() == 0  # reset by advance
    assert (block.failed == 0).all()
    return np.abs(end - exact(np.array(stop))).max(), np.abs(inside - exact(np.array(times))).max()


@pytest.mark.parametrize(
    ("method", "order", "dense", "largest"),
    [("fifth", 5, 5, 0.2), ("explicit", 8, 8, 0.8), ("stiff", 5, 5, 0.1)],
    ids=["tsit5", "dop853", "rodas5p"],
)
def test_order_of_solution_and_interpolant(make_block, stored, method, order, dense, largest):
    # the interpolants are of order 4, 7 and 4: in one step they err by the power given here
    steps = largest / 2.0 ** np.arange(4)
    times = np.linspace(0.013, 1.987, 37)
    found = np.log2([errors(make_block, stored, method, times, step, 2.0) for step in steps])
    slopes = np.polyfit(np.log2(steps), found, 1)[0]
    assert slopes[0] > order - 0.2
    assert slopes[1] > dense - 0.2


@pytest.mark.parametrize("method", ["explicit", "fifth", "stiff"])
def test_interpolant_meets_both_ends_of_a_step(make_block, stored, method):
    edge = np.nextafter(1.0, 0.0)
    block = make_block("smooth", [1.0, 1.0], outputs=[1e-300, edge, 1.0], method=method, max_step=0.5, **OPEN)
    block.advance(1.0)
    block.finish()
    first, before, end = stored(block)[:, :, 0]
    assert first == pytest.approx([1.0, 1.0], abs=1e-15)
    assert before == pytest.approx(end, rel=1e-14)


@pytest.mark.parametrize("rate", [4.0, 40.0])
def test_outputs_inside_a_step_are_as_good_as_its_end(make_block, stored, rate):
    times = np.linspace(0.0, 8.0, 161)
    rtol = 1e-8
    found, bare = (
        make_block("follow", [2.0], [rate], outputs=grid, method="explicit", rtol=rtol, atol=rtol)
        for grid in (times, times[:0])
    )
    for block in (found, bare):
        block.advance(8.0)
        block.finish()
    # none of the steps is for an output
    assert (found.state.y == bare.state.y).all()
    assert found.steps == bare.steps
    error = np.abs(stored(found)[:, 0, 0] - np.cos(times) - np.exp(-rate * times))
    assert error.max() < 0.5 * rtol


@pytest.mark.parametrize("method", ["explicit", "fifth", "stiff"])
def test_error_follows_the_tolerance(make_block, method):
    tolerances = np.array([1e-4, 1e-6, 1e-8, 1e-10])
    found = []
    for rtol in tolerances:
        block = make_block("smooth", [1.0, 1.0], method=method, rtol=rtol, atol=rtol * 1e-3)
        block.advance(8.0)
        found.append(np.abs(block.state.y.reshape(2, -1)[:, 0] / exact(np.array(8.0)) - 1.0).max())
    assert np.all(np.array(found) < 20.0 * tolerances)
    slope = np.polyfit(np.log(tolerances), np.log(found), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("rtol", [1e-5, 1e-9])
def test_oscillation_agrees_with_dop853(make_block, stored, rtol):
    times = np.linspace(0.0, 15.0, 31)
    reference = solve_ivp(
        lambda t, y: [y[0] * (1.5 - y[1]), y[1] * (y[0] - 3.0)],
        (0.0, 15.0), [1.0, 1.0], method="DOP853", rtol=1e-13, atol=1e-13, t_eval=times,
    ).y.T  # fmt: skip
    block = make_block("lotka", [1.0, 1.0], outputs=times, rtol=rtol, atol=rtol * 1e-3)
    block.advance(15.0)
    block.finish()
    # errors along the orbit add up over four turns of the cycle
    assert np.abs(stored(block)[:, :, 0] / reference - 1.0).max() < 200.0 * rtol


def test_steps_of_every_lane_are_its_own(make_block):
    rates = np.geomspace(0.1, 1000.0, 16)
    block = make_block("follow", [1.0], [rates], method="explicit")
    block.advance(5.0)
    alone = [make_block("follow", [1.0], [rate], method="explicit") for rate in rates]
    for lane, single in enumerate(alone):
        single.advance(5.0)
        assert single.state.y[lane] == block.state.y[lane]
        assert single.state.step[lane] == block.state.step[lane]


@pytest.mark.parametrize("method", ["explicit", "fifth", "stiff"])
def test_no_step_passes_the_largest(make_block, method):
    block = make_block("follow", [1.0], [0.1], method=method, max_step=0.25, rtol=1e-2)
    block.advance(10.0)
    assert block.steps >= 16 * 40


@pytest.mark.parametrize("method", ["explicit", "fifth", "stiff"])
def test_start_from_nothing(make_block, method):
    # with all states at zero the first step has no size to go by
    block = make_block("follow", [0.0], [3.0], method=method, rtol=1e-8, atol=1e-10)
    block.advance(2.0)
    assert block.state.y == pytest.approx(np.cos(2.0) - np.exp(-6.0), rel=1e-6)


@pytest.mark.parametrize("method", ["explicit", "fifth", "stiff"])
def test_visits_do_not_change_the_result_beyond_the_tolerance(make_block, method):
    whole = make_block("smooth", [1.0, 1.0], method=method, rtol=1e-8, atol=1e-11)
    whole.advance(6.0)
    parts = make_block("smooth", [1.0, 1.0], method=method, rtol=1e-8, atol=1e-11)
    for day in np.linspace(0.0, 6.0, 13):
        parts.advance(float(day))
    assert (parts.state.time == 6.0).all()
    assert parts.state.y == pytest.approx(whole.state.y, rel=2e-7)


def _slope(t, y):
    return y * np.cos(t)


def _dop853(y, t, h):
    """Value at the end of a step, and a third of the way."""
    k = np.zeros(16)
    for stage in range(16):
        k[stage] = _slope(t + dop853.NODES[stage] * h, y + h * dop853.STAGES[stage] @ k)
    end = y + h * dop853.STAGES[12] @ k
    powers = dop853.monomials() @ np.append(h * k, end - y)
    return end, y + sum(c * (1.0 / 3.0) ** (i + 1) for i, c in enumerate(powers))


def _radau(y, t, h):
    """Value at the end of a step; the equation is linear."""
    rates = -np.cos(t + radau.NODES * h)
    points = y + np.linalg.solve(radau.INVERSE + h * np.diag(rates), -h * rates * y)
    return points[-1]


def test_order_of_the_methods_of_the_cascade():
    # in one step, which adds 1
    steps = 1.6 / 2.0 ** np.arange(4)
    found = []
    for h in steps:
        end, inside = _dop853(1.0, 0.0, h)
        exact = [np.exp(np.sin(part)) for part in (h, h / 3.0, h)]
        found.append(np.abs(np.array([end, inside, _radau(1.0, 0.0, h)]) - exact))
    orders = np.polyfit(np.log2(steps), np.log2(found), 1)[0]
    assert orders[0] > 8.6
    assert orders[1] > 7.6
    assert orders[2] > 7.6
