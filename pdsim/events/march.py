"""Leads patients through their timelines; those to whom the same happens at the same times go together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import NamedTuple, Protocol

import numpy as np

from pdsim.dosing.timeline import BOLUS, INFLOW, PARAMS, RESET, ROW, STEADY, Doses, Op, timeline
from pdsim.events.closed import ClosedCourse
from pdsim.events.cycle import Arrival, Cycle, cycle


class Course(Protocol):
    """What a timeline is applied to: `OdeCourse` or `ClosedCourse`."""

    time: float
    patients: int
    reasons: dict[int, str]

    @property
    def failed(self) -> np.ndarray: ...
    @property
    def states(self) -> np.ndarray: ...
    def set_params(self, params: np.ndarray) -> None: ...
    def reset(self, time: float) -> None: ...
    def add(self, target: int, amounts: np.ndarray) -> None: ...
    def set_inflow(self, target: int, rates: np.ndarray) -> None: ...
    def advance(self, stop: float, at: Sequence[float] | np.ndarray = ()) -> np.ndarray: ...
    def settle(self, cycle: Cycle, added: bool) -> None: ...


class Group(NamedTuple):
    """Patients to whom the same happens at the same times.

    patients : places among all; rows : (patient, number) places of their rows in the table; ops : what happens;
    values : (op, patient) amounts and rates
    """

    patients: np.ndarray
    rows: np.ndarray
    ops: list[Op]
    values: np.ndarray


def groups(
    rows: Sequence[np.ndarray], doses: Doses, changed: np.ndarray, carried_forward: bool, most: int
) -> Iterator[Group]:
    """Gather patients whose records differ in amounts and rates alone, at most so many in a group.

    Parameters
    ----------
    rows : sequence of array
        Rows of each patient.
    doses : Doses
        Of the whole table.
    changed : array of bool, (row,)
        Rows whose parameters differ from those of the row before.
    carried_forward : bool
        See `timeline`.
    most : int
    """
    for places in _alike(rows, doses, changed):
        own = rows[places[0]]
        ops = timeline(Doses(*(column[own] for column in doses)), changed[own], carried_forward)
        for first in range(0, len(places), most):
            some = np.array(places[first : first + most])
            table = _table([rows[patient] for patient in some])
            yield Group(some, table, ops, _values(ops, table, doses))


def _table(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of patients side by side, (patient, number); those of each are as many."""
    length, first = len(rows[0]), int(rows[0][0]) if len(rows[0]) else 0
    ends = [(own[0], own[-1]) for own in rows] if length else []
    if all(a == first + i * length and b == a + length - 1 for i, (a, b) in enumerate(ends)) and length:
        return np.arange(first, first + len(rows) * length).reshape(len(rows), length)
    return np.array(rows)


def _alike(rows: Sequence[np.ndarray], doses: Doses, changed: np.ndarray) -> list[list[int]]:
    """Patients by design: what their records say beside amounts and rates."""
    acts = doses.given | changed | (doses.evid > 2)
    said = [doses.evid, doses.target, doses.duration, doses.lag, doses.interval, doses.further, doses.steady, changed]
    acting = np.flatnonzero(acts)
    columns = [column[acting] for column in said]
    columns += [doses.rate[acting] > 0.0, doses.amount[acting] > 0.0]
    # a column of one value tells no patients apart
    telling = [column for column in columns if len(column) and column.min() != column.max()]
    if _all_alike(rows, doses.time, acts, acting, telling):
        return [list(range(len(rows)))]
    design = np.stack([acting, *telling], axis=1, dtype=float)
    found: dict[tuple[bytes, ...], list[int]] = {}
    last: tuple[bytes, ...] = ()
    same: list[int] = []
    for patient, own in enumerate(rows):
        first, end = (own[0], own[-1] + 1) if len(own) else (0, 0)
        whole = slice(first, end) if end - first == len(own) else own
        if isinstance(whole, slice):
            a, b = np.searchsorted(acting, (first, end))
            key = (doses.time[whole].tobytes(), (acting[a:b] - first).tobytes(), design[a:b, 1:].tobytes())
        else:
            numbers = np.flatnonzero(acts[own])
            key = (
                doses.time[own].tobytes(),
                numbers.tobytes(),
                design[np.searchsorted(acting, own[numbers])].tobytes(),
            )
        if key != last:  # to compare with the patient before costs less than to look the design up
            same, last = found.setdefault(key, []), key
        same.append(patient)
    return list(found.values())


