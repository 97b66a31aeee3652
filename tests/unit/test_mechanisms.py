"""Parts of the mechanism suite: contrasts, populations with changes, readouts of times."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from pdsim.cohort import sample_cohort
from pdsim.endpoints import median_time, restricted_mean
from pdsim.errors import ConfigError
from pdsim.library import load_population
from pdsim.mechanisms import contrast
from pdsim.mechanisms.lines import appended
from pdsim.mechanisms.patients import changed, fixed
from pdsim.mechanisms.readouts import summarise
from pdsim.mechanisms.schema import PopulationTable, ReadoutTable


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("value", [3.0], 3.0),
        ("difference", [3.0, 5.0], -2.0),
        ("ratio", [3.0, 6.0], 0.5),
        ("interaction", [9, 5, 4, 1], 1),
    ],
)
def test_contrasts(kind, values, expected):
    assert contrast(kind, values) == expected


def test_a_ratio_to_nothing_is_not_there():
    assert np.isnan(contrast("ratio", [1.0, 0.0]))


def test_restricted_mean_is_the_area_under_the_curve():
    # survival 1 until 1, 2/3 until 2, then one of two left has the event at 4: 1 + 2/3 + 2 * 1/3
    assert restricted_mean([1, 2, 4], [1, 1, 1], limit=4) == pytest.approx(1 + 2 / 3 + 2 / 3)
    assert restricted_mean([1, 2, 4], [1, 1, 1], limit=1.5) == pytest.approx(1 + 0.5 * 2 / 3)
    # censored patients: level after the last of them
    assert restricted_mean([1, 2], [0, 0], limit=10) == 10
    assert np.isnan(restricted_mean([], [], limit=1))


def test_median_time_is_where_half_have_had_the_event():
    assert median_time([1, 2, 3, 4, 5], [1, 1, 1, 0, 0]) == 3
    assert np.isnan(median_time([1, 2], [0, 0]))


def test_fixing_a_variable_moves_no_other():
    base = load_population("len_refractory")
    plain = sample_cohort(base, 16, seed=3)
    cohort = sample_cohort(fixed(base, {"cells_entry": 1e10, "prior_lines": 6}), 16, seed=3)
    assert set(cohort["cells_entry"].values) == {1e10}
    for name in ("growth_net", "sbcma_entry", "age", "creatinine_clearance", "clone_fraction"):
        np.testing.assert_array_equal(cohort[name], plain[name])
    # what is derived follows: neutrophils at entry fall with lines
    assert np.all(cohort["anc_entry"] < plain["anc_entry"])


def test_a_category_is_fixed_by_the_name_of_a_level():
    base = load_population("double_refractory")
    cohort = sample_cohort(fixed(base, {"prior_bortezomib": "none"}), 8, seed=3)
    assert not cohort["prior_bortezomib"].values.any()
    assert cohort["prior_bortezomib"].attrs["flag_meanings"] == "none exposed refractory"
    with pytest.raises(
        ConfigError, match=r"'refractry' is no level\. Did you mean 'refractory'.*Levels: none, exposed"
    ):
        fixed(base, {"prior_bortezomib": "refractry"})
    with pytest.raises(ConfigError, match=r"patients\.prior_lines: 'two' is no number"):
        fixed(base, {"prior_lines": "two"})


def test_a_new_variable_is_added():
    cohort = sample_cohort(fixed(load_population("len_refractory"), {"iberdomide.clearance": 100.0}), 4, seed=1)
    assert set(cohort["iberdomide.clearance"].values) == {100.0}


def _table(**keys):
    return PopulationTable.model_validate({"base": "len_refractory", "source": "test", "status": "assumed", **keys})


def test_shares_keep_their_ratio_to_the_first_clone():
    base = load_population("len_refractory")
    found = changed(base, _table(shares={"pan_resistant": 0.1}))
    before, after = base.composition.typical, found.composition.typical
    assert sum(after) == pytest.approx(1.0)
    assert after[1] / after[0] == pytest.approx(before[1] / before[0])


def test_an_added_clone_is_like_another():
    clone = {"like": "crbn_low", "share": 0.01, "log_odds_sd": 0.0, "traits": {"fitness": 0.5}}
    found = changed(load_population("len_refractory"), _table(clones={"odd": clone}))
    traits = {trait.name: dict(zip(found.clones, trait.values, strict=True)) for trait in found.traits}
    assert traits["cereblon"]["odd"] == traits["cereblon"]["crbn_low"]
    assert traits["fitness"]["odd"] == 0.5
    assert sample_cohort(found, 4, seed=1)["clone_fraction"].sizes["clone"] == 6


def test_an_unknown_clone_is_named():
    with pytest.raises(ConfigError, match=r"no 'sensitiv'\. Did you mean 'sensitive'"):
        changed(load_population("len_refractory"), _table(shares={"sensitiv": 0.1}))


@pytest.mark.parametrize(
    ("keys", "values", "expected"),
    [
        ({"kind": "output", "of": "anc"}, [[1.0], [2.0], [np.nan]], 1.5),
        ({"kind": "output", "of": "anc", "summary": "median"}, [[1.0], [2.0], [9.0]], 2.0),
        ({"kind": "survival", "of": "pfs", "summary": "median"}, [[30.4375, 1], [60.875, 1], [91.3125, 0]], 2.0),
        ({"kind": "survival", "of": "pfs"}, [[30.4375, 1], [60.875, 0]], 1.0 + 0.5 * 2),
        ({"kind": "time_to", "of": "anc > 1"}, [[10, 1], [91.3125, 0]], 0.5 * 10 + 0.5 * 91.3125),
        ({"kind": "response"}, [[np.nan]], np.nan),
    ],
)
def test_patients_make_one_number(keys, values, expected):
    readout = ReadoutTable.model_validate(keys)
    found = summarise(readout, np.array(values, dtype=float).reshape(len(values), -1), stop=91.3125)
    assert found == pytest.approx(expected, nan_ok=True)


def _visits(burden, progression, patients=(0, 1, 2)):
    rows = {"burden_true": np.array(burden, dtype=np.float32), "progression": np.array(progression, dtype=np.int8)}
    days = {"day": ("visit", 28.0 * np.arange(4)), "patient": list(patients)}
    return xr.Dataset({name: (("patient", "visit"), values) for name, values in rows.items()}, days)


def test_two_lines_are_one_course():
    """The second line begins at the visit that confirms progression; only its own progression counts from there."""
    first = _visits([[1, 2, 3, 4]] * 3, [[0, 1, 2, 2], [0, 1, 2, 2], [0, 0, 0, 1]])
    second = _visits([[30, 20, 10, 5]] * 3, [[0, 0, 1, 2]] * 3)
    both = appended(first, second, np.array([True, False, True]))
    np.testing.assert_array_equal(both["burden_true"], [[1, 2, 3, 20], [1, 2, 3, 4], [1, 2, 3, 4]])
    np.testing.assert_array_equal(both["progression"], [[0, 0, 0, 0], [0, 1, 2, 2], [0, 0, 0, 1]])
    assert both["progression"].dtype == np.int8
