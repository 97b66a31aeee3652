"""Runs a study with ``[sweep]`` into a folder, chunk by chunk, and completes what is missing of it."""

from __future__ import annotations

from pdsim.study.sweep.run import run_sweep

__all__ = ["run_sweep"]
