"""Figures of sweeps show the numbers of the store: lines, cells, bars and bounds."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from pdsim.errors import PdsimError
from pdsim.plot import save_sweep_figures, sweep_kinds
from pdsim.plot.sensitivity import index_bars, morris_figure, tornado
from pdsim.plot.sweep import dots_figure, endpoint_lines, heat_figure, lines_figure, scatter_figure


def words(*values):
    return np.array(values, dtype=np.dtypes.StringDType())


def sweep(plan, factors, values, names=("orr",), arms=("a", "b"), **groups):
    """A sweep with one endpoint or more, (scenario, arm) or (endpoint, scenario, arm), and factors by name."""
    values = np.atleast_3d(np.asarray(values, float).T).T if np.ndim(values) == 2 else np.asarray(values, float)
    scenarios = words(*(str(place) for place in range(values.shape[1])))
    coords = {"scenario": scenarios, "arm": words(*arms)}
    units = {"orr": "%", "median_pfs": "month"}
    data = {
        name: (("scenario", "arm"), value, {"units": units[name], "long_name": name})
        for name, value in zip(names, values, strict=True)
    }
    own = {
        name: (
            "scenario",
            column if isinstance(column, np.ndarray) else words(*column),
            {"long_name": f"the {name}", "units": "mg"},
        )
        for name, column in factors.items()
    }
    root = xr.Dataset(coords={**coords, "label": ("arm", words(*(f"arm {arm}" for arm in arms))), **own})
    tree = xr.DataTree.from_dict({"/": root, "/summary": xr.Dataset(data), **groups})
    tree.attrs = {"plan": plan, "factors": json.dumps(list(factors)), "figures": json.dumps(list(names))}
    return tree


DOSE = np.array([1.0, 2.0, 1.0, 2.0, 1.0, 2.0])
COURSE = ("daily", "daily", "weekly", "weekly", "once", "once")
GRID = np.array([[10.0, 1], [20, 2], [30, 3], [40, 4], [50, 5], [60, 6]])


@pytest.fixture
def grid():
    return sweep("grid", {"dose": DOSE, "course": COURSE}, GRID)


def axes():
    return Figure().add_subplot()


def test_lines_by_arm_against_one_factor():
    ax = endpoint_lines(sweep("grid", {"dose": np.array([4.0, 1.0, 2.0])}, GRID[:3]), "orr", "dose", None, None, axes())
    first, second = ax.get_lines()
    assert first.get_xdata().tolist() == [1.0, 2.0, 4.0]
    assert first.get_ydata().tolist() == [20.0, 30.0, 10.0]
    assert second.get_label() == "arm b"
    assert ax.get_xlabel() == "the dose (mg)"
    assert ax.get_ylabel() == "orr (% of patients)"
    assert ax.get_ylim()[0] == 0.0


def test_lines_by_another_factor_a_panel_an_arm(grid):
    figure = lines_figure(grid, Figure())
    left, right = figure.axes
    assert [line.get_label() for line in left.get_lines()] == ["1", "2"]
    assert left.get_lines()[1].get_ydata().tolist() == [20.0, 40.0, 60.0]
    assert right.get_lines()[0].get_ydata().tolist() == [1.0, 3.0, 5.0]
    assert [text.get_text() for text in left.get_xticklabels()] == ["daily", "weekly", "once"]


def test_heat_maps_write_the_number_of_every_cell(grid):
    left = heat_figure(grid, Figure()).axes[0]
    found = {text.get_position(): text.get_text() for text in left.texts}
    assert found[0, 0] == "10"
    assert found[2, 1] == "60"
    assert left.images[0].get_array().shape == (2, 3)


def test_an_endpoint_that_is_not_reached_is_said(grid):
    lost = sweep("grid", {"dose": np.array([1.0, 2.0])}, np.full((2, 2), np.nan))
    ax = endpoint_lines(lost, "orr", "dose", None, None, axes())
    assert [text.get_text() for text in ax.texts] == ["not reached"]


def test_tornado_sorts_by_span_and_starts_from_the_study():
    values = np.array([[50.0], [48.0], [53.0], [20.0], [90.0]])
    factors = {"weak": np.array([np.nan, 1, 2, np.nan, np.nan]), "strong": np.array([np.nan] * 3 + [5.0, 6.0])}
    ax = tornado(sweep("one_at_a_time", factors, values, arms=("a",)), "orr", 0, axes())
    bars = {(round(bar.get_y() + bar.get_height() / 2), round(bar.get_x() + bar.get_width(), 6)) for bar in ax.patches}
    assert bars == {(0, 48.0), (0, 53.0), (1, 20.0), (1, 90.0)}
    assert {bar.get_x() for bar in ax.patches} == {50.0}
    assert [text.get_text() for text in ax.get_yticklabels()] == ["the weak (mg)", "the strong (mg)"]


def sensitivity(**more):
    factors = {"f": np.array([0.0, 1.0]), "g": np.array([0.0, 1.0])}
    values = {name: (("endpoint", "arm", "factor"), np.array([[value]])) for name, value in more.items()}
    found = xr.Dataset(values, coords={"endpoint": words("orr"), "factor": words("f", "g")})
    return sweep("morris", factors, np.array([[1.0], [2.0]]), arms=("a",), **{"/sensitivity": found})


def test_index_bars_carry_their_bounds():
    tree = sensitivity(total=[0.2, 0.7], total_low=[0.1, 0.6], total_high=[0.3, 0.9], first=[0.1, 0.5])
    ax = index_bars(tree, "total", "orr", 0, axes())
    assert [bar.get_width() for bar in ax.patches] == [0.2, 0.7, 0.1, 0.5]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["the f", "the g"]
    ends = [segment[:, 0].tolist() for segment in ax.collections[0].get_segments()]
    assert np.allclose(ends, [[0.1, 0.3], [0.6, 0.9]])


def test_morris_shows_strength_and_spread():
    tree = sensitivity(mu_star=[3.0, 1.0], mu_star_low=[2, 0.5], mu_star_high=[4, 1.5], sigma=[0.5, 2.0])
    ax = morris_figure(tree, Figure()).axes[0]
    assert ax.get_lines()[0].get_xydata().tolist() == [[3.0, 0.5], [1.0, 2.0]]
    assert {text.get_text() for text in ax.texts} == {"the f", "the g"}


def test_dots_and_scatter_hold_every_scenario(grid):
    dots = dots_figure(grid, Figure()).axes[0].get_lines()
    assert dots[0].get_xdata().tolist() == GRID[:, 0].tolist()
    cloud = scatter_figure(sweep("lhs", {"dose": DOSE, "course": COURSE}, GRID), Figure()).axes
    assert cloud[0].get_lines()[1].get_xydata().tolist() == np.column_stack([DOSE, GRID[:, 1]]).tolist()


def test_kinds_follow_the_plan_and_files_repeat(grid, tmp_path):
    assert sweep_kinds(grid) == ["lines", "heat"]
    assert sweep_kinds(sweep("lhs", {"dose": DOSE}, GRID)) == ["scatter"]
    assert sweep_kinds(sweep("list", {"dose": DOSE}, GRID)) == ["dots"]
    assert sweep_kinds(sensitivity(mu_star=[1, 2], sigma=[1, 2])) == ["indices", "morris"]
    first = save_sweep_figures(grid, tmp_path / "one", formats=("svg",), kinds=["heat"])
    again = save_sweep_figures(grid, tmp_path / "two", formats=("svg",), kinds=["heat"])
    assert [path.name for path in first] == ["heat.svg"]
    assert first[0].read_bytes() == again[0].read_bytes()
    with pytest.raises(PdsimError, match=r"Unknown figure 'heet'\. Did you mean 'heat'"):
        save_sweep_figures(grid, tmp_path, kinds=["heet"])
    with pytest.raises(PdsimError, match=r"no endpoint 'or'\..*Endpoints: orr"):
        endpoint_lines(grid, "or", "dose", None, None, axes())
