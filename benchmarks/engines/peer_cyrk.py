"""CyRK: compiled Runge-Kutta solvers called from Python with a compiled right-hand side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.engines.pieces import walk
from benchmarks.equations import Equations
from benchmarks.source import compiled

PACKAGE = "CyRK"
METHODS = {"DOP853": "explicit", "LSODA": "any"}


def prepare(equations: Equations, method: str) -> Callable[[int, float, float], np.ndarray]:
    """Compile the right-hand side."""
    from CyRK import pysolve_ivp

    made = compiled(equations)

    def solve(patients: int, rtol: float, atol: float) -> np.ndarray:
        return np.stack([walk(equations, n, _piece(n, rtol, atol)) for n in range(patients)])

    def _piece(patient: int, rtol: float, atol: float) -> Callable:
        p = np.zeros(made.constants)
        made.derive(equations.values[patient], p)

        def slope(dy: np.ndarray, t: float, y: np.ndarray) -> None:
            made.rates(t, y, p, dy)

        def piece(y: np.ndarray, times: np.ndarray) -> np.ndarray:
            found = pysolve_ivp(
                slope, (times[0], times[-1]), y, method=method, t_eval=times, rtol=rtol, atol=atol, pass_dy_as_arg=True
            )
            return np.array(found.y).T if found.success else np.full((len(times), len(y)), np.nan)

        return piece

    return solve