def _all_alike(
    rows: Sequence[np.ndarray], time: np.ndarray, acts: np.ndarray, acting: np.ndarray, telling: list[np.ndarray]
) -> bool:
    """Whether all patients, one behind the other in the table, have one design: the usual one of a virtual trial."""
    count = len(rows)
    length = len(rows[0]) if count else 0
    ordered = all(len(own) == length and own[0] == i * length == own[-1] + 1 - length for i, own in enumerate(rows))
    if not (ordered and count and len(acting) % count == 0):
        return False
    blocks = [time.reshape(count, -1), acts.reshape(count, -1)]
    blocks += [column.reshape(count, -1) for column in telling] if len(acting) else []
    return all(bool((block == block[0]).all()) for block in blocks)


def _values(ops: Sequence[Op], rows: np.ndarray, doses: Doses) -> np.ndarray:
    """Amounts and rates that the ops speak of, (op, patient)."""
    values = np.zeros((len(ops), len(rows)))
    for at, op in enumerate(ops):
        for source in op.sources:
            own = rows[:, source]
            if op.kind == BOLUS:
                values[at] = doses.amount[own]
            elif op.kind == STEADY:
                values[at] = np.where(doses.rate[own] > 0.0, doses.rate[own], doses.amount[own])
            else:
                values[at] += doses.rate[own]
    return values


def march(course: Course, group: Group, params: np.ndarray, day: float, out: np.ndarray) -> None:
    """Lead the patients of a group through their timeline.

    Parameters
    ----------
    course : Course
    group : Group
    params : array, (row, param)
        Of the whole table.
    day : float
        A day in the model's time unit: the interval over which a constant infusion must change nothing.
    out : array, (row, state)
        Of the whole table; gets the states as they are when each row is reported.
    """
    ops = group.ops
    at = 0
    while at < len(ops):
        op = ops[at]
        if isinstance(course, ClosedCourse) and op.kind in (BOLUS, INFLOW, ROW):
            end = next((i for i in range(at, len(ops)) if ops[i].kind not in (BOLUS, INFLOW, ROW)), len(ops))
            course.follow(ops[at:end], group.values[at:end], group.rows, out)
            at = end
            continue
        if op.kind != RESET and op.time > course.time:
            ahead, stop = _rows_ahead(ops, at)
            passed = course.advance(stop, at=[row.time for row in ahead])
            out[group.rows[:, [row.target for row in ahead]].T] = passed
            at += len(ahead)
            continue
        if op.kind == ROW:
            out[group.rows[:, op.target]] = course.states
        else:
            _apply(course, op, group.values[at], params, group.rows, day)
        at += 1


def _rows_ahead(ops: Sequence[Op], at: int) -> tuple[list[Op], float]:
    """Rows that are passed before anything else happens, and where to stop: at that, or at the last row."""
    end = at
    while end < len(ops) and ops[end].kind == ROW:
        end += 1
    ends_here = end == len(ops) or ops[end].kind == RESET
    stop = ops[end - 1].time if ends_here else ops[end].time
    return [op for op in ops[at:end] if op.time < stop], stop


def _apply(course: Course, op: Op, values: np.ndarray, params: np.ndarray, rows: np.ndarray, day: float) -> None:
    if op.kind == PARAMS:
        course.set_params(params[rows[:, op.target]])
    elif op.kind == RESET:
        course.reset(op.time)
    elif op.kind == BOLUS:
        course.add(op.target, values)
    elif op.kind == INFLOW:
        course.set_inflow(op.target, values)
    elif op.kind == STEADY and op.train is not None:
        train = op.train
        constant = train.duration == inf
        period = day if constant else train.period
        arrival = Arrival(0.0 if constant else train.first, op.target, train.duration, values)
        course.settle(cycle([arrival], period, course.patients, course.states.shape[1]), train.added)
