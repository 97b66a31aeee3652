"""Reference answers: made once at tight tolerance, stored, and refused where the problem has changed since.

``python -m benchmarks.references --update [PROBLEM ...]`` makes them anew: scipy's DOP853, or Radau where the problem
is stiff, restarted at every dose, on equations with cell counts as logarithms and kinetics as states.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks import problems
from benchmarks.engines.pieces import walk
from benchmarks.equations import Equations, equations
from benchmarks.problem import FOLDER, Problem

STORE = FOLDER / "references"
RTOL = {False: 1e-12, True: 1e-11}  # by stiffness; Radau has no digits left below


class StaleReferenceError(Exception):
    """The stored answer is that of another problem, or there is none."""


@dataclass(frozen=True)
class Reference:
    """Answer of a problem.

    values : (patient, output, variable)
    accuracy : difference of the first patient's answer at a tolerance ten times as large, by the problem's measure
    digest : hash of the equations that were solved
    """

    values: np.ndarray
    accuracy: float
    digest: str


def load(problem: Problem) -> Reference:
    """Read a stored reference.

    Raises
    ------
    StaleReferenceError
        There is none, or model, cards, patients or doses are no longer those that it was made from.
    """
    path = _path(problem)
    advice = f"run `python -m benchmarks.references --update {problem.name}`"
    if not path.is_file():
        raise StaleReferenceError(f"{problem.name}: no reference; {advice}")
    with np.load(path) as stored:
        found = Reference(stored["values"], float(stored["accuracy"]), str(stored["digest"]))
    if found.digest != equations(problem, problem.patients, "log").digest:
        raise StaleReferenceError(f"{problem.name}: the problem has changed since its reference was made; {advice}")
    return found


def solve(written: Equations, patient: int, rtol: float, outputs: int | None = None) -> np.ndarray:
    """Answer of one patient, (output, variable), at a tolerance; the first `outputs` of them."""
    from benchmarks.source import compiled

    problem = written.problem
    made = compiled(written, jacobian=problem.stiff)
    p = np.zeros(made.constants)
    made.derive(written.values[patient], p)
    piece = _stiff(made, p, rtol, problem.absolute) if problem.stiff else _smooth(made, p, rtol, problem.absolute)
    states = walk(written, patient, piece, outputs)
    answers = written.tracked(np.broadcast_to(states, (patient + 1, *states.shape)))
    return answers[patient]


def _smooth(made: object, p: np.ndarray, rtol: float, absolute: float) -> Callable:
    from scipy.integrate import ode

    def slope(t: float, y: np.ndarray) -> np.ndarray:
        dy = np.empty_like(y)
        made.rates(t, y, p, dy)  # type: ignore[attr-defined]
        return dy

    def piece(y: np.ndarray, times: np.ndarray) -> np.ndarray:
        solver = ode(slope).set_integrator("dop853", rtol=rtol, atol=rtol * absolute, nsteps=1_000_000)
        solver.set_initial_value(y, times[0])
        return np.array([y, *(solver.integrate(time) for time in times[1:])])

    return piece


def _stiff(made: object, p: np.ndarray, rtol: float, absolute: float) -> Callable:
    from scipy.integrate import solve_ivp

    def slope(t: float, y: np.ndarray) -> np.ndarray:
        dy = np.empty_like(y)
        made.rates(t, y, p, dy)  # type: ignore[attr-defined]
        return dy

    def jacobian(t: float, y: np.ndarray) -> np.ndarray:
        jac = np.zeros((len(y), len(y)))
        made.slopes(t, y, p, jac)  # type: ignore[attr-defined]
        return jac

    def piece(y: np.ndarray, times: np.ndarray) -> np.ndarray:
        rows = [y]
        # to each output apart: the interpolant between steps is of a lower order than the steps
        for begin, end in itertools.pairwise(times):
            found = solve_ivp(slope, (begin, end), rows[-1], "Radau", rtol=rtol, atol=rtol * absolute, jac=jacobian)
            rows.append(found.y[:, -1] if found.success else np.full(len(y), np.nan))
        return np.array(rows)

    return piece


def make(problem: Problem, jobs: int = 1) -> Reference:
    """Compute the reference of a problem in so many processes; takes minutes."""
    written = equations(problem, problem.patients, "log")
    rtol = RTOL[problem.stiff]
    tasks = [(problem.name, patient, rtol) for patient in range(problem.patients)] + [(problem.name, 0, 10.0 * rtol)]
    with ProcessPoolExecutor(jobs, initializer=_written, initargs=(problem.name,)) as pool:
        *values, looser = pool.map(_solve, tasks)
    if not np.isfinite(values).all():
        raise RuntimeError(f"{problem.name}: the reference has gaps")
    return Reference(np.stack(values), problem.error(looser[None], np.stack(values[:1])), written.digest)


@cache
def _written(name: str) -> Equations:
    """Equations of a problem in a process."""
    problem = problems.load(name)
    return equations(problem, problem.patients, "log")


def _solve(task: tuple[str, int, float]) -> np.ndarray:
    name, patient, rtol = task
    return solve(_written(name), patient, rtol)


def _path(problem: Problem) -> Path:
    return STORE / f"{problem.name}.npz"


def main() -> None:
    """Make references anew, or say which are out of date."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.references", description=__doc__)
    parser.add_argument("problem", nargs="*", help=f"of {', '.join(problems.NAMES)}; all if none is named")
    parser.add_argument("--update", action="store_true", help="compute and store; else only check")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that share the patients")
    options = parser.parse_args()
    STORE.mkdir(exist_ok=True)
    for name in options.problem or problems.NAMES:
        problem = problems.load(name)
        if options.update:
            made = make(problem, options.jobs)
            np.savez_compressed(_path(problem), values=made.values, accuracy=made.accuracy, digest=made.digest)
        try:
            found = load(problem)
            print(f"{name}: {found.values.shape}, accurate to {found.accuracy:.1e}")
        except StaleReferenceError as stale:
            print(stale)


if __name__ == "__main__":
    main()
