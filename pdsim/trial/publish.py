"""Figures and the page of trials."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from pdsim.trial.show import board_arm, cell, design_lines, interval_text, rank_lines, score_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pdsim.trial.load import Trial
    from pdsim.trial.run import Scoreboard

CAPTIONS = {
    "predicted_observed": "Predicted against published figures that are open. Lines are 90 % predictive and 95 % "
    "published intervals; filled marks lie within the published interval (z up to 1).",
    "errors": "Signed standardised error of every open figure: one is half the 95 % interval of the published figure. "
    "Marks at the edge are farther away.",
    "ratios": "Hazard ratios of randomised arms, which hold different patients.",
    "pfs": "Progression-free survival of the simulated patients.",
    "os": "Overall survival of the simulated patients.",
    "waterfall": "Best change of the marker, one bar a patient.",
    "swimmer": "One line a patient: best confirmed response so far up to progression, then grey up to death or the end "
    "of follow-up.",
}


def figure_rows(board: Scoreboard) -> pd.DataFrame:
    """Return a row for each outcome, as `pdsim.plot` reads them; sealed observations are missing."""
    rows = []
    for one in board.scored:
        observed, low, high = one.observed
        told, asked = one.figure, one.one
        row: dict[str, Any] = {"trial": one.trial, "file": one.file, "arm": board_arm(board, one), "kind": asked.kind}
        row |= {key: getattr(asked, key) for key in ("subgroup", "endpoint", "timepoint", "unit")}
        row |= {"predicted": told.value, "pred_low": told.low, "pred_high": told.high}
        row |= {"observed": observed, "obs_low": low, "obs_high": high, "z": one.z, "error": one.error}
        rows.append(row | {"counted": one.counted, "verdict": one.verdict})
    return pd.DataFrame(rows)


def run_of(board: Scoreboard, trial: Trial) -> xr.DataTree:
    """Return the arms of a trial as a run that can be drawn: the patients of each arm as a whole, side by side."""
    results = [board.arms[trial.name, name] for name in trial.table.arms]
    parts = []
    for result in results:
        places = result.members[()]
        ends = result.table.isel(patient=places)
        keep = [name for name in _ENDPOINTS if name in ends]
        visits = result.visits.isel(patient=places)[["response"]]
        joined = xr.merge([ends[keep].drop_vars([name for name in ("visit",) if name in ends[keep].coords]), visits])
        parts.append(joined.drop_vars([n for n in joined.coords if n not in ("day", "visit")], errors="ignore"))
    size = max(part.sizes["patient"] for part in parts)
    whole = xr.concat([_padded(part, size) for part in parts], "arm", coords="minimal", compat="override")
    labels = [arm.label or name for name, arm in trial.table.arms.items()]
    names = np.array(list(trial.table.arms), dtype=np.dtypes.StringDType())
    whole = whole.assign_coords(arm=names, label=("arm", np.array(labels, dtype=np.dtypes.StringDType())),
                                base_arm=("arm", names), patient=np.arange(size))  # fmt: skip
    return xr.DataTree.from_dict({"endpoints": whole[list(keep)], "visits": whole[["response"]]})


_ENDPOINTS = ("status", "best_response", "best_change", "pfs_time", "pfs_event", "ttp_time", "ttp_event", "os_time",
              "os_event")  # fmt: skip


def _padded(part: xr.Dataset, size: int) -> xr.Dataset:
    """Fill up with patients who are not there: without times, not evaluable."""
    lacking = size - part.sizes["patient"]
    if not lacking:
        return part
    codes = {"best_response": -1, "response": -1, "status": 1}
    return part.pad(
        patient=(0, lacking),
        constant_values={name: codes.get(str(name), np.nan if part[name].dtype.kind == "f" else 0) for name in part},
    )


def publish(board: Scoreboard, folder: Path) -> Path:
    """Write figures and ``report.html`` into a folder; return the page.

    Raises
    ------
    StoreError
        The folder cannot be written.
    """
    from pdsim.plot.save import write_figures
    from pdsim.report import write_trials

    drawings = _figures(board)
    paths = write_figures(drawings, folder / "figures")
    return write_trials(folder, _page(board), paths, {stem: _caption(stem) for stem in drawings})


def _caption(stem: str) -> str:
    return next((text for key, text in CAPTIONS.items() if stem.startswith(key)), "")


def _figures(board: Scoreboard) -> dict[str, Callable[[Any], Figure]]:
    """Return what is to be drawn, by the name of the file."""
    from pdsim import plot

    rows = figure_rows(board)
    counted, ratios = rows[rows["counted"]], rows[rows["endpoint"].str.startswith("HR_")]
    found: dict[str, Callable[[Any], Figure]] = {}
    if len(counted):
        found["predicted_observed"] = partial(plot.predicted_observed, counted)
        found["errors"] = partial(plot.error_forest, counted)
    if len(ratios):
        found["ratios"] = partial(plot.ratio_forest, ratios)
    for name, power in board.powers.items():
        found[f"power_{name}"] = partial(plot.ratio_histogram, power.ratios, power.power, power.title)
    runs = {trial.table.trial if len(board.trials) == 1 else trial.name: run_of(board, trial) for trial in board.trials}
    if len(runs) > 1:
        found["pfs"] = partial(plot.survival_panels, runs)
        found["os"] = partial(plot.survival_panels, runs, of="os")
        return found
    run = next(iter(runs.values()))
    found["pfs"] = partial(plot.survival_figure, run)
    found["os"] = partial(plot.survival_figure, run, of="os")
    found["waterfall"] = partial(plot.waterfall_panels, run)
    found["swimmer"] = partial(plot.swimmer_panels, run)
    return found


def _page(board: Scoreboard) -> dict[str, Any]:
    """What the page says, as text and tables."""
    scores = score_rows(board.summary)
    one = board.trials[0].table
    title = one.title if len(board.trials) == 1 else f"{len(board.trials)} virtual trials and what was published"
    rows = [
        [one.trial, board_arm(board, one), one.one.subgroup, f"{one.one.endpoint} {one.one.timepoint}".strip(),
         cell(one.figure.value, one.figure.low, one.figure.high, one.one.unit), cell(*one.observed, one.one.unit),
         "" if np.isnan(one.z) else f"{one.z:.1f}", one.verdict]
        for one in board.scored
    ]  # fmt: skip
    notes = [*rank_lines(board.summary), *design_lines(board)]
    if not board.frozen:
        notes.append("Parameters are not frozen: the check set is sealed, and scores are those of the fit set alone.")
    designs = [
        [trial.table.trial, name, arm.regimen, str(arm.n or ""), trial.table.follow_up, trial.table.status,
         trial.table.source]
        for trial in board.trials for name, arm in trial.table.arms.items()
    ]  # fmt: skip
    return {
        "title": title,
        "lead": interval_text(board),
        "notes": notes,
        "scores": {"headings": list(scores[0]) if scores else [], "rows": [list(row.values()) for row in scores]},
        "figures": {
            "headings": ["trial", "arm", "patients", "endpoint", "predicted", "published", "z", "verdict"],
            "rows": rows,
        },
        "designs": {
            "headings": ["trial", "arm", "regimen", "published n", "follow-up", "design", "source"],
            "rows": designs,
        },
        "remarks": [f"{trial.table.trial}: {trial.table.notes}" for trial in board.trials if trial.table.notes],
    }
