"""Everything that is made from a finished sweep: one table and the figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pdsim.config.kept import summary_names

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.config.sweep_plan import SweepPlan

_FIRST = ("orr", "median_pfs", "mean_pfs")  # figures where the study names none


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
    from pdsim.plot import save_sweep_figures
    from pdsim.sweep.handover import to_dataframe

    summary = sweep["summary"].to_dataset()
    names = [name for name in summary_names(plan.study) if summary[name].dims == ("scenario", "arm")]
    factors = [factor.name for factor in plan.design.factors]
    table = to_dataframe(sweep, "summary", names)[["scenario", *factors, "arm", *names]]
    table.to_csv(folder / "summary.csv", float_format="%.6g", index=False)
    return save_sweep_figures(sweep, folder / "figures")


def drawing_attributes(plan: SweepPlan) -> dict[str, str]:
    """Attributes of a store that its figures need: the plan, its factors, and the endpoints to draw."""
    known = summary_names(plan.study)
    wanted = plan.sweep.figures if plan.sweep.figures is not None else [name for name in _FIRST if name in known][:2]
    if plan.sensitivity is not None and plan.sweep.figures is None:
        wanted = plan.sensitivity.endpoints
    return {
        "plan": plan.design.plan,
        "factors": json.dumps([factor.name for factor in plan.design.factors]),
        "figures": json.dumps(list(wanted)),
    }
