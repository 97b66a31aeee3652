"""What identifies a run and says how it was made."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdsim.config.resolved import file_hashes, to_toml
from pdsim.study.sources import parameter_records

if TYPE_CHECKING:
    from pdsim.config.plan import Plan

PACKAGES = ("numpy", "scipy", "numba", "xarray", "zarr", "pandas", "matplotlib", "sympy", "pint")


def identification(plan: Plan) -> dict[str, Any]:
    """Return the table ``[provenance]`` of a run's ``study.toml``."""
    from pdsim import __version__

    return {
        "identity": plan.identity,
        "pdsim_version": __version__,
        "created": now(),
        "files": file_hashes(plan.files),
    }


def attributes(plan: Plan, history: str = "") -> dict[str, Any]:
    """Return the attributes that a study adds to its run.

    Parameters
    ----------
    plan : Plan
        The expanded study.
    history : str
        What was done before, one line each.
    """
    from pdsim import __version__

    study = plan.study
    made = f"{now()} pdsim {__version__}: run study '{study.name}'"
    return {
        "title": study.title,
        "study": study.name,
        "description": study.description,
        "seed": study.seed,
        "interval_n": study.interval_n,
        "parameters": json.dumps(parameter_records(plan)),
        "config": to_toml(study, {"identity": plan.identity}),
        "config_hash": plan.identity,
        "packages": json.dumps(versions()),
        "commit": commit(),
        "created": now(),
        "history": "\n".join(line for line in (history, made) if line),
        "pdsim_version": __version__,
    }


def versions() -> dict[str, str]:
    """Return the version of every package that results may depend on."""
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Return the commit of the checkout that pdsim runs from, with "+" after local changes; "" outside of one."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""
    head = _git(root, "rev-parse", "HEAD")
    return head + ("+" if head and _git(root, "status", "--porcelain", "--untracked-files=no") else "")


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def now() -> str:
    """Return the present time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
