"""Drug in the body on day 0 of patients who have always been given a regimen."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from pdsim.errors import DoseError
from pdsim.pk import propagate
from pdsim.solvers.block import LineBlock

if TYPE_CHECKING:
    from pdsim.dosing import Regimen


def check_endless(regimen: Regimen | None, into_states: Sequence[str]) -> Regimen:
    """Return a regimen; refuse one without a steady state that the closed form could tell.

    Raises
    ------
    DoseError
        No regimen, doses that are not alike in every cycle, or doses into states of the model.
    """
    if regimen is None:
        raise DoseError("steady = True needs a regimen")
    wrong = []
    for dose in regimen.doses:
        if dose.cycles or dose.start or dose.stop < inf or dose.cycle not in (None, regimen.cycle):
            wrong.append(
                f"  '{dose.drug}' is not given alike in every cycle for ever; leave cycles, start and stop out"
            )
        if dose.drug in into_states:
            wrong.append(
                f"  '{dose.drug}' enters a state of the model; give pdsim.steady_state(...) as initial instead"
            )
    if wrong:
        raise DoseError("\n".join([f"regimen '{regimen.name}' has no steady start:", *dict.fromkeys(wrong)]))
    return regimen


def steady_lines(
    lines: Sequence[LineBlock], matrices: Sequence[np.ndarray], names: Sequence[str], cycle: float
) -> list[LineBlock]:
    """Doses at time 0 that put into each compartment what all earlier cycles have left there.

    With ``E = exp(A cycle)`` and what one cycle leaves at its end, ``load``, the amounts solve ``x = E x + load``.

    Parameters
    ----------
    lines : sequence of LineBlock
        Those of the first cycle.
    matrices : sequence of array, (lane, n, n)
        Rates of each drug, 1 over the unit of time of the lines.
    names : sequence of str
        Of the drugs.
    cycle : float
        Length of a cycle.

    Raises
    ------
    DoseError
        A dose of one cycle still enters when the next one begins.
    """
    found = []
    for drug, matrix in enumerate(matrices):
        lanes, size = matrix.shape[:2]
        own = [line for line in lines if line.drug == drug]
        if not own:
            continue
        unit = np.broadcast_to(np.eye(size), (lanes, size, size))
        flow = np.stack([propagate(matrix, unit[:, i], cycle) for i in range(size)], axis=-1)
        load = np.sum([_left(line, matrix, cycle, names[drug]) for line in own], axis=0)
        amounts = np.linalg.solve(unit - flow, load[..., None])[..., 0]
        nothing = np.zeros(lanes)
        found += [LineBlock(drug, target, 0.0, np.zeros(1), amounts[:, target], nothing) for target in range(size)]
    return found


def _left(line: LineBlock, matrix: np.ndarray, cycle: float, name: str) -> np.ndarray:
    """Amounts (lane, n) that the doses of a line leave at the end of the cycle."""
    total = np.zeros(matrix.shape[:2])
    for time in line.times:
        rest = cycle - time - line.lag - line.duration
        if (rest < 0.0).any():
            raise DoseError(
                f"'{name}': a dose still enters when the next cycle begins, which steady = True cannot carry over; "
                "begin the cycle at another time of day"
            )
        entered = np.zeros_like(total)
        entered[:, line.target] = line.amount
        if line.duration > 0.0:
            entered = propagate(matrix, np.zeros_like(total), line.duration, entered / line.duration)
        total += propagate(matrix, entered, rest)
    return total
