"""Stored runs come back as they were, and damage is named, never read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from pdsim.errors import StoreError
from pdsim.store import open_run, save_run

TEXT = np.dtypes.StringDType()


@pytest.fixture
def run() -> xr.DataTree:
    """Two arms, five patients, with text, gaps and whole numbers."""
    rng = np.random.default_rng(1)
    arms = {"arm": np.array(["none", "rep:H1"], dtype=TEXT), "patient": np.arange(5)}
    label = ("arm", np.array(["no treatment", "REP, only the alkylator: 50 % ≥ PR"], dtype=TEXT))
    time = ("time", np.arange(0.0, 28.0, 7.0), {"units": "d"})
    values = rng.lognormal(size=(2, 5, 4)).astype("float32")
    values[1, 3, 2:] = np.nan
    cells = rng.lognormal(size=(2, 5, 4, 2)).astype("float32")
    trajectory = xr.Dataset(
        {
            "m_protein": (("arm", "patient", "time"), values, {"units": "g/L"}),
            "clone_cells": (("arm", "patient", "time", "clone"), cells),
        },
        coords={**arms, "time": time, "label": label, "clone": np.array(["a", "b"], dtype=TEXT)},
    )
    endpoints = xr.Dataset({"status": (("arm", "patient"), np.zeros((2, 5), np.int8))}, coords=arms)
    cohort = xr.Dataset({"growth": ("patient", rng.random(5))}, coords={"patient": np.arange(5)}, attrs={"seed": 3})
    root = xr.Dataset(attrs={"title": "A run", "seed": 3, "rtol": 1e-6})
    return xr.DataTree.from_dict({"/": root, "/cohort": cohort, "/trajectory": trajectory, "/endpoints": endpoints})


@pytest.fixture
def store(run: xr.DataTree, tmp_path: Path) -> Path:
    return save_run(run, tmp_path / "run.zarr")


def test_comes_back_as_it_was(run: xr.DataTree, store: Path) -> None:
    found = open_run(store)
    assert found.attrs == run.attrs
    for name in run.children:
        xr.testing.assert_identical(found[name].to_dataset(inherit=False).load(), run[name].to_dataset(inherit=False))
    assert found["trajectory"]["m_protein"].dtype == np.float32
    assert found["trajectory"]["arm"].dtype == TEXT
    assert found["trajectory"]["time"].dtype == np.float64


def test_run_folder_stands_for_its_store(store: Path) -> None:
    assert open_run(store.parent).attrs["title"] == "A run"


def test_other_readers_see_plain_zarr_3(run: xr.DataTree, store: Path) -> None:
    group = zarr.open_group(store, mode="r", use_consolidated=False)
    assert group.metadata.zarr_format == 3
    assert group.metadata.consolidated_metadata is None
    array = group["trajectory/m_protein"]
    assert array.chunks == (2, 5, 4)
    np.testing.assert_array_equal(array[:], run["trajectory"]["m_protein"].values)


def test_large_arrays_are_cut_along_patients(tmp_path: Path) -> None:
    values = np.zeros((2, 3000, 1000), "float32")
    tree = xr.DataTree.from_dict({"/trajectory": xr.Dataset({"x": (("arm", "patient", "time"), values)})})
    tree["cohort"] = xr.Dataset({"y": (("patient", "clone"), np.zeros((300_000, 2)))})
    group = zarr.open_group(save_run(tree, tmp_path / "run.zarr"), mode="r")
    assert group["trajectory/x"].chunks == (1, 1000, 1000)
    assert group["cohort/y"].chunks == (250_000, 2)


def test_object_text_is_stored_as_text(tmp_path: Path) -> None:
    data = xr.Dataset({"x": ("arm", [1.0])}, coords={"arm": np.array(["none"], dtype=object)})
    found = open_run(save_run(xr.DataTree.from_dict({"/endpoints": data}), tmp_path / "run.zarr"))
    assert found["endpoints"]["arm"].dtype == TEXT


def test_saving_again_replaces(run: xr.DataTree, store: Path) -> None:
    run.attrs["title"] = "Another"
    save_run(run, store)
    assert open_run(store).attrs["title"] == "Another"
    assert [path.name for path in store.parent.iterdir()] == ["run.zarr"]


def chunks(store: Path) -> list[Path]:
    return sorted(path for path in store.rglob("c/**/*") if path.is_file())


def test_every_flipped_bit_is_found(store: Path) -> None:
    for file in [*chunks(store), *store.rglob("zarr.json")]:
        whole = file.read_bytes()
        for place in {0, len(whole) // 2, len(whole) - 1}:
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            if file == store / "zarr.json" and json_equal(whole, file.read_bytes()):
                continue
            with pytest.raises(StoreError):
                open_run(store)
        file.write_bytes(whole)
    open_run(store)


def json_equal(a: bytes, b: bytes) -> bool:
    """Whether two texts mean the same JSON, so that only white space was altered."""
    try:
        return json.loads(a) == json.loads(b)
    except ValueError:
        return False


@pytest.mark.parametrize("kept", [0, 3, 0.5])
def test_truncated_chunk_is_named(store: Path, kept: float) -> None:
    file = store / "trajectory" / "m_protein" / "c" / "0" / "0" / "0"
    whole = file.read_bytes()
    file.write_bytes(whole[: int(kept * len(whole)) if kept < 1 else int(kept)])
    with pytest.raises(StoreError, match=r"a chunk of the array '/trajectory/m_protein' is truncated .*c/0/0/0"):
        open_run(store)


def test_missing_chunk_is_named(store: Path) -> None:
    (store / "endpoints" / "status" / "c" / "0" / "0").unlink()
    with pytest.raises(StoreError, match=r"a chunk of the array '/endpoints/status' is missing: .*c/0/0"):
        open_run(store)


@pytest.mark.parametrize(
    ("away", "message"),
    [
        ("trajectory", "the group '/trajectory' is missing"),
        ("trajectory/time", "the array '/trajectory/time' is missing"),
    ],
)
def test_missing_part_is_named(store: Path, away: str, message: str) -> None:
    (store / away).rename(store.parent / "away")
    with pytest.raises(StoreError, match=message):
        open_run(store)


def test_altered_attributes_are_found(store: Path) -> None:
    file = store / "zarr.json"
    file.write_text(file.read_text().replace("A run", "B run"))
    with pytest.raises(StoreError, match="attributes of the root group were altered"):
        open_run(store)


def test_foreign_store_is_refused(tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "other.zarr")
    with pytest.raises(StoreError, match="was not written by pdsim"):
        open_run(tmp_path / "other.zarr")


@pytest.mark.parametrize("name", ["nothing", "."])
def test_no_store(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="there is no stored run here"):
        open_run(tmp_path / name)


def test_place_that_cannot_be_written(run: xr.DataTree, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"run.zarr: cannot be written: "):
        save_run(run, tmp_path / "file" / "run.zarr")


def test_full_disk_leaves_nothing(run: xr.DataTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xr.DataTree, "to_zarr", full)
    with pytest.raises(StoreError, match="No space left on device"):
        save_run(run, tmp_path / "run.zarr")
    assert not list(tmp_path.iterdir())


def test_same_bytes_in_another_process(run: xr.DataTree, store: Path, tmp_path: Path) -> None:
    code = "import sys; from pdsim.store import open_run, save_run; save_run(open_run(sys.argv[1]).load(), sys.argv[2])"
    again = tmp_path / "again.zarr"
    subprocess.run([sys.executable, "-c", code, str(store), str(again)], check=True)
    for file in chunks(store):
        assert (again / file.relative_to(store)).read_bytes() == file.read_bytes()
