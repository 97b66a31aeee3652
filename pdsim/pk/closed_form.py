"""Amounts, concentrations and exposures of a linear system, exact between doses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pdsim.errors import DoseError
from pdsim.pk.system import LinearSystem

_KEPT = 64  # matrix exponentials remembered by step


class Line(Protocol):
    """A dose line, as `pdsim.dosing` makes them."""

    drug: str
    amount: float
    unit: str
    per: str
    route: str | None
    duration: float
    times: np.ndarray


@dataclass(frozen=True, eq=False)
class Exposure:
    """What one dose gives.

    Parameters
    ----------
    auc, auc_free : array, (species, patient)
        Area under the total and the free concentration to infinity, nM day.
    half_life : array, (patient,)
        Days, of the slowest mode.
    """

    auc: np.ndarray
    auc_free: np.ndarray
    half_life: np.ndarray


def propagate(
    matrix: np.ndarray, amounts: np.ndarray, dt: float | np.ndarray, inflow: np.ndarray | None = None
) -> np.ndarray:
    """Carry amounts forward by `dt` days through the matrix exponential.

    Exact also where two rates meet. A constant inflow is a further column of the matrix.

    Parameters
    ----------
    matrix : array, (patient, n, n)
        1/day.
    amounts : array, (patient, n)
        nmol.
    dt : float or array (patient,)
        Days.
    inflow : array, (patient, n), optional
        nmol/day, constant during the step.

    Returns
    -------
    array, (patient, n)
    """
    from scipy.linalg import expm

    step = np.asarray(dt, dtype=float).reshape(-1, 1, 1)
    if inflow is None:
        return _apply(expm(matrix * step), amounts)
    augmented, scale = _augmented(matrix, inflow)
    state = np.concatenate([amounts, np.broadcast_to(scale, (len(amounts), 1))], axis=1)
    return _apply(expm(augmented * step), state)[:, :-1]


def concentration(
    system: LinearSystem,
    lines: Sequence[Line],
    patient_scale: Mapping[str, np.ndarray],
    times: np.ndarray,
    total: bool = False,
) -> np.ndarray:
    """Compute concentrations of a drug at given times, from its dose lines.

    Parameters
    ----------
    system : LinearSystem
    lines : sequence of DoseLine
        Lines of other drugs are passed over. Amounts in mg.
    patient_scale : mapping
        ``"m2"`` and ``"kg"`` to array (patient,), for doses by size; see `dose_scale`.
    times : array, (time,)
        Days, in any order; a value at the time of a dose is that after it.
    total : bool
        Free and bound together, instead of free.

    Returns
    -------
    array, (species, patient, time)
        nM.

    Raises
    ------
    DoseError
        If a dose has a unit or route that the card cannot take, or a size is missing.
    """
    own = [line for line in lines if line.drug == system.drug]
    times = np.asarray(times, dtype=float)
    count, size = system.matrix.shape[:2]
    amounts = np.zeros((count, size, len(times)))
    routes = sorted({system.route_of(line.route) for line in own})
    lags = np.stack([np.zeros(count), *(system.lag[route] for route in routes)])
    _, group = np.unique(lags, axis=1, return_inverse=True)
    for number in range(group.max() + 1 if count else 0):
        rows = np.flatnonzero(group.ravel() == number)
        amounts[rows] = _amounts(system, own, patient_scale, times, rows)
    readout = system.readout_total if total else system.readout
    return np.einsum("spn,pnt->spt", readout, amounts)


def exposure(system: LinearSystem, route: str, dose_mg: float) -> Exposure:
    """Compute the exposure to one dose from the inverse of the matrix.

    Parameters
    ----------
    system : LinearSystem
    route : str
        Route of the dose.
    dose_mg : float
        Dose in mg.
    """
    chosen = system.route_of(route)
    start = np.zeros(system.matrix.shape[:2])
    start[:, system.entry[chosen]] = dose_mg * system.nmol_per_mg * system.bioavailability[chosen]
    area = np.linalg.solve(-system.matrix, start[..., None])[..., 0]
    slowest = np.max(np.real(np.linalg.eigvals(system.matrix)), axis=1)
    return Exposure(
        auc=np.einsum("spn,pn->sp", system.readout_total, area),
        auc_free=np.einsum("spn,pn->sp", system.readout, area),
        half_life=np.log(2) / -slowest,
    )


def _apply(matrices: np.ndarray, state: np.ndarray) -> np.ndarray:
    return np.einsum("pij,pj->pi", matrices, state)


def _augmented(matrix: np.ndarray, inflow: np.ndarray) -> tuple[np.ndarray, float]:
    """Add the inflow as a column, scaled to the matrix so that its size does not cost digits."""
    count, size = inflow.shape
    scale = float(np.max(np.abs(inflow))) or 1.0
    augmented = np.zeros((count, size + 1, size + 1))
    augmented[:, :size, :size] = matrix
    augmented[:, :size, size] = inflow / scale
    return augmented, scale


def _amounts(
    system: LinearSystem, lines: list[Line], scale: Mapping[str, np.ndarray], times: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Amounts (patient, n, time) of patients that share their lags."""
    boluses: dict[float, np.ndarray] = {}
    infusions: list[tuple[float, float, np.ndarray]] = []
    for line in lines:
        route = system.route_of(line.route)
        given = np.zeros((len(rows), system.matrix.shape[1]))
        given[:, system.entry[route]] = (_nmol(system, line, scale) * system.bioavailability[route])[rows]
        if route == "infusion" and line.duration <= 0:
            raise DoseError(f'{line.drug}: an infusion needs its length; write for example duration = "1 h"')
        for time in np.asarray(line.times) + system.lag[route][rows[0]]:
            if line.duration > 0:
                infusions.append((time, time + line.duration, given / line.duration))
            else:
                boluses[time] = boluses.get(time, 0.0) + given
    changes = {*boluses, *(start for start, _, _ in infusions), *(stop for _, stop, _ in infusions)}
    return _march(system.matrix[rows], boluses, infusions, changes, times)


