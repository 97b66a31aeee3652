"""Virtual trials: patients who enter, arms, follow-up, and predictions beside what was published."""

from __future__ import annotations

from pdsim.trial.load import Trial, load_trial, load_trials, not_scored

__all__ = ["Trial", "load_trial", "load_trials", "not_scored"]
