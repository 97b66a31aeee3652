"""Runs on disk: a Zarr 3 store whose every chunk carries a checksum."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdsim._duck_arrays import spare_imports
from pdsim.errors import StoreError

if TYPE_CHECKING:
    import xarray as xr

CHUNK_BYTES = 4_000_000  # a chunk of this size keeps a store at some hundred files
CONTENTS = "contents"  # root attribute: checksum of the metadata of every group and array


def save_run(tree: xr.DataTree, path: Path | str) -> Path:
    """Write a run as Zarr 3, chunked along patients, with CRC-32C behind every chunk.

    The store is written under a temporary name and renamed, so that `path` is never half a run; an older store at
    `path` is replaced.

    Parameters
    ----------
    tree : DataTree
        A run: ``/cohort``, ``/trajectory``, ``/visits``, ``/endpoints``, ``/dosing`` or some of them.
    path : Path
        Folder to write, such as ``runs/rep/run.zarr``.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    StoreError
        No permission, no space, or a value that Zarr cannot hold.
    """
    path = Path(path)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(aside, ignore_errors=True)
        _write(aside, _sealed(_files(tree)))
        if path.exists():
            shutil.rmtree(path)
        aside.rename(path)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}.") from error
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return path


def open_run(path: Path | str) -> xr.DataTree:
    """Open a stored run, after checking every chunk and all metadata; values are read when they are used.

    Parameters
    ----------
    path : Path
        The ``run.zarr``, or the run folder that holds one.

    Returns
    -------
    DataTree
        The run; text coordinates are ``StringDType``, times are days as floats.

    Raises
    ------
    StoreError
        There is no run, a group or array is missing, or a file is truncated or altered; the message names it.
    """
    import xarray as xr

    spare_imports()
    path = Path(path)
    if (path / "run.zarr").is_dir():
        path = path / "run.zarr"
    if not (path / "zarr.json").is_file():
        raise StoreError(f"{path}: there is no stored run here: a run folder holds 'run.zarr' with a 'zarr.json'.")
    _verify(path)
    try:
        tree = xr.open_datatree(path, engine="zarr", consolidated=False, decode_timedelta=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path}: cannot be read as a run: {error}.") from error
    tree.attrs.pop(CONTENTS, None)
    return tree


def _files(tree: xr.DataTree) -> dict[str, bytes]:
    """Every file of the store by its path; Zarr makes them in memory, for it hands each to a thread to write it."""
    from zarr.storage import MemoryStore

    found: dict[str, Any] = {}
    ready, encoding = _prepared(tree)
    store = MemoryStore(found)
    ready.to_zarr(store, mode="w", encoding=encoding, zarr_format=3, consolidated=False, write_empty_chunks=True)
    return {key: buffer.to_bytes() for key, buffer in found.items()}


def _write(root: Path, files: dict[str, bytes]) -> None:
    for folder in sorted({root / Path(key).parent for key in files}):
        folder.mkdir(parents=True, exist_ok=True)
    for key, content in files.items():
        (root / key).write_bytes(content)


def _prepared(tree: xr.DataTree) -> tuple[xr.DataTree, dict[str, dict[str, Any]]]:
    import xarray as xr

    groups: dict[str, xr.Dataset] = {}
    encoding: dict[str, dict[str, Any]] = {}
    for node in tree.subtree:
        data = _storable(node.to_dataset(inherit=False))
        groups[node.path] = data
        encoding[node.path] = {str(name): _encoding(variable) for name, variable in data.variables.items()}
    return xr.DataTree.from_dict(groups), encoding


def _storable(data: xr.Dataset) -> xr.Dataset:
    import numpy as np

    data = data.copy()
    for name, variable in data.variables.items():
        variable.encoding = {}
        if variable.dtype.kind in "OU":
            text = variable.astype(np.dtypes.StringDType())
            data = data.assign_coords({name: text}) if name in data.coords else data.assign({name: text})
    return data


def _encoding(variable: xr.Variable) -> dict[str, Any]:
    from zarr.codecs import Crc32cCodec, ZstdCodec

    return {"compressors": (ZstdCodec(level=3), Crc32cCodec()), "chunks": _chunks(variable)}


def _chunks(variable: xr.Variable) -> tuple[int, ...]:
    sizes = dict(zip(variable.dims, variable.shape, strict=True))
    if "patient" in sizes and variable.nbytes > CHUNK_BYTES:
        if "arm" in sizes:
            sizes["arm"] = 1
        others = _product(size for name, size in sizes.items() if name != "patient")
        bytes_each = max(1, others) * max(1, variable.dtype.itemsize)
        sizes["patient"] = max(1, min(sizes["patient"], CHUNK_BYTES // bytes_each))
    return tuple(max(1, size) for size in sizes.values())


def _product(numbers: Iterator[int]) -> int:
    result = 1
    for number in numbers:
        result *= number
    return result


def _sealed(files: dict[str, bytes]) -> dict[str, bytes]:
    """Put the checksums of all metadata files into the root's attributes."""
    metadata = json.loads(files["zarr.json"])
    contents = {
        key.removesuffix("/zarr.json"): zlib.crc32(files[key]) for key in sorted(files) if key.endswith("/zarr.json")
    }
    metadata["attributes"][CONTENTS] = contents
    metadata["attributes"][CONTENTS]["."] = _own_checksum(metadata["attributes"])
    return files | {"zarr.json": json.dumps(metadata, indent=1).encode()}


