"""Blood counts over time against the CTCAE grades."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pdsim.plot.data import arm_label, curves, headcount, pick_arm, plain_arms
from pdsim.plot.layout import add_legend, head, margin_note, month_axis, only_outer_labels, panel_grid, panel_size
from pdsim.plot.style import GREEN, PURPLE, QUIET, new_figure, own_axes, styled
from pdsim.plot.trajectories import bands

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Upper limits of grades 2, 3 and 4, 1e9/L: CTCAE version 5.0.
GRADES = {
    "anc": {2: 1.5, 3: 1.0, 4: 0.5},
    "platelets": {2: 75.0, 3: 50.0, 4: 25.0},
}
LABELS = {"anc": "neutrophils (10\N{SUPERSCRIPT NINE}/L)", "platelets": "platelets (10\N{SUPERSCRIPT NINE}/L)"}
COLOURS = {"anc": GREEN, "platelets": PURPLE}
LEAST_TOP = {"anc": 4.0, "platelets": 200.0}


@styled
def anc(run: xr.DataTree, arm: str | None = None, ax: Axes | None = None, *, legend: bool = True) -> Axes:
    """Draw the neutrophils of one arm, 1e9/L: median, 25-75 % and 5-95 % bands, lines under which grades 2-4 begin.

    Raises
    ------
    PdsimError
        Unknown arm, or a run without `anc`.
    """
    return counts(run, "anc", arm, ax, legend)


@styled
def platelets(run: xr.DataTree, arm: str | None = None, ax: Axes | None = None, *, legend: bool = True) -> Axes:
    """Draw the platelets of one arm, 1e9/L: median, bands and grade lines as in `anc`.

    Raises
    ------
    PdsimError
        Unknown arm, or a run without `platelets`.
    """
    return counts(run, "platelets", arm, ax, legend)


def counts(run: xr.DataTree, name: str, arm: str | None, ax: Axes | None, legend: bool) -> Axes:
    """Draw one blood count of one arm."""
    arm = pick_arm(run, arm)
    shown = curves(run, arm, name)
    ax, own = own_axes(ax)
    bands(ax, shown, COLOURS[name])
    high = shown.quantiles(0.95)
    top = 1.08 * np.nanmax(high) if np.isfinite(high).any() else 0.0
    ax.set_ylim(0.0, max(top, LEAST_TOP[name]))
    grade_lines(ax, GRADES[name])
    month_axis(ax, shown.months)
    ax.set_ylabel(LABELS[name])
    head(ax, arm_label(run, arm), headcount(shown.values.shape[0], shown.failed))
    if legend:
        add_legend(ax, own, 3)
    return ax


def grade_lines(ax: Axes, grades: dict[int, float]) -> None:
    """Draw the upper limit of each grade; its name stands below the line, where the grade holds."""
    for grade, limit in grades.items():
        ax.axhline(limit, color=QUIET, linewidth=0.6, linestyle=(0, (4, 2)), zorder=3)
        margin_note(ax, limit, f"grade {grade}", va="top")


def count_panels(run: xr.DataTree, name: str, figure: Figure | None) -> Figure:
    """Draw one blood count of every plain arm on shared axes."""
    arms = plain_arms(run)
    columns, width, height = panel_size(len(arms), 2.0)
    figure = new_figure(figure, width, height)
    axes = panel_grid(figure, len(arms), columns, sharex=True, sharey=True)
    tops = []
    for ax, arm in zip(axes, arms, strict=True):
        counts(run, name, arm, ax, legend=False)
        tops.append(ax.get_ylim()[1])
        ax.tick_params(labelbottom=True)
    axes[0].set_ylim(0.0, max(tops))
    only_outer_labels(axes, columns)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


@styled
def anc_panels(run: xr.DataTree, figure: Figure | None = None) -> Figure:
    """Draw the neutrophils of every plain arm, one panel each."""
    return count_panels(run, "anc", figure)


@styled
def platelet_panels(run: xr.DataTree, figure: Figure | None = None) -> Figure:
    """Draw the platelets of every plain arm, one panel each."""
    return count_panels(run, "platelets", figure)
