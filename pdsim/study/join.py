"""Joins the runs of single arms into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr


def joined(parts: Sequence[xr.DataTree]) -> xr.DataTree:
    """Join runs of one cohort along `arm`.

    Parameters
    ----------
    parts : sequence of DataTree
        Runs of the same patients, times and visits.

    Returns
    -------
    DataTree
        One run with all arms in order, and with ``/endpoints`` found anew.
    """
    import xarray as xr

    from pdsim.endpoints import assemble

    groups: dict[str, xr.Dataset] = {"/": xr.Dataset(attrs=dict(parts[0].attrs))}
    for name in parts[0].children:
        pieces = [part[name].to_dataset(inherit=False) for part in parts]
        groups[f"/{name}"] = pieces[0] if name == "cohort" else _along_arm(pieces)
    run = xr.DataTree.from_dict(groups)
    run["endpoints"] = xr.DataTree(assemble(run))
    return run


def _along_arm(pieces: list[xr.Dataset]) -> xr.Dataset:
    import numpy as np
    import xarray as xr

    if "drug" in pieces[0].dims:
        drugs = list(dict.fromkeys(str(drug) for piece in pieces for drug in piece["drug"].values))
        pieces = [
            piece.assign_coords(drug=piece["drug"].astype(object)).reindex(drug=drugs, fill_value=0) for piece in pieces
        ]
    found = xr.concat(pieces, dim="arm", join="exact", data_vars="minimal", coords="minimal", compat="equals")
    if "drug" in found.coords:
        found = found.assign_coords(drug=found["drug"].astype(np.dtypes.StringDType()))
    return found
