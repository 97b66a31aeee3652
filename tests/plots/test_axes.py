"""What is on the axes: labels, units, lines, counts."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.collections import LineCollection

from pdsim import plot
from pdsim.errors import PdsimError

MONTHS = "months from randomisation"


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    pyplot.close("all")


def legend_texts(ax):
    legend = ax.get_legend() or ax.figure.legends[0]
    return [text.get_text() for text in legend.get_texts()]


def notes(ax):
    return [text.get_text() for text in ax.texts]


def inset(ax, label):
    return next(child for child in ax.child_axes if child.get_label() == label)


def line(ax, label):
    return next(one for one in ax.lines if one.get_label() == label)


def test_m_protein_has_units_individuals_bands_and_median(run):
    ax = plot.m_protein(run, "rep")
    assert ax.get_xlabel() == MONTHS
    assert ax.get_ylabel() == "serum M-protein (g/L)"
    assert ax.get_title(loc="left") == "REP"
    assert "n = 60, 2 failed" in notes(ax)
    assert legend_texts(ax) == ["single patients", "5-95 % of patients", "25-75 %", "median"]
    faint = next(one for one in ax.collections if isinstance(one, LineCollection))
    assert len(faint.get_segments()) == 60
    months, middle = line(ax, "median").get_data()
    values = run["trajectory"]["m_protein"].sel(arm="rep").values
    assert months[-1] == pytest.approx(1092 / 30.4375)
    np.testing.assert_allclose(middle, np.nanmedian(values.astype(float), axis=0), rtol=1e-6)


def test_m_protein_floor_is_labelled_and_nothing_lies_below(run):
    ax = plot.m_protein(run, "ibercd")
    assert ax.get_yscale() == "log"
    ax.figure.canvas.draw()
    assert "≤0.1" in [tick.get_text() for tick in ax.get_yticklabels()]
    faint = next(one for one in ax.collections if isinstance(one, LineCollection))
    assert min(segment[:, 1].min() for segment in faint.get_segments()) >= 0.1


@pytest.mark.parametrize("scale", ["symlog", "linear"])
def test_other_scales_reach_zero(run, scale):
    ax = plot.m_protein(run, "rep", scale=scale)
    assert ax.get_yscale() == scale
    assert ax.get_ylim()[0] == 0.0


def test_unknown_scale_is_answered_with_the_nearest(run):
    with pytest.raises(PdsimError, match="Did you mean 'linear'"):
        plot.m_protein(run, "rep", scale="linaer")


def test_at_most_a_hundred_patients_always_the_same(study_run):
    big = study_run(n=130, failed=0)
    first, second = (plot.m_protein(big, "rep") for _ in range(2))
    segments = [
        next(c for c in ax.collections if isinstance(c, LineCollection)).get_segments() for ax in (first, second)
    ]
    assert len(segments[0]) == 100
    np.testing.assert_array_equal(np.array(segments[0]), np.array(segments[1]))


def test_bands_stop_where_too_many_have_failed(study_run):
    half = study_run(failed=30)
    median = line(plot.m_protein(half, "rep"), "median")
    finite = np.isfinite(median.get_ydata())
    alive = np.isfinite(half["trajectory"]["m_protein"].sel(arm="rep").values).mean(axis=0) >= 0.9
    np.testing.assert_array_equal(finite, alive)
    assert 0 < finite.sum() < finite.size


def test_dosing_strip_has_a_named_row_per_drug(run):
    strip = inset(plot.m_protein(run, "rep"), "dosing")
    assert notes(strip) == ["cyclophosphamide", "lenalidomide", "prednisone"]
    daily, cycles, _ = strip.collections
    assert len(daily.get_paths()) == 1
    assert len(cycles.get_paths()) == 40
    assert notes(inset(plot.m_protein_panels(run).axes[0], "dosing")) == ["no drug"]


def test_panels_show_the_plain_arms_on_shared_axes(run):
    figure = plot.m_protein_panels(run)
    assert [ax.get_title(loc="left").replace("\n", " ") for ax in figure.axes] == [
        "no treatment",
        "lenalidomide + dexamethasone",
        "REP",
        "iberdomide + cyclophosphamide + dexamethasone",
        "daratumumab + bortezomib + dexamethasone",
    ]
    assert len({ax.get_ylim() for ax in figure.axes}) == 1
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx(180)


def test_waterfall_sorts_caps_and_counts(study_run):
    run = study_run()
    run["endpoints"]["best_change"].loc[{"arm": "rep", "patient": [0, 1]}] = [1.7, np.nan]
    ax = plot.waterfall(run, "rep")
    bars = {one.get_label(): len(one.get_paths()) for one in ax.collections}
    codes = run["endpoints"]["best_response"].sel(arm="rep").values
    shown = np.isfinite(run["endpoints"]["best_change"].sel(arm="rep").values)
    assert sum(bars.values()) == 59
    assert bars["PR"] == (codes[shown] == 3).sum()
    tops = {path.vertices[1, 1] for one in ax.collections for path in one.get_paths()}
    assert max(tops) == 100.0
    np.testing.assert_array_equal(line(ax, "above +100 %").get_xdata(), [0])
    rate = 100 * np.mean(codes >= 3)
    assert f"n = 60, 2 failed, 1 not measured, PR or better {rate:.0f} %" in notes(ax)
    assert {-50, -90} <= {one.get_ydata()[0] for one in ax.lines}
    assert ax.get_ylabel() == "best M-protein change (%)"


def test_clone_shares_fill_the_stack_and_patient_is_one_patient(run):
    ax = plot.clone_stack(run, "dvd")
    labels = [area.get_label() for area in ax.collections]
    assert labels == ["sensitive", "crbn low", "crbn lowest", "pi resistant", "pan resistant"]
    top = ax.collections[-1].get_paths()[0].vertices
    assert top[:, 1].max() == pytest.approx(1.0)
    assert (ax.get_ylabel(), ax.child_axes[0].get_ylabel()) == ("mean share (%)", "median cells")
    single = plot.clone_stack(run, "dvd", patient=7)
    cells = run["trajectory"]["clone_cells"].sel(arm="dvd", patient=7).sum("clone").values
    np.testing.assert_allclose(single.child_axes[0].lines[0].get_ydata(), cells, rtol=1e-6)
    assert "patient 7" in notes(single.child_axes[0])


def test_patients_without_a_cell_leave_white(study_run):
    run = study_run(n=4, failed=0)
    run["trajectory"]["clone_cells"].loc[{"arm": "rep", "patient": 0}] = 0.0
    ax = plot.clone_stack(run, "rep")
    assert ax.collections[-1].get_paths()[0].vertices[:, 1].max() == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("draw", "limits", "label"),
    [(plot.anc, [1.5, 1.0, 0.5], "neutrophils (10⁹/L)"), (plot.platelets, [75, 50, 25], "platelets (10⁹/L)")],
)
def test_counts_have_grade_lines(run, draw, limits, label):
    ax = draw(run, "ibercd")
    assert ax.get_ylabel() == label
    assert [one.get_ydata()[0] for one in ax.lines if len(set(one.get_ydata())) == 1] == limits
    assert [text for text in notes(ax) if text.startswith("grade")] == ["grade 2", "grade 3", "grade 4"]


def test_numbers_at_risk_and_curves_are_those_of_lifelines(run):
    from lifelines import KaplanMeierFitter

    ax = plot.kaplan_meier(run)
    ends = run["endpoints"]
    table = inset(ax, "at risk")
    arms = ["none", "rd", "rep", "ibercd", "dvd"]
    rows = sorted({text.get_position()[1] for text in table.texts if text.get_text().isdigit()})
    assert len(rows) == len(arms)
    for index, (arm, row) in enumerate(zip(arms, rows, strict=True)):
        fit = KaplanMeierFitter().fit(
            ends["pfs_time"].sel(arm=arm).values / 30.4375, ends["pfs_event"].sel(arm=arm).values
        )
        events = fit.event_table
        for text in table.texts:
            month, height = text.get_position()
            if text.get_text().isdigit() and height == row:
                later = events.at_risk[events.index >= month - 1e-9]
                assert int(text.get_text()) == (int(later.iloc[0]) if len(later) else 0)
        drawn = [one for one in ax.lines if one.get_label().split(":")[0] == str(ends["label"].sel(arm=arm).values)]
        np.testing.assert_allclose(drawn[0].get_ydata(), fit.survival_function_.iloc[:, 0])
        assert f"median {fit.median_survival_time_:.1f} months" in legend_texts(ax)[index]
    assert ax.get_xlabel() == MONTHS
    assert len({(str(one.get_linestyle()), one.get_color()) for one in table.lines}) == len(arms)


def test_at_risk_numbers_stand_under_their_ticks(run):
    ax = plot.kaplan_meier(run)
    ax.figure.canvas.draw()
    table = inset(ax, "at risk")
    at = [text.get_window_extent() for text in table.texts if text.get_text().isdigit()]
    ticks = [ax.transData.transform((month, 0))[0] for month in (0, 6, 12, 18, 24, 30)]
    assert all(min(abs(box.x0 + box.width / 2 - tick) for tick in ticks) < 1.0 for box in at)
    below = ax.xaxis.label.get_window_extent().y0
    assert max(box.y1 for box in at) < below


def test_hypotheses_show_rate_and_median_and_the_base_counts_as_all(run):
    ax = plot.hypothesis_overlay(run)
    texts = legend_texts(ax)
    assert [text.split(":")[0] for text in texts] == ["H1 only", "H2 only", "H3 only", "all together"]
    codes = run["endpoints"]["best_response"].sel(arm="rep").values
    assert f"PR or better {100 * np.mean(codes >= 3):.0f} %, PFS median" in texts[-1]
    values = run["trajectory"]["m_protein"].sel(arm="rep").values.astype(float)
    middle = next(one for one in ax.lines if one.get_label() == texts[-1]).get_ydata()
    np.testing.assert_allclose(middle, np.nanmedian(100 * values / values[:, :1], axis=0), rtol=1e-6)
    assert ax.get_ylabel() == "M-protein (% of baseline)"


def test_concentration_names_unit_and_species():
    times = np.linspace(0, 1, 50)
    ax = plot.drug_concentration(times, np.column_stack([np.exp(-times), times]), ["parent", "metabolite_1"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("hours", "concentration (nM)")
    assert legend_texts(ax) == ["parent", "metabolite 1"]
    assert plot.drug_concentration(30 * times, times, "parent").get_xlabel() == "days"
    with pytest.raises(PdsimError, match="one row per time, one column per species"):
        plot.drug_concentration(times, times, ["a", "b"])


def test_axes_that_were_given_are_used_and_user_settings_survive(run):
    before = pyplot.rcParams["font.size"]
    figure, (left, right) = pyplot.subplots(1, 2)
    assert plot.waterfall(run, "rep", left) is left
    assert plot.clone_stack(run, "rep", right) is right
    assert figure.legends == []
    assert pyplot.rcParams["font.size"] == before
