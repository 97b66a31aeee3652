"""pdsim's own paths, through the functions that a user calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from benchmarks.problem import Problem, Setup

AS_STATES = "/states"  # after the method: the drugs' kinetics are integrated with the rest
EVENTS = "events/"  # before the method: through a NONMEM event table
CAPACITY = 1024  # patients of the largest cohort that is timed

Solve = Callable[[int, float], Any]
Tracked = Callable[[Any], np.ndarray]


def methods(problem: Problem) -> tuple[str, ...]:
    """Names of the paths that suit a problem."""
    from pdsim.solvers.block import METHODS

    hopeless = "explicit" if problem.stiff else "stiff"
    # the cascade needs a drug that acts on a disease; a linear problem has none
    cascaded = problem.setup.drugs and not problem.tables
    found = [name for name in METHODS if name != hopeless and (cascaded or name != "cascade")]
    found += ["explicit" + AS_STATES] if problem.states else []
    found += [EVENTS + name for name in ("closed", "ode")] if problem.tables else []
    return tuple(found)


def prepare(problem: Problem, method: str, threads: int) -> tuple[Solve, Tracked]:
    """Return ``solve(patients, rtol) -> run`` and ``tracked(run) -> (patient, output, variable)``."""
    if method.startswith(EVENTS):
        return _events(problem, _states(problem), method.removeprefix(EVENTS))
    import pdsim

    setup = _states(problem) if method.endswith(AS_STATES) else problem.setup
    whole = setup.cohort(CAPACITY)
    arm = pdsim.Arm(setup.regimen)
    kept = sorted({name.partition("[")[0] for name in problem.tracked})

    def solve(patients: int, rtol: float) -> Any:
        return pdsim.simulate(
            setup.loaded,
            whole.isel(patient=slice(0, patients)),
            arm,
            stop=problem.span,
            every=problem.every,
            visits=problem.span,  # no peer stops on the way
            counts=problem.span,
            save=kept,
            drugs=setup.drugs,
            method=method.removesuffix(AS_STATES),
            rtol=rtol,
            atol=rtol * problem.absolute,
            max_step=problem.span,
            threads=threads,
            on_failure="keep",
        )

    return solve, lambda run: _tracked(problem, run)


def _states(problem: Problem) -> Setup:
    if problem.states is None:
        raise ValueError(f"{problem.name} has no form with kinetics as states")
    return problem.states


def _tracked(problem: Problem, run: Any) -> np.ndarray:
    trajectory = run["trajectory"].to_dataset().isel(arm=0)
    columns = []
    for name in problem.tracked:
        base, _, clone = name.partition("[")
        variable = trajectory[base].sel(clone=clone.rstrip("]")) if clone else trajectory[base]
        columns.append(variable.values.astype(np.float64))
    return np.stack(columns, axis=-1)


def _events(problem: Problem, setup: Setup, method: str) -> tuple[Solve, Tracked]:
    """Path through an event table with a row for each dose and output; reading the table is not timed."""
    from pdsim.dosing.table import EventTable
    from pdsim.events import simulate_events

    rows, measured = _rows(problem, setup)
    names = list(problem.tracked)

    @cache
    def table(patients: int) -> EventTable:
        cohort = setup.cohort(patients)
        columns = {name: np.tile(column, patients) for name, column in rows.items()}
        columns |= {str(name): np.repeat(cohort[name].values, len(measured)) for name in cohort.data_vars}
        return EventTable.from_frame({"ID": np.repeat(np.arange(patients), len(measured)), **columns})

    def solve(patients: int, rtol: float) -> Any:
        given = table(patients)
        limits = {"rtol": rtol, "atol": rtol * problem.absolute, "max_step": problem.span}
        return simulate_events(setup.loaded, given, names, method=method, on_failure="keep", **limits)

    def tracked(frame: Any) -> np.ndarray:
        return frame[names].to_numpy().reshape(-1, len(measured), len(names))[:, measured]

    return solve, tracked


def _rows(problem: Problem, setup: Setup) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns of one patient, and which rows are outputs; at one time doses come first."""
    lines = setup.regimen.lines(problem.span) if setup.regimen else ()
    outputs = problem.times
    time = np.concatenate([*(line.times for line in lines), outputs])
    amount = np.concatenate([*(np.full(len(line.times), line.amount) for line in lines), np.zeros(len(outputs))])
    target = np.repeat([*(line.drug for line in lines), "."], [*(len(line.times) for line in lines), len(outputs)])
    order = np.lexsort((amount == 0.0, time))
    dose = amount[order] > 0.0
    columns = {"TIME": time[order], "EVID": dose.astype(int), "AMT": amount[order]}
    return {**columns, "CMT": target.astype(object)[order]}, ~dose
