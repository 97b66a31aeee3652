"""All figures of a sweep as files with fixed names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pdsim.errors import PdsimError, did_you_mean
from pdsim.plot.save import METADATA, write_figures
from pdsim.plot.sensitivity import indices_figure, morris_figure, tornado_figure
from pdsim.plot.sweep import MOST_SERIES, dots_figure, heat_figure, lines_figure, scatter_figure
from pdsim.plot.sweep_data import axis, endpoints, factor_names

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

SWEEP_KINDS: dict[str, Callable[..., Figure]] = {
    "lines": lines_figure,
    "heat": heat_figure,
    "dots": dots_figure,
    "scatter": scatter_figure,
    "tornado": tornado_figure,
    "indices": indices_figure,
    "morris": morris_figure,
}


def sweep_kinds(sweep: xr.DataTree) -> list[str]:
    """Kinds of figure that suit the plan of a sweep."""
    plan, names = sweep.attrs.get("plan", ""), factor_names(sweep)
    if not endpoints(sweep):
        return []
    if plan == "one_at_a_time":
        return ["tornado", "dots"]
    if plan == "grid" and len(names) <= 2:
        few = len(names) < 2 or min(len(axis(sweep, name).levels) for name in names) <= MOST_SERIES
        return (["lines"] if few else []) + (["heat"] if len(names) == 2 else [])
    if plan in ("grid", "list"):
        return ["dots"]
    found = ["scatter"] if plan in ("lhs", "sobol") else []
    if "sensitivity" in sweep.children:
        found.append("indices")
        found += ["morris"] if "sigma" in sweep["sensitivity"] else []
    return found


def save_sweep_figures(
    sweep: xr.DataTree,
    folder: str | Path,
    formats: Sequence[str] = ("png", "svg"),
    dpi: int = 200,
    kinds: Iterable[str] | None = None,
) -> list[Path]:
    """Write the figures of a sweep as ``folder/KIND.FORMAT`` and return the paths.

    Parameters
    ----------
    sweep
        From `open_sweep`.
    kinds
        Names from `SWEEP_KINDS`; if left out, those that suit the plan.

    Raises
    ------
    PdsimError
        Unknown kind or format.
    StoreError
        The folder cannot be written.
    """
    chosen = sweep_kinds(sweep) if kinds is None else list(kinds)
    for names, known in ((chosen, list(SWEEP_KINDS)), (formats, list(METADATA))):
        for name in names:
            if name not in known:
                raise PdsimError(f"Unknown figure '{name}'.{did_you_mean(name, known)} Known: {', '.join(known)}.")
    return write_figures({kind: partial(SWEEP_KINDS[kind], sweep) for kind in chosen}, Path(folder), formats, dpi)
