"""Leads patients through their timelines; those to whom the same happens at the same times go together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import NamedTuple, Protocol

import numpy as np

from pdsim.dosing.timeline import BOLUS, INFLOW, PARAMS, RESET, ROW, STEADY, Op
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
    """Patients with one timeline: their places, its ops, and each op's values (op, patient)."""

    patients: np.ndarray
    ops: list[Op]
    values: np.ndarray


def groups(timelines: Sequence[Sequence[Op]], most: int) -> Iterator[Group]:
    """Gather patients whose timelines differ in amounts and rates alone, at most so many in a group."""
    alike: dict[tuple, list[int]] = {}
    for patient, ops in enumerate(timelines):
        alike.setdefault(tuple(op._replace(value=0.0) for op in ops), []).append(patient)
    for places in alike.values():
        for first in range(0, len(places), most):
            some = places[first : first + most]
            values = np.array([[op.value for op in timelines[patient]] for patient in some]).T
            yield Group(np.array(some), list(timelines[some[0]]), values)


def march(course: Course, group: Group, params: np.ndarray, day: float) -> np.ndarray:
    """Lead the patients of a group through their timeline.

    Parameters
    ----------
    course : Course
    group : Group
    params : array, (patient, row, param)
    day : float
        A day in the model's time unit: the interval over which a constant infusion must change nothing.

    Returns
    -------
    array, (row, patient, state)
        States as they are when each row is reported.
    """
    ops = group.ops
    size = course.states.shape[1]
    out = np.full((params.shape[1], course.patients, size), np.nan)
    at = 0
    while at < len(ops):
        op = ops[at]
        if op.kind != RESET and op.time > course.time:
            ahead, stop = _rows_ahead(ops, at)
            passed = course.advance(stop, at=[row.time for row in ahead])
            out[[row.target for row in ahead]] = passed
            at += len(ahead)
            continue
        if op.kind == ROW:
            out[op.target] = course.states
        else:
            _apply(course, op, group.values[at], params, day)
        at += 1
    return out


def _rows_ahead(ops: Sequence[Op], at: int) -> tuple[list[Op], float]:
    """Rows that are passed before anything else happens, and where to stop: at that, or at the last row."""
    end = at
    while end < len(ops) and ops[end].kind == ROW:
        end += 1
    ends_here = end == len(ops) or ops[end].kind == RESET
    stop = ops[end - 1].time if ends_here else ops[end].time
    return [op for op in ops[at:end] if op.time < stop], stop


def _apply(course: Course, op: Op, values: np.ndarray, params: np.ndarray, day: float) -> None:
    if op.kind == PARAMS:
        course.set_params(params[:, op.target])
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
