"""Study files: schema, overrides, validation with all mistakes at once, and the expanded plan."""

from __future__ import annotations

from pdsim.config.load import load_study
from pdsim.config.plan import Estimate, Plan, expand, plan_study
from pdsim.config.resolved import to_toml
from pdsim.config.schema import Study

__all__ = ["Estimate", "Plan", "Study", "expand", "load_study", "plan_study", "to_toml"]
