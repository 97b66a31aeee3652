from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from pdsim import schema, units
from pdsim.errors import StoreError

FIXED = "m_protein flc sbcma clone_cells anc platelets effector_t exhausted_t nk treg car_t ikzf_t activation burden"


def _trajectory() -> xr.Dataset:
    return xr.Dataset(
        {"m_protein": (("arm", "patient", "time"), np.zeros((1, 2, 3))), "own": ("patient", np.zeros(2))},
        coords={"patient": [0, 1], "time": [0.0, 7.0, 14.0]},
    )


@pytest.mark.parametrize("name", FIXED.split())
def test_fixed_names_are_outputs_of_a_trajectory(name):
    variable = schema.variable(name)
    assert variable.kind == "output"
    assert "trajectory" in variable.groups
    assert variable.dims("trajectory")[:3] == ("arm", "patient", "time")


@pytest.mark.parametrize("variable", schema.VARIABLES.values(), ids=lambda variable: variable.name)
def test_each_variable_is_complete(variable):
    assert variable.text
    assert not variable.text.endswith(".")
    assert set(variable.groups) <= set(schema.DIMS)
    assert (variable.kind == "code") == bool(variable.codes)
    if variable.unit:
        units.check_unit(variable.unit)


def test_annotate_labels_known_variables_and_leaves_others():
    dataset = schema.annotate(_trajectory(), "trajectory")
    assert dataset.m_protein.attrs == {"long_name": "serum M-protein", "units": "g/L"}
    assert dataset.time.attrs["units"] == "d"
    assert dataset.own.attrs == {}


def test_annotate_keeps_an_own_label():
    dataset = _trajectory()
    dataset.m_protein.attrs["long_name"] = "M-protein by densitometry"
    assert schema.annotate(dataset).m_protein.attrs["long_name"] == "M-protein by densitometry"


def test_categories_carry_cf_flags():
    dataset = schema.annotate(xr.Dataset({"best_response": (("arm", "patient"), np.zeros((1, 2), np.int8))}))
    attributes = dataset.best_response.attrs
    meanings = dict(zip(attributes["flag_values"].tolist(), attributes["flag_meanings"].split(), strict=True))
    assert meanings[-1] == "not_evaluable"
    assert meanings[6] == "sCR"
    assert attributes["flag_values"].dtype == np.int8


def test_all_mistakes_are_named_at_once():
    dataset = _trajectory().transpose("time", ...).isel(arm=0)
    dataset["flc"] = ("patient", np.zeros(2), {"units": "g/L"})
    with pytest.raises(StoreError) as caught:
        schema.annotate(dataset, "trajectory")
    message = str(caught.value)
    assert "m_protein: dimensions are ('time', 'patient')" in message
    assert "flc: units are 'g/L', expected 'mg/L'" in message


def test_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(StoreError, match=r"'m_protien' is no variable of a run\. Did you mean 'm_protein'"):
        schema.variable("m_protien")


def test_names_of_a_group():
    assert {"pfs_time", "best_response", "status"} <= set(schema.names("endpoints"))
    assert "clone_fraction" in schema.names("cohort")