def _own_checksum(attributes: dict[str, Any]) -> int:
    contents = {name: value for name, value in attributes[CONTENTS].items() if name != "."}
    return zlib.crc32(json.dumps({**attributes, CONTENTS: contents}, sort_keys=True).encode())


def _verify(root: Path) -> None:
    attributes = _metadata(root, root).get("attributes", {})
    contents = attributes.get(CONTENTS)
    if not isinstance(contents, dict):
        raise StoreError(f"{root}: this Zarr store was not written by pdsim: its root lists no '{CONTENTS}'.")
    if contents.get(".") != _own_checksum(attributes):
        raise StoreError(f"{root}: the attributes of the root group were altered after the run was stored.")
    for name, checksum in sorted(contents.items(), key=lambda entry: entry[0].count("/")):
        if name != ".":
            _verify_node(root, name, checksum)


def _verify_node(root: Path, name: str, checksum: int) -> None:
    folder = root / name
    what = f"array '/{name}'" if "/" in name else f"group '/{name}'"
    if not (folder / "zarr.json").is_file():
        raise StoreError(f"{root}: the {what} is missing. Restore the folder from a copy, or run the study again.")
    metadata = _metadata(root, folder)
    if zlib.crc32((folder / "zarr.json").read_bytes()) != checksum:
        raise StoreError(f"{root}: the metadata of the {what} was altered or truncated.")
    if metadata["node_type"] == "array":
        for key in _chunk_keys(metadata):
            _verify_chunk(root, folder / key, what)


def _metadata(root: Path, folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "zarr.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        name = "/" if folder == root else "/" + folder.relative_to(root).as_posix()
        raise StoreError(f"{root}: the metadata of '{name}' cannot be read ({error}).") from None


def _chunk_keys(metadata: dict[str, Any]) -> Iterator[str]:
    chunks = metadata["chunk_grid"]["configuration"]["chunk_shape"]
    counts = [-(-size // chunk) for size, chunk in zip(metadata["shape"], chunks, strict=True)]
    for position in product(*(range(count) for count in counts)):
        yield "/".join(("c", *(str(index) for index in position)))


def _verify_chunk(root: Path, file: Path, what: str) -> None:
    from google_crc32c import value

    try:
        raw = file.read_bytes()
    except OSError:
        raise StoreError(f"{root}: a chunk of the {what} is missing: {file.relative_to(root)}.") from None
    if len(raw) < 4 or value(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
        raise StoreError(
            f"{root}: a chunk of the {what} is truncated or altered: {file.relative_to(root)}. "
            "Restore it from a copy, or run the study again."
        )
