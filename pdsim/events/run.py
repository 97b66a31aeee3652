"""Simulates event tables: one row out for every row in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim._memory import answers
from pdsim.dosing.records import Mistakes
from pdsim.dosing.table import EventTable, records
from pdsim.dosing.timeline import Doses
from pdsim.errors import ModelError, PdsimError, SolverError, did_you_mean
from pdsim.events import variability
from pdsim.events.linear import not_linear
from pdsim.events.patients import Roster, vary
from pdsim.events.population import Population
from pdsim.events.values import DoseValues, Given, parameter_sets
from pdsim.solvers.block import Options
from pdsim.units import convert

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from pdsim.model import Kernels, Model

METHODS = ("auto", "ode", "closed")
COVARIATES = ("nocb", "locf")


def simulate_events(
    model: Model,
    table: EventTable | pd.DataFrame | Mapping[str, Any] | str | Path,
    outputs: Sequence[str] | None = None,
    *,
    lag: Given | None = None,
    bioavailability: Given | None = None,
    rate: Given | None = None,
    duration: Given | None = None,
    covariates: str = "nocb",
    method: str = "auto",
    params: Given | None = None,
    clones: Sequence[str] = (),
    rtol: float = 1e-8,
    atol: float = 1e-10,
    max_step: float | None = None,
    omega: Any = None,
    occasion: Mapping[str, Any] | None = None,
    sigma: Mapping[str, Mapping[str, float]] | None = None,
    seed: int = 0,
    on_failure: str = "warn",
) -> pd.DataFrame:
    """Simulate an event table as NONMEM reads it.

    Doses may be delayed, repeated (ADDL, II), infused (RATE, also -1 and -2) and at steady state (SS 1 and 2). At one
    instant additional and lagged doses come first, then the records in their order. With bioavailability F an infusion
    of fixed or modelled rate lasts F times as long; one of modelled duration runs at F times the rate. SS = 1 replaces
    all that went before by an infinite train of doses, lag included; SS = 2 adds the train; with AMT = 0 and RATE > 0
    it is a constant infusion that ends at the record. EVID 3 and 4 reset the states and cancel what is pending.

    Parameters
    ----------
    model : Model
        From `pdsim.load_model`; without drug cards.
    table : EventTable, DataFrame, mapping of columns, or path of a CSV file
        Columns ID TIME EVID AMT CMT RATE II ADDL SS MDV in any case; TIME in the model's own unit. A column with the
        name of a parameter gives its value, constant or by row.
    outputs : sequence of str, optional
        Outputs or states; all Outputs by default, all states where there are none.
    lag, bioavailability, rate, duration : mapping, optional
        From a state to a number, a parameter or a column: NONMEM's ALAG, F, R (RATE = -1) and D (RATE = -2).
    covariates : {"nocb", "locf"}
        A row's parameters hold from the row before to itself (next observation carried backward, as in NONMEM), or
        from itself to the next row.
    method : {"auto", "ode", "closed"}
        "closed" is the matrix exponential, for models linear in their states; "auto" takes it where it can.
    params : mapping, optional
        Parameters as numbers or columns of another name.
    clones : sequence of str, optional
        Names along the clone dimension, for models that have one.
    rtol, atol : float
        Relative tolerance, and absolute tolerance per unit of a state's scale, of "ode".
    max_step : float, optional
        Largest step in the model's time unit; 30 days by default.
    omega : mapping or DataFrame, optional
        Variances between patients of log-normal parameters, with covariances by pair:
        ``{"clearance": 0.09, "volume": 0.04, ("clearance", "volume"): 0.03}``.
    occasion : mapping, optional
        Variances between occasions by the column that numbers them: ``{"OCC": {"clearance": 0.02}}``.
    sigma : mapping, optional
        Variances of residual error by output: ``{"concentration": {"proportional": 0.01, "additive": 0.1}}``, also
        "exponential". Adds a column ``concentration_measured``, NaN in rows that measure nothing (EVID not 0, MDV 1).
    seed : int
        Seed of all variability; a patient's draws depend on seed and ID alone.
    on_failure : {"warn", "raise", "keep"}
        What to do about patients that cannot be integrated; their rows are NaN from the failure on.

    Returns
    -------
    DataFrame
        One row for each row of the table, in its order: ID, TIME and the outputs, a row's value being that after its
        own dose. ``attrs`` say how covariates were carried and which method was used.

    Raises
    ------
    DoseError
        With all mistakes of the table and the mappings, and their rows.
    ModelError
        With ``method="closed"``, where the model is not linear; or unknown outputs.
    SolverError
        With ``on_failure="raise"``, where a patient fails.

    Examples
    --------
    >>> from pdsim.model import Model, Param, State
    >>> class Bolus(Model):
    ...     central = State(0.0, "mg", "amount", dosed=True)
    ...     loss = Param(0.1, "1/day", "elimination rate", source="an example")
    ...
    ...     @staticmethod
    ...     def rates(t, s, p, u, d):
    ...         return d(central=-p.loss * s.central)
    >>> table = {"TIME": [0, 7], "AMT": [100, 0]}
    >>> simulate_events(Bolus(), table)["central"].round(3).tolist()
    [100.0, 49.659]
    """
    from pdsim.model import kernels as make_kernels

    _choice("method", method, METHODS)
    _choice("covariates", covariates, COVARIATES)
    _choice("on_failure", on_failure, ("warn", "raise", "keep"))
    given, mistakes = records(table)
    read, order = given.together()
    kernels = make_kernels(model, tuple(clones), keep=tuple(model.states))
    names = _outputs(kernels, outputs)
    variability.check_residual(sigma or {}, names)
    roster = Roster.of(read, seed)
    found = Mistakes()
    occasions = [column for name in occasion or {} if (column := read.column(name)) is not None]
    sets = parameter_sets(kernels, read, params, occasions, found)
    vary(sets, kernels.params, read, roster, omega, occasion)
    sets = sets.distinct(read.starts[:-1])
    closed = _closed(kernels, method, read, found)
    about_doses = [part or {} for part in (lag, bioavailability, rate, duration)]
    alone = not any(about_doses) and not found.found  # doses follow from the table alone

    def work_out() -> Doses:
        doses = DoseValues(kernels, read, sets, found).doses(*about_doses)
        mistakes.take(found, order)
        mistakes.check()
        return doses

    doses = read.find(("doses", kernels.states, kernels.dosed), work_out) if alone else work_out()
    options = None if closed else _options(model, rtol, atol, max_step)
    population = Population(kernels, roster, sets, doses, options, read if alone else None)
    whole = answers.empty((2 + len(names), len(read)))
    columns = dict(zip(population.columns(names, covariates == "locf", whole[2:]), whole[2:], strict=True))
    population.report(on_failure)
    columns = {name: columns[name] for name in names}
    for name, kinds in (sigma or {}).items():
        columns[f"{name}_measured"] = _measured(columns[name], kinds, name, read, roster)
    frame = _frame(given, order, whole[:2], columns)
    frame.attrs = {"model": model.name, "time": model.time, "covariates": covariates, "seed": seed}
    frame.attrs |= {"method": "closed"} if closed else {"method": "ode", "rtol": rtol, "atol": atol}
    return frame


def _choice(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise PdsimError(f"{name} = '{value}' is not known; use {', '.join(known)}.{did_you_mean(str(value), known)}")


def _options(model: Model, rtol: float, atol: float, max_step: float | None) -> Options:
    longest = float(convert(30.0, "day", model.time)) if max_step is None else max_step
    for name, value in {"rtol": rtol, "atol": atol, "max_step": longest}.items():
        if not (np.isfinite(value) and value > 0.0):
            raise SolverError(f"{name} = {value:g} must be a positive number")
    return Options(rtol=rtol, atol=atol, max_step=longest)


def _outputs(kernels: Kernels, wanted: Sequence[str] | None) -> list[str]:
    """Flat names of the columns to return."""
    flat = [*kernels.outputs, *(name for name in kernels.states if name not in kernels.outputs)]
    if wanted is None:
        return list(kernels.outputs or kernels.states)
    found, wrong = [], []
    known = list(dict.fromkeys([*(name.partition("[")[0] for name in flat), *flat]))
    for name in [wanted] if isinstance(wanted, str) else wanted:
        own = [label for label in flat if name in (label, label.partition("[")[0])]
        found += own
        if not own:
            wrong.append(f"outputs: '{name}' is neither an Output nor a state.{did_you_mean(name, known)}")
    if wrong:
        raise ModelError("\n".join([*wrong, f"Known: {', '.join(known)}"]))
    return list(dict.fromkeys(found))


def _closed(kernels: Kernels, method: str, table: EventTable, mistakes: Mistakes) -> bool:
    """Whether to take the closed form; SS = 2 needs a linear model on either path."""
    added = table.find("added trains", lambda: table.dose & (table.ss == 2))
    if method == "ode" and not added.any():
        return False
    reasons = not_linear(kernels)
    if reasons and method == "closed":
        lines = "\n".join(f"  {reason}" for reason in reasons)
        raise ModelError(
            f"method = 'closed' is for models linear in their states; '{kernels.model.name}' is not:\n{lines}\n"
            "Use method = 'ode' or 'auto'"
        )
    if reasons:
        mistakes.where(
            added, f"SS = 2 adds states, and the model is not linear ({reasons[0]}); write the doses out, or use SS = 1"
        )
    return method != "ode" and not reasons


def _frame(
    table: EventTable, order: np.ndarray | None, head: np.ndarray, columns: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """Rows as in the table; those of the columns stand at `order` in it. `head` (2, row) is room for ID and TIME."""
    import pandas as pd

    numbers = head[0].view(np.int64)
    own = {"ID": numbers if table.id.dtype == numbers.dtype else np.empty_like(table.id), "TIME": head[1]}
    own["ID"][:], own["TIME"][:] = table.id, table.time
    if order is not None:
        columns = {name: column[np.argsort(order)] for name, column in columns.items()}
    return pd.DataFrame({**own, **columns}, copy=False)


def _measured(
    values: np.ndarray, kinds: Mapping[str, float], name: str, table: EventTable, roster: Roster
) -> np.ndarray:
    rows = np.arange(len(table))
    patient = roster.of_rows(rows)
    number = rows - roster.starts[patient]
    found = variability.measured(values, kinds, name, roster.seed, roster.numbers[patient], number)
    return np.where((table.evid == 0) & (table.mdv == 0), found, np.nan)
