"""Clones over time: how many cells, and whose."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter

from pdsim.errors import PdsimError
from pdsim.plot.data import Curves, arm_label, failures, headcount, of_arm, pick_arm, plain_arms, variable
from pdsim.plot.layout import add_legend, head, month_axis, panel_grid, panel_size, say, split_above
from pdsim.plot.style import (
    BLACK,
    BLUE,
    GREEN,
    MONTH_DAYS,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
    new_figure,
    own_axes,
    styled,
    tint,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Neighbours in the stack differ in lightness, so that a grey print still shows the borders.
FILLS = (BLUE, SKY, YELLOW, ORANGE, VERMILLION, PURPLE, GREEN, BLACK)
HATCHES = ("", "////", "....")


def clone_cells(run: xr.DataTree, arm: str, patient: int | None) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Months, cells (patient, time, clone) and clone names; one row where a patient is asked for."""
    found = of_arm(variable(run, "trajectory", "clone_cells"), arm).transpose("patient", "time", "clone")
    if patient is not None:
        ids = found["patient"].values
        if patient not in ids:
            message = f"The run has no patient {patient}; its patients are {ids.min()} to {ids.max()}."
            raise PdsimError(message)
        found = found.isel(patient=np.flatnonzero(ids == patient))
    names = [str(name).replace("_", " ") for name in found["clone"].values]
    return found["time"].values.astype(float) / MONTH_DAYS, found.values.astype(float), names


def mean_share(cells: np.ndarray) -> np.ndarray:
    """(time, clone) mean over patients of each clone's share of that patient's cells.

    A patient without a cell left has no share of any clone, so the stack then stays below one. NaN where more than
    10 % of the patients have failed.
    """
    total = cells.sum(axis=2, keepdims=True)
    share = np.divide(cells, total, out=np.where(np.isfinite(cells), 0.0, np.nan), where=total > 0.0)
    covered = Curves(np.empty(0), total[:, :, 0], 0).covered
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        mean = np.nanmean(share, axis=0)
    return np.where(covered[:, None], mean, np.nan)


@styled
def clone_stack(
    run: xr.DataTree,
    arm: str | None = None,
    ax: Axes | None = None,
    *,
    patient: int | None = None,
    legend: bool = True,
) -> Axes:
    """Draw the myeloma cells (above, log) and the share of each clone (below) over months from randomisation.

    Above: median over patients with the 25-75 % band. Below: each clone's share of a patient's cells, averaged
    over patients; one picture of both would let the few largest tumours decide what "typical" looks like. With
    `patient` both parts show that patient alone.

    Returns
    -------
    Axes
        The lower part; the upper one is its ``child_axes[0]``.

    Raises
    ------
    PdsimError
        Unknown arm or patient, or a run without `clone_cells`.
    """
    arm = pick_arm(run, arm)
    months, cells, names = clone_cells(run, arm, patient)
    ax, own = own_axes(ax, height=3.4)
    upper = split_above(ax)
    draw_share(ax, months, mean_share(cells), names, single=patient is not None)
    month_axis(ax, months)
    failed = failures(run, arm)
    draw_burden(upper, Curves(months, cells.sum(axis=2), failed), single=patient is not None)
    note = headcount(cells.shape[0], failed) if patient is None else f"patient {patient}"
    head(upper, arm_label(run, arm), note)
    if legend:
        add_legend(ax, own, 3)
    return ax


def draw_share(ax: Axes, months: np.ndarray, share: np.ndarray, names: list[str], single: bool) -> None:
    """Stack the shares; white above the stack means that no myeloma cell is left."""
    keep = np.isfinite(share).all(axis=1)
    top = np.vstack([np.zeros(months.size), np.cumsum(np.where(keep[:, None], share, np.nan), axis=1).T])
    for index, name in enumerate(names):
        ax.fill_between(
            months,
            top[index],
            top[index + 1],
            facecolor=FILLS[index % len(FILLS)],
            hatch=HATCHES[index // len(FILLS) % len(HATCHES)],
            edgecolor="white",
            linewidth=0.4,
            label=name,
        )
    if not keep.any():
        say(ax, "too many failed patients")
    ax.set_ylim(0.0, 1.0)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=""))
    ax.set_ylabel("share of cells (%)" if single else "mean share (%)")


def draw_burden(ax: Axes, burden: Curves, single: bool) -> None:
    """Median and quartiles of all myeloma cells on a log axis that ends at one cell."""
    values = np.maximum(burden.values, 1.0)
    low, middle, high = Curves(burden.months, values, burden.failed).quantiles(0.25, 0.5, 0.75)
    if not single:
        ax.fill_between(burden.months, low, high, color=tint("#333333", 0.3), linewidth=0)
    ax.plot(burden.months, middle, color="#333333")
    ax.set_yscale("log")
    seen = np.array([low, high])[:, np.isfinite(middle)]
    bottom, top = (seen.min(), seen.max()) if seen.size else (1e8, 1e12)
    ax.set_ylim(max(10.0 ** np.floor(np.log10(bottom)), 1.0) * 0.8, 10.0 ** np.ceil(np.log10(max(top, 10.0))))
    ax.yaxis.set_major_locator(LogLocator(10.0, numticks=4))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(labelbottom=False)
    ax.set_ylabel("cells" if single else "median cells")


@styled
def clone_panels(run: xr.DataTree, figure: Figure | None = None) -> Figure:
    """Draw the clones of every plain arm, one panel each."""
    arms = plain_arms(run)
    columns, width, height = panel_size(len(arms), 2.7)
    figure = new_figure(figure, width, height)
    axes = panel_grid(figure, len(arms), columns)
    for index, (ax, arm) in enumerate(zip(axes, arms, strict=True)):
        clone_stack(run, arm, ax, legend=False)
        if index % columns:
            ax.set_ylabel("")
            ax.child_axes[0].set_ylabel("")
        if index + columns < len(arms):
            ax.set_xlabel("")
    lows = [ax.child_axes[0].get_ylim() for ax in axes]
    for ax in axes:
        ax.child_axes[0].set_ylim(min(low for low, _ in lows), max(high for _, high in lows))
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 6))
    figure.align_ylabels(axes)
    return figure
