"""Which factors matter: tornado of one factor at a time, and sensitivity indices with their bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Patch

from pdsim.plot.data import dataset
from pdsim.plot.layout import head, panel_grid, say
from pdsim.plot.style import BLUE, NARROW, ORANGE, QUIET, SKY, VERMILLION, WIDE, new_figure, styled
from pdsim.plot.sweep_data import arms, axis, endpoint, endpoints, factor_names, wrapped

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BARS = {
    "mu_star": ("mean |effect|", None),
    "total": ("total share", "first"),
    "prcc": ("PRCC", None),
    "delta": ("delta", None),
}


@styled
def tornado(sweep: xr.DataTree, name: str, arm: int, ax: Axes) -> Axes:
    """Draw what the lowest and highest level of each factor make of an endpoint, widest span on top.

    Parameters
    ----------
    sweep
        A sweep with the plan "one_at_a_time"; its first scenario is the study as it is.
    name
        Endpoint of the summary.
    arm
        Place of the arm.
    ax
        Axes to draw on.
    """
    values, title = endpoint(sweep, name)
    values = values[:, arm]
    bars = []
    for factor in factor_names(sweep):
        along = axis(sweep, factor)
        set_ = np.flatnonzero(np.isfinite(along.numbers))
        order = set_[np.argsort(along.numbers[set_], kind="stable")]
        bars.append((along, order[0], order[-1]))
    spans = [np.nan_to_num(np.ptp([values[0], values[low], values[high]])) for _, low, high in bars]
    base = values[0]
    if not np.isfinite(base):
        say(ax, "not reached in the study as it is")
        return ax
    for row, place in enumerate(np.argsort(spans, kind="stable")):
        along, low, high = bars[place]
        for scenario, colour in ((low, SKY), (high, VERMILLION)):
            value = values[scenario]
            if abs(value - base) > 1e-3 * max(spans):  # false too where the endpoint is missing
                ax.barh(row, value - base, left=base, height=0.62, color=colour)
                ax.annotate(
                    along.word(along.numbers[scenario]),
                    (value, row),
                    xytext=(3 if value >= base else -3, 0),
                    textcoords="offset points",
                    ha="left" if value >= base else "right",
                    va="center",
                    fontsize=5.5,
                    color=QUIET,
                )
    ax.axvline(base, color=QUIET, linewidth=0.8)
    ax.set_yticks(range(len(bars)), [wrapped(bars[place][0].title, 26) for place in np.argsort(spans, kind="stable")])
    ax.set_xlabel(wrapped(title, 44))
    ax.margins(x=0.2)
    return ax


@styled
def tornado_figure(sweep: xr.DataTree, figure: Figure | None = None) -> Figure:
    """Draw a tornado for each endpoint (row) and arm (column)."""
    rows, columns = endpoints(sweep), len(arms(sweep))
    height = 0.7 + 0.24 * len(factor_names(sweep))
    figure = new_figure(figure, WIDE, height * len(rows) + 0.3)
    axes = panel_grid(figure, len(rows) * columns, columns)
    for place, ax in enumerate(axes):
        row, column = divmod(place, columns)
        tornado(sweep, rows[row], column, ax)
        if row == 0:
            head(ax, wrapped(arms(sweep)[column][1], 40))
    handles = [
        Patch(color=colour, label=f"{side} end of the range") for colour, side in ((SKY, "low"), (VERMILLION, "high"))
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


@styled
def index_bars(sweep: xr.DataTree, index: str, name: str, arm: int, ax: Axes) -> Axes:
    """Draw one sensitivity index of an endpoint with its bounds, largest on top; Sobol's first-order index within.

    Parameters
    ----------
    sweep
        A sweep with `/sensitivity`.
    index
        "mu_star", "total", "prcc" or "delta".
    name
        Endpoint.
    arm
        Place of the arm.
    ax
        Axes to draw on.
    """
    found = dataset(sweep, "sensitivity").isel(arm=arm)
    found = found.isel(endpoint=[str(one) for one in found["endpoint"].values].index(name))
    values = found[index].values
    titles = [axis(sweep, str(factor)).title.split(" (")[0] for factor in found["factor"].values]
    label, within = _BARS[index]
    if not np.isfinite(values).any():
        say(ax, "no index: the endpoint is\nmissing in some scenario")
        ax.set_yticks([])
        return ax
    order = np.argsort(np.abs(np.nan_to_num(values)), kind="stable")
    rows = np.arange(len(order))
    bounds = np.abs(np.array([values - found[f"{index}_low"].values, found[f"{index}_high"].values - values]))[:, order]
    bars = {"height": 0.62, "error_kw": {"elinewidth": 0.7, "ecolor": QUIET}}
    ax.barh(rows, values[order], xerr=bounds, color=BLUE, label=label, **bars)
    if within is not None:
        ax.barh(rows, found[within].values[order], height=0.3, color=ORANGE, label="first-order share")
        ax.legend(loc="lower right")
    ax.axvline(0.0, color=QUIET, linewidth=0.6)
    ax.set_yticks(rows, [wrapped(titles[place], 26) for place in order])
    unit = endpoint(sweep, name)[1]
    ax.set_xlabel(wrapped(f"{label} on {unit}" if index == "mu_star" else f"{label}: {unit.split(' (')[0]}", 44))
    return ax


@styled
def indices_figure(sweep: xr.DataTree, figure: Figure | None = None) -> Figure:
    """Draw the indices of every endpoint and method (row) and arm (column)."""
    found = dataset(sweep, "sensitivity")
    kinds = [index for index in _BARS if index in found]
    rows = [(index, str(name)) for name in found["endpoint"].values for index in kinds]
    columns = len(arms(sweep))
    height = 0.7 + 0.22 * len(factor_names(sweep))
    figure = new_figure(figure, WIDE, height * len(rows) + 0.2)
    axes = panel_grid(figure, len(rows) * columns, columns)
    for place, ax in enumerate(axes):
        row, column = divmod(place, columns)
        index_bars(sweep, *rows[row], column, ax)
        if row == 0:
            head(ax, wrapped(arms(sweep)[column][1], 40))
    return figure


def _name_points(ax: Axes, x: np.ndarray, y: np.ndarray, names: list[str]) -> None:
    """Name points at their right; those that lie together share one line of names."""
    width, height = max(np.ptp(x), 1e-12), max(np.ptp(y), 1e-12)
    left = list(np.argsort(-x, kind="stable"))
    while left:
        first = left[0]
        near = [one for one in left if abs(x[one] - x[first]) < 0.2 * width and abs(y[one] - y[first]) < 0.07 * height]
        left = [one for one in left if one not in near]
        place = (max(x[near]), float(np.mean(y[near])))
        ax.annotate(
            wrapped(", ".join(names[one] for one in near), 70),
            place,
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=6,
            va="bottom" if place[1] < 0.05 * height else "center",
        )


@styled
def morris_figure(sweep: xr.DataTree, figure: Figure | None = None) -> Figure:
    """Draw Morris' mean size of the effects against their SD; above the line effects change sign or interact."""
    found = dataset(sweep, "sensitivity")
    rows, columns = [str(name) for name in found["endpoint"].values], len(arms(sweep))
    figure = new_figure(figure, WIDE if columns > 1 else 1.5 * NARROW, 2.2 * len(rows))
    axes = panel_grid(figure, len(rows) * columns, columns)
    for place, ax in enumerate(axes):
        row, column = divmod(place, columns)
        own = found.isel(arm=column, endpoint=row)
        strength, spread = own["mu_star"].values, own["sigma"].values
        if not np.isfinite(strength).any():
            say(ax, "no index: the endpoint is\nmissing in some scenario")
            continue
        ax.plot(strength, spread, "o", color=BLUE)
        titles = [axis(sweep, str(factor)).title.split(" (")[0] for factor in own["factor"].values]
        _name_points(ax, strength, spread, titles)
        top = 1.15 * max(np.nanmax(strength), 1e-12)
        ax.plot([0, top], [0, top], color=QUIET, linewidth=0.6, linestyle=":")
        ax.set_xlim(0, 1.25 * top)
        ax.set_ylim(0, None)
        unit = endpoint(sweep, rows[row])[1]
        ax.set_xlabel(wrapped(f"mean |effect| on {unit}", 60))
        ax.set_ylabel("SD of the effect")
        if row == 0:
            head(ax, wrapped(arms(sweep)[column][1], 40))
    return figure
