"""A sweep that is killed, whose disk is full or whose files are damaged goes on to the very same store."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pdsim
from pdsim.errors import StoreError
from pdsim.study.sweep import Interrupted, sweep_study
from pdsim.sweep import SweepStore, open_sweep

# The process is killed while it writes its third chunk: half of the arrays are there, and of one more a part of a file.
KILLED = """
import os, signal, sys
from pdsim.sweep.manifest import Manifest
from pdsim.sweep.store import SweepStore
real, count = SweepStore.put, [0]

def put(self, chunk, arrays, **more):
    count[0] += 1
    if count[0] == 3:
        paths = list(arrays)
        Manifest.record = lambda *_, **__: None
        real(self, chunk, {path: arrays[path] for path in paths[:5]}, **more)
        part = self.root / paths[5] / "c" / "0"
        part.mkdir(parents=True, exist_ok=True)
        (part / "half.partial").write_bytes(b"some")
        os.kill(os.getpid(), signal.SIGKILL)
    real(self, chunk, arrays, **more)

SweepStore.put = put
from pdsim.cli import main
main(sys.argv[1:])
"""

# The limit on the size of files stands in for a full disk from the third chunk on.
FULL = """
import resource, sys
from pdsim.sweep.store import SweepStore
real, count = SweepStore.put, [0]

def put(self, *given, **more):
    count[0] += 1
    if count[0] == 3:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    real(self, *given, **more)

