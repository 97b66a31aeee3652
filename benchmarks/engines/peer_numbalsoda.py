"""numbalsoda: DOP853 and LSODA called from compiled code, the whole loop over patients and doses compiled too."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from benchmarks.equations import Equations
from benchmarks.source import compiled

PACKAGE = "numbalsoda"
METHODS = {"DOP853": "explicit", "LSODA": "any"}
_STEPS = 10_000_000  # between two outputs


def prepare(equations: Equations, method: str) -> Callable[[int, float, float], np.ndarray]:
    """Compile the right-hand side and the loop."""
    made = compiled(equations)
    loop = _loop(method)
    lines = equations.timeline
    address = made.callback.address

    def solve(patients: int, rtol: float, atol: float) -> np.ndarray:
        params = np.zeros((patients, made.constants))
        for row, values in zip(params, equations.values, strict=False):
            made.derive(values, row)
        out = np.full((patients, len(lines.outputs), len(equations.names)), np.nan)
        loop(
            address, equations.entry, params, equations.jumps, lines.edges, lines.first, lines.state, lines.due,
            lines.outputs, rtol, atol, out,
        )  # fmt: skip
        return out

    return solve


@cache
def _loop(method: str) -> Callable:
    """The loop takes the right-hand side by its address, so one serves all problems."""
    import numba
    import numbalsoda

    solver = {"DOP853": numbalsoda.dop853, "LSODA": numbalsoda.lsoda}[method]

    @numba.njit(error_model="numpy")
    def loop(address, entry, params, jumps, edges, first, state, due, outputs, rtol, atol, out):
        for n in range(len(out)):
            y = entry[n].copy()
            for i in range(len(edges) - 1):
                for j in range(first[i], first[i + 1]):
                    y[state[j]] += jumps[n, j]
                stops = np.empty(due[i + 1] - due[i] + 2)
                stops[0] = edges[i]
                count = 1
                for k in range(due[i], due[i + 1]):
                    if edges[i] < outputs[k] < edges[i + 1]:
                        stops[count] = outputs[k]
                        count += 1
                stops[count] = edges[i + 1]
                rows, good = solver(address, y, stops[: count + 1], params[n], rtol, atol, _STEPS)
                if not good:
                    break
                at = 1
                for k in range(due[i], due[i + 1]):
                    if outputs[k] == edges[i]:
                        out[n, k] = y
                    elif outputs[k] == edges[i + 1]:
                        out[n, k] = rows[count]
                    else:
                        out[n, k] = rows[at]
                        at += 1
                y = rows[count].copy()

    return loop
