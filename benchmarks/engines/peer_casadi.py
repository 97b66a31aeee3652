"""CasADi: SUNDIALS CVODES on a symbolic right-hand side with its exact Jacobian."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from benchmarks.engines.pieces import walk
from benchmarks.equations import Equations
from benchmarks.source import Text

PACKAGE = "casadi"
METHODS = {"CVODES": "any"}


def prepare(equations: Equations, method: str) -> Callable[[int, float, float], np.ndarray]:
    """Build the graph; time runs from 0 to 1 in each step so that one integrator serves all pieces."""
    import casadi as ca

    text = Text(equations)
    constants = text.values()
    count = constants.shape[1]
    y, p, span, tau = (
        ca.SX.sym(name, size) for name, size in (("y", len(text.slopes)), ("p", count + 1), ("h", 1), ("t", 1))
    )
    slopes = text.on(_namespace(ca))(p[count] + span * tau, y, p)
    system = {"x": y, "p": ca.vertcat(p, span), "t": tau, "ode": ca.vertcat(*slopes) * span}

    @cache
    def integrator(rtol: float, atol: float) -> Any:
        # the default factorisation leaves rounding where a state is exactly zero, and CAR-T cells grow from it
        options = {"reltol": rtol, "abstol": atol, "max_num_steps": 20_000, "linear_solver": "csparse"}
        return ca.integrator("step", "cvodes", system, 0.0, 1.0, options)

    def solve(patients: int, rtol: float, atol: float) -> np.ndarray:
        made = integrator(rtol, atol)

        def piece_of(patient: int) -> Callable:
            def piece(y0: np.ndarray, times: np.ndarray) -> np.ndarray:
                rows = [y0]
                for begin, end in itertools.pairwise(times):
                    numbers = np.concatenate([constants[patient], [begin, end - begin]])
                    try:
                        rows.append(np.asarray(made(x0=rows[-1], p=numbers)["xf"]).ravel())
                    except RuntimeError:
                        rows.append(np.full(len(y0), np.nan))
                return np.array(rows)

            return piece

        return np.stack([walk(equations, n, piece_of(n)) for n in range(patients)])

    return solve


def _namespace(ca: Any) -> dict[str, Any]:
    return {
        "exp": ca.exp,
        # its derivative is taken on both sides of a condition, also where the argument is 0
        "log": lambda x: ca.log(ca.fmax(x, 1e-30)),
        "sqrt": ca.sqrt,
        "power": lambda x, degree: x**degree,
        "above": lambda x: ca.if_else(x > 0, 1.0, 0.0),
        "positive": lambda x: ca.fmax(x, 0.0),
        "gate": lambda x, value: ca.if_else(x > 0, value, 0.0),
        "select": lambda x, yes, no: ca.if_else(x > 0, yes, no),
    }
