"""The look of every figure: style file, colours that colour-blind readers tell apart, line styles, sizes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.colors import to_rgb

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
R = TypeVar("R")

STYLE_FILE = Path(__file__).with_name("pdsim.mplstyle")
MONTH_DAYS = 30.4375
WIDE = 180 / 25.4
NARROW = 85 / 25.4

# Okabe and Ito, https://jfly.uni-koeln.de/color/
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#8C8C8C"
QUIET = "#555555"

LINE_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
LINE_STYLES: tuple[str | tuple[float, tuple[float, ...]], ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (5, 1.5, 1, 1.5)),
    (0, (1, 1)),
    (0, (9, 2)),
)
# Bright in the middle and darker to both ends, so that a grey print keeps the order.
RESPONSE_COLOURS = {
    -1: GREY,
    0: VERMILLION,
    1: ORANGE,
    2: YELLOW,
    3: SKY,
    4: GREEN,
    5: BLUE,
    6: BLACK,
}
RESPONSE_NAMES = {
    -1: "not evaluable",
    0: "PD",
    1: "SD",
    2: "MR",
    3: "PR",
    4: "VGPR",
    5: "CR",
    6: "sCR",
}


def style() -> AbstractContextManager[None]:
    """Context in which matplotlib draws as pdsim does: ``with pdsim.plot.style(): ...``."""
    return matplotlib.style.context(STYLE_FILE)


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Run a plotting function inside the pdsim style."""

    @functools.wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with style():
            return function(*args, **kwargs)

    return inside


def line_look(index: int) -> dict[str, object]:
    """Colour and line style of the `index`-th line; 35 lines differ in the pair, neighbours in both."""
    turn = index // len(LINE_COLOURS)
    return {
        "color": LINE_COLOURS[index % len(LINE_COLOURS)],
        "linestyle": LINE_STYLES[(index + turn) % len(LINE_STYLES)],
    }


def shades(count: int) -> list[tuple[float, float, float, float]]:
    """Return `count` colours of cividis, dark to light."""
    return [tuple(colour) for colour in matplotlib.colormaps["cividis"](np.linspace(0.02, 0.98, max(count, 2)))[:count]]


def tint(colour: str, strength: float) -> tuple[float, float, float]:
    """Mix `colour` with white; opaque, so that legend and band look the same."""
    return tuple(1.0 - strength * (1.0 - part) for part in to_rgb(colour))


def own_axes(ax: Axes | None, width: float = NARROW, height: float = 2.5) -> tuple[Axes, bool]:
    """Return `ax`, or axes of a new pyplot figure of this size in inches, and whether they are new."""
    if ax is not None:
        return ax, False
    from matplotlib import pyplot

    return pyplot.figure(figsize=(width, height)).add_subplot(), True


def new_figure(figure: Figure | None, width: float, height: float) -> Figure:
    """Size `figure` for its panels, or open one."""
    if figure is None:
        from matplotlib import pyplot

        return pyplot.figure(figsize=(width, height))
    figure.set_size_inches(width, height)
    return figure
