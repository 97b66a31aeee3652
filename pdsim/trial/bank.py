"""Patients who may enter a trial: drawn, held to its eligibility, and led through its history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from pdsim import draws
from pdsim.cohort.expressions import Expression
from pdsim.errors import ConfigError
from pdsim.schema import RESPONSE
from pdsim.trial.load import DEPTHS, MEASURED, Trial
from pdsim.units import days

if TYPE_CHECKING:
    from pdsim.model import Model
    from pdsim.trial.engine import Engine
    from pdsim.trial.schema import HistoryTable

Want = tuple[str, ...]  # conditions that all hold; none for everybody
MOST = 60  # candidates drawn for every patient wanted, before it is said that nobody enters
WINDOW_DAYS = 3  # days of a window that are simulated; patients are dealt out to them


@dataclass(frozen=True)
class Bank:
    """Patients who entered, in the order of their numbers.

    Attributes
    ----------
    cohort : Dataset
        (patient[, clone]), with what the history has changed.
    initial : Dataset or None
        States at entry, where there is a history.
    members : dict of tuple of str to array of int
        Places in the cohort of the first patients for whom conditions hold.
    tried : int
        Patients drawn to find them.
    """

    cohort: xr.Dataset
    initial: xr.Dataset | None
    members: dict[Want, np.ndarray]
    tried: int


def values_of(cohort: xr.Dataset) -> dict[str, np.ndarray]:
    """Return what arithmetic may read of patients: their variables, and the depths of response as numbers."""
    found = {str(name): column.values for name, column in cohort.data_vars.items() if column.dims == ("patient",)}
    return found | {name: np.asarray(RESPONSE[name]) for name in DEPTHS}


def holds(trial: Trial, text: str, values: Mapping[str, np.ndarray], size: int) -> np.ndarray:
    """Whether a condition of the trial is true, (patient,); what was not measured makes it false."""
    found = trial.conditions[text].evaluate(values, trial.levels)
    return np.broadcast_to(np.nan_to_num(found), (size,)) > 0


def fill_bank(trial: Trial, wants: Mapping[Want, int], engine: Engine) -> Bank:
    """Draw patients until every want is met.

    Raises
    ------
    ConfigError
        Nobody enters, or nobody for whom the conditions of an arm or outcome hold.
    """
    pieces: list[tuple[xr.Dataset, xr.Dataset | None]] = []
    lacking = dict(wants)
    start, kept = 0, 0.0
    most = MOST * max(sum(wants.values()), 8)
    while lacking and start < most:
        size = _batch(max(lacking.values()), start, kept)
        candidates = engine.cohort(trial.population, size, start)
        start += size
        entered = candidates.isel(patient=_eligible(trial, candidates))
        piece = _led(trial, entered, engine) if entered.sizes["patient"] else None
        if piece is None:
            continue
        pieces.append(piece)
        kept += piece[0].sizes["patient"]
        found = _members(trial, wants, pieces)
        lacking = {want: count for want, count in wants.items() if len(found[want]) < count}
    if not pieces:
        raise ConfigError(_nobody(trial, start, engine))
    return _bank(trial, wants, pieces, start)


def _batch(wanted: int, start: int, kept: float) -> int:
    """Candidates to draw next, by the share of those who have entered so far; whole blocks of 16."""
    share = max(kept / start, 0.05) if start else 0.8
    return int(min(max(16 * np.ceil(1.1 * (wanted / share - start if kept else wanted / share) / 16), 32), 4096))


def _eligible(trial: Trial, cohort: xr.Dataset) -> np.ndarray:
    values, size = values_of(cohort), cohort.sizes["patient"]
    good = np.ones(size, dtype=bool)
    for entry in trial.table.eligibility:
        good &= holds(trial, entry.keep, values, size)
    return np.flatnonzero(good)


def _led(trial: Trial, cohort: xr.Dataset, engine: Engine) -> tuple[xr.Dataset, xr.Dataset | None] | None:
    """Lead patients through the history; None where none of them gets to its end."""
    initial: xr.Dataset | None = None
    for number, line in enumerate(trial.table.history):
        cohort, initial = _line(trial, cohort, initial, line, number, engine)
        if not cohort.sizes["patient"]:
            return None
    return cohort, initial


def _line(
    trial: Trial, cohort: xr.Dataset, initial: xr.Dataset | None, line: HistoryTable, number: int, engine: Engine
) -> tuple[xr.Dataset, xr.Dataset]:
    """Simulate one line; return those who go on, with what has changed in them, and their states."""
    # other draws of assay errors than in the lines before and in the trial
    staged = cohort.assign_attrs(seed=int(cohort.attrs["seed"]) + 7919 * (number + 1))
    parts = []
    for stop, rows in _stops(line, staged):
        part = staged.isel(patient=rows)
        start = None if initial is None else initial.isel(patient=rows)
        parts.append(engine.history(trial, part, start, line, stop))
    measured = xr.concat([part[0] for part in parts], "patient").sortby("patient")
    states = xr.concat([part[1] for part in parts], "patient").sortby("patient")
    nothing = np.full(cohort.sizes["patient"], np.nan)
    values = values_of(cohort) | {name: measured[name].values if name in measured else nothing for name in MEASURED}
    good = np.isfinite(next(iter(states.data_vars.values())).transpose("patient", ...).values)
    good = good.reshape(len(good), -1).all(axis=1)
    if line.enter != "progression":
        good &= values["progressed"] == 0
    if line.keep:
        good &= holds(trial, line.keep, values, len(good))
    rows = np.flatnonzero(good)
    changed = {
        name: ("patient", np.broadcast_to(trial.conditions[str(value)].evaluate(values, trial.levels), good.shape))
        for name, value in line.then.items()
    }
    onward = cohort.assign({name: (column.dims, column.values) for name, column in measured.data_vars.items()})
    return onward.assign(changed).isel(patient=rows), states.isel(patient=rows)


def _stops(line: HistoryTable, cohort: xr.Dataset) -> Iterable[tuple[float, np.ndarray]]:
    """Ends of a line and the places of the patients who reach it then."""
    everybody = np.arange(cohort.sizes["patient"])
    if line.window is None:
        yield days(line.stop), everybody
        return
    low, high = (days(end) for end in line.window)
    uniform = draws.uniforms(int(cohort.attrs["seed"]), cohort["patient"].values, "trial.window", 1)[:, 0]
    place = (uniform * WINDOW_DAYS).astype(int)
    for number in range(WINDOW_DAYS):
        rows = everybody[place == number]
        if len(rows):
            yield low + (number + 0.5) / WINDOW_DAYS * (high - low), rows


def _members(
    trial: Trial, wants: Mapping[Want, int], pieces: list[tuple[xr.Dataset, xr.Dataset | None]]
) -> dict[Want, np.ndarray]:
    found: dict[Want, np.ndarray] = {}
    for want, count in wants.items():
        good = [_all_hold(trial, want, cohort) for cohort, _ in pieces]
        found[want] = np.flatnonzero(np.concatenate(good))[:count]
    return found


def _all_hold(trial: Trial, want: Want, cohort: xr.Dataset) -> np.ndarray:
    size = cohort.sizes["patient"]
    good = np.ones(size, dtype=bool)
    for text in want:
        good &= holds(trial, text, values_of(cohort), size)
    return good


def _bank(
    trial: Trial, wants: Mapping[Want, int], pieces: list[tuple[xr.Dataset, xr.Dataset | None]], tried: int
) -> Bank:
    found = _members(trial, wants, pieces)
    empty = [" and ".join(want) for want, places in found.items() if not len(places)]
    if empty:
        raise ConfigError(
            f"{trial.file}: of {tried} patients drawn nobody who entered is such that {'; or '.join(empty)}. "
            "Change the condition or the population."
        )
    cohort = xr.concat([piece for piece, _ in pieces], "patient", combine_attrs="override")
    states = [initial for _, initial in pieces if initial is not None]
    used = np.unique(np.concatenate(list(found.values())))
    members = {want: np.searchsorted(used, places) for want, places in found.items()}
    initial = xr.concat(states, "patient").isel(patient=used) if states else None
    return Bank(cohort.isel(patient=used), initial, members, tried)


def _nobody(trial: Trial, tried: int, engine: Engine) -> str:
    """Say which conditions keep everybody out."""
    cohort = engine.cohort(trial.population, 256, 0)
    values = values_of(cohort)
    lines = [f"{trial.file}: of {tried} patients drawn nobody can enter."]
    for place, entry in enumerate(trial.table.eligibility, 1):
        share = holds(trial, entry.keep, values, 256).mean()
        lines.append(f"  eligibility[{place}] '{entry.keep}' holds for {share:.0%} of the population.")
    for place, line in enumerate(trial.table.history, 1):
        lines.append(f"  history[{place}] asks for {line.keep or 'no condition'}, at {line.enter} of {line.regimen}.")
    return "\n".join([*lines, "  Change the conditions or the population."])


def reads_entry_only(trial: Trial, condition: Expression) -> bool:
    """Whether arithmetic reads what is known before treatment, so that patients can be chosen by it."""
    return set(condition.names) <= {variable.name for variable in trial.population.variables}


def with_draws(cohort: xr.Dataset, places: np.ndarray, factors: Mapping[str, np.ndarray], model: Model) -> xr.Dataset:
    """Add some patients again, once for each draw of the parameters.

    Parameters
    ----------
    cohort : Dataset
    places : array of int
        Patients to repeat; as many of them follow the cohort for each draw.
    factors : mapping of str to array of float, (draw,)
        Factors on parameters; a parameter that the cohort lacks has the model's default.
    model : Model

    Returns
    -------
    Dataset
        (patient[, clone]); patient numbers repeat.
    """
    size, count = cohort.sizes["patient"], len(next(iter(factors.values())))
    repeated = cohort.isel(patient=np.concatenate([np.arange(size), np.tile(places, count)]))
    changed = {}
    for name, factor in factors.items():
        column = np.concatenate([np.ones(size), np.repeat(factor, len(places))])
        base = repeated[name] if name in cohort else model.params[name].default
        changed[name] = base * xr.DataArray(column, dims="patient")
    return repeated.assign(changed)
