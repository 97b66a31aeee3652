"""Swimmer plot: one line for each patient, from entry to the end of follow-up, with what happened on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Patch

from pdsim.plot.data import arm_label, of_arm, pick_arm, plain_arms, variable
from pdsim.plot.layout import head, month_axis, panel_grid, panel_size, say
from pdsim.plot.style import (
    BLACK,
    MONTH_DAYS,
    QUIET,
    RESPONSE_COLOURS,
    RESPONSE_NAMES,
    VERMILLION,
    new_figure,
    own_axes,
    styled,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 40


@styled
def swimmer(run: xr.DataTree, arm: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the course of some patients of one arm.

    A bar is coloured by the best confirmed response so far, up to progression; grey after it. A triangle is
    progression, a cross is death, an arrow means alive at the end of follow-up. At most 40 patients are shown, evenly
    spaced by number and sorted by time to progression or death.

    Raises
    ------
    PdsimError
        Unknown arm, or a run without `response` in `/visits` and times in `/endpoints`.
    """
    arm = pick_arm(run, arm)
    ax, _ = own_axes(ax)
    response = of_arm(variable(run, "visits", "response"), arm).transpose("patient", "visit").values
    day = variable(run, "visits", "day").values.astype(float)
    ends = {name: of_arm(variable(run, "endpoints", name), arm).values.astype(float)
            for name in ("pfs_time", "pfs_event", "os_time", "os_event", "ttp_event")}  # fmt: skip
    rows = chosen(ends["pfs_time"], ends["os_time"])
    for place, row in enumerate(rows):
        _course(ax, place, day, response[row], {name: value[row] for name, value in ends.items()})
    if not len(rows):
        say(ax, "no patient with a known time")
    longest = max((ends["os_time"][row] for row in rows), default=MONTH_DAYS)
    month_axis(ax, np.array([0.0, longest / MONTH_DAYS]))
    ax.set(ylim=(len(rows) - 0.3, -0.7), yticks=[], ylabel="patients")
    ax.spines["left"].set_visible(False)
    known = int(np.isfinite(ends["pfs_time"]).sum())
    head(ax, arm_label(run, arm), f"{len(rows)} of {known} patients")
    return ax


def chosen(pfs: np.ndarray, overall: np.ndarray) -> np.ndarray:
    """Rows of the patients that are shown, longest first."""
    known = np.flatnonzero(np.isfinite(pfs) & np.isfinite(overall))
    some = known[np.unique(np.linspace(0, len(known) - 1, min(len(known), MOST)).astype(int))] if len(known) else known
    return some[np.argsort(-pfs[some], kind="stable")]


def _course(ax: Axes, place: int, day: np.ndarray, response: np.ndarray, ends: dict[str, float]) -> None:
    """Draw one patient."""
    until, last = ends["pfs_time"], ends["os_time"]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(response)) + 1])
    stops = np.append(starts[1:], len(response))
    for start, stop in zip(starts, stops, strict=True):
        low, high = day[start], min(day[stop] if stop < len(day) else np.inf, until)
        if high > low:
            colour = RESPONSE_COLOURS[int(response[start])]
            ax.barh(place, (high - low) / MONTH_DAYS, left=low / MONTH_DAYS, height=0.72, color=colour, linewidth=0)
    if last > until:
        ax.barh(place, (last - until) / MONTH_DAYS, left=until / MONTH_DAYS, height=0.3, color="#CFCFCF", linewidth=0)
    if ends["ttp_event"] > 0:
        ax.plot(until / MONTH_DAYS, place, ">", color=VERMILLION, markersize=3.2, clip_on=False)
    mark = "x" if ends["os_event"] > 0 else "|"
    ax.plot(last / MONTH_DAYS, place, mark, color=BLACK if mark == "x" else QUIET, markersize=3.0, clip_on=False)


@styled
def swimmer_panels(run: xr.DataTree, figure: Figure | None = None) -> Figure:
    """Draw the swimmer plot of every plain arm, one panel each."""
    arms = plain_arms(run)
    columns, width, height = panel_size(len(arms), 3.4)
    figure = new_figure(figure, width, height)
    for ax, arm in zip(panel_grid(figure, len(arms), columns), arms, strict=True):
        swimmer(run, arm, ax)
    codes = sorted({int(code) for code in np.unique(variable(run, "visits", "response").values)})
    handles = [Patch(color=RESPONSE_COLOURS[code], label=RESPONSE_NAMES[code]) for code in codes]
    ax = figure.axes[0]
    handles += [ax.plot([], [], mark, color=colour, markersize=3.2, label=label)[0]
                for mark, colour, label in ((">", VERMILLION, "progression"), ("x", BLACK, "death"),
                                            ("|", QUIET, "last seen"))]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 6 if columns > 1 else 4))
    return figure
