"""Doses: when they count, what they add, and that the concentrations behind them are exact."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pdsim._jit import LANES
from pdsim.pk import concentration

KA, KE = 24.0, 2.4


def closed_form(system, times, *lines):
    """Free concentrations by `pdsim.pk`, (time,), of lines (route, amount, duration, dose times)."""
    given = [
        SimpleNamespace(drug="drug", amount=amount, unit="mg", per="flat", route=route, duration=duration, times=doses)
        for route, amount, duration, doses in lines
    ]
    return concentration(system, given, {}, np.asarray(times))[0, 0]


@pytest.fixture
def run(make_block, oral_system, stored):
    """Concentrations (output, lane) behind dosing lines, integrated up to each of some visits in turn."""

    def advance(lines, times, visits=(), system=None, **options):
        block = make_block(
            "driven", [0.0, 0.0], [2.0], outputs=times, system=system or oral_system(KA, KE), lines=lines, **options
        )
        for visit in (*visits, times[-1]):
            block.advance(float(visit))
        block.finish()
        assert (block.failed == 0).all()
        return stored(block, "concentrations")[:, 0]

    return advance


@pytest.mark.parametrize("method", ["explicit", "fifth", "stiff"])
def test_stored_state_is_after_the_dose(run, line, method):
    found = run([line([0.0, 1.0], 100.0, target=1)], [0.0, 1.0, 1.5], method=method)[:, 0]
    left = 10.0 * np.exp(-KE)
    assert found == pytest.approx([10.0, 10.0 + left, (10.0 + left) * np.exp(-KE / 2)], rel=1e-13)


@pytest.mark.parametrize("method", ["explicit", "fifth", "stiff"])
def test_visit_sees_the_state_before_its_dose(make_block, oral_system, line, method):
    lines = [line([0.0, 2.0], 100.0, target=1), line([2.0], 5.0, target=1, drug=-1)]
    block = make_block("driven", [0.0, 0.0], [2.0], system=oral_system(KA, KE), lines=lines, method=method)
    block.advance(0.0)
    assert (block.concentrations() == 0.0).all()
    block.advance(2.0)
    assert block.concentrations() == pytest.approx(10.0 * np.exp(-2 * KE), rel=1e-13)
    assert block.state.y.reshape(2, -1)[1] == pytest.approx(2.0)
    block.advance(2.0)  # the same visit again gives nothing
    assert block.concentrations() == pytest.approx(10.0 * np.exp(-2 * KE), rel=1e-13)
    block.advance(3.0)
    assert block.concentrations() == pytest.approx(10.0 * (np.exp(-3 * KE) + np.exp(-KE)), rel=1e-13)
    assert block.state.y.reshape(2, -1)[1] == pytest.approx(8.0)


@pytest.mark.parametrize("method", ["explicit", "fifth", "stiff"])
def test_doses_at_one_instant_enter_in_the_order_of_their_lines(make_block, line, oral_system, method):
    def total(amounts):
        lines = [line([1.0], amount, target=1, drug=-1) for amount in amounts]
        block = make_block("driven", [0.0, 0.0], [1.0], system=oral_system(), lines=lines, outputs=[1.0], method=method)
        block.advance(1.5)
        return block.record.y.reshape(1, 2, -1)[0, 1, 0]

    # 2^53 swallows a one that is there before it, and not one that comes after
    assert total([2.0**60, -(2.0**60), 7.0]) == 7.0
    assert total([7.0, 2.0**60, -(2.0**60)]) == 0.0


def test_amounts_stay_exact_over_a_thousand_doses(run, line, oral_system):
    doses = np.arange(1000.0)
    times = np.sort(np.concatenate([np.linspace(0.1, 1000.9, 57), [1.0, 500.0, 999.0]]))
    system = oral_system([10.0, 4.0, 3.01, 30.0] * 4, [0.2, 1.0, 3.0, 0.05] * 4)
    found = run([line(doses, 25.0)], times, visits=np.arange(28.0, 1000.0, 28.0), system=system)
    given = SimpleNamespace(drug="drug", amount=25.0, unit="mg", per="flat", route="oral", duration=0.0, times=doses)
    expected = concentration(system, [given], {}, times)[0].T
    assert np.abs(found - expected).max(axis=0) == pytest.approx(0.0, abs=1e-12 * expected.max())


@pytest.mark.parametrize("method", ["explicit", "fifth", "stiff"])
@pytest.mark.parametrize("duration", [0.25, 1.0, 1.7, 3.5])
def test_infusions_may_outlast_their_interval(run, line, oral_system, duration, method):
    doses = np.arange(6.0)
    times = np.linspace(0.0, 12.0, 61)
    found = run([line(doses, 50.0, target=1, duration=duration)], times, visits=[2.5, 3.0], method=method)[:, 0]
    expected = closed_form(oral_system(KA, KE), times, ("infusion", 50.0, duration, doses))
    assert found == pytest.approx(expected, abs=1e-12 * expected.max())


def test_infusion_of_no_length_is_a_bolus(run, line):
    times = np.linspace(0.0, 3.0, 13)
    given = run([line([0.5, 1.0], 50.0, target=1, duration=0.0)], times)
    short = run([line([0.5, 1.0], 50.0, target=1, duration=1e-9)], times)
    inside = ~np.isin(times, [0.5, 1.0])
    assert given[inside] == pytest.approx(short[inside], rel=1e-7)


def test_long_infusion_settles_at_rate_over_clearance(run, line):
    # clearance 24 L/day, 240 a day
    found = run([line([0.0], 240.0 * 30.0, target=1, duration=30.0)], [29.9, 30.0 + 5.0])
    assert found[0] == pytest.approx(10.0, rel=1e-12)
    assert found[1] == pytest.approx(10.0 * np.exp(-5 * KE), rel=1e-12)


def test_states_take_infusions(make_block, line, oral_system):
    lines = [line([1.0], 6.0, target=1, drug=-1, duration=2.0), line([2.0], 3.0, target=1, drug=-1, duration=2.0)]
    times = np.arange(7.0)
    for method in ("explicit", "stiff"):
        block = make_block("driven", [0.0, 0.0], [1.0], system=oral_system(), lines=lines, outputs=times, method=method)
        block.advance(6.0)
        block.finish()
        assert block.record.y.reshape(7, 2, -1)[:, 1, 0] == pytest.approx([0, 1, 5, 10.5, 13, 14, 15], rel=1e-12)


def test_lag_moves_the_entry(run, line, oral_system):
    lags = np.linspace(0.0, 0.45, LANES)
    times = np.array([0.2, 0.5, 1.5, 2.0, 3.0])
    found = run([line([0.0, 1.0], 100.0, lag=lags)], times)
    for lane, lag in enumerate(lags):
        expected = closed_form(oral_system(KA, KE), times - lag, ("oral", 100.0, 0.0, np.array([0.0, 1.0])))
        assert found[:, lane] == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_what_was_taken_before_the_stop_still_enters(make_block, oral_system, line):
    lines = [line([0.9, 1.0, 1.1, 5.0], 100.0, target=1, lag=0.5), line([1.0, 2.0], 7.0, target=1, drug=-1)]
    block = make_block("driven", [0.0, 0.0], [1.0], system=oral_system(KA, KE), lines=lines)
    block.advance(1.0)
    chosen = np.arange(LANES) < 8
    block.stop_dosing(chosen)
    block.stop_dosing(chosen)  # once more changes nothing
    block.advance(7.0)
    amounts = block.concentrations()
    first = 10.0 * np.exp(-KE * (7.0 - 1.4))
    rest = sum(10.0 * np.exp(-KE * (7.0 - time)) for time in (1.5, 1.6, 5.5))
    assert amounts[chosen] == pytest.approx(first, rel=1e-12)
    assert amounts[~chosen] == pytest.approx(first + rest, rel=1e-12)
    totals = block.state.y.reshape(2, -1)[1]
    assert totals[chosen] == pytest.approx(7.0)
    assert totals[~chosen] == pytest.approx(21.0)


def test_a_course_ends_at_its_day_and_can_be_given_again(make_block, oral_system, line):
    lines = [line(np.arange(8.0), 7.0, target=1, drug=-1), line(np.arange(8.0), 100.0, target=1, lag=0.5)]
    block = make_block("driven", [0.0, 0.0], [1.0], system=oral_system(KA, KE), lines=lines)
    chosen = np.arange(LANES) < 8
    for now, until in ((0.0, 2.0), (1.0, 3.0), (3.0, 3.0), (5.0, 6.5)):
        block.advance(now)
        ends = np.stack([np.where(chosen, until, -np.inf), np.where(chosen, np.inf, 2.0)])
        block.scale_doses(np.ones((2, LANES)), ends)
    block.advance(8.0)
    totals = block.state.y.reshape(2, -1)[1] - 8.0  # the state itself grows by 1 a day
    assert totals[chosen] == pytest.approx(7.0 * 5)  # days 0, 1, 2, 5 and 6
    assert totals[~chosen] == pytest.approx(0.0)
    amounts = block.concentrations()
    kept = [sum(10.0 * np.exp(-KE * (7.5 - day)) for day in range(last)) for last in (8, 2)]
    assert amounts[chosen] == pytest.approx(kept[0], rel=1e-11)
    assert amounts[~chosen] == pytest.approx(kept[1], rel=1e-11)


def test_a_held_dose_that_lags_does_not_hide_the_next(make_block, oral_system, line):
    block = make_block(
        "driven", [0.0, 0.0], [1.0], system=oral_system(KA, KE), lines=[line([0.8, 1.0, 1.2], 100.0, target=1, lag=0.5)]
    )
    block.scale_doses(np.zeros((1, LANES)))
    block.advance(1.0)
    block.scale_doses(np.full((1, LANES), 0.5))
    block.advance(3.0)
    expected = sum(5.0 * np.exp(-KE * (3.0 - time)) for time in (1.5, 1.7))
    assert block.concentrations() == pytest.approx(expected, rel=1e-12)


def test_running_infusion_ends_as_planned_when_dosing_stops(run, make_block, oral_system, line):
    block = make_block(
        "driven", [0.0, 0.0], [1.0], system=oral_system(KA, KE), lines=[line([0.5, 3.0], 24.0, target=1, duration=1.0)]
    )
    block.advance(1.0)
    block.stop_dosing(np.ones(LANES, dtype=bool))
    block.advance(4.0)
    expected = closed_form(oral_system(KA, KE), [4.0], ("infusion", 24.0, 1.0, np.array([0.5])))
    assert block.concentrations() == pytest.approx(expected[0], rel=1e-11)


def test_lanes_without_doses_are_those_of_an_arm_without(make_block, oral_system, line):
    dosed = make_block("driven", [1.0, 0.0], [1.0], system=oral_system(), lines=[line([2.0, 3.0], 100.0)])
    chosen = np.arange(LANES) % 2 == 0
    dosed.advance(1.0)
    dosed.stop_dosing(chosen)
    plain = make_block("driven", [1.0, 0.0], [1.0], system=oral_system())
    plain.advance(1.0)
    for block in (dosed, plain):
        block.advance(5.0)
    assert np.array_equal(dosed.state.y.reshape(2, -1)[:, chosen], plain.state.y.reshape(2, -1)[:, chosen])
    assert (dosed.state.y.reshape(2, -1)[0, ~chosen] > plain.state.y.reshape(2, -1)[0, ~chosen]).all()


def test_doses_before_the_start_are_not_given(make_block, oral_system, line):
    lines = [line([0.0, 4.0, 5.0], 100.0, target=1), line([0.0, 1.0], 100.0, target=1, duration=10.0)]
    block = make_block("driven", [0.0, 0.0], [1.0], system=oral_system(KA, KE), lines=lines, start=4.5)
    block.advance(6.0)
    assert block.concentrations() == pytest.approx(10.0 * np.exp(-KE), rel=1e-12)


@pytest.mark.parametrize("gap", [0.0, 1e-9, 1e-5, 3e-4])
def test_meeting_rates_through_the_exponential(run, line, oral_system, gap):
    times = np.linspace(0.0, 5.0, 51)
    rates = np.where(np.arange(LANES) % 2 == 0, KE * (1.0 + gap), 10.0)
    found = run([line([0.0, 2.0], 100.0)], times, system=oral_system(rates, KE))

    def single(t, ka):
        after = np.maximum(t, 0.0)
        if abs(ka - KE) < 1e-3:  # series in the gap, exact to its square
            return (t >= 0) * 10.0 * ka * after * np.exp(-KE * after) * (1.0 - (ka - KE) * after / 2.0)
        return (t >= 0) * 10.0 * ka / (ka - KE) * (np.exp(-KE * after) - np.exp(-ka * after))

    for lane in (0, 1):
        expected = single(times, rates[lane]) + single(times - 2.0, rates[lane])
        assert found[:, lane] == pytest.approx(expected, abs=max(1e-12, 3 * gap**2) * expected.max())
        assert (found[:, lane::2] == found[:, [lane]]).all()


def test_meeting_rates_leave_the_neighbours_alone(run, line, oral_system):
    times = np.linspace(0.0, 3.0, 31)
    rates = np.full(LANES, 10.0)
    plain = run([line([0.0, 1.0], 100.0)], times, system=oral_system(rates, KE))
    rates[4] = KE
    mixed = run([line([0.0, 1.0], 100.0)], times, system=oral_system(rates, KE))
    others = np.arange(LANES) != 4
    assert np.array_equal(mixed[:, others], plain[:, others])


def test_drug_that_is_never_cleared(run, line, oral_system):
    # an eigenvalue of zero has no steady concentration to lean on
    found = run(
        [line([0.0, 1.0, 2.0], 100.0), line([1.0], 50.0, target=1, duration=2.0)],
        [0.0, 9.0],
        system=oral_system(KA, 0.0),
    )
    assert found[1] == pytest.approx(35.0, rel=1e-12)


@pytest.mark.parametrize("method", ["explicit", "fifth", "stiff"])
def test_cells_are_dosed_into_their_logarithm(make_block, line, method):
    lines = [
        line([2.0], 1e6, drug=-1, target=0),
        line([3.0], 1e6, drug=-1, target=1),
        line([4.0], 0.0, drug=-1, target=1),
    ]
    block = make_block(
        "clones", [1e6, 0.0], [-0.5, 0.0, 0.1, 0.0, 0.0], lines=lines, below=[1.0, 1.0], rtol=1e-9, method=method
    )
    block.advance(5.0)
    found = np.exp(block.state.y.reshape(2, -1)[:, 0])
    assert (block.state.present == 1.0).all()
    assert found == pytest.approx([1e6 * (np.exp(-2.5) + np.exp(-1.5)), 1e6 * np.exp(0.2)], rel=1e-7)


@pytest.mark.parametrize("method", ["explicit", "fifth", "stiff"])
def test_cells_are_infused_into_their_logarithm(make_block, line, method):
    lines = [line([1.0], 4e5, drug=-1, target=0, duration=2.0)]
    block = make_block(
        "clones", [1e6, 0.0], [0.2, 0.0, 0.1, 0.0, 0.0], lines=lines, below=[1.0, 1.0], rtol=1e-9, method=method
    )
    block.advance(4.0)
    expected = 1e6 * np.exp(0.8) + 2e5 / 0.2 * (np.exp(0.6) - np.exp(0.2))
    assert np.exp(block.state.y[:LANES]) == pytest.approx(expected, rel=1e-7)
    assert (block.state.inflow == 0.0).all()


def test_nothing_is_dosed_into_an_absent_clone_by_a_dose_of_none(make_block, line):
    lines = [line([1.0], 0.0, drug=-1, target=1)]
    block = make_block("clones", [1e6, 0.0], [0.1, 0.0, 0.1, 0.0, 0.0], lines=lines, below=[1.0, 1.0])
    block.advance(4.0)
    assert (block.failed == 0).all()
    assert (block.state.present.reshape(2, -1)[1] == 0.0).all()
