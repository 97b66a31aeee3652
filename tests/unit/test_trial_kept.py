"""Simulated histories are kept under a hash of all that they follow from."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from pdsim.trial.kept import FOLDER, kept

NAMES = np.array(["sensitive", "resistant"], dtype=np.dtypes.StringDType())


def states(scale: float = 1.0) -> xr.Dataset:
    cells = scale * np.array([[1e11, np.nan], [3.0, 2.0 / 3.0]])
    return xr.Dataset(
        {"cells": (("patient", "clone"), cells), "cd38": ("patient", [1.0, 0.3])},
        coords={"patient": [4, 7], "clone": NAMES},
        attrs={"seed": 3},
    )


def measured() -> xr.Dataset:
    return xr.Dataset(
        {"anc": ("patient", [1.5, np.nan]), "progressed": ("patient", np.array([0, 1], dtype=np.int8))},
        coords={"patient": [4, 7]},
    )


class Counted:
    """Simulates nothing and counts how often it was asked."""

    times = 0

    def __call__(self) -> tuple[xr.Dataset, xr.Dataset]:
        self.times += 1
        return measured(), states()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PDSIM_CACHE", str(tmp_path))
    return tmp_path / FOLDER


def test_a_line_is_simulated_once_and_comes_back_as_it_was(folder):
    compute = Counted()
    first = kept((states(), None, "rd"), compute)
    second = kept((states(), None, "rd"), compute)
    assert compute.times == 1
    assert len(list(folder.iterdir())) == 1
    for before, after in zip(first, second, strict=True):
        assert set(before.data_vars) == set(after.data_vars)
        for name in before.variables:
            assert before[name].dtype == after[name].dtype
            assert before[name].dims == after[name].dims
            if name == "clone":
                assert list(before[name].values) == list(after[name].values)
            else:
                np.testing.assert_array_equal(before[name].values, after[name].values)


@pytest.mark.parametrize(
    "parts",
    [
        (states(1 + 1e-15), None, "rd"),
        (states().assign_attrs(seed=4), None, "rd"),
        (states().rename(cd38="bcma"), None, "rd"),
        (states(), states(), "rd"),
        (states(), None, "rep"),
        (states(), None, "r", "d"),
    ],
)
def test_whatever_changes_has_it_simulated_again(parts):
    compute = Counted()
    kept((states(), None, "rd"), compute)
    kept(parts, compute)
    assert compute.times == 2


def test_a_folder_that_cannot_be_used_is_done_without(folder):
    folder.write_text("a file where the folder should be")
    compute = Counted()
    for _ in range(2):
        assert kept((states(), None, "rd"), compute)[0].equals(measured())
    assert compute.times == 2


def test_a_broken_entry_is_simulated_again(folder):
    compute = Counted()
    kept((states(), None, "rd"), compute)
    (entry,) = folder.iterdir()
    for file in entry.rglob("*"):
        if file.is_file():
            file.write_bytes(b"x")
    assert kept((states(), None, "rd"), compute)[1].equals(states())
    assert compute.times == 2
