"""Everything that is made from a stored run: summary, figures, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pdsim.study.folder import writing

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def publish(run: xr.DataTree, folder: Path) -> pd.DataFrame:
    """Write ``summary.csv``, ``figures/`` and ``report.html`` of a run; needs nothing but the run.

    Parameters
    ----------
    run : DataTree
        A run with ``/visits``.
    folder : Path
        The run folder.

    Returns
    -------
    DataFrame
        The summary, one row an arm.

    Raises
    ------
    StoreError
        The folder cannot be written.
    """
    from pdsim.plot import save_figures
    from pdsim.report import write_report

    table = summary(run)
    with writing(folder):
        table.to_csv(folder / "summary.csv", float_format="%.6g")
        figures = save_figures(run, folder / "figures")
        write_report(run, folder, figures, table, out=folder / "report.html")
    return table


def summary(run: xr.DataTree) -> pd.DataFrame:
    """Return one row an arm, with intervals of a trial of the study's ``interval_n`` patients."""
    from pdsim.endpoints import summary_table

    return summary_table(run, interval_size(run))


def interval_size(run: xr.DataTree) -> int:
    """Return the size of the trial that the intervals of a run speak of: as the study says, else its cohort."""
    return int(run.attrs.get("interval_n") or run["cohort"].sizes["patient"])
