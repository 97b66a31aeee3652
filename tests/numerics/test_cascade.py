"""The cascade against the direct path at tight tolerance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import pdsim
from pdsim.dosing import Regimen
from pdsim.ensemble import block_run
from pdsim.ensemble.prepare import ASSAY, make_grid, make_plan
from pdsim.model.cascade import cascade_of
from pdsim.simulate import Arm
from pdsim.solvers import cascade_block
from pdsim.solvers.block import Block, LineBlock, Options
from pdsim.solvers.cascade_block import CascadeBlock, period
from pdsim.visits import ResponseRules

LANES = 16
AMPLIFIED = 50.0  # a nadir of neutrophils multiplies local errors some tens of times, on the direct path as well


def ingredients(monkeypatch, regimen, stop, every=7.0, patients=4, seed=11, drugs=None):
    """Arguments of a block, and the cascade of its kernels; `drugs` are cards besides those that the regimen names."""
    model = pdsim.load_model("myeloma")
    cohort = pdsim.sample_cohort("len_refractory", patients, seed=seed)
    arms = {"a": Arm(pdsim.load_regimen(regimen) if isinstance(regimen, str) else regimen)}
    grid = make_grid(stop, every, 28.0, 7.0)
    plan = make_plan(model, cohort, arms, drugs, grid, Options(method="explicit"), ASSAY, ResponseRules(), None)
    with monkeypatch.context() as patch:
        patch.setattr(block_run, "Block", lambda **given: given)
        found = block_run._make_block(plan, "a", np.arange(LANES) % patients)
    found["output_times"] = grid.times
    return found, cascade_of(plan.kernels)


def run(block, stop, visits=(), stopped=None):
    """Outputs of the whole run, (output time, output, lane)."""
    for visit in visits:
        block.advance(visit)
        if stopped is not None:
            block.stop_dosing(stopped)
    block.advance(stop)
    block.finish()
    assert (block.failed == 0).all()
    kernels, record = block.kernels, block.record
    times = block.problem.output_times
    values = np.empty((len(times), len(kernels.outputs), LANES))
    out = np.zeros(len(kernels.outputs) * LANES)
    rows = [part.reshape(len(times), -1) for part in (record.y, record.present, record.concentrations)]
    for i, time in enumerate(times):
        y, present, c = (part[i] for part in rows)
        kernels.observe(LANES, np.full(LANES, time), y, block.problem.params, c, present, out)
        values[i] = out.reshape(-1, LANES)
    return values


def by_cascade(found, cascade, rtol, stop, visits=(), stopped=None):
    """Outputs by the cascade."""
    given = {**found, "options": Options(rtol=rtol, atol=1e-3 * rtol, method="explicit")}
    return run(CascadeBlock(**given, cascade=cascade), stop, visits, stopped)


def tight(found, stop, visits=(), stopped=None):
    """Outputs by the direct path at tight tolerance."""
    options = Options(rtol=1e-9, atol=1e-12, method="explicit")
    return run(Block(**{**found, "options": options}), stop, visits, stopped)


def pair(found, cascade, rtol, stop, visits=(), stopped=None):
    """Outputs by the cascade, and by the direct path at tight tolerance."""
    return by_cascade(found, cascade, rtol, stop, visits, stopped), tight(found, stop, visits, stopped)


def worst(mine, reference):
    """Largest error relative to the value, or to a thousandth of the output's largest value."""
    scale = np.maximum(np.abs(reference), 1e-3 * np.abs(reference).max(axis=(0, 2), keepdims=True))
    return float(np.max(np.abs(mine - reference) / np.maximum(scale, 1e-300)))


@pytest.mark.parametrize("regimen", ["rep", "ibercd", "lenalidomide"])
def test_every_output_keeps_the_tolerance(monkeypatch, regimen):
    # drugs of rep that are not given: their kernels serve every test of this file
    spare = {dose.drug: pdsim.load_drug(dose.drug) for dose in pdsim.load_regimen("rep").doses}
    found, cascade = ingredients(monkeypatch, regimen, 84.0, drugs=spare if regimen == "lenalidomide" else None)
    reference = tight(found, 84.0)
    for rtol in (1e-4, 1e-6):
        assert worst(by_cascade(found, cascade, rtol, 84.0), reference) < AMPLIFIED * rtol


