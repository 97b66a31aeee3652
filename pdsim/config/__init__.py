"""Study files: schema, overrides, validation with all mistakes at once, and the expanded plan."""

from __future__ import annotations

from pdsim.config.load import has_sweep, load_study
from pdsim.config.plan import Estimate, Plan, expand, plan_study
from pdsim.config.resolved import to_toml
from pdsim.config.schema import Study
from pdsim.config.sweep_plan import SweepPlan, plan_sweep

__all__ = [
    "Estimate",
    "Plan",
    "Study",
    "SweepPlan",
    "expand",
    "has_sweep",
    "load_study",
    "plan_study",
    "plan_sweep",
    "to_toml",
]
