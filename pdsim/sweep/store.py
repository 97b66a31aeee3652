"""One Zarr 3 store a sweep: a template first, then whole chunks, each with its entry in the manifest."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim.errors import StoreError
from pdsim.sweep.layout import Chunk
from pdsim.sweep.manifest import Manifest

if TYPE_CHECKING:
    import xarray as xr

TEMPLATE = "template"
FILL = {"float32": float("nan"), "int8": -128}


@dataclass(frozen=True)
class Field:
    """One array of the store: ``group/name``, its dimensions, its type on disk and its attributes."""

    path: str
    dims: tuple[str, ...]
    dtype: str
    attrs: Mapping[str, Any]


@dataclass(frozen=True)
class Template:
    """Everything of a store but its values.

    Attributes
    ----------
    sizes : dict
        Length of every dimension.
    chunk : (int, int)
        Scenarios and patients of a chunk; other dimensions are whole.
    fields : tuple of Field
        Arrays that chunks fill; their first dimensions are scenario, arm, patient.
    groups : dict
        Dataset with coordinates and attributes of the root, ``"/"``, and of other groups.
    """

    sizes: Mapping[str, int]
    chunk: tuple[int, int]
    fields: tuple[Field, ...]
    groups: Mapping[str, xr.Dataset]

    @property
    def bytes(self) -> int:
        """Size of all values, without compression."""
        return sum(self.bytes_each(field) for field in self.fields)

    def bytes_each(self, field: Field) -> int:
        """Size of the values of one array."""
        return int(np.prod([self.sizes[dim] for dim in field.dims])) * np.dtype(field.dtype).itemsize


class SweepStore:
    """The store of a sweep in its folder: ``sweep.zarr`` and ``manifest/``.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.root = self.folder / "sweep.zarr"
        self.manifest = Manifest(self.folder / "manifest", self.root)

    def begin(self, template: Template) -> None:
        """Write the template, or what is damaged of it; several processes may do so at once.

        Raises
        ------
        OSError
            The folder cannot be written.
        """
        if self.manifest.damage(TEMPLATE) is None:
            return
        self.manifest.folder.mkdir(parents=True, exist_ok=True)
        aside = self.folder / f".template.{token_hex(4)}.part"
        shutil.rmtree(aside, ignore_errors=True)
        try:
            files = _write_template(aside, template)
            for file in files:
                place = self.root / file.relative_to(aside)
                place.parent.mkdir(parents=True, exist_ok=True)
                file.replace(place)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        self.manifest.record(TEMPLATE, [self.root / file.relative_to(aside) for file in files])

    def missing(self, chunks: Sequence[Chunk]) -> tuple[list[Chunk], list[str]]:
        """Return the chunks to compute, and what was damaged of chunks that had been finished."""
        found, damaged = [], []
        for chunk in chunks:
            wrong = self.manifest.damage(chunk.name)
            if wrong is not None:
                found.append(chunk)
                damaged += [wrong] if wrong != "unfinished" else []
        return found, damaged

    def put(self, chunk: Chunk, arrays: Mapping[str, np.ndarray], **more: Any) -> None:
        """Store the values of a chunk, by path of the field, and then its entry in the manifest.

        Raises
        ------
        OSError
            The disk is full, or the like; the chunk then counts as unfinished.
        """
        import zarr

        files: list[Path] = []
        for path, values in arrays.items():
            array = zarr.open_array(self.root / path, mode="r+", zarr_format=3)
            array = array.with_config({"write_empty_chunks": True})  # a chunk without values is a finished one too
            scenarios, patients = chunk.region
            array[(scenarios, slice(None), patients)] = values
            position = [
                begin // size
                for begin, size in zip((scenarios.start, 0, patients.start), array.chunks[:3], strict=True)
            ]
            key = "/".join(map(str, [*position, *[0] * (array.ndim - 3)]))
            files.append(self.root / path / "c" / key)
        self.manifest.record(chunk.name, files, **more)

    def put_group(self, name: str, data: xr.Dataset) -> None:
        """Store a small Dataset as a group of its own, whole or not at all."""
        self.manifest.forget(name)
        aside = self.folder / f".{name}.{token_hex(4)}.part"
        shutil.rmtree(aside, ignore_errors=True)
        try:
            _write_dataset(aside, data)
            place = self.root / name
            shutil.rmtree(place, ignore_errors=True)
            try:
                aside.rename(place)
            except OSError:
                if not place.is_dir():  # else another process has just put the same there
                    raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        self.manifest.record(name, _files(place))

    def tidy(self) -> None:
        """Remove what a killed process left half written; not while others are writing."""
        for place in (self.folder, self.root, self.manifest.folder):
            for left in [*place.rglob("*.partial"), *place.glob(".*.part")]:
                with suppress(OSError):
                    shutil.rmtree(left) if left.is_dir() else left.unlink()


