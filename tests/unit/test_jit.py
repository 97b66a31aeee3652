from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pdsim import _jit
from pdsim.errors import PdsimError

STEP = "from pdsim._jit import jit\n\n\n@jit\ndef step(x):\n    return x + 1.0\n"
LOOP = (
    "from pdsim._jit import jit\nfrom pdsim.solvers import constants as c\nfrom pdsim.solvers.steps import step\n"
    "GAIN = c.GAIN\n\n\n@jit(signature='float64(float64)')\ndef loop(x):\n    return step(x) * GAIN\n"
)
CALL = (
    "import sys\nfrom pdsim.solvers.loops import loop\nprint(loop(1.0), sum(loop.stats.cache_hits.values()))\n"
    "from pdsim import _jit\nprint(_jit.source_key())\n"
)
KEY = "from pdsim import _jit\nprint(_jit.source_key())\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Folder with a small pdsim: layer 0 and two jitted modules, one calling the other."""
    solvers = tmp_path / "pdsim" / "solvers"
    solvers.mkdir(parents=True)
    for name in ("__init__.py", "_jit.py", "_kept.py", "_loading.py", "errors.py"):
        shutil.copy(Path(_jit.__file__).with_name(name), tmp_path / "pdsim")
    (solvers / "__init__.py").touch()
    (solvers / "steps.py").write_text(STEP)
    (solvers / "constants.py").write_text("GAIN = 2.0\n")
    (solvers / "loops.py").write_text(LOOP)
    return tmp_path


def _call(package: Path, code: str = CALL, **settings: str) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": str(package), "PDSIM_CACHE": str(package / "cache"), **settings}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=package, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_second_process_finds_the_kernel_in_the_cache(package):
    first, second = _call(package), _call(package)
    assert first[:2] == ["4.0", "0"]
    assert second[:2] == ["4.0", "1"]
    assert first[2] == second[2]
    assert not list((package / "pdsim").rglob("*.nbi"))


@pytest.mark.parametrize(
    ("module", "old", "new", "answer"),
    [("steps", "x + 1.0", "x + 9.0", "20.0"), ("constants", "GAIN = 2.0", "GAIN = 3.0", "6.0")],
)
def test_a_change_in_another_module_is_seen(package, module, old, new, answer):
    before = _call(package)
    file = package / "pdsim" / "solvers" / f"{module}.py"
    file.write_text(file.read_text().replace(old, new))
    after = _call(package)
    assert after[:2] == [answer, "0"]
    assert after[2] != before[2]


def test_nothing_is_compiled_before_it_is_asked_for(package):
    code = "from pdsim.solvers.loops import loop\nfrom pdsim._jit import compiled\nprint(len(loop.signatures))\n"
    assert _call(package, code + "print(len(compiled(loop).signatures), loop(1.0))") == ["0", "1", "4.0"]


@pytest.mark.parametrize(("threads", "found"), [("1", ["0", "0"]), ("2", ["1", "0", "1"])])
def test_another_process_compiles_where_there_are_cores(package, threads, found):
    code = (
        "from pdsim.solvers.loops import loop\nfrom pdsim import _jit\n_jit.compile_aside(loop)\n"
        "print(len(_jit._aside), *[process.wait() for process in _jit._aside.values()])\n"
        "_jit.compiled(loop)\nprint(sum(loop.stats.cache_hits.values()))\n"
    )
    assert _call(package, code, PDSIM_THREADS=threads) == found
    assert _call(package, code, PDSIM_THREADS=threads) == ["0", "1"]  # the cache has it


def test_a_module_without_compiled_code_changes_no_key(package):
    before = _call(package, KEY)
    (package / "pdsim" / "solvers" / "words.py").write_text("TITLE = 'no kernel imports this'\n")
    assert _call(package, KEY) == before


def test_numba_settings_that_change_code_change_the_key(package):
    before = _call(package, KEY)
    assert _call(package, KEY, NUMBA_OPT="1") != before
    assert _call(package, KEY, NUMBA_NUM_THREADS="1") == before


def test_other_packages_keep_their_cache_folder(package):
    code = "import numba.core.config as c; import pdsim.solvers.loops; print(repr(c.CACHE_DIR), c.CACHE_DIR == '')"
    assert _call(package, code, NUMBA_CACHE_DIR="")[1] == "True"


def test_decorator_works_with_and_without_arguments():
    @_jit.jit
    def plain(x):
        return x + 1

    @_jit.jit(nogil=False)
    def asked(x):
        return x + 2

    assert (plain(1), asked(1)) == (2, 3)
    assert plain.targetoptions["nogil"]
    assert not asked.targetoptions["nogil"]
    assert plain.targetoptions["fastmath"] == {"contract"}


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("PDSIM_CACHE", str(tmp_path / "here"))
    assert _jit.cache_folder() == tmp_path / "here"
    monkeypatch.delenv("PDSIM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert _jit.cache_folder() == tmp_path / "pdsim"


def test_thread_count(monkeypatch):
    monkeypatch.setenv("PDSIM_THREADS", "3")
    assert _jit.thread_count() == 3
    assert _jit.thread_count(5) == 5
    assert _jit.thread_count(0) == 1
    monkeypatch.setenv("PDSIM_THREADS", "many")
    with pytest.raises(PdsimError, match="PDSIM_THREADS is 'many'"):
        _jit.thread_count()
    monkeypatch.delenv("PDSIM_THREADS")
    assert _jit.thread_count() >= 1
