"""One regimen under several hypotheses about how it works, on one pair of axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from pdsim.errors import PdsimError
from pdsim.plot.data import Curves, arm_label, arm_text, curves, hypothesis_arms, pick_arm
from pdsim.plot.layout import margin_note, month_axis, panel_grid, say
from pdsim.plot.style import BLACK, QUIET, WIDE, line_look, new_figure, own_axes, styled
from pdsim.plot.survival import follow_up, median_text
from pdsim.plot.trajectories import FLOOR, floor_label
from pdsim.plot.waterfall import response_rate

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEASURABLE = 0.1
TOGETHER = "all together"


def relative(shown: Curves) -> Curves:
    """M-protein in per cent of each patient's own value at time 0; patients without M-protein then are left out."""
    base = shown.values[:, :1]
    use = (base[:, 0] > MEASURABLE) | ~np.isfinite(base[:, 0])
    return Curves(shown.months, 100.0 * shown.values[use] / base[use], shown.failed)


def pick_base(run: xr.DataTree, base_arm: str | None) -> str:
    """Check that the arm has hypothesis variants; without a name the run must have one such arm."""
    groups = hypothesis_arms(run)
    if not groups:
        message = "The run has no hypothesis arms: add [[hypothesis]] tables to the study and run again."
        raise PdsimError(message)
    if base_arm is None and len(groups) == 1:
        return next(iter(groups))
    base = pick_arm(run, base_arm) if base_arm is not None else None
    if base not in groups:
        message = f"Say which arm's hypotheses to draw, one of: {', '.join(groups)}."
        raise PdsimError(message)
    return base


@styled
def hypothesis_overlay(run: xr.DataTree, base_arm: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw one regimen under each hypothesis: M-protein in per cent of baseline, median and 25-75 % band.

    The base arm itself counts as all hypotheses together. The legend gives the share of patients with PR or better
    and the median progression-free survival.

    Raises
    ------
    PdsimError
        The run has no hypothesis arms, or several arms have some and `base_arm` was left out.
    """
    base = pick_base(run, base_arm)
    ax, _ = own_axes(ax, WIDE, 3.5)
    arms = [*hypothesis_arms(run)[base], base]
    lowest, highest = 10.0, 150.0
    months = np.array([0.0, 1.0])
    for index, arm in enumerate(arms):
        shown = relative(curves(run, arm, "m_protein"))
        months = shown.months
        look = {"color": BLACK, "linewidth": 1.6} if arm == base else line_look(index)
        low, high = draw_hypothesis(ax, shown, f"{name_of(run, arm, base)}: {summary(run, arm)}", look)
        lowest, highest = min(lowest, low), max(highest, high)
    month_axis(ax, months)
    ax.set_yscale("log")
    bottom = max(FLOOR, 10.0 ** np.floor(np.log10(lowest)))
    ax.set_ylim(0.9 * bottom, 1.2 * highest)
    ax.yaxis.set_major_locator(LogLocator(10.0, subs=(1.0, 2.0, 5.0) if bottom > 1.0 else (1.0,), numticks=12))
    ax.yaxis.set_major_formatter(FuncFormatter(floor_label))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_ylabel("M-protein (% of baseline)")
    for level, text in ((50.0, "PR"), (10.0, "VGPR")):
        ax.axhline(level, color=QUIET, linewidth=0.5, linestyle=(0, (1, 2)), zorder=0)
        margin_note(ax, level, text)
    legend = ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), handlelength=3.0, alignment="left")
    legend.set_title(f"{arm_label(run, base, 80)}: median and 25-75 % of patients", {"weight": "bold"})
    return ax


def name_of(run: xr.DataTree, arm: str, base: str) -> str:
    """Name of a hypothesis with its label, less what the label repeats of the base arm's."""
    if arm == base:
        return TOGETHER
    name = arm_text(run, arm, "hypothesis", arm)
    label = arm_text(run, arm, "label", name).removeprefix(arm_text(run, base, "label", base)).lstrip(" ,:")
    if label in ("", arm):
        return name
    return label if name in label else f"{name}, {label}"


def draw_hypothesis(ax: Axes, shown: Curves, label: str, look: dict[str, object]) -> tuple[float, float]:
    """Draw one median with its band and return the lowest and highest value drawn, per cent."""
    low, middle, high = np.maximum(shown.quantiles(0.25, 0.5, 0.75), FLOOR)
    ax.fill_between(shown.months, low, high, color=look["color"], alpha=0.12, linewidth=0)
    ax.plot(shown.months, middle, label=label, **look)
    if not np.isfinite(middle).any():
        say(ax, "too many failed patients for a median")
        return 10.0, 100.0
    return float(np.nanmin(low)), float(np.nanmax(high))


def summary(run: xr.DataTree, arm: str) -> str:
    """Response rate and median progression-free survival in words."""
    rate = response_rate(run, arm)
    if np.isnan(rate):
        return "no patient with a baseline"
    return f"PR or better {100 * rate:.0f} %, PFS {median_text(follow_up(run, arm).fit())}"


@styled
def hypothesis_figure(run: xr.DataTree, figure: Figure | None = None) -> Figure:
    """Draw every arm that has hypotheses, one panel each below the other."""
    bases = list(hypothesis_arms(run)) or [pick_base(run, None)]
    figure = new_figure(figure, WIDE, 3.5 * len(bases))
    for ax, base in zip(panel_grid(figure, len(bases), 1), bases, strict=True):
        hypothesis_overlay(run, base, ax)
    return figure
