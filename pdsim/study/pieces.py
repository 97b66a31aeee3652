"""Finished arms of a run that is under way: one file each, written whole or not at all, and checked when it is read."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

_ABOUT = "about"
_SHARED = "cohort"  # every arm has the same


def save_piece(tree: xr.DataTree, file: Path) -> None:
    """Write the run of an arm, without its cohort.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    from pdsim.sweep.manifest import write_whole

    groups: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    for name, node in tree.children.items():
        if name != _SHARED:
            data = node.to_dataset(inherit=False)
            groups[name] = {"attrs": data.attrs, "coords": list(data.coords), "variables": {}}
            for key, variable in data.variables.items():
                groups[name]["variables"][key] = {"dims": variable.dims, "attrs": variable.attrs}
                arrays[f"{name}/{key}"] = _plain(variable.values)
    arrays[_ABOUT] = json.dumps({"attrs": tree.attrs, "groups": groups}, default=lambda value: value.tolist())
    file.parent.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    write_whole(file, stream.getbuffer())


def load_piece(file: Path, cohort: xr.Dataset) -> xr.DataTree | None:
    """Read the run of an arm and give it its cohort back; None where there is none or it is damaged."""
    import xarray as xr

    try:
        with file.open("rb") as stream, np.load(stream) as stored:
            arrays = dict(stored)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
    about = json.loads(str(arrays[_ABOUT]))
    groups = {"/": xr.Dataset(attrs=about["attrs"]), f"/{_SHARED}": cohort}
    for name, group in about["groups"].items():
        variables = {
            key: (one["dims"], _as_kept(arrays[f"{name}/{key}"]), one["attrs"])
            for key, one in group["variables"].items()
        }
        coords = {key: variables.pop(key) for key in group["coords"]}
        groups[f"/{name}"] = xr.Dataset(variables, coords, group["attrs"])
    return xr.DataTree.from_dict(groups)


def _plain(values: np.ndarray) -> np.ndarray:
    """Values as the file holds them: text of a fixed width."""
    return np.array(values.tolist(), dtype=str).reshape(values.shape) if values.dtype.kind in "TOU" else values


def _as_kept(values: np.ndarray) -> np.ndarray:
    return values.astype(np.dtypes.StringDType()) if values.dtype.kind == "U" else values
