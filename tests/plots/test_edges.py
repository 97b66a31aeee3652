"""Runs that lack something: each kind of figure is drawn or refused with a reason."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot
from matplotlib.figure import Figure

from pdsim import plot
from pdsim.errors import PdsimError


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    pyplot.close("all")


WITHOUT_RULES = [kind for kind in plot.KINDS if kind != "ledger"]  # these runs have no dosing rules


def without(run, *groups):
    return xr.DataTree.from_dict({path: ds for path, ds in run.to_dict().items() if path.strip("/") not in groups})


@pytest.fixture(scope="module")
def odd_runs(study_run):
    blank = study_run(n=5, failed=0)
    for name in ("m_protein", "anc", "platelets", "clone_cells"):
        blank["trajectory"][name].loc[{"arm": "rep"}] = np.nan
    for name in ("best_change", "pfs_time"):
        blank["endpoints"][name].loc[{"arm": "rep"}] = np.nan
    full = study_run(n=12)
    return {
        "all failed": study_run(n=12, failed=12),
        "one patient": study_run(n=1, failed=0),
        "one failed patient": study_run(n=1, failed=1),
        "nothing but NaN in an arm": blank,
        "no visits, no dosing": without(full, "visits", "dosing"),
    }


@pytest.mark.parametrize("kind", WITHOUT_RULES)
@pytest.mark.parametrize(
    "name",
    ["all failed", "one patient", "one failed patient", "nothing but NaN in an arm", "no visits, no dosing"],
)
def test_odd_runs_are_drawn(odd_runs, kind, name):
    figure = plot.draw(odd_runs[name], kind, Figure(layout="constrained"))
    figure.canvas.draw()
    assert figure.axes


def test_an_empty_arm_says_so(odd_runs):
    blank = odd_runs["nothing but NaN in an arm"]
    assert "too many failed patients\nfor a median" in [text.get_text() for text in plot.m_protein(blank, "rep").texts]
    assert "no patient with a measured change" in [text.get_text() for text in plot.waterfall(blank, "rep").texts]
    ax = plot.kaplan_meier(blank, ["rep"])
    assert "REP: no patient (5 left out)" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_run_without_hypotheses(study_run):
    plain = study_run(n=4, hypotheses=False)
    assert "hypotheses" not in plot.available(plain)
    with pytest.raises(PdsimError, match=r"no hypothesis arms: add \[\[hypothesis\]\]"):
        plot.hypothesis_overlay(plain)


def test_run_without_hypothesis_coordinate_has_only_plain_arms(study_run):
    run = study_run(n=4)
    bare = xr.DataTree.from_dict(
        {
            path: ds.drop_vars(["hypothesis", "label", "base_arm", "regimen"], errors="ignore")
            for path, ds in run.to_dict().items()
        }
    )
    assert len(plot.waterfall_panels(bare).axes) == 8
    assert plot.m_protein(bare, "rep").get_title(loc="left") == "rep"


def test_run_with_trajectories_only(run):
    bare = without(run, "visits", "dosing", "endpoints")
    assert plot.available(bare) == ["m_protein", "clones", "anc", "platelets"]
    assert "n = 60, 2 failed" in [text.get_text() for text in plot.m_protein(bare, "rep").texts]
    with pytest.raises(PdsimError, match="no group 'endpoints' \\(it holds cohort, trajectory\\)"):
        plot.waterfall(bare, "rep")


def test_absent_variable_says_how_to_store_it(run):
    bare = without(run)
    bare["trajectory"] = bare["trajectory"].to_dataset().drop_vars("anc")
    with pytest.raises(PdsimError, match="Add 'anc' to `save`"):
        plot.anc(bare, "rep")


def test_no_patients_is_refused(run):
    empty = xr.DataTree.from_dict(
        {path: ds.isel(patient=slice(0)) if "patient" in ds.dims else ds for path, ds in run.to_dict().items()}
    )
    with pytest.raises(PdsimError, match="no patients"):
        plot.m_protein(empty, "rep")


def test_arm_must_be_named_and_known(run, study_run):
    with pytest.raises(PdsimError, match="5 arms: say which"):
        plot.m_protein(run)
    with pytest.raises(PdsimError, match=r"no arm 'rap'\. Did you mean 'rep'"):
        plot.waterfall(run, "rap")
    with pytest.raises(PdsimError, match="no patient 99; its patients are 0 to 59"):
        plot.clone_stack(run, "rep", patient=99)
    with pytest.raises(PdsimError, match="one of: rep"):
        plot.hypothesis_overlay(run, "rd")
    only = study_run(n=3, hypotheses=False)
    only = xr.DataTree.from_dict({p: ds.isel(arm=[2]) if "arm" in ds.dims else ds for p, ds in only.to_dict().items()})
    assert plot.m_protein(only).get_title(loc="left") == "REP"


def test_stored_run_reads_like_the_one_in_memory(run, tmp_path):
    path = tmp_path / "run.zarr"
    run.to_zarr(path, zarr_format=3, consolidated=False)
    stored = xr.open_datatree(path, engine="zarr", consolidated=False, decode_timedelta=False)
    first, second = (plot.kaplan_meier(one, ["rep"]).lines[0].get_ydata() for one in (run, stored))
    np.testing.assert_array_equal(first, second)
    assert plot.available(stored) == WITHOUT_RULES