SweepStore.put = put
from pdsim.cli import main
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def study(write_sweep: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the toy sweep."""
    return write_sweep(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def whole(study: Path) -> Path:
    """An uninterrupted run of it; read only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pdsim.plot.save_sweep_figures", lambda *_, **__: [])
        patch.chdir(study)
        sweep_study("sweep.toml", "whole")
    return study / "whole"


@pytest.fixture
def out(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for another run, which counts as begun at the same time, so that stores can be compared whole."""
    monkeypatch.setattr("pdsim.plot.save_sweep_figures", lambda *_, **__: [])
    monkeypatch.chdir(whole.parent)
    shutil.copy(whole / "study.toml", tmp_path / "study.toml")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def process(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    home = {**os.environ, "PYTHONPATH": str(Path(pdsim.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, env=home)


def unfinished(folder: Path, count: int = 8) -> int:
    store = SweepStore(folder)
    return sum(store.manifest.entry(f"{index:06d}") is None for index in range(count))


def test_kill_9_in_the_middle_of_a_write(out: Path, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    killed = process(KILLED, "run", "sweep.toml", "--out", str(out))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert unfinished(out) == 6
    with pytest.raises(StoreError, match=r"unfinished sweep of this study \(2 of 8 chunks are kept\).*--resume"):
        sweep_study("sweep.toml", out)
    with pytest.raises(StoreError, match=r"not finished \(2 chunks are\)"):
        open_sweep(out)
    sweep_study("sweep.toml", out, resume=True)
    assert "24 patient runs in" in capsys.readouterr().out  # 6 of 8 chunks of 4 patients on average
    assert contents(out) == contents(whole)


def test_full_disk(out: Path, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store refuses after three chunks; what is there is kept, and the message says how to go on."""
    import zarr

    real, count = zarr.open_array, [0]

    def refuse(path: Path, **more: object) -> object:
        count[0] += more.get("mode") == "r+"
        if count[0] > 3 * 13 + 4:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return real(path, **more)

    with monkeypatch.context() as patch:
        patch.setattr(zarr, "open_array", refuse)
        with pytest.raises(
            StoreError, match=r"cannot be written: no space left on the disk\. 3 of 8 chunks .* --resume"
        ):
            sweep_study("sweep.toml", out)
    assert unfinished(out) == 5
    sweep_study("sweep.toml", out, resume=True)
    assert contents(out) == contents(whole)


@pytest.mark.slow
def test_full_disk_of_the_manifest(out: Path, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk without its entry is unfinished although all its values are there."""
    from pdsim.sweep import manifest

    real = manifest.write_whole

    def refuse(path: Path, content: bytes) -> None:
        if path.stem == "000004":
            raise OSError(errno.EDQUOT, "Disk quota exceeded", str(path))
        real(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(manifest, "write_whole", refuse)
        with pytest.raises(StoreError, match="the quota is used up"):
            sweep_study("sweep.toml", out, threads=1)
    assert unfinished(out) == 4
    sweep_study("sweep.toml", out, resume=True)
    assert contents(out) == contents(whole)


def test_damage_is_found_named_and_mended(out: Path, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import zarr

    shutil.copytree(whole, out, dirs_exist_ok=True)
    truncated = out / "sweep.zarr" / "courses" / "m_protein" / "c" / "1" / "0" / "1" / "0"
    flipped = out / "sweep.zarr" / "patients" / "pfs_time" / "c" / "2" / "0" / "0"
    lost = out / "sweep.zarr" / "patients" / "status" / "c" / "3" / "0" / "1"
    truncated.write_bytes(truncated.read_bytes()[:-7])
    flipped.write_bytes(bytes([flipped.read_bytes()[0] ^ 4]) + flipped.read_bytes()[1:])
    lost.unlink()
    with pytest.raises(ValueError, match="checksum"):
        zarr.open_array(flipped.parents[3], mode="r")[2, :, :3]  # what any reader meets
    metadata = out / "sweep.zarr" / "patients" / "best_change" / "zarr.json"
    metadata.write_text(metadata.read_text().replace("marker", "number"))
    shutil.rmtree(out / "sweep.zarr" / "summary")
    with pytest.raises(StoreError, match=r"courses/m_protein/c/1/0/1/0 is truncated or altered.*--resume"):
        open_sweep(out)
    with pytest.raises(StoreError, match=r"5 of 8 chunks are kept, 3 files of it are damaged \(courses/m_protein"):
        sweep_study("sweep.toml", out)
    sweep_study("sweep.toml", out, resume=True)
    text = capsys.readouterr().out
    assert text.count(": its chunk is computed again.") == 3
    assert contents(out) == contents(whole)


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(out: Path, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, count = SweepStore.put, [0]

    def stop(self: SweepStore, *given: object, **more: object) -> None:
        count[0] += 1
        if count[0] == 3:
            raise KeyboardInterrupt
        real(self, *given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(SweepStore, "put", stop)
        with pytest.raises(Interrupted, match=r"Stopped\. 2 of 8 chunks are finished and kept.*--resume"):
            sweep_study("sweep.toml", out)
    sweep_study("sweep.toml", out, resume=True)
    assert contents(out) == contents(whole)


@pytest.mark.slow
def test_sample_full_disk_by_a_limit_of_the_system(out: Path, whole: Path) -> None:
    full = process(FULL, "run", "sweep.toml", "--out", str(out))
    assert full.returncode == 2, full.stderr
    assert "a file is larger than this user may write. 2 of 8 chunks are finished and kept" in full.stderr
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    sweep_study("sweep.toml", out, resume=True)
    assert contents(out) == contents(whole)


@pytest.mark.slow
def test_sample_a_worker_is_killed_in_the_middle_of_a_chunk(
    whole: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On two local workers; the store is that of threads, byte for byte."""
    pytest.importorskip("distributed")
    from contextlib import contextmanager

    from pdsim.sweep import cluster

    bigger = ["cohort.size=128", "sweep.chunk=32", "stop=2 yr"]
    (out / "study.toml").unlink()
    sweep_study("sweep.toml", out / "threads", bigger)
    (out / "workers").mkdir()
    shutil.copy(out / "threads" / "study.toml", out / "workers")
    real, put, killed = cluster.connected, SweepStore.put, []

    @contextmanager
    def watched(address: str) -> Iterator[object]:
        with real(address) as client:
            pids = list(client.run(os.getpid).values())
            assert len(set(pids)) == 2

            def kill_one(self: SweepStore, chunk: object, *given: object, **more: object) -> None:
                put(self, chunk, *given, **more)
                if not killed:
                    assert client.processing()  # both have work
                    os.kill(pids[0], signal.SIGKILL)
                    killed.append(pids[0])

            monkeypatch.setattr(SweepStore, "put", kill_one)
            yield client

    monkeypatch.setattr(cluster, "connected", watched)
    sweep_study("sweep.toml", out / "workers", bigger, cluster="local:2")
    assert killed
    assert contents(out / "workers") == contents(out / "threads")


@pytest.mark.slow
def test_killed_again_and_again(out: Path, whole: Path) -> None:
    """A soak: the process is killed at other moments until the sweep is through."""
    home = {**os.environ, "PYTHONPATH": str(Path(pdsim.__file__).parents[1])}
    words = [sys.executable, "-m", "pdsim.cli", "run", "sweep.toml", "--out", str(out), "--resume", "--threads", "1"]
    kills = 0
    for seconds in (2.0, 2.5, 3.0, 3.25, 3.5, 3.75, 4.0, 4.5, 5.0, 6.0, 120.0):
        run = subprocess.Popen(words, env=home, stdout=subprocess.DEVNULL)
        try:
            assert run.wait(seconds) == 0
            break
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
            kills += 1
    assert kills
    sweep_study("sweep.toml", out, resume=True)
    found = {path: content for path, content in contents(out).items() if not path.startswith("figures")}
    assert found == contents(whole)