def test_outputs_inside_panels_keep_the_tolerance(monkeypatch):
    found, cascade = ingredients(monkeypatch, "rep", 40.0, every=0.37)
    assert worst(*pair(found, cascade, 1e-6, 40.0)) < AMPLIFIED * 1e-6


def test_without_drugs_there_is_no_cascade(monkeypatch):
    assert ingredients(monkeypatch, None, 28.0)[1] is None


def test_driver_and_disease(monkeypatch):
    found, cascade = ingredients(monkeypatch, "rep", 28.0)
    states = found["kernels"].states
    driver = {states[i].split("[")[0] for i in cascade.driver}
    assert driver == {"ikzf", "signal", "ikzf_lymph", "ikzf_marrow", "steroid_effect"}
    assert sorted(cascade.driver + cascade.disease) == list(range(len(states)))
    assert cascade.repeats


def test_panels_are_used_again_and_give_the_same(monkeypatch):
    found, cascade = ingredients(monkeypatch, "rep", 224.0)
    given = {**found, "options": Options(rtol=1e-6, atol=1e-9, method="explicit")}
    again = CascadeBlock(**given, cascade=cascade)
    fresh = CascadeBlock(**given, cascade=cascade, reuse=False)
    first, second = run(again, 224.0), run(fresh, 224.0)
    assert again.tally[0] >= 3 * 28 * LANES
    assert fresh.tally[0] == 0
    assert worst(first, second) < 1e-6


def test_panels_are_halved_where_the_series_are_too_coarse(monkeypatch):
    found, cascade = ingredients(monkeypatch, "rep", 28.0)
    given = {**found, "options": Options(rtol=1e-5, atol=1e-8, method="explicit")}
    coarse = CascadeBlock(**given, cascade=cascade, degree=1)
    fine = CascadeBlock(**given, cascade=cascade)
    first, second = run(coarse, 28.0), run(fine, 28.0)
    assert coarse.tally[2] >= 3 * LANES
    assert coarse.tally[2] > 2 * fine.tally[2]
    assert worst(first, second) < AMPLIFIED * 1e-5


def test_whole_panels_have_the_effect_of_a_moment_that_the_disease_is_not_given(monkeypatch):
    found, cascade = ingredients(monkeypatch, "rep", 42.0)
    monkeypatch.setattr(cascade_block, "PIECES", 1)
    mine, reference = pair(found, cascade, 1e-8, 42.0)
    assert worst(mine, reference) < 8e-6  # 1.4e-5 without


def test_panels_are_long_while_nothing_is_given(monkeypatch):
    found, cascade = ingredients(monkeypatch, "rep", 140.0)
    plans = [replace(line, times=line.times[line.times < 21.0]) for line in found["lines_plan"]]
    given = {**found, "lines_plan": plans}
    block = CascadeBlock(**{**given, "options": Options(rtol=1e-6, atol=1e-9, method="explicit")}, cascade=cascade)
    assert worst(run(block, 140.0), tight(given, 140.0)) < AMPLIFIED * 1e-6
    assert block.tally[:2].sum() < 80 * LANES


def test_doses_stop_at_a_visit_for_some(monkeypatch):
    found, cascade = ingredients(monkeypatch, "rep", 200.0)
    stopped = np.arange(LANES) % 2 == 0
    mine, reference = pair(found, cascade, 1e-6, 200.0, visits=(84.0, 130.5), stopped=stopped)
    assert worst(mine, reference) < AMPLIFIED * 1e-6


def held(block, visits, stop):
    """Run with the lines of each lane given in other shares from visit to visit; (factor of line and lane) each."""
    for time, factor in visits:
        block.advance(time)
        block.scale_doses(factor)
    return run(block, stop)


def test_doses_change_by_line_and_lane(monkeypatch):
    found, cascade = ingredients(monkeypatch, "rep", 150.0)
    lag = np.linspace(0.0, 0.9, LANES)
    plans = [
        replace(line, lag=lag, duration=span) for line, span in zip(found["lines_plan"], (0.0, 0.3, 0.0), strict=True)
    ]
    found["lines_plan"] = plans
    shares = np.random.default_rng(4).choice([0.0, 0.5, 1.0], (3, len(plans), LANES))
    visits = [*zip((28.0, 56.0, 84.0), shares, strict=True), (112.0, np.ones((len(plans), LANES)))]
    options = Options(rtol=1e-6, atol=1e-9, method="explicit")
    mine = held(CascadeBlock(**{**found, "options": options}, cascade=cascade), visits, 150.0)
    exact = Options(rtol=1e-9, atol=1e-12, method="explicit")
    assert worst(mine, held(Block(**{**found, "options": exact}), visits, 150.0)) < AMPLIFIED * 1e-6


