"""What happens to one patient of an event table, in order: doses, infusions, resets, steady states, rows to report.

The order at one instant is that of NONMEM: additional and lagged doses that fall on a record come before it, then the
records in their own order; a record's parameters hold for it.
"""

from __future__ import annotations

import heapq
from itertools import count
from math import ceil, floor, inf
from typing import NamedTuple

import numpy as np

PARAMS, BOLUS, INFLOW, ROW, RESET, STEADY = "params", "bolus", "inflow", "row", "reset", "steady"

_NEAR = 1e-10  # of the largest time: a dose this close to a record falls on it, for II = 0.1 has no exact multiples


class Doses(NamedTuple):
    """The records of one patient with bioavailability, lag and modelled rates worked in; every array is (row,).

    `given` marks doses. `amount` has the bioavailability in it; `rate` 0 is a bolus, else it lasts `duration`, infinite
    for a constant infusion at steady state.
    """

    time: np.ndarray
    evid: np.ndarray
    given: np.ndarray
    target: np.ndarray
    amount: np.ndarray
    rate: np.ndarray
    duration: np.ndarray
    lag: np.ndarray
    interval: np.ndarray
    further: np.ndarray
    steady: np.ndarray


class Train(NamedTuple):
    """An infinite train of equal doses that has run until a record.

    `first` is the time from the record to the train's next arrival, from 0 to below `period`; `added` leaves what is
    there in place (SS = 2).
    """

    period: float
    first: float
    duration: float
    added: bool


class Op(NamedTuple):
    """One thing to do at a time.

    `kind` is one of
    ``params`` use the parameters of row `target` from here on;
    ``bolus`` add `value` to state `target`;
    ``inflow`` infuse into state `target` at rate `value` from here on;
    ``row`` report row `target`;
    ``reset`` put the states at their entry values and the clock at `time`;
    ``steady`` bring in the train of doses of `value` (amount, or rate of an infusion) into state `target`.
    `sources` are the records whose amount, or rates, add up to the value.
    """

    kind: str
    time: float
    target: int
    value: float = 0.0
    train: Train | None = None
    sources: tuple[int, ...] = ()


def timeline(doses: Doses, changed: np.ndarray, carried_forward: bool = False) -> list[Op]:
    """Expand one patient's records.

    Parameters
    ----------
    doses : Doses
        Checked: times ascend between resets, lags and durations are not negative.
    changed : array of bool, (row,)
        Rows whose parameters differ from those of the row before.
    carried_forward : bool
        A row's parameters hold from it to the next row; else, as in NONMEM, from the row before it to itself.
    """
    line = _Timeline(doses)
    # most rows only report: plain lists and a short way for them take a third of the time
    resets = ((doses.evid == 3) | (doses.evid == 4)).tolist()
    quiet = (~(np.asarray(resets, dtype=bool) | doses.given | changed)).tolist()
    times, ops, pending = doses.time.tolist(), line.ops, line.pending
    for row, time in enumerate(times):
        if quiet[row] and row and not (pending and pending[0][0] <= time + line.near):
            line.now = time
            ops.append(Op(ROW, time, row))
            continue
        reset = row == 0 or resets[row]
        if not reset:
            if changed[row] and not carried_forward:
                line.put(PARAMS, row)
            line.reach(time)
        if row == 0 or (changed[row] and (reset or carried_forward)):
            line.put(PARAMS, row)
        if reset:
            line.reset(time)
        if doses.given[row]:
            line.give(row)
        line.put(ROW, row)
    return ops


