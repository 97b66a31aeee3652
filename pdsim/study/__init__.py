"""Runs a study file into a folder, and can go on where it was stopped."""

from __future__ import annotations

from pdsim.study.folder import RunFolder
from pdsim.study.join import joined
from pdsim.study.run import Interrupted, run_study

__all__ = ["Interrupted", "RunFolder", "joined", "run_study"]