def test_regimen_without_a_period(monkeypatch):
    found, cascade = ingredients(monkeypatch, "rep", 60.0)
    rng = np.random.default_rng(5)
    plans = [replace(line, times=np.sort(rng.uniform(0.0, 60.0, 25))) for line in found["lines_plan"]]
    assert worst(*pair({**found, "lines_plan": plans}, cascade, 1e-6, 60.0)) < AMPLIFIED * 1e-6


def test_infusions_lags_and_confluent_kinetics(monkeypatch):
    found, cascade = ingredients(monkeypatch, "rep", 112.0)
    lags = np.linspace(0.0, 1.3, LANES)
    lines = [replace(line, duration=d, lag=lags) for line, d in zip(found["lines_plan"], (0.0, 0.4, 0.9), strict=True)]
    drugs = [replace(drug, confluent=np.arange(LANES) % 2 == 1) for drug in found["drugs"]]
    given = {**found, "lines_plan": lines, "drugs": drugs}
    assert worst(*pair(given, cascade, 1e-6, 112.0)) < AMPLIFIED * 1e-6


def test_doses_into_driver_and_disease(monkeypatch):
    found, cascade = ingredients(monkeypatch, "rep", 60.0, every=1.0)
    states = found["kernels"].states
    times = np.array([3.0, 10.3, 30.0])
    more = [
        LineBlock(-1, states.index("effector"), 0.0, times, np.full(LANES, 100.0), np.linspace(0.0, 0.5, LANES)),
        LineBlock(-1, states.index("tregs"), 0.6, times, np.full(LANES, 20.0), np.zeros(LANES)),
        LineBlock(-1, states.index("steroid_effect"), 0.0, times, np.full(LANES, 0.1), np.zeros(LANES)),
    ]
    given = {**found, "lines_plan": [*found["lines_plan"], *more]}
    assert worst(*pair(given, cascade, 1e-6, 60.0)) < AMPLIFIED * 1e-6


def test_clones_die_out_and_enter(monkeypatch):
    found, cascade = ingredients(monkeypatch, "rep", 112.0, every=1.0)
    states = found["kernels"].states
    entry = found["entry"].copy()
    entry[states.index("cells[sensitive]")] = np.geomspace(1.2, 1e4, LANES)
    entry[states.index("cells[pi_resistant]")] = 0.0
    entry[states.index("cells[pan_resistant]")] = 0.0
    mine, reference = pair({**found, "entry": entry}, cascade, 1e-6, 112.0)
    at = [found["kernels"].outputs.index(f"clone_cells[{name}]") for name in ("sensitive", "pi_resistant")]
    assert (reference[:, at] == 0.0).any()
    assert (reference[-1, at] > 1.0).any()
    assert ((mine == 0.0) == (reference == 0.0)).mean() > 0.999
    both = (mine > 0.0) & (reference > 0.0)
    # a clone's size soon after it enters answers to the moment of entry
    assert np.max(np.abs(mine - reference)[both] / reference[both]) < 1e-3


def test_impossible_patients_fail_alone(monkeypatch):
    found, cascade = ingredients(monkeypatch, "rep", 28.0)
    params = found["params"].copy()
    params[found["kernels"].params.index("ikzf_turnover"), 3] = np.nan
    entry = found["entry"].copy()
    entry[found["kernels"].states.index("neutrophils"), 5] = -1.0
    block = CascadeBlock(**{**found, "params": params, "entry": entry}, cascade=cascade)
    block.advance(28.0)
    assert block.failed[3] != 0
    assert block.failed[5] != 0
    assert (np.delete(block.failed, [3, 5]) == 0).all()


def test_period_of_the_doses():
    days = np.arange(0.0, 280.0)
    assert period([], 0.0, 1.0) == 1
    assert period([days], 0.0, 1.0) == 1
    assert period([days[days % 28 < 21], days], 0.0, 1.0) == 28
    assert period([days[::7], days[days % 21 < 14]], 0.0, 1.0) == 21
    fortnightly = Regimen.every("14 d", "1 mg", drug="lenalidomide", times=12)
    assert period([line.times for line in fortnightly.lines(200.0)], 0.0, 1.0) == 14
