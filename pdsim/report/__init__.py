"""One self-contained HTML page per run."""

from __future__ import annotations

from pdsim.report.page import write_report
from pdsim.report.trials import write_trials

__all__ = ["write_report", "write_trials"]
