"""Timings that count only when the answer is right, repeats interleaved with a calibration loop.

One thread is timed in processor seconds, several threads in real ones.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks import engines
from benchmarks.calibration import calibrate
from benchmarks.engines import paths
from benchmarks.equations import Equations, equations
from benchmarks.memory import forget_peak, peak_megabytes
from benchmarks.problem import MATCH, Problem
from benchmarks.record import Record, is_right
from benchmarks.references import Reference

PEER_CAPACITY = 128  # patients of the largest cohort that a peer is timed on
LANES = 16  # patients that pdsim solves at once


@dataclass(frozen=True)
class Effort:
    """How thoroughly to measure.

    ladder : tolerances, loosest first; the ladder ends below `enough` of the matched error
    repeats : timings of each tolerance
    batch : seconds that one timing should take, which sets its number of patients
    check : seconds that may be spent on the patients whose error is looked at
    patience : seconds for one patient; a slower engine is left out
    threads : threads of pdsim's default path; all others run on one
    forms : peers with cell counts as logarithms too
    direct : pdsim's other methods beside the default one and the cascade
    budget : processor seconds after which nothing new is begun
    """

    ladder: tuple[float, ...] = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
    enough: float = 0.1
    repeats: int = 5
    batch: float = 0.5
    check: float = 10.0
    patience: float = 10.0
    threads: tuple[int, ...] = (1, 2)
    forms: bool = True
    direct: bool = True
    budget: float = math.inf


FULL = Effort()
QUICK = Effort(
    (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8),
    enough=1.0,
    repeats=3,
    batch=0.1,
    check=0.4,
    patience=1.5,
    threads=(1,),
    forms=False,
    direct=False,
    budget=60.0,
)


@dataclass
class Case:
    """One engine and method on one problem."""

    problem: Problem
    engine: str
    method: str
    threads: int
    make: Callable[[], tuple[Callable[[int, float], Any], Callable[[Any], np.ndarray]]]
    capacity: int
    rungs: list[Rung] = field(default_factory=list)
    first_call: float = 0.0
    compiling: float = 0.0
    note: str = ""

    def clock(self) -> float:
        """Processor time of one thread, on which a busy machine has little influence; real time of several."""
        return time.process_time() if self.threads == 1 else time.perf_counter()

    @property
    def label(self) -> str:
        """Name for messages."""
        return f"{self.problem.name} {self.engine} {self.method} x{self.threads}"


@dataclass
class Rung:
    """One tolerance of a case: what came out and how long it took."""

    case: Case
    rtol: float
    error: float
    batch: int
    run: Callable[[], Any]
    seconds: list[float] = field(default_factory=list)
    peak: float = 0.0


def cases(problem: Problem, chosen: Sequence[str], effort: Effort) -> list[Case]:
    """List what is to be measured on a problem; peers that are not installed are left out."""
    found = []
    if engines.PDSIM in chosen:
        for method in paths.methods(problem):
            if not (effort.direct or problem.tables or method in ("auto", "cascade")):
                continue
            for count in effort.threads if method == "auto" else (1,):
                found.append(Case(problem, engines.PDSIM, method, count, _own(problem, method, count), paths.CAPACITY))
    written = _Written(problem)
    for name in (name for name in chosen if name != engines.PDSIM and engines.installed(name)):
        for method, suits in engines.peer(name).METHODS.items():
            if suits not in ("any", "stiff" if problem.stiff else "explicit"):
                continue
            for form in written.forms(name, effort):
                label = method if form == "natural" else f"{method}-{form}"
                found.append(Case(problem, name, label, 1, written.made(name, method, form), PEER_CAPACITY))
    return found


def _own(problem: Problem, method: str, threads: int) -> Callable[[], Any]:
    return lambda: paths.prepare(problem, method, threads)


class _Written:
    """The equations of a problem for its peers, written out when the first of them asks."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._made: dict[str, Equations] = {}

    def forms(self, name: str, effort: Effort) -> tuple[str, ...]:
        """Cell counts as they are, and for the fastest peers as logarithms too where that makes a difference."""
        counted = any(state.extinct_below is not None for state in self.problem.setup.loaded.states.values())
        return ("natural", "log") if counted and effort.forms and name in engines.QUICK else ("natural",)

    def made(self, name: str, method: str, form: str) -> Callable[[], Any]:
        def make() -> Any:
            if form not in self._made:
                self._made[form] = equations(self.problem, PEER_CAPACITY, form)
            written = self._made[form]
            solve = engines.peer(name).prepare(written, method)
            return lambda patients, rtol: solve(patients, rtol, rtol * self.problem.absolute), written.tracked

        return make


