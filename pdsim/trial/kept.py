"""Simulated histories, kept in the cache folder under a hash of all that they follow from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path

import numpy as np
import xarray as xr

from pdsim._jit import cache_folder, source_key
from pdsim.cohort import load_cohort, save_cohort
from pdsim.errors import StoreError

FOLDER = "histories"
_MEASURED = "measured."  # before the names of what was measured last; states have none with a dot


def kept(
    parts: Iterable[xr.Dataset | str | None], compute: Callable[[], tuple[xr.Dataset, xr.Dataset]]
) -> tuple[xr.Dataset, xr.Dataset]:
    """Return what was measured last and the states at the end of a line, simulated or as they were kept.

    Parameters
    ----------
    parts : iterable of Dataset, str or None
        All that the line follows from: patients, states before, model, regimen, cards, times. The code of pdsim and
        the versions of its compiler are added.
    compute : callable
        Simulates the line.

    Returns
    -------
    tuple of Dataset
        (patient,) and (patient[, clone]), to the last bit the same in either case. Where the cache folder cannot be
        written or read, the line is simulated.
    """
    path = cache_folder() / FOLDER / f"{_digest(parts)}.zarr"
    if path.is_dir():
        try:
            return _apart(load_cohort(path))
        except StoreError:
            pass
    measured, states = compute()
    both = states.assign({f"{_MEASURED}{name}": column for name, column in measured.data_vars.items()})
    try:
        save_cohort(both, path)
    except StoreError:
        return measured, states
    return measured, states


def _apart(both: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    names = [str(name) for name in both.data_vars if str(name).startswith(_MEASURED)]
    measured = xr.Dataset(
        {name.removeprefix(_MEASURED): ("patient", both[name].values) for name in names},
        coords={"patient": both["patient"].values},
    )
    return measured, both.drop_vars(names)


def _digest(parts: Iterable[xr.Dataset | str | None]) -> str:
    found = blake2b(source_key(str(Path(__file__).with_name("engine.py"))).encode(), digest_size=16)
    for part in parts:
        if not isinstance(part, xr.Dataset):
            found.update(f"{part}\0".encode())
            continue
        found.update(repr(sorted((str(key), str(value)) for key, value in part.attrs.items())).encode())
        for name in sorted(map(str, part.variables)):
            column = part[name]
            values = np.ascontiguousarray(column.values)
            plain = values.tobytes() if values.dtype.kind in "biuf" else "\0".join(map(str, values.ravel())).encode()
            found.update(f"{name}\0{column.dims}\0{values.dtype}\0".encode() + plain)
    return found.hexdigest()
