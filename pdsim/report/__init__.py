"""One self-contained HTML page per run."""

from __future__ import annotations

from pdsim.report.page import write_report

__all__ = ["write_report"]
