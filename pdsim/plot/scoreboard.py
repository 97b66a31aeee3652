"""Predicted figures of trials beside published ones: scatter, forest of standardised errors, hazard ratios."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pdsim.plot.layout import say
from pdsim.plot.style import BLUE, GREEN, GREY, ORANGE, PURPLE, QUIET, VERMILLION, WIDE, new_figure, styled

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = {"response": "response rates (%)", "time": "times (months)", "toxicity": "grade 3 or 4 (%)"}
COLOURS = {"response": BLUE, "time": GREEN, "toxicity": ORANGE}
MARKERS = {"response": "o", "time": "s", "toxicity": "^"}
ROW = 0.135
FARTHEST = 6.0


@styled
def predicted_observed(figures: pandas.DataFrame, figure: Figure | None = None) -> Figure:
    """Draw predicted against observed figures, one panel a class: rates on plain axes, times on logarithmic ones.

    Parameters
    ----------
    figures : DataFrame
        A row for each scored figure: ``kind``, ``unit``, ``predicted``, ``pred_low``, ``pred_high``, ``observed``,
        ``obs_low``, ``obs_high``, ``z``. Landmark rates stand with the response rates, hazard ratios are left out.
    """
    figure = new_figure(figure, WIDE, 2.7)
    shown = figures[figures["unit"] != "ratio"]
    percent = (shown["unit"] == "%") & (shown["kind"] != "toxicity")
    groups = {
        "response": shown[percent],
        "time": shown[shown["unit"] != "%"],
        "toxicity": shown[shown["kind"] == "toxicity"],
    }
    for ax, (kind, rows) in zip(figure.subplots(1, 3), groups.items(), strict=True):
        _scatter(ax, rows, kind)
    return figure


def _scatter(ax: Axes, rows: pandas.DataFrame, kind: str) -> None:
    log = kind == "time"
    ends = (1.0, 100.0) if log else (-3.0, 103.0)
    if log:
        ax.set(xscale="log", yscale="log")
        ticks = [1, 2, 5, 10, 20, 50, 100]
        ax.set_xticks(ticks, [str(tick) for tick in ticks], minor=False)
        ax.set_yticks(ticks, [str(tick) for tick in ticks], minor=False)
        ax.minorticks_off()
    ax.plot(ends, ends, color=QUIET, linewidth=0.7, zorder=1)
    ax.set(xlim=ends, ylim=ends, xlabel="published", ylabel="predicted")
    ax.set_title(KINDS[kind], loc="left")
    ax.set_aspect("equal")
    if rows.empty:
        say(ax, "no open figure")
        return
    scale = _months(rows)
    x, y = rows["observed"].to_numpy(float) / scale, rows["predicted"].to_numpy(float) / scale
    spread = {
        "xerr": _whiskers(x, rows["obs_low"].to_numpy(float) / scale, rows["obs_high"].to_numpy(float) / scale),
        "yerr": _whiskers(y, rows["pred_low"].to_numpy(float) / scale, rows["pred_high"].to_numpy(float) / scale),
    }
    ax.errorbar(x, y, **spread, fmt="none", ecolor="#BBBBBB", elinewidth=0.5, zorder=2)
    close = rows["z"].to_numpy(float) <= 1
    look = {"color": COLOURS[kind], "markersize": 3.6, "linestyle": "", "zorder": 3, "marker": MARKERS[kind]}
    ax.plot(x[close], y[close], label="z up to 1", **look)
    ax.plot(x[~close], y[~close], label="z above 1", markerfacecolor="white", **look)
    ax.legend(loc="upper left", handletextpad=0.2, borderaxespad=0.3)


def _months(rows: pandas.DataFrame) -> np.ndarray:
    """What a number of the row's unit is divided by to be months; 1 for others."""
    return rows["unit"].map({"weeks": 30.4375 / 7.0, "days": 30.4375}).fillna(1.0).to_numpy(float)


def _whiskers(value: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.nan_to_num(np.array([np.maximum(value - low, 0.0), np.maximum(high - value, 0.0)]))


@styled
def error_forest(figures: pandas.DataFrame, figure: Figure | None = None) -> Figure:
    """Draw the signed standardised error of every scored figure, trial by trial.

    Parameters
    ----------
    figures : DataFrame
        A row for each scored figure: ``trial``, ``arm``, ``subgroup``, ``endpoint``, ``timepoint``, ``kind``, ``z`` and
        ``error`` (its sign is used).
    """
    count = max(len(figures), 1)
    figure = new_figure(figure, WIDE, 0.9 + ROW * (count + figures["trial"].nunique()))
    ax = figure.add_subplot()
    for limit, shade in ((2.0, "#F0F0F0"), (1.0, "#DDDDDD")):
        ax.axvspan(-limit, limit, color=shade, linewidth=0, zorder=0)
    ax.axvline(0.0, color=QUIET, linewidth=0.7, zorder=1)
    ax.set_xlim(-FARTHEST - 0.4, FARTHEST + 0.4)
    ax.set_xlabel("predicted less published, in half 95 % intervals of the published figure")
    if figures.empty:
        say(ax, "no open figure")
        ax.set_yticks([])
        return figure
    place, names, places = 0.0, [], []
    for trial, rows in figures.groupby("trial", sort=False):
        ax.text(-FARTHEST - 0.3, place, str(trial), fontsize=6, weight="bold", va="center")
        place += 1.0
        for _, row in rows.iterrows():
            signed = float(np.sign(row["error"]) * row["z"])
            shown = float(np.clip(signed, -FARTHEST, FARTHEST))
            marker = MARKERS[row["kind"]] if shown == signed else (">" if signed > 0 else "<")
            ax.plot(shown, place, marker=marker, color=COLOURS[row["kind"]], markersize=3.4, linestyle="")
            names.append(
                " ".join(str(row[key]) for key in ("arm", "subgroup", "endpoint", "timepoint") if row[key])[:74]
            )
            places.append(place)
            place += 1.0
    ax.set_yticks(places, names, fontsize=5)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(place, -1.0)
    handles = [ax.plot([], [], MARKERS[kind], color=COLOURS[kind], markersize=3.4, label=kind)[0] for kind in KINDS]
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)
    return figure


