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
    for name in dict.fromkeys(name for part in parts for name in part.children):
        pieces = [part[name].to_dataset(inherit=False) for part in parts if name in part.children]
        groups[f"/{name}"] = pieces[0] if name == "cohort" else _joined(pieces)
    run = xr.DataTree.from_dict(groups)
    run["endpoints"] = xr.DataTree(assemble(run))
    return run


def _joined(pieces: list[xr.Dataset]) -> xr.Dataset:
    import xarray as xr

    if "entry" in pieces[0].dims:
        return xr.concat(pieces, dim="entry", join="exact", combine_attrs="override")
    return _along_arm(pieces)


def _along_arm(pieces: list[xr.Dataset]) -> xr.Dataset:
    import numpy as np
    import xarray as xr

    units: dict[str, str] = {}
    if "dose_unit" in pieces[0].coords:
        for piece in pieces:
            units = dict(zip(map(str, piece["drug"].values), map(str, piece["dose_unit"].values), strict=True)) | units
        pieces = [piece.drop_vars("dose_unit") for piece in pieces]
    if "drug" in pieces[0].dims:
        drugs = list(dict.fromkeys(str(drug) for piece in pieces for drug in piece["drug"].values))
        pieces = [
            piece.assign_coords(drug=piece["drug"].astype(object)).reindex(drug=drugs, fill_value=0) for piece in pieces
        ]
    found = xr.concat(pieces, dim="arm", join="exact", data_vars="minimal", coords="minimal", compat="equals")
    if "drug" in found.coords:
        found = found.assign_coords(drug=found["drug"].astype(np.dtypes.StringDType()))
    if units:
        words = np.array([units[str(drug)] for drug in found["drug"].values], dtype=np.dtypes.StringDType())
        found = found.assign_coords(dose_unit=("drug", words, {"long_name": "unit of the drug's amounts"}))
    return found
