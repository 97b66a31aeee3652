"""A finished sweep for other programs: one table, or one NetCDF file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pdsim.errors import StoreError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def to_dataframe(sweep: xr.DataTree, group: str = "summary", names: Sequence[str] | None = None) -> pd.DataFrame:
    """Return a group of a sweep as a table, one row for each scenario, arm and further coordinate.

    Parameters
    ----------
    sweep : DataTree
        From `open_sweep`.
    group : str
        ``"summary"``, ``"patients"``, ``"courses"`` or ``"sensitivity"``.
    names : sequence of str, optional
        Variables; by default those with the fewest dimensions.

    Returns
    -------
    DataFrame
        Columns for the coordinates, the factors and the variables.

    Raises
    ------
    StoreError
        The sweep has no such group or variable.
    """
    data = _group(sweep, group)
    if names is None:
        least = min(data[name].ndim for name in data.data_vars)
        names = [str(name) for name in data.data_vars if data[name].ndim == least]
    missing = [name for name in names if name not in data]
    if missing:
        raise StoreError(f"'/{group}' has no '{missing[0]}'.{did_you_mean(missing[0], map(str, data.data_vars))}")
    factors = {str(name): value for name, value in sweep.coords.items() if value.dims == ("scenario",)}
    if "scenario" in data.dims:
        data = data.assign_coords({name: value for name, value in factors.items() if name not in data.coords})
    return data[list(names)].to_dataframe().reset_index()


def to_netcdf(sweep: xr.DataTree, path: Path | str) -> Path:
    """Write a sweep as one NetCDF-4 file with the groups of the store.

    Parameters
    ----------
    sweep : DataTree
        From `open_sweep`.
    path : Path
        Such as ``sweep.nc``.

    Raises
    ------
    StoreError
        netCDF4 is not installed, or the file cannot be written.
    """
    try:
        import netCDF4  # noqa: F401
    except ImportError:
        raise StoreError("NetCDF needs netCDF4, which is not installed: pip install 'pdsim[netcdf]'") from None
    import xarray as xr

    groups = {}
    for node in sweep.subtree:
        data = node.to_dataset(inherit=False).copy()
        for name, variable in data.variables.items():
            if variable.dtype.kind in "OUT":
                data = data.assign_coords({name: variable.astype(object)})
            data[name].encoding = {}
        groups[node.path] = data
    path = Path(path)
    try:
        xr.DataTree.from_dict(groups).to_netcdf(path, engine="netcdf4")
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}.") from error
    return path


def _group(sweep: xr.DataTree, name: str) -> xr.Dataset:
    if name not in sweep.children:
        raise StoreError(f"the sweep has no group '{name}'; it holds {', '.join(sorted(sweep.children))}")
    found = sweep[name].to_dataset()
    words = {key: value for key, value in found.coords.items() if value.dtype.kind == "T"}
    return found.assign_coords({key: (value.dims, np.asarray(value.values, object)) for key, value in words.items()})
