"""Order of doses, infusions and records at one instant, and what resets and steady states do to what is pending."""

from __future__ import annotations

import numpy as np
import pytest

from pdsim.dosing.timeline import BOLUS, INFLOW, PARAMS, RESET, ROW, STEADY, Doses, timeline

NAMES = ("amount", "rate", "duration", "lag", "interval")


def _ops(rows, changed=None, carried_forward=False):
    """Ops of records given as dicts; amounts go to state 0."""
    columns = {name: np.array([float(row.get(name, 0.0)) for row in rows]) for name in NAMES}
    doses = Doses(
        time=np.array([float(row["time"]) for row in rows]),
        evid=np.array([row.get("evid", 0) for row in rows]),
        given=np.array([row.get("evid", 0) in (1, 4) for row in rows]),
        target=np.zeros(len(rows), dtype=int),
        further=np.array([row.get("further", 0) for row in rows]),
        steady=np.array([row.get("steady", 0) for row in rows]),
        **columns,
    )
    none = np.zeros(len(rows), dtype=bool)
    return timeline(doses, none if changed is None else np.array(changed), carried_forward)


def _short(ops):
    return [(op.kind, op.time, op.value) if op.kind in (BOLUS, INFLOW) else (op.kind, op.time, op.target) for op in ops]


def test_further_doses_come_before_the_record_they_fall_on():
    ops = _ops([{"time": 0, "evid": 1, "amount": 5, "interval": 12, "further": 2}, {"time": 12}, {"time": 30}])
    assert _short(ops) == [
        (PARAMS, 0.0, 0), (RESET, 0.0, -1), (BOLUS, 0.0, 5.0), (ROW, 0.0, 0),
        (BOLUS, 12.0, 5.0), (ROW, 12.0, 1), (BOLUS, 24.0, 5.0), (ROW, 30.0, 2),
    ]  # fmt: skip


def test_an_interval_without_exact_multiples_still_falls_on_the_record():
    ops = _ops([{"time": 0, "evid": 1, "amount": 5, "interval": 0.1, "further": 9}, {"time": 0.3}, {"time": 0.7}])
    assert 3 * 0.1 != 0.3
    kinds = [(op.kind, op.time) for op in ops if op.time == 0.3]
    assert kinds == [(BOLUS, 0.3), (ROW, 0.3)]


def test_records_at_one_time_keep_their_order():
    ops = _ops([{"time": 0}, {"time": 5}, {"time": 5, "evid": 1, "amount": 1}, {"time": 5}])
    assert [op.kind for op in ops] == [PARAMS, RESET, ROW, ROW, BOLUS, ROW, ROW]


def test_infusions_overlap_and_end_in_the_sum_of_those_that_run():
    ops = _ops([
        {"time": 0, "evid": 1, "amount": 10, "rate": 0.1, "duration": 100},
        {"time": 10, "evid": 1, "amount": 4, "rate": 0.2, "duration": 20},
        {"time": 200},
    ])  # fmt: skip
    flows = [(op.time, op.value) for op in ops if op.kind == INFLOW]
    assert flows == [(0.0, 0.1), (10.0, pytest.approx(0.3)), (30.0, 0.1), (100.0, 0.0)]


def test_an_infusion_of_no_length_is_a_bolus():
    ops = _ops([{"time": 0, "evid": 1, "amount": 10, "rate": 0.0, "duration": 0.0}])
    assert (BOLUS, 0.0, 10.0) in _short(ops)


@pytest.mark.parametrize("evid", [3, 4])
def test_a_reset_cancels_what_is_pending(evid):
    first = {"time": 0, "evid": 1, "amount": 5, "lag": 3, "interval": 12, "further": 9}
    ops = _ops([first, {"time": 1, "evid": evid, "amount": 7}, {"time": 50}])
    boluses = [(op.time, op.value) for op in ops if op.kind == BOLUS]
    assert boluses == ([(1.0, 7.0)] if evid == 4 else [])
    assert (RESET, 1.0, -1) in _short(ops)


def test_a_reset_may_set_the_clock_back():
    ops = _ops([{"time": 10, "evid": 1, "amount": 5}, {"time": 0, "evid": 3}, {"time": 2}])
    assert _short(ops)[-3:] == [(RESET, 0.0, -1), (ROW, 0.0, 1), (ROW, 2.0, 2)]


def test_steady_state_with_a_lag_longer_than_the_interval():
    ops = _ops([{"time": 100, "evid": 1, "amount": 5, "interval": 12, "lag": 30, "steady": 1}, {"time": 200}])
    (steady,) = [op for op in ops if op.kind == STEADY]
    assert (steady.train.period, steady.train.first, steady.train.added) == (12.0, 6.0, False)
    # the two doses before the record's own were given and have yet to arrive
    assert [op.time for op in ops if op.kind == BOLUS] == [106.0, 118.0, 130.0]


def test_steady_state_of_infusions_longer_than_the_interval():
    ops = _ops([
        {"time": 0, "evid": 1, "amount": 30, "rate": 2, "duration": 15, "interval": 6, "steady": 1},
        {"time": 100},
    ])  # fmt: skip
    flows = [(op.time, op.value) for op in ops if op.kind == INFLOW]
    # two infusions of the train still run at the record, for 3 and 9 more; its own runs for 15
    assert flows == [(0.0, 4.0), (0.0, 6.0), (3.0, 4.0), (9.0, 2.0), (15.0, 0.0)]


def test_steady_state_replaces_what_was_pending_or_adds_to_it():
    before = {"time": 0, "evid": 1, "amount": 5, "lag": 3}
    for steady, expected in ((1, []), (2, [3.0])):
        ops = _ops([before, {"time": 1, "evid": 1, "amount": 7, "interval": 12, "steady": steady}, {"time": 9}])
        assert [op.time for op in ops if op.kind == BOLUS and op.value == 5.0] == expected


def test_a_constant_infusion_ends_at_the_record():
    ops = _ops([{"time": 4, "evid": 1, "rate": 3, "duration": np.inf, "steady": 1}, {"time": 9}])
    assert [op.kind for op in ops] == [PARAMS, RESET, STEADY, ROW, ROW]


def test_parameters_are_carried_backward_or_forward():
    rows = [{"time": 0}, {"time": 1}, {"time": 2}]
    backward = [(op.time, op.target) for op in _ops(rows, [True, True, False]) if op.kind == PARAMS]
    forward = [(op.time, op.target) for op in _ops(rows, [True, True, False], True) if op.kind == PARAMS]
    assert backward == [(0.0, 0), (0.0, 1)]
    assert forward == [(0.0, 0), (1.0, 1)]


def test_a_million_further_doses_cost_nothing_that_is_not_seen():
    ops = _ops([{"time": 0, "evid": 1, "amount": 5, "interval": 1, "further": 10**6}, {"time": 3.5}])
    assert len(ops) == 8
