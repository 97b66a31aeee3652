"""Runs problems and engines side by side and gathers what came out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks import engines, problems, references
from benchmarks.calibration import calibrate
from benchmarks.machine import machine
from benchmarks.measure import Case, Effort, cases, climb, records, repeat
from benchmarks.problem import Problem
from benchmarks.record import Record

Say = Callable[[str], None]


@dataclass
class Outcome:
    """Records, what could not be measured and why, and the calibration times."""

    records: list[Record] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    calibrations: list[float] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The file that ``--json`` writes."""
        about = machine(self.calibrations or [calibrate()])
        return {"records": [record.to_dict() for record in self.records], "machine": about, "notes": self.notes}


def run(names: Sequence[str], chosen: Sequence[str], effort: Effort, say: Say) -> Outcome:
    """Measure problems one after another; what would begin after the effort's time is left out and noted.

    The first call of pdsim's methods does not count: with an empty cache it compiles.
    """
    outcome = Outcome()
    absent = [name for name in chosen if not engines.installed(name)]
    if absent:
        outcome.notes.append(f"not installed: {', '.join(absent)}")
    begin = time.process_time()
    for name in names:
        begin += _problem(problems.load(name), chosen, effort, say, outcome, begin + effort.budget)
    return outcome


def _problem(
    problem: Problem, chosen: Sequence[str], effort: Effort, say: Say, outcome: Outcome, until: float
) -> float:
    """Measure one problem; returns the processor seconds of pdsim's first calls."""
    try:
        reference = references.load(problem)
    except references.StaleReferenceError as stale:
        outcome.notes.append(str(stale))
        return 0.0
    measured: list[Case] = []
    compiling = 0.0
    for case in cases(problem, chosen, effort):
        if time.process_time() > until + compiling:
            outcome.notes.append(f"{case.label}: left out, no time")
            continue
        say(case.label)
        try:
            climb(case, reference, effort)
        except Exception as failure:  # a peer may fail in any way; the others still count
            case.note = f"{type(failure).__name__}: {failure}".splitlines()[0][:200]
        if case.note:
            outcome.notes.append(f"{case.label}: {case.note}")
        measured.append(case)
        compiling += case.compiling if case.engine == engines.PDSIM else 0.0
    say(f"{problem.name} timings")
    outcome.calibrations += repeat(measured, effort)
    for case in measured:
        outcome.records += records(case)
    return compiling