def open_sweep(folder: Path | str) -> xr.DataTree:
    """Open a finished sweep, after checking every file against the manifest; values are read when they are used.

    Plain ``xarray.open_datatree(".../sweep.zarr", engine="zarr", consolidated=False)`` opens it too, without the check.

    Parameters
    ----------
    folder : Path
        Folder of the sweep.

    Returns
    -------
    DataTree
        The root holds the coordinates ``scenario``, ``arm`` and ``patient`` and the factors; ``/patients`` what was
        kept of each patient, (scenario, arm, patient), ``/courses`` courses, (scenario, arm, patient, time), and
        ``/summary`` rates, medians and quantiles, (scenario, arm[, quantile]); ``/sensitivity`` where asked for.

    Raises
    ------
    StoreError
        There is no sweep, it is not finished, or a file is missing, truncated or altered; the message names it.
    """
    import xarray as xr

    store = SweepStore(folder)
    names = sorted(path.stem for path in store.manifest.folder.glob("*.json"))
    if not (store.root / "zarr.json").is_file() or TEMPLATE not in names:
        raise StoreError(f"{folder}: there is no sweep here: a sweep's folder holds 'sweep.zarr' and 'manifest'.")
    if "summary" not in names:
        count = sum(name.isdigit() for name in names)
        raise StoreError(f"{folder}: this sweep is not finished ({count} chunks are). Go on with --resume.")
    for name in names:
        wrong = store.manifest.damage(name)
        if wrong is not None:
            raise StoreError(f"{folder}: {wrong}. Run the study again with --resume: only what is damaged is redone.")
    return xr.open_datatree(store.root, engine="zarr", consolidated=False, decode_timedelta=False)


def _write_template(root: Path, template: Template) -> list[Path]:
    import zarr

    _write_dataset(root, template.groups["/"])
    for name, data in template.groups.items():
        if name != "/":
            _write_dataset(root / name, data)
    for field in template.fields:
        shape = tuple(template.sizes[dim] for dim in field.dims)
        (root / field.path).parent.mkdir(parents=True, exist_ok=True)
        zarr.create_array(
            root / field.path,
            shape=shape,
            chunks=(template.chunk[0], shape[1], template.chunk[1], *shape[3:]),
            dtype=field.dtype,
            compressors=_codecs(),
            fill_value=FILL[field.dtype],
            dimension_names=field.dims,
            attributes=plain(field.attrs),
            zarr_format=3,
        )
    return _files(root)


def _write_dataset(root: Path, data: xr.Dataset) -> None:
    encoding = {str(name): {"compressors": _codecs()} for name in data.variables}
    data.to_zarr(root, mode="w", encoding=encoding, zarr_format=3, consolidated=False, write_empty_chunks=True)


def _codecs() -> tuple[Any, ...]:
    """The last one makes every reader notice a flipped bit."""
    from zarr.codecs import Crc32cCodec, ZstdCodec

    return ZstdCodec(level=3), Crc32cCodec()


def plain(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as JSON holds them."""
    return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in attrs.items()}


def _files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def text(values: Iterable[str]) -> np.ndarray:
    """Text for a coordinate."""
    return np.array(list(values), dtype=np.dtypes.StringDType())
