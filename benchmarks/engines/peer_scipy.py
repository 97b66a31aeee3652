"""scipy.integrate.solve_ivp with a compiled right-hand side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.engines.pieces import walk
from benchmarks.equations import Equations
from benchmarks.source import compiled

PACKAGE = "scipy"
METHODS = {"DOP853": "explicit", "LSODA": "any", "Radau": "stiff"}


def prepare(equations: Equations, method: str) -> Callable[[int, float, float], np.ndarray]:
    """Compile the right-hand side."""
    from scipy.integrate import solve_ivp

    exact = method == "Radau"
    made = compiled(equations, jacobian=exact)

    def solve(patients: int, rtol: float, atol: float) -> np.ndarray:
        return np.stack([walk(equations, n, _piece(n, rtol, atol)) for n in range(patients)])

    def _piece(patient: int, rtol: float, atol: float) -> Callable:
        p = np.zeros(made.constants)
        made.derive(equations.values[patient], p)

        def slope(t: float, y: np.ndarray) -> np.ndarray:
            dy = np.empty_like(y)
            made.rates(t, y, p, dy)
            return dy

        def jacobian(t: float, y: np.ndarray) -> np.ndarray:
            jac = np.zeros((len(y), len(y)))
            made.slopes(t, y, p, jac)
            return jac

        more = {"jac": jacobian} if exact else {}

        def piece(y: np.ndarray, times: np.ndarray) -> np.ndarray:
            found = solve_ivp(slope, (times[0], times[-1]), y, method, times, rtol=rtol, atol=atol, **more)
            return found.y.T if found.success else np.full((len(times), len(y)), np.nan)

        return piece

    return solve
