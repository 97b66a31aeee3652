"""Leads patients through their timelines; those to whom the same happens at the same times go together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from math import inf
from typing import NamedTuple

import numpy as np

from pdsim.dosing.timeline import BOLUS, INFLOW, PARAMS, RESET, ROW, STEADY, Doses, Op, timeline
from pdsim.events.closed import KINDS, ClosedCourse, Stretch
from pdsim.events.course import OdeCourse
from pdsim.events.cycle import Arrival, cycle
from pdsim.events.values import ParameterSets

Course = OdeCourse | ClosedCourse


class Group(NamedTuple):
    """Patients to whom the same happens at the same times.

    patients : places among all; first : where the rows of each begin in the table, (patient,); ops : what happens;
    stretches : the same as `ClosedCourse` reads it; places : of amounts and rates among `values`, (op,), -1 for none;
    values : amounts and rates (value, patient)
    """

    patients: np.ndarray
    first: np.ndarray
    ops: list[Op]
    stretches: dict[int, Stretch]
    places: np.ndarray
    values: np.ndarray

    def rows(self, numbers: int | Sequence[int]) -> np.ndarray:
        """Rows of all patients by their numbers among the patient's own, (patient,) or (number, patient)."""
        return np.add.outer(np.asarray(numbers, dtype=np.int64), self.first)


def groups(starts: np.ndarray, doses: Doses, changed: np.ndarray, carried_forward: bool, most: int) -> list[Group]:
    """Gather patients whose records differ in amounts and rates alone, at most so many in a group.

    Parameters
    ----------
    starts : array of int, (patient + 1,)
        Where the rows of each patient begin, and where those of the last end.
    doses : Doses
        Of the whole table.
    changed : array of bool, (row,)
        Rows whose parameters differ from those of the row before.
    carried_forward : bool
        See `timeline`.
    most : int
    """
    found = []
    for patients in _alike(starts, doses, changed):
        own = slice(starts[patients[0]], starts[patients[0] + 1])
        ops = timeline(Doses(*(column[own] for column in doses)), changed[own], carried_forward)
        valued = [at for at, op in enumerate(ops) if op.kind in (BOLUS, INFLOW, STEADY)]
        places = np.full(len(ops), -1)
        places[valued] = np.arange(len(valued))
        stretches = _stretches(ops, places)
        for begin in range(0, len(patients), most):
            some = patients[begin : begin + most]
            values = _values([ops[at] for at in valued], starts[some], doses)
            found.append(Group(some, starts[some], ops, stretches, places, values))
    return found


def _stretches(ops: Sequence[Op], places: np.ndarray) -> dict[int, Stretch]:
    """Ops that a closed form does in one go, by the place of the first."""
    found = {}
    begin = 0
    for one_go, some in groupby(ops, lambda op: op.kind in KINDS):
        part = list(some)
        if one_go:
            found[begin] = Stretch.of(part, places[begin : begin + len(part)])
        begin += len(part)
    return found


def _alike(starts: np.ndarray, doses: Doses, changed: np.ndarray) -> list[np.ndarray]:
    """Patients by design: what their records say beside amounts and rates."""
    acts = doses.given | changed | (doses.evid > 2)
    said = [doses.evid, doses.target, doses.duration, doses.lag, doses.interval, doses.further, doses.steady, changed]
    acting = np.flatnonzero(acts)
    columns = [column[acting] for column in said]
    columns += [doses.rate[acting] > 0.0, doses.amount[acting] > 0.0]
    # a column of one value tells no patients apart
    telling = [column for column in columns if len(column) and column.min() != column.max()]
    if _all_alike(starts, doses.time, acts, telling):
        return [np.arange(len(starts) - 1)]
    design = np.stack([acting, *telling], axis=1, dtype=float)
    ends = np.searchsorted(acting, starts)
    found: dict[tuple[bytes, ...], list[int]] = {}
    last: tuple[bytes, ...] = ()
    same: list[int] = []
    for patient, (first, end) in enumerate(pairwise(starts.tolist())):
        a, b = ends[patient : patient + 2]
        key = doses.time[first:end].tobytes(), (acting[a:b] - first).tobytes(), design[a:b, 1:].tobytes()
        if key != last:  # to compare with the patient before costs less than to look the design up
            same, last = found.setdefault(key, []), key
        same.append(patient)
    return [np.array(patients) for patients in found.values()]


