"""SUNDIALS CVODE through scikit-sundae, with a compiled right-hand side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.engines.pieces import walk
from benchmarks.equations import Equations
from benchmarks.source import compiled

PACKAGE = "sksundae"
METHODS = {"CVODE-Adams": "explicit", "CVODE-BDF": "stiff"}


def prepare(equations: Equations, method: str) -> Callable[[int, float, float], np.ndarray]:
    """Compile the right-hand side."""
    from sksundae.cvode import CVODE

    made = compiled(equations)
    family = method.removeprefix("CVODE-")

    def solve(patients: int, rtol: float, atol: float) -> np.ndarray:
        return np.stack([walk(equations, n, _piece(n, rtol, atol)) for n in range(patients)])

    def _piece(patient: int, rtol: float, atol: float) -> Callable:
        p = np.zeros(made.constants)
        made.derive(equations.values[patient], p)

        def slope(t: float, y: np.ndarray, dy: np.ndarray) -> None:
            made.rates(t, y, p, dy)

        solver = CVODE(slope, method=family, rtol=rtol, atol=atol, max_num_steps=20_000)

        def piece(y: np.ndarray, times: np.ndarray) -> np.ndarray:
            # two times mean "every step" here, so a point between is asked for
            asked = times if len(times) > 2 else np.array([times[0], 0.5 * (times[0] + times[1]), times[1]])
            found = solver.solve(asked, y)
            if not found.success:
                return np.full((len(times), len(y)), np.nan)
            return found.y if len(times) > 2 else found.y[[0, -1]]

        return piece

    return solve
