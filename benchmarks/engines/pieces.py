"""The loop that a peer without one of its own needs: dose, integrate to the next dose, write outputs on the way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.equations import Equations

# from state at the first time, times (first, outputs within, last) to states at those times
Piece = Callable[[np.ndarray, np.ndarray], np.ndarray]


def walk(equations: Equations, patient: int, piece: Piece, outputs: int | None = None) -> np.ndarray:
    """Integrate one patient; states (output, state), NaN from a failure or the first few `outputs` on."""
    lines = equations.timeline
    y = equations.entry[patient].copy()
    out = np.full((len(lines.outputs), len(y)), np.nan)
    for i in range(len(lines.edges) - 1):
        jumps = slice(lines.first[i], lines.first[i + 1])
        np.add.at(y, lines.state[jumps], equations.jumps[patient, jumps])
        rows = piece(y, stops(equations, i))
        if not np.isfinite(rows).all():
            break
        write(equations, i, rows, out)
        if outputs is not None and lines.due[i + 1] >= outputs:
            break
        y = rows[-1].copy()
    return out[:outputs]


def stops(equations: Equations, i: int) -> np.ndarray:
    """Times of a piece: its begin, the outputs within, its end."""
    lines = equations.timeline
    begin, end = lines.edges[i], lines.edges[i + 1]
    due = lines.outputs[lines.due[i] : lines.due[i + 1]]
    return np.concatenate([[begin], due[(due > begin) & (due < end)], [end]])


def write(equations: Equations, i: int, rows: np.ndarray, out: np.ndarray) -> None:
    """Put the states of a piece at its stops, (stop, ...), into the outputs (output, ...)."""
    lines = equations.timeline
    begin, end = lines.edges[i], lines.edges[i + 1]
    at = 1
    for k in range(lines.due[i], lines.due[i + 1]):
        time = lines.outputs[k]
        if time == begin:
            out[k] = rows[0]
        elif time == end:
            out[k] = rows[-1]
        else:
            out[k] = rows[at]
            at += 1
