"""What a sweep shows on the terminal: progress, what was damaged, a table of the scenarios."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pdsim.library.files import shown

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr
    from rich.console import Console

    from pdsim.config.sweep_plan import SweepPlan
    from pdsim.sweep.running import Watch

_ROWS = 24  # of the table; summary.csv has all
_COLUMNS = {
    "orr": "PR or better\n%",
    "median_pfs": "median PFS\nmonths",
    "mean_pfs": "mean PFS\nmonths",
    "neutropenia_34": "neutropenia\n3-4 %",
    "mean_dose_intensity": "dose\nintensity",
    "failed": "failed",
}


@contextmanager
def progress(plan: SweepPlan, kept: int, total: int, watch: Watch, console: Console) -> Iterator[None]:
    """Show done and total, patients a second, time left and failures on a terminal; nothing elsewhere.

    Parameters
    ----------
    plan : SweepPlan
    kept, total : int
        Patient runs that were finished before, and in all.
    watch : Watch
        Counts those of this run.
    console : rich Console
    """
    if not console.is_terminal:
        yield
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} patients"),
        TextColumn("{task.fields[speed]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[failed]}"),
    )
    with Progress(*columns, console=console, transient=True, speed_estimate_period=120) as bar:
        task = bar.add_task(plan.study.name, total=total, completed=kept, speed="", failed="")

        def tell(done: int, failed: int) -> None:
            elapsed = bar.tasks[0].elapsed or 0.0
            speed = f"{done / elapsed:.3g}/s" if elapsed else ""
            bar.update(task, completed=kept + done, speed=speed, failed=f"{failed} failed" if failed else "")

        watch.told = tell
        try:
            yield
        finally:
            watch.told = None


def show_summary(summary: xr.Dataset, plan: SweepPlan, console: Console) -> None:
    """Print the endpoints of the first scenarios, an arm a line."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    columns = {name: heading for name, heading in _COLUMNS.items() if name in summary}
    size = plan.study.cohort.size
    table = Table(title=plan.study.title, caption=f"{size} patients in every arm", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("scenario", overflow="fold")
    table.add_column("arm")
    for heading in columns.values():
        table.add_column(heading, justify="right", no_wrap=True)
    arms = [str(arm) for arm in summary["arm"].values]
    labels = [str(label) for label in summary["scenario"].values]
    shown_ones = max(1, _ROWS // len(arms))
    for place, label in enumerate(labels[:shown_ones]):
        for number, arm in enumerate(arms):
            cells = [_word(name, float(summary[name].values[place, number])) for name in columns]
            table.add_row(label if number == 0 else "", arm, *cells)
    console.print(table)
    if len(labels) > shown_ones:
        console.print(f"and {len(labels) - shown_ones} more scenarios, all in summary.csv", highlight=False)


def _word(name: str, value: float) -> str:
    if value != value:
        return "NR" if name == "median_pfs" else "-"
    if name == "failed":
        return f"{value:.0f}"
    return f"{value:.2f}" if name == "mean_dose_intensity" else f"{value:.1f}"


def show_files(folder: Path, console: Console) -> None:
    """Print where everything is."""
    path = shown(folder)
    console.print(f"Table    {path}/summary.csv\nFigures  {path}/figures", highlight=False)
    console.print(f"Store    {path}/sweep.zarr\nStudy    {path}/study.toml", highlight=False)
