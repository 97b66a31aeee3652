"""Everything that is made from a stored run: summary, figures, report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdsim.study.folder import writing

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

COLUMNS = {
    "label": "treatment",
    "n": "patients",
    "not_evaluable": "not evaluable",
    "orr": "PR or better %",
    "vgpr": "VGPR or better %",
    "cr": "CR or better %",
    "median_pfs": "median PFS months",
    "pfs_12_months": "PFS at 12 months %",
    "neutropenia_34": "neutropenia grade 3-4 %",
    "thrombocytopenia_34": "thrombocytopenia grade 3-4 %",
    "dose_intensity": "dose intensity %",
    "held": "patients with doses held %",
    "reduced": "patients with doses reduced %",
}


def publish(run: xr.DataTree, folder: Path, processes: int = 1) -> pd.DataFrame:
    """Write ``summary.csv``, ``figures/`` and ``report.html`` of a run; needs nothing but the run.

    Parameters
    ----------
    run : DataTree
        A run with ``/visits``.
    folder : Path
        The run folder.
    processes : int
        How many draw figures; more than one needs a run that is in memory.

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
        figures = save_figures(run, folder / "figures", processes=processes)
        write_report(run, folder, figures, table, extra=_extra(run, table))
    return table


def _extra(run: xr.DataTree, table: pd.DataFrame) -> dict[str, Any]:
    import pandas as pd

    model = str(run.attrs.get("model", ""))
    known = json.loads(run.attrs.get("parameters", "[]"))
    description = str(run.attrs.get("description", "")).strip()
    return {
        "intervals": f"In brackets: {table.attrs['interval']}." if "interval" in table.attrs else None,
        "columns": COLUMNS,
        "equations": f"in the model file; 'pdsim show {model}' prints them" if model else "",
        "parameters": pd.DataFrame(known) if known else None,
        "notes": [description] if description else [],
    }


def summary(run: xr.DataTree) -> pd.DataFrame:
    """Return one row an arm, with intervals of a trial of the study's ``interval_n`` patients."""
    from pdsim.endpoints import summary_table

    return summary_table(run, interval_size(run))


def interval_size(run: xr.DataTree) -> int:
    """Return the size of the trial that the intervals of a run speak of: as the study says, else its cohort."""
    return int(run.attrs.get("interval_n") or run["cohort"].sizes["patient"])
