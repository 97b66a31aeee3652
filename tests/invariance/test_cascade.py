"""What must not change a patient's result by the cascade, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

import pdsim
from pdsim.ensemble import block_run
from pdsim.ensemble.prepare import ASSAY, make_grid, make_plan
from pdsim.model.cascade import cascade_of
from pdsim.simulate import Arm
from pdsim.solvers.block import Block, Options
from pdsim.solvers.cascade_block import CascadeBlock
from pdsim.solvers.cascade_blocks import CascadeBlocks
from pdsim.solvers.exchange import exchange
from pdsim.solvers.outputs import observe_record
from pdsim.visits import ResponseRules

LANES = 16
STOP = 112.0


@pytest.fixture(scope="module")
def plan():
    """The shipped model under REP."""
    model = pdsim.load_model("myeloma")
    cohort = pdsim.sample_cohort("len_refractory", 20, seed=3)
    arms = {"a": Arm(pdsim.load_regimen("rep"))}
    options = Options(rtol=1e-5, method="explicit")
    return make_plan(model, cohort, arms, None, make_grid(STOP, 7.0, 28.0, 7.0), options, ASSAY, ResponseRules(), None)


@pytest.fixture
def course(plan, monkeypatch):
    """Take patients by number half the way, stop some of them, and then to the end: the block, and output rows."""
    cascade = cascade_of(plan.kernels)

    def steps(lanes, times=None, stopped=(), method="cascade"):
        times = np.arange(0.0, STOP + 1.0, 7.0) if times is None else times
        with monkeypatch.context() as patch:
            patch.setattr(block_run, "Block", lambda **given: given)
            given = block_run._make_block(plan, "a", np.asarray(lanes))
        given |= {"output_times": times}
        block = CascadeBlock(**given, cascade=cascade) if method == "cascade" else Block(**given)
        block.advance(56.0)
        block.stop_dosing(np.isin(lanes, stopped))
        yield block
        block.advance(STOP)
        block.finish()
        assert (block.failed == 0).all()
        yield block.record.y.reshape(len(times), -1, LANES)

    return steps


@pytest.fixture
def run(course):
    """Run patients by number and return their output rows, (time, state, patient)."""
    return lambda *given, **more: list(course(*given, **more))[-1]


def test_a_patient_does_not_see_its_neighbours(run):
    whole = run(np.arange(LANES), stopped=[2, 3, 11])
    order = np.random.default_rng(2).permutation(LANES)
    assert np.array_equal(run(order, stopped=[2, 3, 11]), whole[:, :, order])
    alone = run(np.full(LANES, 11), stopped=[11])
    assert np.array_equal(alone[:, :, 0], whole[:, :, 11])
    others = run([11, *range(4, 19)], stopped=[11])
    assert np.array_equal(others[:, :, 0], whole[:, :, 11])


@pytest.mark.parametrize("method", ["cascade", "explicit"])
def test_patients_of_two_blocks_change_places(course, run, method):
    first, second, stopped = np.arange(LANES), np.resize([16, 17, 18, 19], LANES), [2, 3, 17]
    courses = [course(patients, stopped=stopped, method=method) for patients in (first, second)]
    one, other = (next(steps) for steps in courses)
    for lane, place in ((3, 0), (5, 1), (0, 15)):
        exchange([one, other], np.array([[0, lane, 1, place]]))
        first[lane], second[place] = second[place], first[lane]
    late = slice(8, None)  # rows before the change stay where they were
    for steps, patients in zip(courses, (first, second), strict=True):
        assert np.array_equal(next(steps)[late], run(patients, stopped=stopped, method=method)[late])


def test_output_times_do_not_change_results(run):
    lanes = np.arange(LANES)
    coarse = run(lanes)
    fine = run(lanes, np.arange(0.0, STOP + 0.1, 0.5))
    assert np.array_equal(fine[::14], coarse)


def test_a_patient_that_the_cascade_cannot_carry_is_run_without_it():
    model = pdsim.load_model("myeloma")
    cohort = pdsim.sample_cohort("len_refractory", 3, seed=3)
    stiff = cohort.assign(anc_loss=("patient", np.array([0.5545, 3e4, 0.5545])))
    rep = pdsim.load_regimen("rep")

    def outputs(patients, **more):
        run = pdsim.simulate(model, patients, rep, stop="14 d", every="7 d", visits="14 d", **more)
        assert (run["endpoints"]["status"] == 0).all()
        return run["trajectory"].to_dataset().isel(arm=0)

    found = outputs(stiff)
    alone = outputs(cohort.isel(patient=[0, 2]))
    other = outputs(stiff.isel(patient=[1]), method="stiff")
    for name in found.data_vars:
        assert np.array_equal(found[name].isel(patient=[0, 2]), alone[name])
        np.testing.assert_allclose(found[name].isel(patient=[1]), other[name], rtol=1e-4)


def test_blocks_that_go_together_go_as_each_by_itself(plan):
    def blocks():
        made = [
            block_run._make_block(plan, "a", lanes, cascade_of(plan.kernels))
            for lanes in (np.arange(LANES), np.resize([16, 17, 18, 19], LANES))
        ]
        made[1]._two.y[5 * LANES] = 1e305  # effector cells of its first patient: no solver can carry that
        return made

    def alone(block, times, stop, last):
        block.watch(times)
        block.advance(stop)
        if last:
            block.finish()
        y, present, c = block.record
        found = np.empty((len(times), len(plan.kernels.outputs), LANES))
        observe_record(plan.kernels.observe, times, block.problem.params, y, c, present, found.reshape(-1))
        lost = np.isnan(y.reshape(len(times), len(plan.kernels.states), LANES)[:, 0])
        return np.where(lost[:, None], np.nan, found)

    row, each = blocks(), blocks()
    together = CascadeBlocks(row)
    for times, stop in (([0.0, 3.5, 7.0], 14.0), ([], 28.0), ([28.0, 30.0, 56.0], 56.0)):
        last = stop == 56.0
        found, now = together.advance(np.array(times), stop, last)
        assert np.array_equal(found, [alone(block, np.array(times), stop, last) for block in each], equal_nan=True)
        for one, other, seen in zip(row, each, now, strict=True):
            assert np.array_equal(one.failed, other.failed)
            assert np.array_equal(one.state.y, other.state.y, equal_nan=True)
            assert np.array_equal(one.load, other.load)
            assert one.steps == other.steps > 0
            assert np.isnan(seen).all(axis=0).tolist() == np.isnan(seen).any(axis=0).tolist()
            assert np.isnan(seen[0]).tolist() == (one.failed != 0).tolist()
    assert [int((block.failed != 0).sum()) for block in row] == [0, 1]
    assert np.array_equal(found[:, -1], now, equal_nan=True)
