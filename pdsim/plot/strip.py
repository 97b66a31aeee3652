"""Planned dosing days as thin rows between a panel and its time axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pdsim.plot.data import arm_names, dataset, of_arm
from pdsim.plot.layout import hang_below
from pdsim.plot.style import MONTH_DAYS, QUIET

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

ROW = 10.0
GAP = 2.0
LETTERS = 5.5


def dosing_days(run: xr.DataTree, arm: str) -> dict[str, np.ndarray]:
    """Drug -> days (int) on which the arm's regimen gives it; empty where the run has no `/dosing`."""
    if "dosing" not in run.children or arm not in arm_names(run):
        return {}
    found = dataset(run, "dosing")
    if arm not in [str(name) for name in found["arm"].values]:
        return {}
    given = of_arm(found["given"], arm).transpose("drug", "day").values > 0
    day = found["day"].values
    return {str(drug): day[row] for drug, row in zip(found["drug"].values, given, strict=True) if row.any()}


def spans(days: np.ndarray) -> list[tuple[float, float]]:
    """(start, length) in months of every run of consecutive days."""
    days = np.unique(days)
    starts = np.flatnonzero(np.diff(days, prepend=days[0] - 2) > 1)
    ends = np.append(starts[1:], days.size)
    return [
        (float(days[a]) / MONTH_DAYS, float(days[b - 1] - days[a] + 1) / MONTH_DAYS)
        for a, b in zip(starts, ends, strict=True)
    ]


def dosing_strip(run: xr.DataTree, arm: str, ax: Axes, rows: int = 0) -> Axes | None:
    """Draw one row per drug under `ax` and move its time axis below them.

    `rows` reserves space, so that panels with fewer drugs align with the others.
    """
    plan = dosing_days(run, arm)
    rows = max(rows, len(plan))
    if not rows:
        return None
    height = rows * ROW
    ax.spines["bottom"].set_position(("outward", height + GAP + 3.0))
    strip = hang_below(ax, height, GAP)
    strip.set_label("dosing")
    strip.set(ylim=(rows - 0.5, -0.5), yticks=[])
    strip.tick_params(bottom=False, labelbottom=False)
    strip.spines[:].set_visible(False)
    strip.patch.set_visible(False)
    for row, (drug, days) in enumerate(plan.items()):
        bars = strip.broken_barh(spans(days), (row + 0.2, 0.3), facecolor=QUIET, edgecolor=QUIET, linewidth=0.2)
        bars.set_snap(False)
        name_row(strip, row, drug.replace("_", " "))
    if not plan:
        name_row(strip, 0, "no drug")
    return strip


def name_row(strip: Axes, row: int, text: str) -> None:
    """Write a drug's name above its row."""
    strip.text(0.0, row + 0.12, text, fontsize=LETTERS, color=QUIET, va="bottom", transform=strip.get_yaxis_transform())
