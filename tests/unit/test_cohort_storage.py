"""Cohorts on disk come back as they were."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
import xarray as xr

from pdsim.cohort import load_cohort, population_from_dict, sample_cohort, save_cohort
from pdsim.errors import StoreError

POPULATION = population_from_dict(
    {
        "source": "made up",
        "clones": {"name": ["a", "βb"], "cereblon": [1.0, 0.04], "fraction": [0.5, 0.5]},
        "parameters": {"growth": {"distribution": "lognormal", "typical": 0.01, "cv": 0.5, "unit": "1/day"}},
        "covariates": {
            "wait": {"distribution": "uniform", "low": 0, "high": 9, "unit": "d"},
            "sex": {"distribution": "categorical", "levels": ["male", "female"], "probability": [0.5, 0.5]},
            "one": {"distribution": "categorical", "levels": ["only"], "probability": [1]},
        },
    },
    "small",
    "small.toml",
)


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_round_trip(tmp_path, suffix):
    cohort = sample_cohort(POPULATION, 9, seed=7, start=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = save_cohort(cohort, tmp_path / "new" / f"cohort{suffix}")
        found = load_cohort(path)
    xr.testing.assert_identical(found, cohort)
    for name, variable in cohort.variables.items():
        assert found[name].dtype == variable.dtype, name
        assert list(found[name].attrs) == list(variable.attrs), name
        for key, value in variable.attrs.items():
            assert type(found[name].attrs[key]) is type(value), (name, key)
    assert {key: type(value) for key, value in found.attrs.items()} == {
        key: type(value) for key, value in cohort.attrs.items()
    }
    assert found["sex"].attrs["flag_values"].dtype == np.int8
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_an_older_cohort_is_replaced(tmp_path, suffix):
    path = tmp_path / f"cohort{suffix}"
    save_cohort(sample_cohort(POPULATION, 9, seed=7), path)
    newer = sample_cohort(POPULATION, 4, seed=8)
    save_cohort(newer, path)
    xr.testing.assert_identical(load_cohort(path), newer)
    xr.testing.assert_identical(load_cohort(save_cohort(load_cohort(path), path)), newer)


def test_zarr_is_format_3_without_consolidated_metadata(tmp_path):
    import zarr

    save_cohort(sample_cohort(POPULATION, 4, seed=7), tmp_path / "c.zarr")
    group = zarr.open_group(tmp_path / "c.zarr", mode="r", use_consolidated=False)
    assert group.metadata.zarr_format == 3
    assert group.metadata.consolidated_metadata is None


@pytest.mark.parametrize("use", [save_cohort, lambda _, path: load_cohort(path)])
def test_another_suffix(tmp_path, use):
    with pytest.raises(StoreError, match=r"should end in \.nc or \.zarr"):
        use(xr.Dataset(), tmp_path / "cohort.csv")


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_nothing_there(tmp_path, suffix):
    with pytest.raises(StoreError, match="there is no cohort here"):
        load_cohort(tmp_path / f"cohort{suffix}")


def test_a_damaged_file(tmp_path):
    (tmp_path / "cohort.nc").write_bytes(b"not a file")
    with pytest.raises(StoreError, match="cannot be read as a cohort"):
        load_cohort(tmp_path / "cohort.nc")
    (tmp_path / "cohort.zarr").mkdir()
    with pytest.raises(StoreError, match="cannot be read as a cohort"):
        load_cohort(tmp_path / "cohort.zarr")


def test_something_else(tmp_path):
    xr.Dataset({"x": 1.0}).to_zarr(tmp_path / "other.zarr", zarr_format=3, consolidated=False)
    with pytest.raises(StoreError, match="has no coordinate 'patient'"):
        load_cohort(tmp_path / "other.zarr")


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        save_cohort(sample_cohort(POPULATION, 4, seed=7), tmp_path / "file" / "cohort.zarr")


def test_netcdf_needs_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "netCDF4", None)
    with pytest.raises(StoreError, match=r"pip install 'pdsim\[netcdf\]'"):
        save_cohort(sample_cohort(POPULATION, 4, seed=7), tmp_path / "cohort.nc")
    assert not list(tmp_path.iterdir())
