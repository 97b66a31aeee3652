"""Axes that hang on other axes, the month axis, titles: kept in points so that text never runs into text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MultipleLocator
from matplotlib.transforms import Bbox

from pdsim.plot.style import NARROW, QUIET, WIDE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase
    from matplotlib.figure import Figure

Locator = Callable[["Axes", "RendererBase | None"], Bbox]


def hang_below(ax: Axes, height: float, gap: float) -> Axes:
    """Axes of `height` points, `gap` points below `ax`, as wide as `ax` and with its x axis."""
    inset = ax.inset_axes((0.0, -0.2, 1.0, 0.1), sharex=ax)

    def place(_: Axes, __: RendererBase | None) -> Bbox:
        slot = ax.get_position()
        point = 1.0 / 72.0 / ax.get_figure(root=True).get_figheight()
        top = slot.y0 - gap * point
        return Bbox.from_extents(slot.x0, top - height * point, slot.x1, top)

    inset.set_axes_locator(place)
    return inset


def split_above(ax: Axes, share: float = 0.36, gap: float = 7.0) -> Axes:
    """Give the upper `share` of the slot of `ax` to new axes with the same x axis."""
    inset = ax.inset_axes((0.0, 1.0, 1.0, 0.5), sharex=ax)

    def place(upper: bool) -> Locator:
        def inside(_: Axes, __: RendererBase | None) -> Bbox:
            slot = ax.get_position(original=True)
            line = slot.y1 - share * slot.height
            half = 0.5 * gap / 72.0 / ax.get_figure(root=True).get_figheight()
            if upper:
                return Bbox.from_extents(slot.x0, line + half, slot.x1, slot.y1)
            return Bbox.from_extents(slot.x0, slot.y0, slot.x1, line - half)

        return inside

    ax.set_axes_locator(place(upper=False))
    inset.set_axes_locator(place(upper=True))
    return inset


def month_axis(ax: Axes, months: np.ndarray) -> None:
    """Limits, ticks and label of a time axis in months."""
    first, last = (float(months[0]), float(months[-1])) if months.size else (0.0, 1.0)
    last = last if last > first else first + 1.0
    step = month_step(last - first)
    tick = step * np.ceil(last / step)
    ax.set_xlim(first, tick if tick - last < 0.03 * (last - first) else last)
    ax.xaxis.set_major_locator(MultipleLocator(step))
    ax.set_xlabel("months from randomisation")


def month_step(span: float) -> float:
    """Distance of ticks, in months, for an axis of `span` months."""
    steps = np.array([0.25, 0.5, 1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 60.0, 120.0])
    return float(steps[np.argmax(steps >= min(span / 7.0, 120.0))])


def head(ax: Axes, title: str, note: str = "") -> None:
    """Title at the left and, under it, one quiet line that says whom the panel shows."""
    ax.set_title(title, loc="left", pad=13 if note else None)
    if note:
        ax.annotate(
            note,
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, 3.5),
            textcoords="offset points",
            fontsize=6,
            color=QUIET,
            va="bottom",
            annotation_clip=False,
        )


def margin_note(ax: Axes, level: float, text: str, va: str = "center") -> None:
    """Write a small label at the right end of a horizontal line at `level`, outside the axes."""
    ax.annotate(
        text,
        xy=(1.0, level),
        xycoords=ax.get_yaxis_transform(),
        xytext=(2.0, 0.0),
        textcoords="offset points",
        fontsize=5.5,
        color=QUIET,
        va=va,
    )


def say(ax: Axes, text: str) -> None:
    """Write in the middle of axes that have nothing to draw."""
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=QUIET, style="italic", bbox=ground)


def panel_grid(figure: Figure, count: int, columns: int, **kwargs: object) -> list[Axes]:
    """`count` axes in reading order; the rest of the last row stays empty."""
    rows = -(-count // columns)
    grid = figure.subplots(rows, columns, squeeze=False, **kwargs).ravel()
    for spare in grid[count:]:
        spare.remove()
    return list(grid[:count])


def only_outer_labels(axes: list[Axes], columns: int) -> None:
    """Keep y labels on the first column and x labels on the lowest panel of each column."""
    for index, ax in enumerate(axes):
        if index % columns:
            ax.set_ylabel("")
        if index + columns < len(axes):
            ax.set_xlabel("")


def panel_size(count: int, height: float, more: float = 0.4) -> tuple[int, float, float]:
    """Columns, width and height in inches of a figure with `count` panels, each row `height` high."""
    columns = max(min(count, 3 if count > 4 else 2), 1)
    return columns, WIDE if columns > 1 else NARROW, more + height * max(-(-count // columns), 1)


def add_legend(ax: Axes, under: bool, columns: int = 2) -> None:
    """Legend under the whole figure, or inside the axes on a white ground."""
    if under:
        handles, labels = ax.get_legend_handles_labels()
        ax.get_figure(root=True).legend(handles, labels, loc="outside lower center", ncols=columns)
        return
    frame = ax.legend(loc="best", frameon=True, framealpha=0.85).get_frame()
    frame.set_linewidth(0.0)