@styled
def ratio_forest(figures: pandas.DataFrame, figure: Figure | None = None) -> Figure:
    """Draw hazard ratios with their intervals: predicted, and published where there is one.

    Parameters
    ----------
    figures : DataFrame
        A row for each ratio: ``trial``, ``arm``, ``subgroup``, ``endpoint``, ``predicted`` and ``observed`` with their
        ends; ``observed`` may be missing.
    """
    figure = new_figure(figure, WIDE, 1.1 + 0.34 * max(len(figures), 1))
    ax = figure.add_subplot()
    ax.set_xscale("log")
    ax.axvline(1.0, color=QUIET, linewidth=0.7)
    if figures.empty:
        say(ax, "no hazard ratio")
        return figure
    names = []
    for place, (_, row) in enumerate(figures.iterrows()):
        names.append(
            "\n".join(part for part in (f"{row['trial']}: {row['endpoint'][3:]}", row["arm"], row["subgroup"]) if part)
        )
        _ratio(ax, place - 0.14, row["predicted"], row["pred_low"], row["pred_high"], "s", BLUE)
        _ratio(ax, place + 0.14, row["observed"], row["obs_low"], row["obs_high"], "o", VERMILLION)
    ax.set_yticks(range(len(names)), names, fontsize=5.5)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlim(0.1, 10.0)
    ax.set_xticks([0.1, 0.2, 0.5, 1, 2, 5, 10], ["0.1", "0.2", "0.5", "1", "2", "5", "10"])
    ax.minorticks_off()
    ax.set_xlabel("hazard ratio; below 1 the first arm fares better")
    marks = [("s", BLUE, "predicted, 90 %")]
    marks += [("o", VERMILLION, "published, 95 %")] if figures["observed"].notna().any() else []
    handles = [ax.plot([], [], mark, color=colour, markersize=4, label=label)[0] for mark, colour, label in marks]
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    return figure


def _ratio(ax: Axes, place: float, value: float, low: float, high: float, marker: str, colour: str) -> None:
    if np.isfinite(value) and value > 0:
        low, high = (end if np.isfinite(end) and end > 0 else value for end in (low, high))
        ax.plot([max(low, 0.05), min(high, 20.0)], [place, place], color=colour, linewidth=1.0)
        ax.plot(value, place, marker, color=colour, markersize=4)


@styled
def ratio_histogram(ratios: np.ndarray, power: float, title: str, figure: Figure | None = None) -> Figure:
    """Draw the hazard ratios of replicate trials.

    Parameters
    ----------
    ratios : array of float, (replicate,)
        Those that are 0, infinite or missing are counted in the note.
    power : float
        Share of replicates in which the tested arm is significantly better.
    title : str
    """
    figure = new_figure(figure, WIDE / 2, 2.4)
    ax = figure.add_subplot()
    good = ratios[np.isfinite(ratios) & (ratios > 0)]
    if not len(good):
        say(ax, "no replicate with events in both arms")
        return figure
    ends = np.quantile(good, [0.002, 0.998])
    bins = np.geomspace(min(ends[0], 0.9), max(ends[1], 1.1), 40)
    ax.hist(np.clip(good, bins[0], bins[-1]), bins=bins, color=PURPLE, alpha=0.85, linewidth=0)
    ax.set_xscale("log")
    ax.axvline(1.0, color=QUIET, linewidth=0.8)
    ax.axvline(float(np.median(good)), color="#000000", linewidth=1.0, linestyle=(0, (4, 2)))
    ticks = [tick for tick in (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10) if bins[0] <= tick <= bins[-1]]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set(xlabel="hazard ratio of a replicate trial", ylabel="replicates")
    lost = len(ratios) - len(good)
    note = f"median {np.median(good):.2f}, power {power:.0%}" + (f", {lost} without a ratio" if lost else "")
    ax.set_title(title, loc="left", pad=13)
    ax.annotate(note, xy=(0, 1), xycoords="axes fraction", xytext=(0, 3.5), textcoords="offset points", fontsize=6,
                color=GREY, va="bottom")  # fmt: skip
    return figure
