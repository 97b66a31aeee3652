"""Work-precision figures: patients per second over achieved error, one panel a problem."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engines import NAMES, PDSIM
from benchmarks.problem import MATCH
from benchmarks.record import Record, by_case, matched

LEAST, MOST = 1e-12, 1.0  # errors that are drawn
COLUMNS = 3


def draw(records: Sequence[Record], titles: dict[str, str], path: Path) -> None:
    """Write a figure of all problems that have records; the suffix of `path` sets the format."""
    from matplotlib.figure import Figure

    from pdsim.plot.style import WIDE, style

    shown = [name for name in titles if any(r.problem == name and r.patients_per_s for r in records)]
    if not shown:
        raise ValueError("no record has a speed, so there is nothing to draw")
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    with style():
        figure = Figure(figsize=(WIDE, 0.6 + 1.95 * rows))
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, name in zip(axes, shown, strict=False):
            _panel(ax, [record for record in records if record.problem == name], name)
        for ax in axes[len(shown) :]:
            ax.set_axis_off()
        handles = {label: line for ax in axes for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
        order = [name for name in NAMES if name in handles]
        figure.legend([handles[name] for name in order], order, loc="outside upper center", ncols=len(order))
        figure.supylabel("patients per second (up is better)", fontsize=7)
        figure.supxlabel("largest relative error (right is better)", fontsize=7)
        figure.savefig(path)


def _panel(ax: Any, records: Sequence[Record], name: str) -> None:
    for engine in NAMES:
        curves = [rungs for case, rungs in by_case(records).items() if case[1] == engine and case[3] == 1]
        for i, rungs in enumerate(sorted(curves, key=_speed, reverse=True)):
            points = [(r.error, r.patients_per_s) for r in rungs if r.patients_per_s and r.error is not None]
            if not points:
                continue
            error, speed = np.array(points).T
            # the engine's best method is drawn in full, the others are there for the eye to compare
            look = {"label": engine, "zorder": 3} if i == 0 else {"alpha": 0.35, "linewidth": 0.8, "zorder": 2}
            ax.plot(np.clip(error, LEAST, MOST), speed, **{**_colours(engine), **look})
    ax.axvline(MATCH, color="#8C8C8C", linewidth=0.6, linestyle=(0, (1, 1)), zorder=1)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.invert_xaxis()
    for axis in (ax.xaxis, ax.yaxis):
        _decades(axis)
    ax.set_title(name)


def _decades(axis: Any) -> None:
    """Whole decades, two at least, so that panels are read alike."""
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = sorted(axis.get_view_interval())
    first, last = np.floor(np.log10(low)), np.ceil(np.log10(high))
    last = max(last, first + 2.0)
    axis.set_view_interval(*(10.0**first, 10.0**last)[:: -1 if axis.get_inverted() else 1], ignore=True)
    axis.set_major_locator(LogLocator(numticks=6))
    axis.set_minor_formatter(NullFormatter())


def _speed(rungs: Sequence[Record]) -> float:
    found = matched(rungs)
    return found.patients_per_s if found else 0.0


def _colours(engine: str) -> dict[str, Any]:
    from pdsim.plot.style import BLACK, LINE_COLOURS

    if engine == PDSIM:
        return {"color": BLACK, "marker": "o", "markersize": 3.5, "linewidth": 1.6}
    peers = [name for name in NAMES if name != PDSIM]
    at = peers.index(engine)
    colours = [colour for colour in LINE_COLOURS if colour != BLACK]
    return {"color": colours[at % len(colours)], "marker": "svD^<>Px"[at % 8], "markersize": 3.0}
