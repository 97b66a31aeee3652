"""Event tables: reading, every mistake with its rows, writing; and regimens written as tables."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pdsim.dosing import EventTable, Regimen
from pdsim.errors import DoseError
from pdsim.model import State


def _message(table):
    with pytest.raises(DoseError) as caught:
        EventTable.from_frame(pd.DataFrame(table))
    return str(caught.value)


def test_columns_are_found_in_any_case_and_points_are_missing():
    table = EventTable.from_frame(
        pd.DataFrame({"id": [2, 2], " Time": [0, "1.5"], "amt": ["100", "."], "Cmt": ["gut", "."], "Wt": [70, "."]})
    )
    assert table.id.tolist() == [2, 2]
    assert table.time.tolist() == [0.0, 1.5]
    assert table.evid.tolist() == [1, 0]
    assert table.amt.tolist() == [100.0, 0.0]
    assert table.cmt.tolist() == ["gut", None]
    assert list(table.columns) == ["Wt"]
    assert np.isnan(table.columns["Wt"][1])
    assert table.column("WT") == "Wt"
    assert table.column("height") is None


def test_without_evid_rows_with_an_amount_are_doses():
    table = EventTable.from_frame({"TIME": [0, 1, 2], "AMT": [5, 0, 0], "RATE": [0, 0, 3], "SS": [0, 0, 1]})
    assert table.evid.tolist() == [1, 0, 1]  # the last is a constant infusion at steady state
    assert table.id.tolist() == [1, 1, 1]


def test_rows_of_a_patient_need_not_stand_together():
    table = EventTable.from_frame({"ID": [3, 1, 3, 1], "TIME": [0, 5, 1, 6]})
    together, order = table.together()
    assert order.tolist() == [0, 2, 1, 3]
    assert together.id.tolist() == [3, 3, 1, 1]
    assert together.time.tolist() == [0.0, 1.0, 5.0, 6.0]
    assert together.starts.tolist() == [0, 2, 4]
    assert together.together() == (together, None)


def test_numbers_of_a_compartment_and_text_identifiers():
    table = EventTable.from_frame({"ID": ["a", "b"], "TIME": [0, 0], "AMT": [1, 1], "CMT": ["2", 1.0]})
    assert table.cmt.tolist() == [2, 1]
    assert table.id.tolist() == ["a", "b"]


def test_every_mistake_is_told_with_its_rows():
    text = _message(
        {
            "ID": [1, 1, 1, 1, 1, 1, 1, 1, 1],
            "TIME": [0, 1, 0.5, ".", 4, 5, 6, 7, 8],
            "EVID": [1, 7, 0, 1, 1, 0, 1, 1, 2],
            "AMT": [100, 0, 0, ".", 100, 50, "x", 100, 0],
            "II": [0, 0, 0, 0, -12, 0, 0, 0, 0],
            "ADDL": [3, 0, 0, 0, 0, 0, 0, 1.5, 0],
            "SS": [0, 0, 0, 1, 0, 0, 0, 3, 0],
            "RATE": [-3, 0, 0, 0, 0, 0, 0, 0, 0],
            "CMT": [1, 1, 1, 1, 1, 1, 1, 1, -1],
        }
    )
    assert text.splitlines() == [
        "the event table cannot be given:",
        "  row 1: RATE -3 is unknown; above 0, -1 (modelled rate) or -2 (modelled duration)",
        "  rows 1, 8: ADDL without II, the time from dose to dose",
        "  row 2: EVID 7 is unknown; 0 observes, 1 doses, 2 is another event, 3 resets, 4 resets and doses",
        "  row 3: TIME runs backwards within the ID; only a reset (EVID 3 or 4) may go back",
        "  row 4: TIME is missing",
        "  row 4: AMT is missing in a dose",
        "  row 4: SS with neither AMT nor RATE",
        "  row 5: II -12 is negative",
        "  row 6: AMT is not given with this EVID; set EVID = 1 to dose, or AMT = 0",
        "  row 7: AMT 'x' is no number",
        "  row 8: SS 3 is unknown; 0, 1 (steady state) or 2 (added to what is there)",
        "  row 8: ADDL 1.5 is no number of further doses",
        "  row 8: SS without II, the time from dose to dose",
        "  row 9: CMT is negative; turning a compartment off is not supported, reset with EVID = 3",
    ]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"AMT": 0, "RATE": 5}, "row 1: RATE without AMT never ends"),
        (
            {"AMT": 0, "RATE": 5, "SS": 1, "II": 12},
            "row 1: a constant infusion (AMT = 0, SS) takes neither II nor ADDL",
        ),
        ({"AMT": 0, "RATE": -2, "SS": 1}, "row 1: a constant infusion (AMT = 0) needs its rate, not RATE = -2"),
        ({"AMT": -1}, "row 1: AMT -1 is negative"),
        ({"AMT": float("inf")}, "row 1: AMT is infinite"),
        ({"AMT": 1, "MDV": 2}, "row 1: MDV 2 is unknown; 0 or 1"),
        ({"AMT": 1, "ADDL": -1}, "row 1: ADDL -1 is no number of further doses"),
    ],
)
def test_a_dose_that_cannot_be_given(row, text):
    assert text in _message({"TIME": [0], "EVID": [1], **{name: [value] for name, value in row.items()}})


def test_long_lists_of_rows_are_cut():
    assert "rows 1, 2, 3, 4, 5, 6 and 994 more: EVID 9" in _message({"TIME": range(1000), "EVID": [9] * 1000})


def test_a_reset_may_set_the_clock_back():
    table = EventTable.from_frame({"TIME": [10, 0, 3, 1], "EVID": [0, 3, 0, 4], "AMT": [0, 0, 0, 5]})
    assert table.dose.tolist() == [False, False, False, True]


def test_columns_that_are_missing_or_twice():
    assert "no column TIME. Did you mean 'tme'? Columns: tme, AMT" in _message({"tme": [0], "AMT": [0]})
    assert "column TIME is there more than once: TIME, time" in _message({"TIME": [0], "time": [0]})
    with pytest.raises(DoseError, match="different lengths: \\[1, 2\\]"):
        EventTable.from_frame({"TIME": [0, 1], "AMT": [1]})


def test_table_goes_to_a_file_and_back(tmp_path):
    table = EventTable.from_frame(
        {
            "ID": [1, 1],
            "TIME": [0, 12],
            "AMT": [100, 0],
            "CMT": ["gut", "."],
            "II": [6, 0],
            "ADDL": [1, 0],
            "WT": [70, 71],
        }
    )
    table.to_csv(tmp_path / "table.csv")
    again = EventTable.read_csv(tmp_path / "table.csv")
    pd.testing.assert_frame_equal(again.to_frame(), table.to_frame(), check_dtype=False)
    assert again.cmt.tolist() == ["gut", None]


def test_files_in_columns_and_with_a_title(tmp_path):
    path = tmp_path / "table.txt"
    path.write_text("a title\nID TIME AMT\n1 0 5\n1 2 .\n", encoding="utf-8")
    table = EventTable.read_csv(path, separator=r"\s+", skip=1)
    assert table.evid.tolist() == [1, 0]
    with pytest.raises(DoseError, match=r"no event table .*none\.csv"):
        EventTable.read_csv(tmp_path / "none.csv")


def _model(time="day"):
    states = {
        "gut": State(0.0, "ug", "in the gut", dosed=True),
        "central": State(0.0, "mg", "in plasma"),
    }
    return SimpleNamespace(name="mine", time=time, states=states)


def test_regimen_becomes_records_that_share_even_intervals():
    regimen = Regimen.every("1 d", "25 mg", drug="gut", times=21)
    table = regimen.to_table("28 d", at=[0, 7])
    assert table.time.tolist() == [0.0, 0.0, 7.0]
    assert table.evid.tolist() == [1, 0, 0]  # the value at the time of a dose is that after it
    assert (table.amt[0], table.ii[0], table.addl[0]) == (25.0, 1.0, 20)
    assert table.mdv.tolist() == [1, 0, 0]
    cycles = regimen.then(regimen, after="28 d")
    assert cycles.to_table("56 d").time.tolist() == [0.0, 28.0]


def test_regimen_takes_the_units_of_the_model():
    table = EventTable.from_regimen(Regimen.every("7 d", "2 mg", drug="gut", duration="2 h", route="infusion"), "8 d",
                                    _model("hour"))  # fmt: skip
    assert table.time.tolist() == [0.0, 168.0]
    assert table.amt.tolist() == [2000.0, 2000.0]
    assert table.rate.tolist() == [1000.0, 1000.0]


def test_regimen_for_several_patients_and_by_size():
    regimen = Regimen.every("7 d", "2 mg/kg", drug="gut")
    table = regimen.to_table("1 d", patients=[4, 9], scale={"kg": np.array([50.0, 80.0])}, at=[3.0])
    assert table.id.tolist() == [4, 4, 9, 9]
    assert table.amt.tolist() == [100.0, 0.0, 160.0, 0.0]
    with pytest.raises(DoseError, match="has doses per kg; give scale"):
        regimen.to_table("1 d")


def test_regimen_whose_drug_is_no_dosed_state():
    with pytest.raises(DoseError, match=r"'guts' is no dosed state of model 'mine'.*Did you mean 'gut'\? Dosed: gut"):
        Regimen.every("7 d", "2 mg", drug="guts").to_table("8 d", _model())


def test_a_regimen_without_doses_is_an_empty_table():
    assert len(Regimen("nothing", 28.0).to_table("28 d")) == 0
