"""Figures of a run: functions that take a run and Axes, and return Axes."""

from __future__ import annotations

from pdsim.plot.clones import clone_panels, clone_stack
from pdsim.plot.drugs import drug_concentration
from pdsim.plot.hypotheses import hypothesis_figure, hypothesis_overlay
from pdsim.plot.ledger import dose_intensity, dose_ledger, ledger_panels
from pdsim.plot.save import KINDS, available, draw, save_figures
from pdsim.plot.save_sweep import SWEEP_KINDS, save_sweep_figures, sweep_kinds
from pdsim.plot.scoreboard import error_forest, predicted_observed, ratio_forest, ratio_histogram
from pdsim.plot.style import style
from pdsim.plot.survival import kaplan_meier, survival_figure, survival_panels
from pdsim.plot.swimmer import swimmer, swimmer_panels
from pdsim.plot.toxicity import anc, anc_panels, platelet_panels, platelets
from pdsim.plot.trajectories import m_protein, m_protein_panels
from pdsim.plot.waterfall import waterfall, waterfall_panels

__all__ = [
    "KINDS",
    "SWEEP_KINDS",
    "anc",
    "anc_panels",
    "available",
    "clone_panels",
    "clone_stack",
    "dose_intensity",
    "dose_ledger",
    "draw",
    "drug_concentration",
    "error_forest",
    "hypothesis_figure",
    "hypothesis_overlay",
    "kaplan_meier",
    "ledger_panels",
    "m_protein",
    "m_protein_panels",
    "platelet_panels",
    "platelets",
    "predicted_observed",
    "ratio_forest",
    "ratio_histogram",
    "save_figures",
    "save_sweep_figures",
    "style",
    "survival_figure",
    "survival_panels",
    "sweep_kinds",
    "swimmer",
    "swimmer_panels",
    "waterfall",
    "waterfall_panels",
]
