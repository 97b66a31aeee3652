"""Start-up in fresh processes: with kernels compiled, with a new model, and with an empty cache.

Each process imports pdsim, simulates and exits; the clock runs from its launch to its end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.problem import FOLDER
from benchmarks.record import Record

_CHILD = """
import pdsim
cohort = pdsim.sample_cohort("len_refractory", 16, seed=1)
run = pdsim.simulate(pdsim.load_model({model!r}), cohort, pdsim.load_regimen("rep"), stop="84 d", every="7 d")
assert bool(run["trajectory"]["m_protein"].notnull().all())
"""
WARM, MODEL, EMPTY = "warm", "cold model", "cold solver and model"


def measure(repeats: int = 3) -> list[Record]:
    """Measure all three, in a cache folder of their own; takes a minute or two."""
    with tempfile.TemporaryDirectory() as folder:
        empty = launch("myeloma", folder)
        warm = [launch("myeloma", folder) for _ in range(repeats)]
        changed = launch(str(variant(Path(folder))), folder)
    found = {EMPTY: empty, MODEL: changed, WARM: sorted(warm)[len(warm) // 2]}
    return [Record("start", "pdsim", method, 1, None, None, None, None, s, None) for method, s in found.items()]


def warm_start() -> float:
    """Seconds of a fresh process, kernels compiled before into the user's cache."""
    launch("myeloma", None)
    return launch("myeloma", None)


def cold_start() -> float:
    """Seconds of a fresh process with an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        return launch("myeloma", folder)


def launch(model: str, cache: str | None) -> float:
    """Seconds from the launch of a process to its end, 16 patients simulated."""
    environment = dict(os.environ, **({"PDSIM_CACHE": cache} if cache else {}))
    search = [str(FOLDER.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its byte code
    environment["PYTHONPATH"] = os.pathsep.join(search)
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", _CHILD.format(model=model)], env=environment, check=True)
    return time.perf_counter() - begin


def variant(folder: Path) -> Path:
    """Copy of the shipped model with one equation changed, which no cache has seen."""
    copy = folder / "myeloma_variant"
    shutil.copytree(FOLDER.parent / "models" / "myeloma", copy, ignore=shutil.ignore_patterns("__pycache__"))
    old, new = "return p.ikzf_turnover * (1 - ", "return p.ikzf_turnover * (1.0000001 - "
    texts = {path: path.read_text(encoding="utf-8") for path in copy.rglob("*.py")}
    hits = [path for path, text in texts.items() if text.count(old) == 1]
    if len(hits) != 1:
        raise ValueError("models/myeloma has changed: benchmarks.start needs another line to alter")
    hits[0].write_text(texts[hits[0]].replace(old, new), encoding="utf-8")
    return copy
