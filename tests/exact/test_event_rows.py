"""Rows of event tables in closed form: shared exponentials, lanes with and without modes, tables used again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pdsim
from pdsim.dosing.table import EventTable
from pdsim.errors import DoseError
from pdsim.model import load_model_file

CLOSE = 1e-13  # some hundred roundings
BOLUS, INFUSION, FIRST_ORDER = 0.0, 7.0, 1.5


@pytest.fixture(scope="module")
def absorption(root):
    return load_model_file(root / "tests" / "validation" / "models" / "absorption.py")


def _table(times, patients=1, rate=BOLUS, trough=False):
    """Doses of 100 every 12 hours into the depot or as infusions, and rows at some times, before doses or after."""
    doses = pd.DataFrame({"TIME": np.arange(0.0, 70.0, 12.0), "EVID": 1, "AMT": 100.0, "RATE": rate})
    rows = pd.DataFrame({"TIME": times, "EVID": 0, "AMT": 0.0, "RATE": 0.0})
    one = pd.concat([rows, doses] if trough else [doses, rows]).sort_values("TIME", kind="stable")
    one["CMT"] = np.where(one["EVID"] == 1, "central" if rate else "depot", ".")
    parts = [one.assign(ID=i, clearance=1.0 + 0.1 * i, absorption=FIRST_ORDER + 0.05 * i) for i in range(patients)]
    return pd.concat(parts, ignore_index=True)


def _central(model, table, **more):
    return pdsim.simulate_events(model, table, ["central"], method="closed", **more)["central"].to_numpy()


@pytest.mark.parametrize("rate", [BOLUS, INFUSION])
@pytest.mark.parametrize(("step", "trough"), [(0.5, False), (0.5, True), (0.3, False), (0.1, True)])
def test_evenly_spaced_rows_are_those_at_any_times(absorption, rate, step, trough):
    """More rows than the table of multiples holds, doses on rows and between them, and a change of the distance."""
    even = np.concatenate([np.arange(0.0, 30.0, step), 30.0 + 0.7 * step * np.arange(50)])
    odd = np.random.default_rng(3).uniform(0.0, even[-1], 60)  # these share nothing
    mixed = np.sort(np.concatenate([even, odd]))
    alone, among = (_table(times, rate=rate, trough=trough) for times in (even, mixed))
    found, expected = _central(absorption, alone), _central(absorption, among)
    kept = (among["EVID"] == 1) | among["TIME"].isin(even)
    assert len(found) == kept.sum() > 100
    np.testing.assert_allclose(found, expected[kept], rtol=CLOSE, atol=1e-12)


def test_lanes_with_and_without_modes_stand_side_by_side(absorption):
    """Where absorption meets elimination there are no modes; nobody notices neighbours that differ in this."""
    table = _table(np.arange(0.0, 60.0, 0.5), patients=20)
    meeting = table["ID"] % 3 == 0
    table.loc[meeting, "absorption"] = table.loc[meeting, "clearance"] / 20.0
    together = _central(absorption, table)
    for patient in (0, 1, 3, 16, 19):
        own = table["ID"] == patient
        np.testing.assert_array_equal(together[own], _central(absorption, table[own]))
    near = table.assign(absorption=np.where(meeting, table["absorption"] * (1.0 + 1e-3), table["absorption"]))
    np.testing.assert_allclose(together, _central(absorption, near), rtol=2e-3, atol=1e-9)


def test_a_table_used_again_gives_what_it_is_asked(absorption):
    table = EventTable.from_frame(_table(np.arange(0.0, 60.0, 0.5), patients=3))
    calls = [{}, {"params": {"volume": 10.0}}, {"bioavailability": {"depot": 0.5}}, {"covariates": "locf"}, {}]
    found = [_central(absorption, table, **more) for more in calls]
    fresh = [_central(absorption, _table(np.arange(0.0, 60.0, 0.5), patients=3), **more) for more in calls]
    for again, once in zip(found, fresh, strict=True):
        np.testing.assert_array_equal(again, once)
    np.testing.assert_allclose(found[2], 0.5 * found[0], rtol=1e-14)
    assert not np.array_equal(found[1], found[0])
    with pytest.raises(ValueError, match="read-only"):
        table.columns["clearance"][0] = 2.0


def test_a_wrong_table_stays_wrong(absorption):
    table = EventTable.from_frame({"TIME": [0.0, 1.0], "AMT": [1, 0], "CMT": ["gut", "."]})
    for _ in range(2):
        with pytest.raises(DoseError, match="row 1: CMT 'gut' is no state"):
            _central(absorption, table)


def test_rows_that_do_not_stand_together(absorption):
    table = _table(np.arange(0.0, 60.0, 7.0), patients=3)
    mixed = table.sort_values(["TIME", "ID"], kind="stable", ignore_index=True)
    found = pdsim.simulate_events(absorption, mixed, ["central"], method="closed")
    assert found["ID"].tolist() == mixed["ID"].tolist()
    for patient in range(3):
        own = found["central"][mixed["ID"] == patient].to_numpy()
        np.testing.assert_array_equal(own, _central(absorption, table)[table["ID"] == patient])
    wrong = mixed.assign(
        CMT=np.where(mixed.index == 4, "gut", mixed["CMT"]), EVID=np.where(mixed.index == 4, 1, mixed["EVID"])
    )
    with pytest.raises(DoseError, match="row 5: CMT 'gut' is no state"):
        _central(absorption, wrong)
