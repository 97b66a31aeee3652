"""Reductions while solving: the same numbers as from stored courses, in memory that the courses would not fit."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import pdsim
from pdsim import Regimen, schema
from pdsim.dosing import Dose
from pdsim.errors import PdsimError
from pdsim.simulate import SolverWarning

TURNOVER = Path(__file__).parent.parent / "exact" / "fixtures" / "turnover.py"


@pytest.fixture(scope="module")
def shipped():
    model, rep = pdsim.load_model("myeloma"), pdsim.load_regimen("rep")
    cohort = pdsim.sample_cohort("len_refractory", 19, seed=11)

    def run(**changes):
        return pdsim.simulate(model, cohort, {"rep": rep, "none": None}, stop=84.0, every=1.5, **changes)

    return run


def many(count):
    return xr.Dataset({"loss": ("patient", np.linspace(0.1, 0.5, count))}, {"patient": np.arange(count)}, {"seed": 1})


def test_reductions_are_those_of_the_stored_courses(shipped):
    hows = list(schema.REDUCTIONS)
    run = shipped(
        reduce={"anc": hows, "clone_cells": ("max", "mean"), "m_protein": "last"}, save=["anc", "clone_cells"]
    )
    found, courses = run["reduced"], run["trajectory"]
    anc = courses["anc"]
    assert np.array_equal(found["anc_min"], anc.min("time"))
    assert np.array_equal(found["anc_max"], anc.max("time"))
    assert np.array_equal(found["anc_first"], anc.isel(time=0))
    assert np.array_equal(found["anc_last"], anc.isel(time=-1))
    assert np.array_equal(found["anc_time_of_min"], anc.idxmin("time"))
    assert np.array_equal(found["anc_time_of_max"], anc.idxmax("time"))
    assert found["anc_mean"].values == pytest.approx(anc.astype(float).mean("time").values, rel=1e-7)
    assert np.array_equal(found["clone_cells_max"], courses["clone_cells"].max("time"))
    assert found["clone_cells_mean"].dims == ("arm", "patient", "clone")
    assert found["clone_cells_mean"].dtype == np.float32
    assert found["m_protein_last"].dims == ("arm", "patient")
    without = shipped(reduce={"anc": hows, "clone_cells": ("max", "mean"), "m_protein": "last"}, save=[])
    xr.testing.assert_identical(without["reduced"].to_dataset(), found.to_dataset())
    assert not without["trajectory"].data_vars


def test_labels(shipped):
    run = shipped(reduce={"anc": ["min", "time_of_min"]}, save=[])
    assert run["reduced"]["anc_min"].attrs == {
        "units": "Gpt", "long_name": "lowest stored value of neutrophils in blood", "cell_methods": "time: minimum",
    }  # fmt: skip
    assert run["reduced"]["anc_time_of_min"].attrs["units"] == "d"
    assert "reduced" not in shipped(save=[]).children


def test_missing_after_a_failure():
    model, patients = pdsim.load_model(str(TURNOVER)), many(3)
    patients["loss"][1] = -300.0  # grows beyond all bounds on day 2
    with pytest.warns(SolverWarning, match="overflow"):
        run = pdsim.simulate(model, patients, None, stop=9.0, every=1.0, reduce={"level_seen": list(schema.REDUCTIONS)})
    assert np.isfinite(run["trajectory"]["level_seen"].values[0, 1, 0])
    for name, values in run["reduced"].data_vars.items():
        assert np.isnan(values.values[0]).tolist() == [False, True, False], name


def test_memory_does_not_hold_the_courses():
    model = pdsim.load_model(str(TURNOVER))
    regimen = Regimen("level", 7.0, (Dose("level", 1.0, "g/L", days=(1,)),))

    def peak(patients, **changes):
        tracemalloc.start()
        run = pdsim.simulate(
            model, many(patients), regimen, stop=1400.0, every=0.1, threads=1, reduce={"level_seen": ["min", "mean"]},
            **changes,
        )  # fmt: skip
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert np.isfinite(run["reduced"]["level_seen_min"]).all()
        return found

    peak(16, save=[])  # what is loaded once
    course = 14_001 * 4  # bytes of one output of one patient
    few, more = peak(16, save=[]), peak(112, save=[])
    assert (more - few) / 96 < 0.2 * course  # results at visits and counts alone
    assert (peak(112) - peak(16)) / 96 > 3.0 * course  # with all three outputs stored
    fine = peak(16, save=[])
    assert fine < 16 * 3 * course


@pytest.mark.parametrize(
    ("reduce", "words"),
    [
        ({"ancc": "min"}, r"no output 'ancc'\. Did you mean 'anc'"),
        ({"anc": ["minn"]}, r"'minn' of 'anc' is not known\. Did you mean 'min'.*\nReductions: min, max"),
    ],
)
def test_what_is_refused(shipped, reduce, words):
    with pytest.raises(PdsimError, match=words):
        shipped(reduce=reduce)
