"""The ledger of dosing rules as a figure: states follow the entries, panels say what is there."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot
from matplotlib.figure import Figure

from pdsim.errors import PdsimError
from pdsim.plot import available, dose_intensity, dose_ledger, draw
from pdsim.plot.ledger import HELD, PLANNED, REDUCED, STOPPED, dose_states

ENTRIES = [
    # arm, patient, day, drug, decision, from, to
    ("rd", 11, 14.0, "lenalidomide", "hold", 25.0, 0.0),
    ("rd", 11, 28.0, "lenalidomide", "resume", 0.0, 25.0),
    ("rd", 11, 28.0, "lenalidomide", "reduce", 25.0, 15.0),
    ("rd", 12, 0.0, "lenalidomide", "reduce", 25.0, 10.0),
    ("rd", 12, 56.0, "lenalidomide", "stop", 10.0, 0.0),
    ("rd", 11, 14.0, "filgrastim", "give", 0.0, 0.3),
    ("rd", 11, 19.0, "filgrastim", "end", 0.3, 0.0),
]


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def ruled():
    columns = dict(
        zip(("arm", "patient", "day", "drug", "decision", "from", "to"), zip(*ENTRIES, strict=True), strict=True)
    )
    ledger = xr.Dataset({name: ("entry", np.array(values)) for name, values in columns.items()})
    intensity = np.array([[1.0, 0.6, 0.3], [1.0, 1.0, 1.0]])
    endpoints = xr.Dataset(
        {
            "dose_intensity": (("arm", "patient"), intensity),
            "drug_intensity": (("arm", "patient", "drug"), intensity[..., None]),
        },
        {"arm": ["rd", "full"], "patient": [10, 11, 12], "drug": ["lenalidomide"], "label": ("arm", ["Rd", "full"])},
    )
    visits = xr.Dataset({"day": ("visit", [0.0, 28.0, 56.0, 84.0])})
    return xr.DataTree.from_dict({"ledger": ledger, "endpoints": endpoints, "visits": visits})


def test_states_follow_the_entries_of_each_patient(ruled):
    days, states = dose_states(ruled, "rd", "lenalidomide")
    assert days.tolist() == [0.0, 14.0, 28.0, 56.0]
    assert states.tolist() == [
        [PLANNED] * 4,
        [PLANNED, HELD, REDUCED, REDUCED],
        [REDUCED, REDUCED, REDUCED, STOPPED],
    ]
    days, states = dose_states(ruled, "rd", "filgrastim")
    assert days.tolist() == [0.0, 14.0, 19.0]
    assert states.tolist() == [[HELD] * 3, [HELD, PLANNED, HELD], [HELD] * 3]


def test_shares_fill_the_panel_up_to_the_end_of_the_run(ruled):
    ax = dose_ledger(ruled, "rd", "lenalidomide")
    edges = np.array([band.get_paths()[0].get_extents().extents for band in ax.collections])
    assert edges[:, 3].max() == pytest.approx(100.0)
    assert edges[:, 2].max() == pytest.approx(84.0 / 30.4375)
    assert "lenalidomide, mean intensity 63 %" in [text.get_text() for text in ax.texts]


def test_intensity_counts_patients_with_at_least_so_much(ruled):
    line = dose_intensity(ruled, ["rd"]).lines[0]
    assert line.get_xdata().tolist() == [0.0, 0.3, 0.6, 1.0]
    assert line.get_ydata().tolist() == pytest.approx([100.0, 100.0, 200 / 3, 100 / 3])


def test_a_drug_without_decisions_is_told(ruled):
    with pytest.raises(PdsimError, match=r"moved 'lenalidomid' in the arm 'rd'\. Did you mean 'lenalidomide'"):
        dose_ledger(ruled, "rd", "lenalidomid")


def test_the_figure_is_offered_where_rules_decided(ruled):
    assert "ledger" in available(ruled)
    figure = draw(ruled, "ledger", Figure())
    drugs = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert "filgrastim" in drugs
    empty = xr.DataTree.from_dict(
        {"ledger": ruled["ledger"].to_dataset().isel(entry=slice(0)), "endpoints": ruled["endpoints"].to_dataset()}
    )
    assert "ledger" not in available(empty)
    with pytest.raises(PdsimError, match="nothing to draw"):
        draw(empty, "ledger")
