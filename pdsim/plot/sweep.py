"""Endpoints over the scenarios of a sweep: lines, heat maps, dots and scatter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator, NullLocator

from pdsim.plot.layout import head, panel_grid, say
from pdsim.plot.style import BLUE, NARROW, QUIET, WIDE, line_look, new_figure, shades, styled
from pdsim.plot.sweep_data import Axis, arms, axis, endpoint, endpoints, factor_names, wrapped

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_SERIES = 12  # lines of one panel
MOST_DOTS = 60  # scenarios of a dot chart


@styled
def endpoint_lines(sweep: xr.DataTree, name: str, x: str, by: str | None, arm: int | None, ax: Axes) -> Axes:
    """Draw an endpoint against one factor: a line for each arm, or for each level of another factor in one arm.

    Parameters
    ----------
    sweep
        From `open_sweep`.
    name
        Endpoint of the summary.
    x
        Factor along the axis.
    by
        Factor that tells the lines apart; None for the arms.
    arm
        Place of the arm where `by` is given.
    ax
        Axes to draw on.
    """
    values, title = endpoint(sweep, name)
    along = axis(sweep, x)
    if by is None:
        for place, (_, label) in enumerate(arms(sweep)):
            _line(ax, along, np.ones(len(values), bool), values[:, place], label, line_look(place))
    else:
        other = axis(sweep, by)
        look = shades(len(other.levels)) if other.words is None else None
        for place, level in enumerate(other.levels):
            style = line_look(place) if look is None else {**line_look(place), "color": look[place]}
            _line(ax, along, other.numbers == level, values[:, arm or 0], wrapped(other.word(level)), style)
    _factor_axis(ax, along)
    ax.set_ylabel(wrapped(title, 34))
    if not np.isfinite(values).any():
        ax.set_xlim(along.levels[0], along.levels[-1])
        say(ax, "not reached")
        ax.set_yticks([])
    elif np.nanmin(values) >= 0.0:
        ax.set_ylim(0.0, 1.06 * max(np.nanmax(values), 1e-300))
    return ax


def _line(ax: Axes, along: Axis, chosen: np.ndarray, values: np.ndarray, label: str, look: dict[str, object]) -> None:
    order = np.argsort(along.numbers[chosen], kind="stable")
    ax.plot(along.numbers[chosen][order], values[chosen][order], marker="o", label=label, **look)


def _factor_axis(ax: Axes, along: Axis) -> None:
    ax.set_xlabel(along.title)
    if along.words is not None:
        ax.set_xticks(along.levels, [wrapped(word, 12) for word in along.words])
        ax.set_xlim(-0.4, len(along.words) - 0.6)
    elif len(along.levels) > 3 and along.levels[0] > 0 and along.levels[-1] / along.levels[0] > 30:
        ax.set_xscale("log")
        ax.set_xticks(along.levels, [along.word(level) for level in along.levels])
        ax.xaxis.set_minor_locator(NullLocator())


def _axes_of(sweep: xr.DataTree) -> tuple[str, str | None]:
    """The factor along the axis, the one with most levels, and the other one."""
    names = sorted(factor_names(sweep), key=lambda name: -len(axis(sweep, name).levels))
    return names[0], names[1] if len(names) > 1 else None


@styled
def lines_figure(sweep: xr.DataTree, figure: Figure | None = None) -> Figure:
    """Draw each endpoint against the factors of a grid of one or two; with two, a panel for each arm."""
    x, by = _axes_of(sweep)
    rows = endpoints(sweep)
    columns = 1 if by is None else len(arms(sweep))
    figure = new_figure(figure, WIDE if columns > 1 else NARROW * 1.3, 2.3 * len(rows) + 0.5)
    axes = panel_grid(figure, len(rows) * columns, columns, sharey="row")
    for place, ax in enumerate(axes):
        row, column = divmod(place, columns)
        endpoint_lines(sweep, rows[row], x, by, None if by is None else column, ax)
        if by is not None and row == 0:
            head(ax, wrapped(arms(sweep)[column][1], 34))
        if column:
            ax.set_ylabel("")
        if row + 1 < len(rows):
            ax.set_xlabel("")
    title = None if by is None else axis(sweep, by).title
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4), title=title)
    return figure


@styled
def heat_map(sweep: xr.DataTree, name: str, arm: int, ax: Axes, limits: tuple[float, float]) -> Axes:
    """Draw an endpoint of one arm over a grid of two factors, with the number in every cell."""
    x, y = _axes_of(sweep)
    assert y is not None
    across, up = axis(sweep, x), axis(sweep, y)
    values, _ = endpoint(sweep, name)
    grid = np.full((len(up.levels), len(across.levels)), np.nan)
    for scenario, value in enumerate(values[:, arm]):
        row, column = (
            np.searchsorted(up.levels, up.numbers[scenario]),
            np.searchsorted(across.levels, across.numbers[scenario]),
        )
        grid[row, column] = value
    ax.imshow(grid, origin="lower", aspect="auto", vmin=limits[0], vmax=limits[1])
    middle = 0.5 * sum(limits)
    for (row, column), value in np.ndenumerate(grid):
        colour = "white" if value < middle or np.isnan(value) else "black"
        ax.text(column, row, "NR" if np.isnan(value) else f"{value:.3g}", ha="center", va="center", color=colour)
    ax.set_xticks(range(len(across.levels)), [wrapped(across.word(level), 12) for level in across.levels])
    ax.set_yticks(range(len(up.levels)), [wrapped(up.word(level), 16) for level in up.levels])
    ax.set_xlabel(across.title)
    ax.set_ylabel(wrapped(up.title, 24))
    return ax


@styled
def heat_figure(sweep: xr.DataTree, figure: Figure | None = None) -> Figure:
    """Draw each endpoint over a grid of two factors, a row each, a panel for each arm."""
    rows, columns = endpoints(sweep), len(arms(sweep))
    _, up = _axes_of(sweep)
    assert up is not None
    height = 0.9 + 0.28 * len(axis(sweep, up).levels)
    figure = new_figure(figure, WIDE if columns > 1 else NARROW * 1.3, height * len(rows) + 0.3)
    axes = panel_grid(figure, len(rows) * columns, columns)
    for row, name in enumerate(rows):
        values, title = endpoint(sweep, name)
        own = axes[row * columns : (row + 1) * columns]
        known = values[np.isfinite(values)]
        limits = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        for column, ax in enumerate(own):
            heat_map(sweep, name, column, ax, limits)
            if row == 0:
                head(ax, wrapped(arms(sweep)[column][1], 34))
            if column:
                ax.set_ylabel("")
                ax.set_yticklabels([])
            if row + 1 < len(rows):
                ax.set_xlabel("")
        bar = figure.colorbar(own[-1].images[0], ax=own, fraction=0.05, pad=0.01)
        bar.set_label(wrapped(title, 26))
        bar.outline.set_visible(False)
    return figure


@styled
def dots_figure(sweep: xr.DataTree, figure: Figure | None = None) -> Figure:
    """Draw each endpoint as dots, a line for each scenario and a colour for each arm."""
    labels = [str(label) for label in sweep["scenario"].values][:MOST_DOTS]
    rows = endpoints(sweep)
    figure = new_figure(figure, WIDE, 0.9 + 0.2 * len(labels))
    axes = panel_grid(figure, len(rows), len(rows), sharey=True)
    for ax, name in zip(axes, rows, strict=True):
        values, title = endpoint(sweep, name)
        for place, (_, label) in enumerate(arms(sweep)):
            look = line_look(place)
            shift = 0.12 * (place - 0.5 * (len(arms(sweep)) - 1))
            ax.plot(values[: len(labels), place], np.arange(len(labels)) + shift, "o", color=look["color"], label=label)
        ax.set_xlabel(wrapped(title, 40))
        ax.set_yticks(range(len(labels)), [wrapped(label, 40) for label in labels])
        ax.grid(axis="y", color="#dddddd", linewidth=0.4)
        ax.set_ylim(len(labels) - 0.5, -0.5)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(len(names), 4))
    return figure


@styled
def scatter_figure(sweep: xr.DataTree, figure: Figure | None = None) -> Figure:
    """Draw each endpoint against each factor of a sampled plan, a dot for each scenario, a colour for each arm."""
    rows, names = endpoints(sweep), factor_names(sweep)
    figure = new_figure(figure, WIDE, 1.5 * len(rows) + 0.5)
    axes = panel_grid(figure, len(rows) * len(names), len(names), sharey="row")
    for place, ax in enumerate(axes):
        row, column = divmod(place, len(names))
        values, title = endpoint(sweep, rows[row])
        along = axis(sweep, names[column])
        for number, (_, label) in enumerate(arms(sweep)):
            colour = BLUE if len(arms(sweep)) == 1 else line_look(number)["color"]
            ax.plot(along.numbers, values[:, number], "o", color=colour, markersize=2, alpha=0.7, label=label)
        if along.words is not None:
            ax.set_xticks(along.levels, [wrapped(word, 10) for word in along.words])
        else:
            ax.xaxis.set_major_locator(MaxNLocator(3))
        ax.set_xlabel(wrapped(along.title, 22) if row + 1 == len(rows) else "")
        ax.set_ylabel(wrapped(title, 28) if column == 0 else "")
        ax.tick_params(labelcolor=QUIET)
    if len(arms(sweep)) > 1:
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4))
    return figure
