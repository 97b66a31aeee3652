"""Endpoints of a run: response, progression, survival, toxicity, dose intensity; Dataset in, Dataset out.

Nothing here needs the model: a saved run is read, re-classified with other rules and summarised as it lies.
"""

from __future__ import annotations

from pdsim.endpoints.assembly import assemble
from pdsim.endpoints.best_response import response
from pdsim.endpoints.death import DeathHazard, death, overall_survival
from pdsim.endpoints.dosing import dose_changes
from pdsim.endpoints.grades import toxicity
from pdsim.endpoints.intensity import dose_intensity
from pdsim.endpoints.per_patient import endpoint_attributes, per_patient
from pdsim.endpoints.summary import printable, summary_table
from pdsim.endpoints.survival import (
    DAYS_PER_MONTH,
    Interval,
    kaplan_meier,
    median_time,
    median_with_interval,
    rate_with_interval,
    restricted_mean,
    survival_at,
)
from pdsim.endpoints.time_to_event import progression

__all__ = [
    "DAYS_PER_MONTH",
    "DeathHazard",
    "Interval",
    "assemble",
    "death",
    "dose_changes",
    "dose_intensity",
    "endpoint_attributes",
    "kaplan_meier",
    "median_time",
    "median_with_interval",
    "overall_survival",
    "per_patient",
    "printable",
    "progression",
    "rate_with_interval",
    "response",
    "restricted_mean",
    "summary_table",
    "survival_at",
    "toxicity",
]
