"""Mechanism claims as virtual experiments: read from files, simulated together, judged one by one."""

from __future__ import annotations

from pdsim.mechanisms.judge import Result, contrast
from pdsim.mechanisms.load import Suite, choose, load_suite
from pdsim.mechanisms.run import run_suite
from pdsim.mechanisms.show import as_json, pass_share, show_results, write_json

__all__ = [
    "Result",
    "Suite",
    "as_json",
    "choose",
    "contrast",
    "load_suite",
    "pass_share",
    "run_suite",
    "show_results",
    "write_json",
]
