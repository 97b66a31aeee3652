"""Visits: measurement with assay error, IMWG response and progression, CTCAE grades, dose decisions.

One kernel serves both uses: `Assessor` steps it at each visit of a running simulation, `classify` runs it again
over the stored measurements of a finished run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pdsim.visits.assay import MARKERS, AssayError, assay_noise
from pdsim.visits.decisions import DECISIONS, Decisions, Order
from pdsim.visits.rules import Progression, Response, ResponseRules

if TYPE_CHECKING:
    from pdsim.visits.assessor import Assessor, classify

__all__ = [
    "DECISIONS",
    "MARKERS",
    "AssayError",
    "Assessor",
    "Decisions",
    "Order",
    "Progression",
    "Response",
    "ResponseRules",
    "assay_noise",
    "classify",
]


def __getattr__(name: str) -> Any:
    """Load what needs numba only when it is asked for."""
    if name in {"Assessor", "classify"}:
        from pdsim.visits import assessor

        return getattr(assessor, name)
    raise AttributeError(f"module 'pdsim.visits' has no attribute {name!r}")
