"""Stiff reference problems, and the switch from the explicit method to the stiff one."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from pdsim._jit import LANES
from pdsim.solvers.status import OK, STIFF, TOO_MANY_STEPS

ENTRY = {
    "rober": [1.0, 0.0, 0.0],
    "hires": [1.0, 0, 0, 0, 0, 0, 0, 0.0057],
    "orego": [1.0, 2.0, 3.0],
    "vdpol": [2.0, 0.0],
}


def reference(conformance, file, problem):
    """Times and values (time, component) of a reference table."""
    with (conformance / "bari-ivp" / file).open() as handle:
        rows = [row for row in csv.DictReader(handle) if row["problem"] == problem]
    key = "t" if "t" in rows[0] else "t_end"
    times = sorted({float(row[key]) for row in rows})
    return times, np.array([[float(row["value"]) for row in rows if float(row[key]) == time] for time in times])


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize(
    ("problem", "file", "name", "params", "lose"),
    [
        # `lose`: how much the problem itself amplifies an error of the size of the tolerance
        ("rober", "bari_endpoints.csv", "rober", [], 10.0),
        ("hires", "hairer_wanner_exact.csv", "hires", [], 10.0),
        ("orego", "hairer_wanner_exact.csv", "orego", [], 300.0),
        ("vdpol", "hairer_wanner_exact.csv", "vdpol_eps1e-6", [1e-6], 100.0),
    ],
)
def test_reference_at_the_requested_tolerance(make_block, stored, conformance, problem, file, name, params, lose, rtol):
    times, values = reference(conformance, file, name)
    block = make_block(
        problem, ENTRY[problem], params, outputs=times, method="stiff", rtol=rtol, atol=rtol * 1e-9, max_step=times[-1]
    )
    block.advance(times[-1])
    block.finish()
    assert (block.failed == OK).all()
    found = stored(block)[:, :, 0]
    assert np.abs(found / values - 1.0).max() < lose * rtol


@pytest.mark.parametrize(
    ("problem", "params", "stop"), [("rober", [], 1e3), ("vdpol", [1e-4], 2.0), ("hires", [], 321.8)]
)
def test_auto_hands_a_stiff_problem_over(make_block, stored, problem, params, stop):
    times = np.linspace(0.0, stop, 9)
    blocks = {}
    for method in ("auto", "stiff"):
        blocks[method] = make_block(
            problem, ENTRY[problem], params, outputs=times, method=method, rtol=1e-6, atol=1e-12, max_step=stop
        )
        blocks[method].advance(stop / 2.0)
        blocks[method].advance(stop)
        blocks[method].finish()
    assert (blocks["auto"].state.status == STIFF).all()
    assert (blocks["auto"].failed == OK).all()
    found, expected = (stored(blocks[method])[:, :, 0] for method in ("auto", "stiff"))
    assert np.isfinite(found).all()
    assert found == pytest.approx(expected, rel=2e-4 if problem == "vdpol" else 1e-5, abs=1e-11)
    assert blocks["auto"].steps < 20_000 * LANES


def test_auto_stays_explicit_where_it_is_only_held_back(make_block):
    # a rate of 5 a day lets the explicit method make steps of 0.6 days: 50 of them are cheaper than a change
    block = make_block("follow", [1.0], [5.0], rtol=1e-4)
    for day in np.arange(28.0, 400.0, 28.0):
        block.advance(day)
    assert (block.state.status == OK).all()


@pytest.mark.parametrize("place", [0, 7, 15])
def test_a_stiff_lane_leaves_its_neighbours_alone(make_block, stored, place):
    rates = np.full(LANES, 2.0)
    rates[place] = 1e6
    times = np.linspace(0.0, 30.0, 31)
    blocks = []
    for some in (rates, np.full(LANES, 2.0)):
        block = make_block("follow", [1.0], [some], outputs=times, rtol=1e-7, atol=1e-9)
        for day in (10.0, 20.0, 30.0):
            block.advance(day)
        block.finish()
        blocks.append(block)
    mixed, plain = blocks
    assert (np.flatnonzero(mixed.state.status == STIFF) == [place]).all()
    assert (plain.state.status == OK).all()
    others = np.arange(LANES) != place
    assert np.array_equal(stored(mixed)[:, :, others], stored(plain)[:, :, others])
    assert np.array_equal(mixed.state.y[others], plain.state.y[others])
    assert stored(mixed)[:, 0, place] == pytest.approx(np.cos(times), abs=1e-6)


def test_place_of_a_stiff_lane_does_not_matter(make_block):
    ends = set()
    for place in (0, 5, 15):
        rates = np.full(LANES, 2.0)
        rates[place] = 1e6
        block = make_block("follow", [1.0], [rates])
        block.advance(30.0)
        ends.add(float(block.state.y[place]))
    assert len(ends) == 1


def test_both_methods_agree_behind_a_drug(make_block, stored, oral_system, line):
    times = np.linspace(0.0, 6.0, 49)
    doses = [line([0.0, 1.0, 2.5]), line([1.0], 30.0, target=1, duration=0.25)]
    found = {}
    for method in ("explicit", "stiff"):
        block = make_block(
            "driven", [0.0, 0.0], [20.0], outputs=times, system=oral_system(), method=method, rtol=1e-9, atol=1e-11,
            lines=[*doses, line([0.5, 1.0], 7.0, target=1, drug=-1)],
        )  # fmt: skip
        block.advance(6.0)
        block.finish()
        found[method] = stored(block)[:, :, 0]
    assert found["stiff"] == pytest.approx(found["explicit"], rel=1e-7, abs=1e-8)
    assert found["stiff"][-1, 1] == pytest.approx(20.0)


def test_explicit_alone_gives_up_on_a_stiff_lane(make_block):
    rates = np.full(LANES, 2.0)
    rates[3] = 1e7
    block = make_block("follow", [1.0], [rates], method="explicit", max_steps=2000)
    block.advance(30.0)
    assert block.failed[3] == TOO_MANY_STEPS
    assert (np.delete(block.failed, 3) == OK).all()
