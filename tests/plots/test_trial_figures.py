"""Figures of trials: what is open is drawn, an empty board says so, patients of a swimmer are sorted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from pdsim import plot
from pdsim.plot.scoreboard import FARTHEST
from pdsim.plot.swimmer import MOST, chosen

COLUMNS = (
    "trial", "arm", "subgroup", "endpoint", "timepoint", "unit", "kind", "predicted", "pred_low", "pred_high",
    "observed", "obs_low", "obs_high", "z", "error",
)  # fmt: skip
ROWS = [
    ("T1", "a", "ITT", "ORR_ge_PR", "", "%", "response", 60, 50, 70, 67, 55, 77, 0.5, -0.3),
    ("T1", "a", "ITT", "median_PFS", "", "months", "time", 30, 25, 40, 12, 9, 17, 9.0, 0.9),
    ("T2", "b", "", "median_TTP", "", "weeks", "time", 45, 30, 60, 45, 40, 50, 0.0, 0.0),
    ("T2", "b", "", "grade34_neutropenia", "", "%", "toxicity", 5, 1, 10, 40, 30, 50, 5.0, -2.0),
    ("T2", "b : c", "", "HR_PFS", "", "ratio", "time", 0.5, 0.2, 1.0, np.nan, np.nan, np.nan, np.nan, np.nan),
]
ROWS = [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]
EMPTY = pd.DataFrame(ROWS)[:0]


def points(ax):
    return [(float(x), float(y)) for line in ax.lines if line.get_marker() in "os^<>" for x, y in line.get_xydata()]


def test_scatter_has_one_point_a_figure_in_its_panel_and_months_for_weeks():
    figure = plot.predicted_observed(pd.DataFrame(ROWS[:4]), Figure())
    response, times, toxicity = figure.axes
    assert points(response) == [(67.0, 60.0)]
    assert sorted(points(times)) == [pytest.approx((45 * 7 / 30.4375,) * 2), (12.0, 30.0)]
    assert points(toxicity) == [(40.0, 5.0)]


def test_forest_holds_far_errors_at_the_edge():
    ax = plot.error_forest(pd.DataFrame(ROWS[:4]), Figure()).axes[0]
    found = sorted(x for x, _ in points(ax))
    assert found == [-5.0, -0.5, 0.0, FARTHEST]


def test_ratio_without_a_published_one():
    ax = plot.ratio_forest(pd.DataFrame(ROWS[4:]), Figure()).axes[0]
    assert [x for x, _ in points(ax)] == [0.5]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["predicted, 90 %"]


@pytest.mark.parametrize("draw", [plot.predicted_observed, plot.error_forest, plot.ratio_forest])
def test_nothing_open_is_said(draw):
    texts = [text.get_text() for ax in draw(EMPTY, Figure()).axes for text in ax.texts]
    assert any(text.startswith("no ") for text in texts)


def test_histogram_counts_replicates_without_a_ratio():
    figure = plot.ratio_histogram(np.array([0.5, 0.7, 0.9, 0.0, np.inf]), 0.4, "PFS", Figure())
    assert "2 without a ratio" in figure.axes[0].texts[0].get_text()
    empty = plot.ratio_histogram(np.array([np.nan]), 0.0, "PFS", Figure())
    assert empty.axes[0].texts[0].get_text().startswith("no replicate")


def test_swimmer_shows_some_patients_longest_first():
    pfs = np.append(np.arange(100.0), np.nan)
    rows = chosen(pfs, pfs + 10)
    assert len(rows) == MOST
    assert (np.diff(pfs[rows]) < 0).all()
    assert len(chosen(np.array([np.nan]), np.array([1.0]))) == 0
