"""diffrax: solvers in JAX on the CPU, patients side by side, the loop over doses compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.equations import Equations
from benchmarks.source import Text

PACKAGE = "diffrax"
METHODS = {"Dopri8": "explicit", "Kvaerno5": "stiff"}


def prepare(equations: Equations, method: str) -> Callable[[int, float, float], np.ndarray]:
    """Trace the right-hand side; JAX compiles at the first call."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import diffrax as dfx
    import jax.numpy as jnp

    text = Text(equations)
    constants = text.values()
    rates = text.on(_namespace(jnp))
    lines = equations.timeline
    grid = np.union1d(lines.edges, lines.outputs)
    jumps = _dense_jumps(equations, grid)
    term = dfx.ODETerm(lambda t, y, p: jnp.stack([jnp.asarray(rate) for rate in rates(t, y, p)]))
    solver = getattr(dfx, method)()

    def one(entry: Any, p: Any, jump: Any, rtol: float, atol: float) -> Any:
        control = dfx.PIDController(rtol=rtol, atol=atol)

        def piece(y: Any, now: Any) -> Any:
            begin, end, given = now
            y = y + given
            found = dfx.diffeqsolve(
                term, solver, begin, end, None, y, p, stepsize_controller=control, max_steps=100_000, throw=False
            )
            return found.ys[0], y

        last, states = jax.lax.scan(piece, entry, (grid[:-1], grid[1:], jump[:-1]))
        return jnp.concatenate([states, last[None]])

    every = jax.jit(jax.vmap(one, in_axes=(0, 0, 0, None, None)))
    rows = np.searchsorted(grid, lines.outputs)

    def solve(patients: int, rtol: float, atol: float) -> np.ndarray:
        found = every(equations.entry[:patients], constants[:patients], jumps[:patients], rtol, atol)
        return np.asarray(found)[:, rows]

    return solve


def _dense_jumps(equations: Equations, grid: np.ndarray) -> np.ndarray:
    """What is given at each time of the grid, (patient, time, state)."""
    lines = equations.timeline
    dense = np.zeros((len(equations.entry), len(grid), len(equations.names)))
    for i in range(len(lines.edges) - 1):
        at = int(np.searchsorted(grid, lines.edges[i]))
        for j in range(lines.first[i], lines.first[i + 1]):
            dense[:, at, lines.state[j]] += equations.jumps[:, j]
    return dense


def _namespace(jnp: Any) -> dict[str, Any]:
    return {
        "exp": jnp.exp,
        "log": jnp.log,
        "sqrt": jnp.sqrt,
        "power": jnp.power,
        "above": lambda x: jnp.where(x > 0, 1.0, 0.0),
        "positive": lambda x: jnp.maximum(x, 0.0),
        "gate": lambda x, value: jnp.where(x > 0, value, 0.0),
        "select": lambda x, yes, no: jnp.where(x > 0, yes, no),
    }
