"""heyoka: Taylor series in SIMD lanes, compiled for each tolerance."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from benchmarks.engines.pieces import stops, write
from benchmarks.equations import Equations
from benchmarks.source import Text

PACKAGE = "heyoka"
METHODS = {"Taylor": "explicit"}


def prepare(equations: Equations, method: str) -> Callable[[int, float, float], np.ndarray]:
    """Write the system in heyoka's symbols; integrators are compiled when a tolerance is first asked for."""
    import heyoka as hy

    lanes = hy.recommended_simd_size()
    text = Text(equations)
    system = _system(hy, text)
    constants = text.values()

    @cache
    def integrator(tolerance: float) -> Any:
        zero = np.zeros((len(equations.names), lanes))
        none = np.zeros((text.constants, lanes))
        return hy.taylor_adaptive_batch(system, zero, pars=none, tol=tolerance, compact_mode=True)

    def solve(patients: int, rtol: float, atol: float) -> np.ndarray:
        made = integrator(rtol)
        out = np.full((patients, len(equations.timeline.outputs), len(equations.names)), np.nan)
        for begin in range(0, patients, lanes):
            rows = np.minimum(np.arange(begin, begin + lanes), patients - 1)
            made.pars[:] = constants[rows].T
            found = _block(equations, made, rows, hy)
            out[begin : begin + lanes] = found[: patients - begin]
        return out

    return solve


def _system(hy: Any, text: Text) -> list[tuple[Any, Any]]:
    states = hy.make_vars(*[f"s{i}" for i in range(len(text.slopes))])
    states = states if isinstance(states, list) else [states]
    zero, one = hy.expression(0.0), hy.expression(1.0)
    namespace = {
        "exp": hy.exp,
        "log": hy.log,
        "sqrt": hy.sqrt,
        "power": lambda x, degree: x**degree,
        "above": lambda x: hy.select(hy.gt(x, zero), one, zero),
        "positive": hy.relu,
        "gate": lambda x, value: hy.select(hy.gt(x, zero), value, zero),
        "select": lambda x, yes, no: hy.select(hy.gt(x, zero), yes, no),
    }
    slopes = text.on(namespace)(hy.time, states, hy.par)
    return [(state, slope + zero) for state, slope in zip(states, slopes, strict=True)]


def _block(equations: Equations, made: Any, rows: np.ndarray, hy: Any) -> np.ndarray:
    """One block of lanes through all pieces; states (lane, output, state)."""
    lines = equations.timeline
    lanes = len(rows)
    out = np.full((len(lines.outputs), len(equations.names), lanes), np.nan)
    made.state[:] = equations.entry[rows].T
    for i in range(len(lines.edges) - 1):
        for j in range(lines.first[i], lines.first[i + 1]):
            made.state[lines.state[j]] += equations.jumps[rows, j]
        times = stops(equations, i)
        made.set_time(times[0])
        states = [made.state.copy()]
        for time in times[1:]:
            made.propagate_until(time)
            if any(result[0] != hy.taylor_outcome.time_limit for result in made.propagate_res):
                return np.moveaxis(out, -1, 0)
            states.append(made.state.copy())
        write(equations, i, np.array(states), out)
    return np.moveaxis(out, -1, 0)
