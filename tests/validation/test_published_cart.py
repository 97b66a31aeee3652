"""Published models of CAR-T cells, shipped in models/, against printed and reference numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pdsim

CELLS = {
    "effector_blood": "carte_pb",
    "memory_blood": "cartm_pb",
    "effector_marrow": "carte_t",
    "memory_marrow": "cartm_t",
}
SHOWN = ["m_protein", "sbcma", "tumour_cells", "transgene", *CELLS]


@pytest.fixture(scope="module")
def folder(conformance):
    return conformance / "myeloma-cart-singh2021"


@pytest.fixture(scope="module")
def idecel(folder):
    """Four doses of ide-cel on the grid of the published run, one patient each."""
    doses = pd.read_csv(folder / "rxode2_published.csv")["dose_cells"]
    times = np.append(np.arange(100) * 0.02, np.arange(2.0, 365.1, 0.5))
    given = pd.DataFrame({"ID": doses, "TIME": 0.0, "EVID": 1, "AMT": doses.astype(float), "CMT": "effector_blood"})
    seen = pd.DataFrame({"ID": np.repeat(doses, len(times)), "TIME": np.tile(times, len(doses)), "EVID": 0, "AMT": 0.0})
    table = pd.concat([given, seen.assign(CMT=".")]).sort_values("ID", kind="stable", ignore_index=True)
    found = pdsim.simulate_events(pdsim.load_model("singh2021"), table, SHOWN)
    return found[(table["EVID"] == 0).to_numpy()]


def test_ide_cel_reference_trajectories(folder, idecel):
    reference = pd.read_csv(folder / "reference_trajectories.csv")
    keys = pd.MultiIndex.from_arrays([reference["dose_cells"], reference["time_day"].round(6)])
    found = idecel.set_index(["ID", idecel["TIME"].round(6)]).loc[keys].reset_index(drop=True)
    assert len(found) == 888
    np.testing.assert_allclose(found["tumour_cells"], reference["tumor_cells_per_L"], rtol=1e-6)
    for name, column, entry in [
        ("m_protein", "mprotein_pct_change", 12.1e-12 * 2.5e9 / 0.117),
        ("sbcma", "sbcma_pct_change", 0.175e-6 * 2.5e9 / 0.7),
    ]:
        # a change of -99.99... percent in ten digits leaves 1e-10 of the entry value open
        np.testing.assert_allclose(found[name] / entry, 1 + reference[column] / 100, rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(found["transgene"], reference["transgene_copies_per_ug"], rtol=1e-6)
    for name, column in CELLS.items():
        # effector cells die out to 1e-18; below a thousandth of a cell they mean nothing
        np.testing.assert_allclose(found[name], reference[column], rtol=1e-6, atol=1e-3)


def test_ide_cel_published_peak_and_nadir(folder, idecel):
    published = pd.read_csv(folder / "rxode2_published.csv").set_index("dose_cells")
    later = idecel[idecel["TIME"] >= 1].groupby("ID")
    nadir = 100 * (later["m_protein"].min() / (12.1e-12 * 2.5e9 / 0.117) - 1)
    assert later["transgene"].max().round().tolist() == published["cmax_transgene_after_day1"].tolist()
    assert nadir.round(1).tolist() == published["mprotein_nadir_pct"].tolist()


def test_tisagenlecleucel_expands_to_its_peak_and_declines_in_two_phases(deviation):
    days = np.array([0.0, 4.0, 9.3, 28.0, 200.0, 400.0])
    wanted = ["transgene", "closed_form", "effector"]
    found = pdsim.simulate_events(pdsim.load_model("stein2019"), {"TIME": days}, wanted)
    transgene, effector = found["transgene"].to_numpy(), found["effector"].to_numpy()
    assert deviation(transgene, found["closed_form"]) < 1e-7
    assert transgene[[0, 2]] == pytest.approx([24000 / 3900, 24000], rel=1e-7)  # Cmax at Tmax and foldx of Table 1

    def halving(values, first, last):
        """Days to half, or to twice, in the two digits that the paper prints in its discussion."""
        return float(f"{np.log(2) * (days[last] - days[first]) / abs(np.log(values[last] / values[first])):.2g}")

    assert halving(transgene, 0, 1) == 0.78
    assert halving(effector, 2, 3) == 4.3
    assert halving(transgene, 4, 5) == 220
