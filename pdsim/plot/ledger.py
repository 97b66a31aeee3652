"""What dosing rules decided: who has which dose of a drug when, and the dose intensity that is left."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from pdsim.errors import PdsimError, did_you_mean
from pdsim.plot.data import arm_label, arm_names, dataset, of_arm, pick_arm, variable
from pdsim.plot.layout import add_legend, head, month_axis
from pdsim.plot.style import (
    BLUE,
    GREY,
    MONTH_DAYS,
    ORANGE,
    SKY,
    VERMILLION,
    WIDE,
    line_look,
    new_figure,
    own_axes,
    styled,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLANNED, REDUCED, HELD, STOPPED = range(4)
LOOKS = {
    PLANNED: ("as planned", SKY),
    REDUCED: ("another dose", BLUE),
    HELD: ("held", ORANGE),
    STOPPED: ("stopped", GREY),
}
# nothing is drawn while a drug that waits is not needed
WAITING = {PLANNED: ("given when needed", VERMILLION)}


def decided(run: xr.DataTree) -> list[tuple[str, str]]:
    """(arm, drug) of every drug that a rule has moved in some patient, in the order of the run."""
    found = dataset(run, "ledger")
    pairs = dict.fromkeys(zip(map(str, found["arm"].values), map(str, found["drug"].values), strict=True))
    return sorted(pairs, key=lambda pair: arm_names(run).index(pair[0]))


def waits(run: xr.DataTree, arm: str, drug: str) -> bool:
    """Whether a drug is given only when a rule says so."""
    found = dataset(run, "ledger")
    mine = (found["arm"].values == arm) & (found["drug"].values == drug)
    return bool(np.isin(found["decision"].values[mine], ("give", "end")).any())


def dose_states(run: xr.DataTree, arm: str, drug: str) -> tuple[np.ndarray, np.ndarray]:
    """Follow the dose of every patient through the ledger.

    Returns
    -------
    days : array, (step,)
        0 and the days of decisions.
    states : array of int8, (patient, step)
        From that day on: `PLANNED`, `REDUCED` (another amount than planned), `HELD` or `STOPPED`.
    """
    found = dataset(run, "ledger")
    mine = np.flatnonzero((found["arm"].values == arm) & (found["drug"].values == drug))
    day = found["day"].values[mine].astype(float)
    days = np.unique(np.append(0.0, day))
    patients = {int(number): row for row, number in enumerate(dataset(run, "endpoints")["patient"].values)}
    states = np.full((len(patients), days.size), HELD if waits(run, arm, drug) else PLANNED, dtype=np.int8)
    planned: dict[int, float] = {}
    columns = (found[name].values[mine] for name in ("patient", "decision", "from", "to"))
    for when, number, decision, before, after in zip(np.searchsorted(days, day), *columns, strict=True):
        full = planned.setdefault(int(number), max(float(before), float(after)))
        state = HELD if after == 0.0 else PLANNED if np.isclose(after, full) else REDUCED
        states[patients[int(number)], when:] = STOPPED if decision == "stop" else state
    return days, states


@styled
def dose_ledger(run: xr.DataTree, arm: str | None = None, drug: str = "", ax: Axes | None = None) -> Axes:
    """Draw the share of patients with each kind of dose of one drug over time, as rules decided it.

    Parameters
    ----------
    run
        Run with a `/ledger`.
    arm, drug
        Arm and drug that some rule has moved.

    Raises
    ------
    PdsimError
        No ledger, an unknown arm, or a drug that no rule of the arm has moved.
    """
    arm = pick_arm(run, arm)
    known = [one for name, one in decided(run) if name == arm]
    if drug not in known:
        message = f"No rule has moved '{drug}' in the arm '{arm}'.{did_you_mean(drug, known)}"
        raise PdsimError(f"{message} Drugs: {', '.join(known) or 'none'}.")
    ax, own = own_axes(ax)
    _shares(run, arm, drug, ax)
    head(ax, arm_label(run, arm), _note(run, arm, drug))
    add_legend(ax, own, 4)
    return ax


def _shares(run: xr.DataTree, arm: str, drug: str, ax: Axes) -> None:
    days, states = dose_states(run, arm, drug)
    end = _end(run)
    months = np.append(days, end) / MONTH_DAYS
    looks = WAITING if waits(run, arm, drug) else LOOKS
    base = np.zeros(months.size)
    for state, (label, colour) in looks.items():
        share = 100.0 * (states == state).mean(axis=0)
        top = base + np.append(share, share[-1])
        ax.fill_between(months, base, top, step="post", color=colour, linewidth=0.0, label=label)
        base = top
    ax.set(ylim=(0.0, 100.0), ylabel="patients (%)")
    month_axis(ax, np.array([0.0, end / MONTH_DAYS]))


def _end(run: xr.DataTree) -> float:
    group = "trajectory" if "trajectory" in run.children else "visits"
    return float(np.max(dataset(run, group)["time" if group == "trajectory" else "day"].values))


def _note(run: xr.DataTree, arm: str, drug: str) -> str:
    """Drug, and the mean of what was given of what was planned; of a drug that waits nothing is planned."""
    found = dataset(run, "endpoints")
    if "drug_intensity" in found and drug in found["drug"].values and not waits(run, arm, drug):
        values = of_arm(found["drug_intensity"].sel(drug=drug), arm).values
        if np.isfinite(values).any():
            return f"{drug}, mean intensity {100 * np.nanmean(values):.0f} %"
    return drug


@styled
def dose_intensity(
    run: xr.DataTree, arms: list[str] | None = None, ax: Axes | None = None, *, legend: bool = True
) -> Axes:
    """Draw the share of patients who got at least so much of the dose planned for them, one line for each arm.

    Raises
    ------
    PdsimError
        Unknown arm, or a run without `dose_intensity`.
    """
    chosen = [pick_arm(run, arm) for arm in arms or list(dict.fromkeys(arm for arm, _ in decided(run)))]
    ax, own = own_axes(ax)
    for number, arm in enumerate(chosen):
        values = of_arm(variable(run, "endpoints", "dose_intensity"), arm).values.astype(float)
        values = np.sort(values[np.isfinite(values)])
        if values.size:
            share = 100.0 * np.arange(values.size, 0, -1) / values.size
            steps = np.append(0.0, values), np.append(100.0, share)
            ax.step(*steps, where="pre", label=arm_label(run, arm), **line_look(number))
    ax.set(xlim=(0.0, 1.02), ylim=(0.0, 101.0), xlabel="dose given / planned", ylabel="patients (%)")
    head(ax, "", "patients with at least this intensity")
    if legend:
        add_legend(ax, own, 1)
    return ax


@styled
def ledger_panels(run: xr.DataTree, figure: Figure | None = None) -> Figure:
    """Draw the drugs that rules have moved, a row each, with a column for each arm, and the dose intensity below.

    Raises
    ------
    PdsimError
        The run has no ledger, or no rule has decided anything.
    """
    pairs = decided(run)
    if not pairs:
        raise PdsimError("No dosing rule has decided anything in this run: there is nothing to draw.")
    arms, drugs = (list(dict.fromkeys(names)) for names in zip(*pairs, strict=True))
    figure = new_figure(figure, WIDE, 0.4 + 1.7 * (len(drugs) + 1))
    grid = figure.subplots(len(drugs) + 1, len(arms), squeeze=False)
    labels: dict[str, Artist] = {}
    for row, drug in enumerate(drugs):
        for column, arm in enumerate(arms):
            ax = grid[row, column]
            if (arm, drug) not in pairs:
                ax.remove()
                continue
            _shares(run, arm, drug, ax)
            title = textwrap.fill(arm_label(run, arm, 10**3), 70 // len(arms)) if row == 0 else ""
            head(ax, title, _note(run, arm, drug))
            labels |= {label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
            ax.set_ylabel("" if column else "patients (%)")
            if (arm, drug) != [pair for pair in pairs if pair[0] == arm][-1]:
                ax.set_xlabel("")
    lowest = dose_intensity(run, arms, grid[-1, 0], legend=False)
    for spare in grid[-1, 1:]:
        spare.remove()
    if len(arms) > 1:
        names = lowest.legend(loc="upper left", bbox_to_anchor=(1.05, 1.0), frameon=False)
        names.set_in_layout(False)  # it stands in the empty places beside the panel
    figure.legend(labels.values(), labels.keys(), loc="outside lower center", ncols=len(labels))
    return figure
