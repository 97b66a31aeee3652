"""One row an arm: the figures that a trial report would print."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from pdsim.endpoints.assembly import read_status
from pdsim.endpoints.best_response import find_response
from pdsim.endpoints.course import last_index, read_course
from pdsim.endpoints.dosing import find_changes
from pdsim.endpoints.grades import find_toxicity
from pdsim.endpoints.intensity import find_intensity
from pdsim.endpoints.survival import (
    DAYS_PER_MONTH,
    Interval,
    median_with_interval,
    rate_with_interval,
    survival_at,
)
from pdsim.endpoints.time_to_event import find_progression
from pdsim.visits import Response, ResponseRules

if TYPE_CHECKING:
    import pandas as pd

_RATES = {
    "orr": "ORR %",
    "vgpr": "VGPR or better %",
    "cr": "CR or better %",
    "neutropenia_34": "neutropenia 3-4 %",
    "thrombocytopenia_34": "thrombocytopenia 3-4 %",
}

_DOSING = {"dose_intensity": "dose intensity %", "held": "doses held %", "reduced": "dose reduced %"}


def summary_table(run: xr.DataTree, interval_n: int = 67, rules: ResponseRules | None = None) -> pd.DataFrame:
    """Summarise every arm, hypotheses included.

    Response rates are of all patients with a baseline: patients who could not be evaluated, or whose integration
    failed later, count with what was confirmed before. Grades are of measured patients, on
    treatment, from blood counts between visits where the run has them.
    Intervals are of a trial of `interval_n` patients and speak of sampling alone, see `rate_with_interval` and
    `median_with_interval`.

    Parameters
    ----------
    run : DataTree
        A run with ``/visits``.
    interval_n : int
        Size of the trial that the intervals speak of.
    rules : ResponseRules, optional
        Classify the stored measurements again; by default the stored classes are taken.

    Returns
    -------
    DataFrame
        Index ``arm``. Columns ``label``, ``hypothesis``, ``n`` (patients with a baseline), ``failed``,
        ``not_evaluable``; in percent, each with ``_low`` and ``_high``: ``orr`` (PR or better), ``vgpr`` and ``cr``
        (or better), ``neutropenia_34``, ``thrombocytopenia_34``; ``median_pfs`` in months with ``_low`` and
        ``_high``, NaN for not reached; ``pfs_12_months`` in percent. Where an arm has dosing rules also
        ``dose_intensity``, its mean in percent, and the percentage of patients with a dose held (``held``) and reduced
        after day 0 (``reduced``); NaN for an untreated arm.

    Raises
    ------
    StoreError
        The run has no ``/visits``.
    """
    import pandas as pd

    course = read_course(run, rules)
    changes = find_changes(run, course)
    dosing = [] if changes is None else [changes, find_intensity(run, course)[["dose_intensity"]]]
    found = xr.merge(
        [find_response(course), find_progression(course), find_toxicity(run, course), *dosing],
        join="exact",
        compat="no_conflicts",
    )
    found["status"] = (("arm", "patient"), read_status(run, course))
    found["known"] = (("arm", "patient"), last_index(course.evaluable) >= 0)
    seed = int(run.attrs.get("seed", 0))
    rows = [_row(found.isel(arm=index), interval_n, seed) for index in range(found.sizes["arm"])]
    names = [str(name) for name in found["arm"].values] if "arm" in found.coords else list(range(len(rows)))
    table = pd.DataFrame(rows, index=pd.Index(names, name="arm"))
    table.attrs["interval"] = f"95 % of trials of {interval_n} patients: sampling only"
    return table


def _row(arm: xr.Dataset, n: int, seed: int) -> dict[str, object]:
    known = arm["known"].values
    best = arm["best_response"].values[known]
    time, event = arm["pfs_time"].values / DAYS_PER_MONTH, arm["pfs_event"].values
    name = str(arm["arm"].values) if "arm" in arm.coords else ""
    row: dict[str, object] = {
        "label": str(arm["label"].values) if "label" in arm.coords else name,
        "hypothesis": str(arm["hypothesis"].values) if "hypothesis" in arm.coords else "",
        "n": int(known.sum()),
        "failed": int((arm["status"].values != 0).sum()),
        "not_evaluable": int((best == Response.NOT_EVALUABLE).sum()),
    }
    for column, depth in (("orr", Response.PR), ("vgpr", Response.VGPR), ("cr", Response.CR)):
        row |= _percent(column, best >= depth, n)
    row |= _columns("median_pfs", median_with_interval(time, event, n, seed=seed))
    row["pfs_12_months"] = 100.0 * survival_at(time, event, 12.0)
    for column in ("neutropenia", "thrombocytopenia"):
        grade = arm[f"worst_{column}"].values
        row |= _percent(f"{column}_34", grade[grade >= 0] >= 3, n)
    return row | (_dosing(arm) if "holds" in arm else {})


def _dosing(arm: xr.Dataset) -> dict[str, float]:
    """Mean dose intensity and patients with holds and reductions, in percent of the treated."""
    intensity = arm["dose_intensity"].values
    treated = ~np.isnan(intensity)
    if not treated.any():
        return dict.fromkeys(("dose_intensity", "held", "reduced"), np.nan)
    return {
        "dose_intensity": 100.0 * float(intensity[treated].mean()),
        "held": 100.0 * float((arm["holds"].values[treated] > 0).mean()),
        "reduced": 100.0 * float(np.isfinite(arm["time_to_first_reduction"].values[treated]).mean()),
    }


def _percent(column: str, outcome: np.ndarray, n: int) -> dict[str, float]:
    rate = rate_with_interval(int(outcome.sum()), len(outcome), n)
    return _columns(column, Interval(*(100.0 * value for value in rate)))


def _columns(column: str, interval: Interval) -> dict[str, float]:
    return {column: interval.value, f"{column}_low": interval.low, f"{column}_high": interval.high}


def printable(table: pd.DataFrame) -> pd.DataFrame:
    """Return a summary table as text, with intervals in brackets and NR for medians that were not reached.

    Parameters
    ----------
    table : DataFrame
        From `summary_table`.

    Returns
    -------
    DataFrame
        Text, index ``arm``.
    """
    import pandas as pd

    text = {name: table[name].astype(str) for name in ("label", "n", "failed")}
    for column, heading in _RATES.items():
        text[heading] = _bracketed(table, column, "{:.0f}", "-")
    text["median PFS months"] = _bracketed(table, "median_pfs", "{:.1f}", "NR")
    text["PFS at 12 months %"] = [_word(value, "{:.0f}", "-") for value in table["pfs_12_months"]]
    for column, heading in _DOSING.items():
        if column in table:
            text[heading] = [_word(value, "{:.0f}", "-") for value in table[column]]
    return pd.DataFrame(text, index=table.index)


def _bracketed(table: pd.DataFrame, column: str, form: str, missing: str) -> list[str]:
    rows = table[[column, f"{column}_low", f"{column}_high"]].to_numpy(dtype=float)
    words = [[_word(value, form, missing) for value in row] for row in rows]
    return [f"{value} [{low}, {high}]" for value, low, high in words]


def _word(value: float, form: str, missing: str) -> str:
    return missing if np.isnan(value) else form.format(value)
