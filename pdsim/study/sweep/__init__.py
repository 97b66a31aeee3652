"""Runs a study with ``[sweep]`` into a folder, chunk by chunk, and completes what is missing of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pdsim.study.sweep.run import Interrupted, parse_share, run_sweep

__all__ = ["Interrupted", "run_sweep", "sweep_study"]


def sweep_study(
    study_path: Path | str,
    out: Path | str | None = None,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    threads: int | None = None,
    resume: bool = False,
    cluster: str | None = None,
    chunk: str | None = None,
) -> Path:
    """Run a study file with ``[sweep]``, as the command line does; see `run_sweep`.

    Parameters
    ----------
    study_path : Path or str
        Study file, or the name of a shipped one.
    out : Path, optional
        Folder, by default ``runs/NAME``.
    overrides : sequence of str
        ``key.path=value`` changes of the study.
    seed, threads : int, optional
        Seed in place of the study's; threads in place of all cores.
    resume : bool
        Complete what an earlier run left.
    cluster : str, optional
        Address of a dask scheduler, or ``local:N``.
    chunk : str, optional
        ``"i/n"``: only the i-th of n shares.

    Raises
    ------
    PdsimError
        The study is wrong, the folder holds something else, the disk is full, or no cluster answers.
    """
    from pdsim.config import plan_sweep

    share = None if chunk is None else parse_share(chunk)
    plan = plan_sweep(study_path, overrides, seed, threads)
    return run_sweep(plan, out, resume=resume, cluster=cluster, share=share)
