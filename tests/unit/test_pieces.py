"""Arms kept while a run goes on come back as they were, and a damaged one counts as missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from pdsim.study.pieces import load_piece, save_piece

TEXT = np.dtypes.StringDType()


@pytest.fixture
def arm() -> xr.DataTree:
    """One arm of three patients, with text, codes, gaps and an empty ledger."""
    coords = {"arm": np.array(["rep:H1"], dtype=TEXT), "patient": np.arange(3)}
    label = ("arm", np.array(["REP, ≥ PR: 50 %"], dtype=TEXT), {"long_name": "label"})
    values = np.array([[[1.5, np.nan], [2.0, 3.0], [0.0, 1e-30]]], dtype=np.float32)
    trajectory = xr.Dataset(
        {"m_protein": (("arm", "patient", "time"), values, {"units": "g/L"})},
        {**coords, "label": label, "time": [0.0, 7.0]},
    )
    status = xr.Dataset({"status": (("arm", "patient"), np.zeros((1, 3), np.int8), {"flag_values": [0, 1]})}, coords)
    ledger = xr.Dataset({"rule": ("entry", np.array([], dtype=TEXT)), "day": ("entry", np.zeros(0))})
    cohort = xr.Dataset({"growth": ("patient", np.arange(3.0))}, {"patient": np.arange(3)}, {"seed": 3})
    groups = {"/cohort": cohort, "/trajectory": trajectory, "/endpoints": status, "/ledger": ledger}
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs={"model": "toy", "rtol": 1e-5}), **groups})


def test_an_arm_comes_back_as_it_was(arm: xr.DataTree, tmp_path: Path) -> None:
    file = tmp_path / "parts" / "rep.npz"
    save_piece(arm, file)
    assert [path.name for path in file.parent.iterdir()] == ["rep.npz"]
    found = load_piece(file, arm["cohort"].to_dataset())
    assert found is not None
    assert found.attrs == arm.attrs
    assert list(found.children) == list(arm.children)
    for name in arm.children:
        expected = arm[name].to_dataset(inherit=False)
        xr.testing.assert_identical(found[name].to_dataset(inherit=False), expected)
        assert {key: one.dtype for key, one in found[name].variables.items()} == {
            key: one.dtype for key, one in expected.variables.items()
        }


def test_a_damaged_arm_is_missing(arm: xr.DataTree, tmp_path: Path) -> None:
    file = tmp_path / "rep.npz"
    cohort = arm["cohort"].to_dataset()
    assert load_piece(file, cohort) is None
    save_piece(arm, file)
    whole = file.read_bytes()
    place = whole.index(arm["trajectory"]["m_protein"].values.tobytes())
    for damaged in (b"", whole[: len(whole) // 2], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]):
        file.write_bytes(damaged)
        assert load_piece(file, cohort) is None
    file.write_bytes(whole)
    assert load_piece(file, cohort) is not None