class _Timeline:
    def __init__(self, doses: Doses) -> None:
        self.doses = doses
        self.ops: list[Op] = []
        self.now = float(doses.time[0]) if len(doses.time) else 0.0
        self.last = float(doses.time.max(initial=-inf))
        self.near = _NEAR * float(np.abs(doses.time).max(initial=0.0))
        self.pending: list[tuple[float, int, int, int]] = []  # time, order, row, infusion to end (or -1: a dose)
        self.running: dict[int, dict[int, int]] = {}  # state -> infusion -> record
        self.order = count()

    def put(
        self, kind: str, target: int, value: float = 0.0, train: Train | None = None, sources: tuple[int, ...] = ()
    ) -> None:
        self.ops.append(Op(kind, self.now, target, value, train, sources))

    def reset(self, time: float) -> None:
        self.pending.clear()
        self.running.clear()
        self.now = time
        self.put(RESET, -1)

    def reach(self, time: float) -> None:
        """Do what is due up to `time`, and what is due within rounding of it at `time` itself."""
        while self.pending and self.pending[0][0] <= time + self.near:
            due, _, row, infusion = heapq.heappop(self.pending)
            self.now = time if due > time - self.near else max(due, self.now)
            if infusion < 0:
                self.arrive(row)
            else:
                self.end(row, infusion)
        self.now = time

    def wait(self, time: float, row: int, infusion: int = -1) -> None:
        if time <= self.last + self.near:  # what comes after the last record is never seen
            heapq.heappush(self.pending, (time, next(self.order), row, infusion))

    def give(self, row: int) -> None:
        """Give the dose of a record: at once, later, again and again, or as if it had always been given."""
        doses = self.doses
        lag, period, further = float(doses.lag[row]), float(doses.interval[row]), int(doses.further[row])
        missed = 0
        if doses.steady[row]:
            missed = self.settle(row, lag, period)
            if doses.duration[row] == inf:
                return
        for turn in range(-missed, 1):
            if lag + turn * period <= self.near:
                self.arrive(row)
            else:
                self.wait(self.now + lag + turn * period, row)
        if further:
            seen = floor((self.last + self.near - self.now - lag) / period)
            for turn in range(1, min(further, seen) + 1):
                self.wait(self.now + lag + turn * period, row)

    def arrive(self, row: int) -> None:
        doses = self.doses
        target = int(doses.target[row])
        if doses.rate[row] > 0.0 and doses.duration[row] > 0.0:
            self.infuse(row, float(doses.duration[row]))
            self.flow(target)
        elif doses.amount[row] > 0.0:
            self.put(BOLUS, target, float(doses.amount[row]), sources=(row,))

    def infuse(self, row: int, left: float) -> None:
        infusion = next(self.order)
        self.running.setdefault(int(self.doses.target[row]), {})[infusion] = row
        self.wait(self.now + left, row, infusion)

    def end(self, row: int, infusion: int) -> None:
        target = int(self.doses.target[row])
        if self.running.get(target, {}).pop(infusion, None) is not None:
            self.flow(target)

    def flow(self, target: int) -> None:
        rows = tuple(self.running.get(target, {}).values())
        self.put(INFLOW, target, float(sum(self.doses.rate[row] for row in rows)), sources=rows)

    def settle(self, row: int, lag: float, period: float) -> int:
        """Bring in the train behind a record; return how many of its doses, given earlier, are yet to arrive."""
        doses = self.doses
        duration, added = float(doses.duration[row]), doses.steady[row] == 2
        target = int(doses.target[row])
        stopped = [] if added else [state for state, rates in self.running.items() if rates]
        if not added:
            self.pending.clear()
            self.running.clear()
        value = float(doses.rate[row] if doses.rate[row] > 0.0 else doses.amount[row])
        missed = 0
        if duration == inf:
            self.put(STEADY, target, value, Train(0.0, 0.0, inf, added), (row,))
        else:
            missed = floor(lag / period * (1.0 + 1e-12))
            first = max(lag - missed * period, 0.0)
            self.put(STEADY, target, value, Train(period, first, duration, added), (row,))
            since = period - first  # since the train's last arrival
            for turn in range(ceil((duration - since) / period)):
                if duration - since - turn * period > self.near:
                    self.infuse(row, duration - since - turn * period)
        for state in dict.fromkeys([*stopped, *([target] if self.running.get(target) else [])]):
            self.flow(state)
        return missed
