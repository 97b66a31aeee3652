"""Dose decisions at visits: holds, steps, limits, stops and courses, as a state machine on arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

Values = Mapping[str, np.ndarray]
Test = Callable[[Values], np.ndarray]

DECISIONS = ("hold", "resume", "reduce", "escalate", "set", "stop", "give", "end")
"""What a ledger can say was done."""

AS_PLANNED = ""  # schedule of a drug that no rule has moved
_NEAR = 1e-9  # relative; steps this close are one step


@dataclass(frozen=True)
class Order:
    """One rule on one drug, with amounts as shares of the planned ones.

    Parameters
    ----------
    rule : str
        Name in the ledger.
    drug : int
        Place of the drug.
    action : {"hold", "reduce", "escalate", "set", "limit", "stop", "give"}
    when, resume : callable
        From the values of a visit to bool (patient,).
    steps : array, (step,)
        Ladder from high to low.
    ends : bool
        The drug is stopped below the last step.
    after : int
        Holds that are resumed without a lower step.
    share : float
        Amount of ``set`` and ``limit``.
    schedule : str or None
        Days that ``set`` and ``limit`` change to; None keeps them.
    span, repeat : float
        Days for which ``give`` gives; days after which the rule acts again while it holds.
    """

    rule: str
    drug: int
    action: str
    when: Test
    resume: Test
    steps: np.ndarray
    ends: bool = False
    after: int = 0
    share: float = 1.0
    schedule: str | None = None
    span: float = 0.0
    repeat: float = np.inf


class Entry(NamedTuple):
    """One decision for some patients; the last four are arrays over them, amounts as shares of the planned one."""

    day: float
    rule: str
    drug: int
    decision: str
    patient: np.ndarray
    before: np.ndarray
    after: np.ndarray
    step: np.ndarray
    schedule: np.ndarray


class Decisions:
    """Decide on doses, visit by visit, for a block of patients.

    At a visit held drugs are resumed first; then the rules act in their order. A rule other than a hold acts when its
    condition begins to hold, and again after its `repeat`. A value that is missing triggers nothing. Stopped drugs
    stay stopped. Each instance serves one thread.

    Parameters
    ----------
    orders : sequence of Order
        In the order in which they act.
    waits : array of bool, (drug,)
        Drugs that are given in courses only.
    patients : int
        Patients of the block.

    Attributes
    ----------
    ledger : list of Entry
        Every decision, in order.
    """

    def __init__(self, orders: Sequence[Order], waits: np.ndarray, patients: int) -> None:
        drugs = len(waits)
        self.orders = tuple(orders)
        self.waits = np.asarray(waits, dtype=bool)
        self.step = np.ones((drugs, patients))
        self.schedule = np.full((drugs, patients), AS_PLANNED, dtype=object)
        self.stopped = np.zeros((drugs, patients), dtype=bool)
        self.until = np.where(self.waits[:, None], -np.inf, np.inf) * np.ones((1, patients))
        self.ledger: list[Entry] = []
        self._held = np.zeros((len(self.orders), patients), dtype=bool)
        self._holds = np.zeros((len(self.orders), patients), dtype=np.int64)
        self._was = np.zeros((len(self.orders), patients), dtype=bool)  # the condition, at the last visit
        self._acted = np.full((len(self.orders), patients), -np.inf)
        self._day = -np.inf

    @property
    def going(self) -> np.ndarray:
        """Some planned drug is not stopped, or none was planned: bool, (patient,)."""
        planned = self.stopped[~self.waits]
        return ~planned.all(axis=0) if len(planned) else np.ones(self.step.shape[1], dtype=bool)

    def given(self, drug: int) -> np.ndarray:
        """Amount of one administration from now on as a share of the planned one, 0 while none: (patient,)."""
        held = np.zeros(self.step.shape[1], dtype=bool)
        for order, state in zip(self.orders, self._held, strict=True):
            if order.drug == drug:
                held |= state
        off = held | self.stopped[drug] | (self.until[drug] <= self._day)
        return np.where(off, 0.0, self.step[drug])

    def visit(self, day: float, following: float, values: Values, alive: np.ndarray, over: np.ndarray) -> None:
        """Hold the visit of one day.

        Parameters
        ----------
        day, following : float
            Days of this visit and of the next, or of the end.
        values : mapping of str to array, (patient,)
            Measured values and covariates that the rules read; NaN is missing.
        alive : array of bool, (patient,)
            Patients whose integration has not failed; nothing is decided for others.
        over : array of bool, (patient,)
            Patients whose treatment ends for another reason, which the ledger calls ``progression``.
        """
        self._day = day
        for number, order in enumerate(self.orders):
            if order.action == "hold":
                self._resume(number, order, values, alive)
        for number, order in enumerate(self.orders):
            if order.action == "hold":
                self._hold(number, order, values, alive)
            else:
                self._act(number, order, values, alive)
        for drug in range(len(self.waits)) if over.any() else ():
            running = ~self.waits[drug] | (self.until[drug] > day)
            self._stop("progression", drug, over & alive & running)
        self._end_courses(following)

    def _resume(self, number: int, order: Order, values: Values, alive: np.ndarray) -> None:
        if not self._held[number].any():
            return
        chosen = self._held[number] & order.resume(values) & alive & ~self.stopped[order.drug]
        if not chosen.any():
            return
        before = self.given(order.drug)
        self._held[number] &= ~chosen
        self._note(order.rule, order.drug, "resume", chosen, before)
        if len(order.steps):
            self._reduce(order, chosen & (self._holds[number] > order.after))

    def _hold(self, number: int, order: Order, values: Values, alive: np.ndarray) -> None:
        chosen = order.when(values) & ~self._held[number] & alive & ~self.stopped[order.drug]
        if not chosen.any():
            return
        before = self.given(order.drug)
        self._held[number] |= chosen
        self._holds[number] += chosen
        self._note(order.rule, order.drug, "hold", chosen, before)

    def _act(self, number: int, order: Order, values: Values, alive: np.ndarray) -> None:
        holds = order.when(values)
        again = self._day - self._acted[number] >= order.repeat * (1.0 - _NEAR)
        chosen = holds & (~self._was[number] | again) & alive & ~self.stopped[order.drug]
        self._was[number] = holds
        self._acted[number][chosen] = self._day
        if not chosen.any():
            return
        if order.action == "reduce":
            self._reduce(order, chosen)
        elif order.action == "escalate":
            higher = np.where(order.steps > self.step[order.drug][:, None] * (1.0 + _NEAR), order.steps, np.inf)
            self._change(order, chosen, higher.min(axis=1))
        elif order.action == "stop":
            self._stop(order.rule, order.drug, chosen)
        elif order.action == "give":
            before = self.given(order.drug)
            self.until[order.drug][chosen] = self._day + order.span
            self._note(order.rule, order.drug, "give", chosen, before)
        else:
            self._set(order, chosen)

    def _reduce(self, order: Order, chosen: np.ndarray) -> None:
        lower = np.where(order.steps < self.step[order.drug][:, None] * (1.0 - _NEAR), order.steps, -np.inf)
        below = lower.max(axis=1)
        if order.ends:
            self._stop(order.rule, order.drug, chosen & np.isneginf(below))
        self._change(order, chosen, below)

    def _set(self, order: Order, chosen: np.ndarray) -> None:
        """Set the amount, or take it down to a limit, and the days."""
        present = self.step[order.drug]
        wanted = np.minimum(present, order.share) if order.action == "limit" else np.full_like(present, order.share)
        moves = np.zeros_like(chosen)
        if order.schedule is not None:
            moves = chosen & (self.schedule[order.drug] != order.schedule)
        before = self.given(order.drug)
        changed = chosen & (np.abs(wanted - present) > _NEAR * present)
        lower = changed & (wanted < present) & ~moves
        present[changed] = wanted[changed]
        self.schedule[order.drug][moves] = order.schedule
        self._note(order.rule, order.drug, "reduce", lower, before)
        self._note(order.rule, order.drug, "set", (changed | moves) & ~lower, before)

    def _change(self, order: Order, chosen: np.ndarray, step: np.ndarray) -> None:
        chosen = chosen & np.isfinite(step) & ~self.stopped[order.drug]
        before, present = self.given(order.drug), self.step[order.drug]
        decision = "escalate" if order.action == "escalate" else "reduce"
        present[chosen] = step[chosen]
        self._note(order.rule, order.drug, decision, chosen, before)

    def _stop(self, rule: str, drug: int, chosen: np.ndarray) -> None:
        chosen = chosen & ~self.stopped[drug]
        if not chosen.any():
            return
        before = self.given(drug)
        self.stopped[drug] |= chosen
        self._note(rule, drug, "stop", chosen, before)

    def _end_courses(self, following: float) -> None:
        """Note the courses that end before, or with, the next visit."""
        for drug in np.flatnonzero(self.waits):
            ends = (self.until[drug] > self._day) & (self.until[drug] <= following) & ~self.stopped[drug]
            for day in np.unique(self.until[drug][ends]):
                rows = np.flatnonzero(ends & (self.until[drug] == day))
                step, none = self.step[drug][rows], np.zeros(len(rows))
                rule = next(order.rule for order in self.orders if order.action == "give" and order.drug == drug)
                entry = Entry(float(day), rule, int(drug), "end", rows, step, none, step, self.schedule[drug][rows])
                self.ledger.append(entry)

    def _note(self, rule: str, drug: int, decision: str, chosen: np.ndarray, before: np.ndarray) -> None:
        rows = np.flatnonzero(chosen)
        if len(rows):
            after, step, schedule = self.given(drug)[rows], self.step[drug][rows], self.schedule[drug][rows]
            self.ledger.append(Entry(self._day, rule, drug, decision, rows, before[rows], after, step, schedule))
