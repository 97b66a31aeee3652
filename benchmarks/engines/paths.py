"""pdsim's own paths, through the function that a user calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.problem import Problem, Setup

AS_STATES = "/states"  # after the method: the drugs' kinetics are integrated with the rest
EVENTS = "events/"  # before the method: through a NONMEM event table
CAPACITY = 1024  # patients of the largest cohort that is timed


def methods(problem: Problem) -> tuple[str, ...]:
    """Names of the paths that suit a problem."""
    from pdsim.solvers.block import METHODS

    hopeless = "explicit" if problem.stiff else "stiff"
    without_drugs = set() if problem.setup.drugs else {"cascade"}
    found = [name for name in METHODS if name != hopeless and name not in without_drugs]
    found += ["explicit" + AS_STATES] if problem.states else []
    return tuple(found)


def prepare(
    problem: Problem, method: str, threads: int
) -> tuple[Callable[[int, float], Any], Callable[[Any], np.ndarray]]:
    """Return ``solve(patients, rtol) -> run`` and ``tracked(run) -> (patient, output, variable)``."""
    import pdsim

    setup: Setup = problem.setup
    if method.endswith(AS_STATES):
        if problem.states is None:
            raise ValueError(f"{problem.name} has no form with kinetics as states")
        setup = problem.states
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
            visits=problem.span,
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


def _tracked(problem: Problem, run: Any) -> np.ndarray:
    trajectory = run["trajectory"].to_dataset().isel(arm=0)
    columns = []
    for name in problem.tracked:
        base, _, clone = name.partition("[")
        variable = trajectory[base].sel(clone=clone.rstrip("]")) if clone else trajectory[base]
        columns.append(variable.values.astype(np.float64))
    return np.stack(columns, axis=-1)