def climb(case: Case, reference: Reference, effort: Effort) -> None:
    """Find the error of each tolerance, and how many patients make a timing."""
    begin, compiling = time.perf_counter(), time.process_time()
    solve, tracked = case.make()
    solve(1, effort.ladder[0])
    case.first_call, case.compiling = time.perf_counter() - begin, time.process_time() - compiling
    # one patient of pdsim takes as long as a block of lanes
    together = LANES if case.engine == engines.PDSIM else 1
    for rtol in effort.ladder:
        begin = case.clock()
        solve(1, rtol)
        one = (case.clock() - begin) / together
        if one > effort.patience:
            case.note = f"{one:.1f} s a patient at {rtol:g}; left out from there"
            return
        checked = min(len(reference.values), case.capacity, max(1, int(effort.check / one)))
        begin = case.clock()
        answer = tracked(solve(checked, rtol))
        each = (case.clock() - begin) / max(checked, together)
        error = case.problem.error(answer, reference.values[:checked])
        batch = _batch(case, each, effort)
        if each * max(checked, together) < 0.25 * effort.batch and batch > checked:
            batch = _larger(case, solve, rtol, batch, effort)
        case.rungs.append(Rung(case, rtol, error, batch, lambda rtol=rtol, batch=batch: solve(batch, rtol)))
        if error < effort.enough * MATCH:
            return


def _larger(case: Case, solve: Callable[[int, float], Any], rtol: float, batch: int, effort: Effort) -> int:
    """Patients of one timing where few take so little time that the cost of a call hides what a patient costs."""
    solve(batch, rtol)  # what is prepared for so many patients belongs to no timing
    begin = case.clock()
    solve(batch, rtol)
    larger = max(batch, _batch(case, (case.clock() - begin) / batch, effort))
    if larger > batch:
        solve(larger, rtol)
    return larger


def _batch(case: Case, each: float, effort: Effort) -> int:
    """Patients of one timing."""
    wanted = int(np.clip(effort.batch / max(each, 1e-7), 1, case.capacity))
    if case.engine != engines.PDSIM:
        return wanted
    # whole blocks of lanes for every thread, or a remainder would cost as much as a block
    whole = LANES * case.threads
    return max(whole, wanted // whole * whole)


def repeat(measured: Sequence[Case], effort: Effort) -> list[float]:
    """Time all right answers in turn, each beside a calibration; return the calibration times."""
    timed = [rung for case in measured for rung in case.rungs if is_right(rung.error, rung.rtol)]
    raw: list[tuple[Rung, float, float]] = []
    for _ in range(effort.repeats):
        for rung in timed:
            forget_peak()
            before = calibrate()
            begin = rung.case.clock()
            rung.run()
            seconds = rung.case.clock() - begin
            raw.append((rung, seconds, 0.5 * (before + calibrate())))
            rung.peak = max(rung.peak, peak_megabytes())
    usual = float(np.median([speed for _, _, speed in raw])) if raw else calibrate()
    for rung, seconds, speed in raw:
        rung.seconds.append(seconds * usual / speed)
    return [speed for _, _, speed in raw]


def records(case: Case) -> list[Record]:
    """Records of a case: wrong answers without a speed."""
    found = []
    for rung in case.rungs:
        error = rung.error if np.isfinite(rung.error) else None
        speed = spread = peak = None
        if rung.seconds:
            middle = float(np.median(rung.seconds))
            speed, spread = rung.batch / middle, float(np.median(np.abs(np.array(rung.seconds) - middle)) / middle)
            peak = rung.peak
        about = (case.problem.name, case.engine, case.method, case.threads)
        found.append(Record(*about, rung.rtol, error, speed, spread, case.first_call, peak))
    return found