def _march(
    matrix: np.ndarray,
    boluses: Mapping[float, np.ndarray],
    infusions: list[tuple[float, float, np.ndarray]],
    changes: set[float],
    times: np.ndarray,
) -> np.ndarray:
    state = np.zeros(matrix.shape[:2])
    grid, place = np.unique(times, return_inverse=True)
    stored = {time: number for number, time in enumerate(grid.tolist())}
    out = np.zeros((*state.shape, len(grid)))
    end = grid[-1] if len(grid) else -np.inf
    instants = sorted({*stored, *(change for change in changes if change <= end)})
    exponentials: dict[float, np.ndarray] = {}
    inflow: np.ndarray | None = None
    now = -np.inf
    for instant in instants:
        if inflow is not None:
            state = propagate(matrix, state, instant - now, inflow)
        elif np.any(state):
            state = _apply(_remembered(exponentials, matrix, instant - now), state)
        if instant in changes:
            state = state + boluses.get(instant, 0.0)
            running = [rate for start, stop, rate in infusions if start <= instant < stop]
            inflow = np.sum(running, axis=0) if running else None
        if instant in stored:
            out[..., stored[instant]] = state
        now = instant
    return out[..., place]


def _remembered(exponentials: dict[float, np.ndarray], matrix: np.ndarray, step: float) -> np.ndarray:
    from scipy.linalg import expm

    if step not in exponentials:
        if len(exponentials) >= _KEPT:
            exponentials.pop(next(iter(exponentials)))
        exponentials[step] = expm(matrix * step)
    return exponentials[step]


def _nmol(system: LinearSystem, line: Line, scale: Mapping[str, np.ndarray]) -> np.ndarray:
    if line.unit != "mg":
        raise DoseError(f"{line.drug}: a dose in {line.unit} cannot enter linear kinetics; give it in mg")
    if line.per == "flat":
        factor = np.ones(len(system.matrix))
    elif line.per in scale:
        factor = np.asarray(scale[line.per], dtype=float)
    else:
        missing = {"m2": "bsa", "kg": "weight"}.get(line.per, line.per)
        raise DoseError(f"{line.drug}: a dose per {line.per} needs the covariate '{missing}', and the cohort has none")
    return line.amount * factor * system.nmol_per_mg
