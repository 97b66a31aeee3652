"""Progression-free survival after Kaplan and Meier, with the patients still at risk under the axis."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from pdsim.plot.data import arm_label, dataset, of_arm, pick_arm, plain_arms, variable
from pdsim.plot.layout import hang_below, month_axis, panel_grid, panel_size, say
from pdsim.plot.style import MONTH_DAYS, WIDE, line_look, new_figure, own_axes, styled

if TYPE_CHECKING:
    import xarray as xr
    from lifelines import KaplanMeierFitter
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLES = {"pfs": "progression-free survival", "ttp": "free of progression", "os": "overall survival"}
LINE = 7.0
NAME_WIDTH = 24


@dataclass(frozen=True)
class Follow:
    """Follow-up of one arm: months and event (0/1) of the patients with a known time; `left_out` have none."""

    months: np.ndarray
    event: np.ndarray
    left_out: int

    def fit(self) -> KaplanMeierFitter | None:
        """Kaplan-Meier estimate, or None without patients."""
        from lifelines import KaplanMeierFitter

        return KaplanMeierFitter().fit(self.months, self.event) if self.months.size else None

    def at_risk(self, month: float) -> int:
        """Patients whose follow-up reaches `month` (event or censoring then or later)."""
        return int((self.months >= month - 1e-9).sum())


def follow_up(run: xr.DataTree, arm: str, of: str = "pfs") -> Follow:
    """Times to an event of one arm; missing only for patients without a baseline."""
    days = of_arm(variable(run, "endpoints", f"{of}_time"), arm).values.astype(float)
    event = of_arm(variable(run, "endpoints", f"{of}_event"), arm).values
    use = np.isfinite(days)
    return Follow(days[use] / MONTH_DAYS, event[use].astype(int), int((~use).sum()))


def median_text(fit: KaplanMeierFitter | None) -> str:
    """Median in months, or that it was not reached."""
    if fit is None:
        return "no patient"
    median = float(fit.median_survival_time_)
    return f"median {median:.1f} months" if math.isfinite(median) else "median not reached"


@styled
def kaplan_meier(run: xr.DataTree, arms: list[str] | None = None, ax: Axes | None = None, of: str = "pfs") -> Axes:
    """Draw survival of several arms with censor ticks, medians and numbers at risk.

    Parameters
    ----------
    run
        Run with `pfs_time` (days) and `pfs_event` (1 progression or death, 0 censored) in `/endpoints`, or those of
        `of`.
    arms
        Labels; all plain arms if left out.
    of
        "pfs", "ttp" or "os".

    Returns
    -------
    Axes
        The curves; the table of numbers at risk is its ``child_axes[0]``. Number at risk at a month: patients whose
        event or censoring lies at that month or later. A patient who failed is censored where the endpoints say.

    Raises
    ------
    PdsimError
        Unknown arm, or a run without these endpoints.
    """
    chosen = [pick_arm(run, arm) for arm in (plain_arms(run) if arms is None else arms)]
    ax, _ = own_axes(ax, WIDE, figure_height(len(chosen)))
    follows = {arm: follow_up(run, arm, of) for arm in chosen}
    for index, (arm, follow) in enumerate(follows.items()):
        draw_curve(ax, follow, arm_label(run, arm, 80), index)
    if not any(follow.months.size for follow in follows.values()):
        say(ax, "no patient with a known time")
    month_axis(ax, np.array([0.0, horizon(run, follows)]))
    ax.set(ylim=(0.0, 1.03), yticks=np.linspace(0.0, 1.0, 5), yticklabels=["0", "25", "50", "75", "100"])
    ax.set_ylabel(f"{TITLES[of]} (%)")
    ax.axhline(0.5, color="#999999", linewidth=0.5, linestyle=(0, (1, 2)), zorder=0)
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), handlelength=3.0)
    risk_table(ax, run, follows)
    return ax


def figure_height(arms: int) -> float:
    """Inches for the curves, one legend line per arm and two table lines per arm."""
    return 2.9 + 3.2 * LINE / 72.0 * arms


def horizon(run: xr.DataTree, follows: dict[str, Follow]) -> float:
    """Months that the axis spans: the simulated time, or the longest follow-up."""
    if "trajectory" in run.children:
        return float(dataset(run, "trajectory")["time"].values[-1]) / MONTH_DAYS
    return max((float(follow.months.max()) for follow in follows.values() if follow.months.size), default=1.0)


def draw_curve(ax: Axes, follow: Follow, label: str, index: int) -> None:
    """Draw one step curve and a tick at every censored time."""
    look = line_look(index)
    fit = follow.fit()
    text = f"{label}: {median_text(fit)}" + (f" ({follow.left_out} left out)" if follow.left_out else "")
    if fit is None:
        ax.plot([], [], label=text, **look)
        return
    curve = fit.survival_function_.iloc[:, 0]
    months, alive = curve.index.to_numpy(float), curve.to_numpy(float)
    ax.plot(months, alive, drawstyle="steps-post", label=text, **look)
    censored = np.unique(follow.months[follow.event == 0])
    at = alive[np.searchsorted(months, censored, side="right") - 1]
    ax.plot(censored, at, "|", color=look["color"], markersize=4.0, markeredgewidth=0.7, label=f"_censored {index}")


def risk_table(ax: Axes, run: xr.DataTree, follows: dict[str, Follow]) -> Axes:
    """Write the numbers at risk under the ticks of the month axis, one row per arm."""
    names = [arm_label(run, arm, NAME_WIDTH) for arm in follows]
    heights = np.array([name.count("\n") + 1.4 for name in names])
    rows = np.cumsum(heights) - 0.5 * heights
    table = hang_below(ax, LINE * (heights.sum() + 1.2), gap=24.0)
    table.set_label("at risk")
    table.set_ylim(max(heights.sum(), 1.0), -1.2)
    table.set_yticks(rows, names)
    table.tick_params(left=False, bottom=False, labelbottom=False, pad=28, labelsize=6)
    table.spines[:].set_visible(False)
    table.patch.set_visible(False)
    longest = max((follow.months.max() for follow in follows.values() if follow.months.size), default=0.0)
    first, last = ax.get_xlim()
    ticks = ax.xaxis.get_major_locator().tick_values(first, last)
    points = ax.get_figure(root=True).dpi_scale_trans + ScaledTranslation(0.0, 0.0, table.transAxes)
    beside = blended_transform_factory(points, table.transData)
    for index, (row, follow) in enumerate(zip(rows, follows.values(), strict=True)):
        table.plot([-26 / 72, -9 / 72], [row, row], transform=beside, clip_on=False, **line_look(index))
        for month in ticks[(ticks >= first) & (ticks <= min(last, longest))]:
            table.text(month, row, str(follow.at_risk(month)), ha="center", va="center", fontsize=6.5)
    table.annotate(
        "patients at risk",
        xy=(0, 1),
        xycoords="axes fraction",
        xytext=(-9, 0),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=6.5,
        weight="bold",
    )
    return table


@styled
def survival_figure(run: xr.DataTree, figure: Figure | None = None, of: str = "pfs") -> Figure:
    """Draw survival of all plain arms as a figure of its own."""
    figure = new_figure(figure, WIDE, figure_height(len(plain_arms(run))))
    kaplan_meier(run, ax=figure.add_subplot(), of=of)
    return figure


@styled
def survival_panels(runs: Mapping[str, xr.DataTree], figure: Figure | None = None, of: str = "pfs") -> Figure:
    """Draw survival of many studies by title, one small panel each; legends say how many patients start.

    Raises
    ------
    PdsimError
        A run without the endpoints.
    """
    columns, width, height = panel_size(max(len(runs), 3), 1.9)
    figure = new_figure(figure, width, height)
    for ax, (title, run) in zip(panel_grid(figure, len(runs), columns), runs.items(), strict=True):
        follows = {arm: follow_up(run, arm, of) for arm in plain_arms(run)}
        for index, (arm, follow) in enumerate(follows.items()):
            draw_curve(ax, follow, f"{arm_label(run, arm, 20)} ({len(follow.months)})", index)
        month_axis(ax, np.array([0.0, horizon(run, follows)]))
        ax.set(ylim=(0.0, 1.03), yticks=[0.0, 0.5, 1.0], yticklabels=["0", "50", "100"])
        ax.set_title(title, loc="left", fontsize=7)
        ax.set_xlabel("months")
        ax.legend(fontsize=4.5, loc="upper right", handlelength=2.0, borderaxespad=0.2)
    return figure
