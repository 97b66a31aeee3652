"""What a measurement was made on."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.problem import FOLDER

_DISTRIBUTIONS = {
    "scipy": "scipy",
    "numbalsoda": "numbalsoda",
    "heyoka": "heyoka",
    "sundae": "scikit-sundae",
    "cyrk": "CyRK",
    "casadi": "casadi",
    "roadrunner": "libroadrunner",
    "diffrax": "diffrax",
}


def machine(calibrations: Sequence[float]) -> dict[str, Any]:
    """Processor, versions and the median time of the calibration loop."""
    return {
        "cpu": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "numba": version("numba"),
        "peers": {name: found for name, dist in _DISTRIBUTIONS.items() if (found := _version(dist))},
        "calibration_s": float(f"{np.median(calibrations):.6g}") if len(calibrations) else None,
        "commit": _commit(),
    }


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    """Commit of the checkout, with a plus where files differ from it; "" outside a checkout."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12"], cwd=FOLDER, capture_output=True, text=True
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
