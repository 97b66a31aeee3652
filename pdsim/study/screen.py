"""What a run shows on the terminal: progress, the table of arms, where the files are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pdsim.library.files import shown
from pdsim.study.publish import interval_size

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from rich.console import Console

    from pdsim.config.plan import Plan
    from pdsim.study.folder import RunFolder

_FIRST = 5  # failed patients to name


@contextmanager
def progress(plan: Plan, kept: int, console: Console) -> Iterator[Callable[[str], Callable[[int, int, int], None]]]:
    """Show a bar on a terminal and nothing elsewhere; yields a function from an arm to its callback."""
    if not console.is_terminal:
        yield lambda _: lambda done, total, failed: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    size = plan.study.cohort.size
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} patients"),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=plan.patient_runs, completed=kept * size, speed="", failed="")
        state = {"base": kept * size, "failed": 0, "start": time.perf_counter(), "run": 0}

        def begin(arm: str) -> Callable[[int, int, int], None]:
            first, lost, run = state["base"], state["failed"], state["run"]
            bar.update(task, description=arm)
            state["base"] += size
            state["run"] += size

            def update(done: int, total: int, failed: int) -> None:
                state["failed"] = lost + failed
                speed = (run + done) / max(time.perf_counter() - state["start"], 1e-9)
                note = f"{state['failed']} failed" if state["failed"] else ""
                bar.update(task, completed=first + done, speed=f"{speed:.3g}/s", failed=note)

            return update

        yield begin


def show_table(table: pd.DataFrame, run: xr.DataTree, console: Console) -> None:
    """Print the summary of every arm: response, progression-free survival, neutropenia, dose intensity, failures."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from pdsim.endpoints import printable

    text = printable(table)
    headings = {
        "n": "n",
        "ORR %": "PR or better\n%",
        "VGPR or better %": "VGPR or better\n%",
        "median PFS months": "median PFS\nmonths",
        "neutropenia 3-4 %": "neutropenia 3-4\n%",
        "dose intensity %": "dose intensity\n%",
        "failed": "failed",
    }
    headings = {heading: shown for heading, shown in headings.items() if heading in text}
    caption = f"in brackets: 95 % of trials of {interval_size(run)} patients"
    found = Table(title=str(run.attrs.get("title", "")), caption=caption, box=SIMPLE_HEAD, pad_edge=False)
    found.add_column("arm")
    for heading in headings.values():
        found.add_column(heading, justify="right", no_wrap=True)
    for arm, row in text.iterrows():
        found.add_row(str(arm), *(str(row[heading]).replace("[", r"\[") for heading in headings))
    console.print(found)


def show_failures(run: xr.DataTree, console: Console) -> None:
    """Print how many patients failed in each arm, why, and who they are."""
    import numpy as np

    status = run["endpoints"]["status"].transpose("arm", "patient")
    names = dict(zip(status.attrs["flag_values"], status.attrs["flag_meanings"].split(), strict=True))
    for arm, codes in zip(status["arm"].values, status.values, strict=True):
        for code in np.unique(codes[codes != 0]):
            who = [str(patient) for patient in status["patient"].values[codes == code]]
            listed = ", ".join(who[:_FIRST]) + (", ..." if len(who) > _FIRST else "")
            console.print(f"{arm}: {len(who)} failed ({names[int(code)]}), patients {listed}", highlight=False)


def show_files(folder: RunFolder, console: Console) -> None:
    """Print where everything is."""
    path = shown(folder.path)
    console.print(f"Report   {path}/report.html\nTable    {path}/summary.csv", highlight=False)
    console.print(f"Figures  {path}/figures\nRun      {path}/run.zarr\nStudy    {path}/study.toml", highlight=False)
