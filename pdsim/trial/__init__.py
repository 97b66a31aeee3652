"""Virtual trials: patients who enter, arms, follow-up, and predictions beside what was published."""

from __future__ import annotations

from pdsim.trial.load import Trial, load_trial, load_trials, not_scored
from pdsim.trial.options import Options, quick
from pdsim.trial.run import Scoreboard, run_trials
from pdsim.trial.show import as_json, show_board, write_json

__all__ = [
    "Options",
    "Scoreboard",
    "Trial",
    "as_json",
    "load_trial",
    "load_trials",
    "not_scored",
    "quick",
    "run_trials",
    "show_board",
    "write_json",
]