def _all_alike(starts: np.ndarray, time: np.ndarray, acts: np.ndarray, telling: list[np.ndarray]) -> bool:
    """Whether all patients have one design: the usual one of a virtual trial."""
    count, lengths = len(starts) - 1, np.diff(starts)
    if not count or (lengths != lengths[0]).any():
        return False
    blocks = [time.reshape(count, -1), acts.reshape(count, -1)]
    if not all((block == block[0]).all() for block in blocks):
        return False
    blocks = [column.reshape(count, -1) for column in telling]
    return all(bool((block == block[0]).all()) for block in blocks)


def _values(ops: Sequence[Op], first: np.ndarray, doses: Doses) -> np.ndarray:
    """Amounts and rates that ops speak of, (op, patient); rows of each patient begin at `first` (patient,)."""
    values = np.zeros((len(ops), len(first)))
    for at, op in enumerate(ops):
        for source in op.sources:
            own = first + source
            if op.kind == BOLUS:
                values[at] = doses.amount[own]
            elif op.kind == STEADY:
                values[at] = np.where(doses.rate[own] > 0.0, doses.rate[own], doses.amount[own])
            else:
                values[at] += doses.rate[own]
    return values


def march(course: Course, group: Group, sets: ParameterSets, day: float, out: np.ndarray) -> None:
    """Lead the patients of a group through their timeline.

    Parameters
    ----------
    course : Course
    group : Group
    sets : ParameterSets
        Of the whole table.
    day : float
        A day in the model's time unit: the interval over which a constant infusion must change nothing.
    out : array, (column, row)
        Of the whole table; gets the states, or of a `ClosedCourse` what it was asked for, as they are when each row
        is reported.
    """
    ops, places = group.ops, group.places
    at = 0
    while at < len(ops):
        op = ops[at]
        if isinstance(course, ClosedCourse) and at in group.stretches:
            stretch = group.stretches[at]
            course.follow(stretch, group.values, out)
            at += len(stretch.kinds)
            continue
        if op.kind != RESET and op.time > course.time:
            at += _go_on(course, group, at, out)
            continue
        if op.kind == ROW:
            out[:, group.rows(op.target)] = course.states.T
        else:
            _apply(course, op, group, places[at], sets, day)
        at += 1


def _go_on(course: Course, group: Group, at: int, out: np.ndarray) -> int:
    """Go to the next op, or over some rows; return how many ops are done."""
    if isinstance(course, ClosedCourse):
        course.advance(group.ops[at].time)
        return 0
    ahead, stop = _rows_ahead(group.ops, at)
    passed = course.advance(stop, at=[row.time for row in ahead])
    out[:, group.rows([row.target for row in ahead])] = np.moveaxis(passed, 2, 0)
    return len(ahead)


def _rows_ahead(ops: Sequence[Op], at: int) -> tuple[list[Op], float]:
    """Rows that are passed before anything else happens, and where to stop: at that, or at the last row."""
    end = at
    while end < len(ops) and ops[end].kind == ROW:
        end += 1
    ends_here = end == len(ops) or ops[end].kind == RESET
    stop = ops[end - 1].time if ends_here else ops[end].time
    return [op for op in ops[at:end] if op.time < stop], stop


def _apply(course: Course, op: Op, group: Group, place: int, sets: ParameterSets, day: float) -> None:
    if op.kind == PARAMS:
        course.set_params(sets.at(group.rows(op.target)))
        return
    if op.kind == RESET:
        course.reset(op.time)
        return
    values = group.values[place]
    if op.kind == BOLUS and isinstance(course, OdeCourse):
        course.add(op.target, values)
    elif op.kind == INFLOW and isinstance(course, OdeCourse):
        course.set_inflow(op.target, values)
    elif op.kind == STEADY and op.train is not None:
        train = op.train
        constant = train.duration == inf
        period = day if constant else train.period
        arrival = Arrival(0.0 if constant else train.first, op.target, train.duration, values)
        course.settle(cycle([arrival], period, course.patients, course.states.shape[1]), train.added)
