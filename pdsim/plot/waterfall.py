"""Waterfall of the best M-protein change, one bar per patient, coloured by best response."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.patches import Patch

from pdsim.plot.data import arm_label, failures, headcount, of_arm, pick_arm, plain_arms, variable, with_baseline
from pdsim.plot.layout import add_legend, head, margin_note, panel_grid, panel_size, say
from pdsim.plot.style import (
    QUIET,
    RESPONSE_COLOURS,
    RESPONSE_NAMES,
    new_figure,
    own_axes,
    styled,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CAP = 100.0
PARTIAL_RESPONSE = 3


def best_changes(run: xr.DataTree, arm: str) -> tuple[np.ndarray, np.ndarray]:
    """Changes in per cent, largest first, and response codes of the patients that can be shown."""
    change = 100.0 * of_arm(variable(run, "endpoints", "best_change"), arm).values.astype(float)
    code = of_arm(variable(run, "endpoints", "best_response"), arm).values.astype(int)
    use = np.flatnonzero(np.isfinite(change))
    order = use[np.lexsort((use, code[use], -change[use]))]
    return change[order], code[order]


def response_rate(run: xr.DataTree, arm: str, least: int = PARTIAL_RESPONSE) -> float:
    """Share of the patients with a baseline whose best response is `least` or deeper; NaN without such patients.

    A patient who failed later counts with what was confirmed before, as in the summary table of a run.
    """
    code = of_arm(variable(run, "endpoints", "best_response"), arm).values[with_baseline(run, arm)]
    return float(np.mean(code >= least)) if code.size else float("nan")


@styled
def waterfall(run: xr.DataTree, arm: str | None = None, ax: Axes | None = None, *, legend: bool = True) -> Axes:
    """Draw the best change of the M-protein (or of the marker that is followed), one bar per patient.

    Bars above +100 % end there and carry a triangle. Patients without a measured value after baseline are counted in
    the line under the title, not drawn; failed patients are drawn with what was measured before.

    Raises
    ------
    PdsimError
        Unknown arm, or a run without `best_change` and `best_response` in `/endpoints`.
    """
    arm = pick_arm(run, arm)
    ax, own = own_axes(ax)
    change, code = best_changes(run, arm)
    for value in RESPONSE_COLOURS:
        bars(ax, change, code, value)
    over = np.flatnonzero(change > CAP)
    if over.size:
        ax.plot(over, np.full(over.size, CAP + 5.0), "^", color=QUIET, markersize=2.2, label="above +100 %")
    guides(ax, change.size)
    if not change.size:
        say(ax, "no patient with a measured change")
    total = of_arm(variable(run, "endpoints", "best_change"), arm).size
    head(ax, arm_label(run, arm), subtitle(run, arm, total, change.size))
    if legend:
        add_legend(ax, own, 4)
    return ax


def subtitle(run: xr.DataTree, arm: str, total: int, shown: int) -> str:
    """Patients, failures, patients without a measured change, response rate."""
    rate = response_rate(run, arm)
    parts = [
        f"{total - shown} not measured" if shown < total else "",
        "" if np.isnan(rate) else f"PR or better {100 * rate:.0f} %",
    ]
    return headcount(total, failures(run, arm), ", ".join(part for part in parts if part))


def bars(ax: Axes, change: np.ndarray, code: np.ndarray, value: int) -> None:
    """Draw the bars of one response category as one collection."""
    at = np.flatnonzero(code == value)
    if not at.size:
        return
    height = np.minimum(change[at], CAP)
    zero = np.zeros_like(height)
    half = 0.42 if change.size <= 80 else 0.5
    left, right = at - half, at + half
    corners = np.stack(
        [np.column_stack(pair) for pair in ((left, zero), (left, height), (right, height), (right, zero))], axis=1
    )
    colour = RESPONSE_COLOURS[value]
    drawn = PolyCollection(corners, facecolors=colour, edgecolors=colour, linewidths=0.15, label=RESPONSE_NAMES[value])
    drawn.set_snap(False)
    ax.add_collection(drawn)


def guides(ax: Axes, count: int) -> None:
    """Axes, zero line and the lines of a partial and a very good partial response."""
    ax.set(xlim=(-0.8, max(count, 1) - 0.2), ylim=(-105.0, 112.0), xticks=[], yticks=[-100, -50, 0, 50, 100])
    ax.axhline(0.0, color="#333333", linewidth=0.6)
    for level in (-50, -90):
        ax.axhline(level, color=QUIET, linewidth=0.6, linestyle=(0, (4, 2)), zorder=3)
        margin_note(ax, level, f"\N{MINUS SIGN}{-level} %")
    ax.spines["bottom"].set_visible(False)
    ax.set_ylabel("best M-protein change (%)")
    ax.set_xlabel("patients, by change")


@styled
def waterfall_panels(run: xr.DataTree, figure: Figure | None = None) -> Figure:
    """Draw the waterfall of every plain arm, one panel each."""
    arms = plain_arms(run)
    columns, width, height = panel_size(len(arms), 2.1)
    figure = new_figure(figure, width, height)
    axes = panel_grid(figure, len(arms), columns, sharey=True)
    for index, (ax, arm) in enumerate(zip(axes, arms, strict=True)):
        waterfall(run, arm, ax, legend=False)
        if index % columns:
            ax.set_ylabel("")
    seen = {int(code) for arm in arms for code in best_changes(run, arm)[1]}
    handles = [
        Patch(color=RESPONSE_COLOURS[code], label=RESPONSE_NAMES[code]) for code in RESPONSE_COLOURS if code in seen
    ]
    marks = [line for ax in axes for line in ax.lines if line.get_label() == "above +100 %"][:1]
    if handles:
        both = [*handles, *marks]
        figure.legend(handles=both, title="best response", loc="outside lower center", ncols=len(both))
    return figure
