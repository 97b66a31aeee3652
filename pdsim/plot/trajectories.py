"""Serum M-protein over time: every patient faint, median and quantile bands, dosing days below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from pdsim.errors import PdsimError, did_you_mean
from pdsim.plot.data import Curves, arm_label, curves, headcount, pick_arm, plain_arms
from pdsim.plot.layout import add_legend, head, month_axis, only_outer_labels, panel_grid, panel_size, say
from pdsim.plot.strip import dosing_days, dosing_strip
from pdsim.plot.style import BLUE, new_figure, own_axes, styled, tint

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FLOOR = 0.1
MOST_LINES = 100
LEAST_TOP = 100.0
Scale = Literal["log", "symlog", "linear"]


@styled
def m_protein(
    run: xr.DataTree,
    arm: str | None = None,
    ax: Axes | None = None,
    *,
    scale: Scale = "log",
    strip_rows: int = 0,
    legend: bool = True,
) -> Axes:
    """Draw the serum M-protein of one arm, g/L against months from randomisation.

    Parameters
    ----------
    run
        Run with `/trajectory` (arm, patient, time); `/dosing` and `/endpoints` are used where present.
    arm
        Label of the arm; may be left out where the run has one plain arm.
    scale
        "log" (default) draws values below 0.1 g/L, the floor of immunofixation-free assays, at 0.1 g/L and labels
        the tick so; "symlog" is linear below 0.5 g/L and reaches zero; "linear" hides deep responses.
    strip_rows
        Rows to reserve for dosing days, so that panels align.
    legend
        Draw the legend: inside axes that were given, under axes made here.

    Returns
    -------
    Axes
        Up to 100 patients evenly spaced by number, the median and the 25-75 % and 5-95 % bands. Median and bands
        stop where more than 10 % of the patients have failed.

    Raises
    ------
    PdsimError
        Unknown arm or scale, or a run without M-protein.
    """
    arm = pick_arm(run, arm)
    shown = curves(run, arm, "m_protein")
    ax, own = own_axes(ax, height=3.0)
    lift = FLOOR if scale == "log" else 0.0
    individuals(ax, shown, lift)
    bands(ax, shown, BLUE, lift)
    protein_axis(ax, scale, np.nanmax(shown.values, initial=0.0))
    month_axis(ax, shown.months)
    ax.set_ylabel("serum M-protein (g/L)")
    head(ax, arm_label(run, arm), headcount(shown.values.shape[0], shown.failed))
    dosing_strip(run, arm, ax, strip_rows)
    if legend:
        add_legend(ax, own)
    return ax


def subset(count: int, most: int = MOST_LINES) -> np.ndarray:
    """Indices of at most `most` patients, evenly spaced and always the same."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def individuals(ax: Axes, shown: Curves, lift: float = 0.0) -> LineCollection:
    """Draw single patients as faint lines; they are a bitmap inside vector files to keep those small."""
    chosen = subset(shown.values.shape[0])
    lines = [
        np.column_stack([shown.months, np.maximum(curve, lift) if lift else curve]) for curve in shown.values[chosen]
    ]
    faint = LineCollection(lines, colors="#777777", linewidths=0.35, alpha=0.35, zorder=1.5, rasterized=True)
    faint.set_label("single patients")
    ax.add_collection(faint)
    return faint


def bands(ax: Axes, shown: Curves, colour: str, lift: float = 0.0) -> None:
    """Median and quantile bands over patients; a note where every point is missing."""
    low, lower, middle, upper, high = np.maximum(shown.quantiles(0.05, 0.25, 0.5, 0.75, 0.95), lift)
    ax.fill_between(shown.months, low, high, color=tint(colour, 0.17), linewidth=0, label="5-95 % of patients")
    ax.fill_between(shown.months, lower, upper, color=tint(colour, 0.42), linewidth=0, label="25-75 %")
    ax.plot(shown.months, middle, color=colour, linewidth=1.5, label="median")
    if not shown.covered.any():
        say(ax, "too many failed patients\nfor a median")


def protein_axis(ax: Axes, scale: Scale, highest: float) -> None:
    """Scale and tick labels of an M-protein axis in g/L that shows values up to `highest`."""
    top = max(LEAST_TOP, 1.15 * highest)
    if scale == "log":
        ax.set_yscale("log")
        ax.set_ylim(FLOOR * 0.9, top)
        ax.yaxis.set_major_locator(LogLocator(10.0, numticks=12))
        ax.yaxis.set_major_formatter(FuncFormatter(floor_label))
        ax.yaxis.set_minor_formatter(NullFormatter())
    elif scale == "symlog":
        ax.set_yscale("symlog", linthresh=0.5, linscale=0.5)
        ax.set_ylim(0.0, top)
        ticks = [tick for tick in (0.0, 0.5, 1.0, 10.0, 100.0, 1000.0) if tick <= top]
        ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    elif scale == "linear":
        ax.set_ylim(bottom=0.0)
    else:
        hint = did_you_mean(str(scale), ("log", "symlog", "linear"))
        message = f"Unknown scale '{scale}'.{hint} Use log, symlog or linear."
        raise PdsimError(message)


def floor_label(value: float, _: object = None) -> str:
    """Tick text: the floor stands for everything at or below it."""
    return f"\N{LESS-THAN OR EQUAL TO}{FLOOR:g}" if np.isclose(value, FLOOR) else f"{value:g}"


@styled
def m_protein_panels(run: xr.DataTree, figure: Figure | None = None, *, scale: Scale = "log") -> Figure:
    """Draw the M-protein of every plain arm, one panel each, on shared axes."""
    arms = plain_arms(run)
    strip_rows = max((len(dosing_days(run, arm)) for arm in arms), default=0)
    columns, width, height = panel_size(len(arms), 2.0 + 0.14 * strip_rows)
    figure = new_figure(figure, width, height)
    axes = panel_grid(figure, len(arms), columns, sharex=True, sharey=True)
    tops = []
    for ax, arm in zip(axes, arms, strict=True):
        m_protein(run, arm, ax, scale=scale, strip_rows=strip_rows, legend=False)
        ax.tick_params(labelbottom=True)
        tops.append(ax.get_ylim()[1])
    axes[0].set_ylim(top=max(tops))
    only_outer_labels(axes, columns)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure
