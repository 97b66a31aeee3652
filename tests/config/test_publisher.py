"""Figures and report beside the run: the same files whoever makes them, and every error told."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import xarray as xr

from pdsim.cli import main
from pdsim.errors import StoreError
from pdsim.store import open_run
from pdsim.study import publisher as module
from pdsim.study.publish import publish
from pdsim.study.publisher import publisher

copied = pytest.mark.skipif(not hasattr(os, "fork"), reason="no copies of a process here")


@pytest.fixture(scope="module")
def run(toy_folder: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> xr.DataTree:
    place = toy_folder(tmp_path_factory.mktemp("toy"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        with pytest.raises(SystemExit) as ended:
            main(["run", "study.toml", "--set", "hypothesis=[]", "--set", "stop='56 d'"])
    assert not ended.value.code
    return open_run(place / "runs" / "study" / "run.zarr").load()


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders that this process itself has published into; a copy notes them for itself."""
    found: list[Path] = []

    def noted(run: xr.DataTree, folder: Path, processes: int) -> object:
        found.append(folder)
        return publish(run, folder, processes)

    monkeypatch.setattr(module, "publish", noted)
    return found


@copied
def test_a_copy_writes_what_this_process_would(run: xr.DataTree, tmp_path: Path, here: list[Path]) -> None:
    for name in ("mine", "theirs"):
        (tmp_path / name).mkdir()
    mine = publish(run, tmp_path / "mine")
    with publisher(2) as begin:
        theirs = begin(run, tmp_path / "theirs")()
    assert here == []
    assert theirs.equals(mine)
    assert theirs.attrs == mine.attrs
    assert files(tmp_path / "theirs") == files(tmp_path / "mine")


def test_one_process_publishes_when_it_is_asked(run: xr.DataTree, tmp_path: Path, here: list[Path]) -> None:
    with publisher(1) as begin:
        summary = begin(run, tmp_path)
        assert here == []
        summary()
    assert here == [tmp_path]


def test_a_large_run_is_not_held_twice(
    run: xr.DataTree, tmp_path: Path, here: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST", run.nbytes - 1)
    with publisher(2) as begin:
        begin(run, tmp_path)()
    assert here == [tmp_path]


@copied
def test_what_goes_wrong_in_the_copy_is_told_here(run: xr.DataTree, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with publisher(2) as begin, pytest.raises(StoreError, match="file"):
        begin(run, tmp_path / "file")()


@copied
def test_a_copy_that_dies_is_done_without(
    run: xr.DataTree, tmp_path: Path, here: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_serve", lambda *given: os._exit(3))
    with publisher(2) as begin:
        begin(run, tmp_path)()
    assert here == [tmp_path]
    assert (tmp_path / "report.html").is_file()


@copied
def test_nothing_is_left_of_a_copy_that_is_not_asked() -> None:
    from multiprocessing import active_children

    with publisher(2):
        assert [one.name for one in active_children()] == ["pdsim-publisher"]
    assert active_children() == []
