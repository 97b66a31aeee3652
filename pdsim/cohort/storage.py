"""Cohorts on disk: NetCDF or Zarr, both read back as they were."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim._duck_arrays import spare_imports
from pdsim.errors import StoreError

if TYPE_CHECKING:
    import xarray as xr

SUFFIXES = (".nc", ".zarr")


def save_cohort(cohort: xr.Dataset, path: Path | str) -> Path:
    """Write a cohort; the suffix chooses NetCDF (``.nc``) or Zarr 3 (``.zarr``).

    It is written under another name and renamed, so that `path` is never half a cohort. What was at `path` is replaced.

    Parameters
    ----------
    cohort : Dataset
    path : Path

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    StoreError
        Another suffix, netCDF4 is not installed, or the place cannot be written.
    """
    path = Path(path)
    write = {".nc": _write_netcdf, ".zarr": _write_zarr}[_suffix(path)]
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(cohort, aside)
        if path.is_dir():
            shutil.rmtree(path)
        aside.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            shutil.rmtree(aside) if aside.is_dir() else aside.unlink(missing_ok=True)
    return path


def load_cohort(path: Path | str) -> xr.Dataset:
    """Read a cohort that `save_cohort` wrote, into memory.

    Parameters
    ----------
    path : Path
        A ``.nc`` file or ``.zarr`` folder.

    Returns
    -------
    Dataset
        Identical to the one saved, attributes and types included; text coordinates are ``StringDType``.

    Raises
    ------
    StoreError
        Another suffix, nothing there, not a cohort, or netCDF4 is not installed.
    """
    import xarray as xr

    spare_imports()
    path = Path(path)
    options: dict[str, Any] = {"engine": "zarr", "consolidated": False}
    if _suffix(path) == ".nc":
        _need_netcdf()
        options = {"engine": "netcdf4"}
    if not path.exists():
        raise StoreError(f"{path}: there is no cohort here.")
    try:
        with xr.open_dataset(path, decode_times=False, decode_timedelta=False, **options) as stored:
            found = stored.load()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path}: cannot be read as a cohort: {error}.") from error
    if "patient" not in found.coords:
        raise StoreError(f"{path}: is no cohort: it has no coordinate 'patient'.")
    return _restored(found)


def _write_netcdf(cohort: xr.Dataset, path: Path) -> None:
    _need_netcdf()
    plain = _with_text(cohort, object)
    encoding = {name: {"_FillValue": None} for name in plain.variables if plain[name].dtype.kind == "f"}
    plain.to_netcdf(path, engine="netcdf4", format="NETCDF4", encoding=encoding)


def _write_zarr(cohort: xr.Dataset, path: Path) -> None:
    _with_text(cohort, np.dtypes.StringDType()).to_zarr(path, mode="w", zarr_format=3, consolidated=False)


def _with_text(cohort: xr.Dataset, dtype: Any) -> xr.Dataset:
    found = cohort.copy()
    for name, variable in cohort.variables.items():
        found[name].encoding = {}
        if variable.dtype.kind in "OUT":
            found = found.assign_coords({name: variable.astype(dtype)})
    return found


def _restored(cohort: xr.Dataset) -> xr.Dataset:
    """Give attributes and text the types they had; both formats keep numbers in attributes as lists or NumPy."""
    found = _with_text(cohort, np.dtypes.StringDType())
    found.encoding = {}
    found.attrs = _plain(found.attrs)
    for variable in found.variables.values():
        variable.encoding = {}
        variable.attrs = _plain(variable.attrs)
    return found


def _plain(attributes: Mapping[Any, Any]) -> dict[Any, Any]:
    plain = {key: value.item() if isinstance(value, np.generic) else value for key, value in attributes.items()}
    if "flag_values" in plain:
        plain["flag_values"] = np.atleast_1d(np.asarray(plain["flag_values"], dtype=np.int8))
    return plain


def _suffix(path: Path) -> str:
    if path.suffix not in SUFFIXES:
        raise StoreError(f"{path}: the name of a cohort should end in {' or '.join(SUFFIXES)}.")
    return path.suffix


def _need_netcdf() -> None:
    try:
        import netCDF4  # noqa: F401
    except ImportError:
        raise StoreError(
            "NetCDF files need netCDF4, which is not installed: pip install 'pdsim[netcdf]'. "
            "A name that ends in .zarr needs nothing."
        ) from None
