"""One block of patients through one arm: integrate to each visit, measure, decide, go on."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pdsim._jit import LANES
from pdsim.draws import exponentials
from pdsim.ensemble.plan import Plan
from pdsim.ensemble.recording import Recorder, Wanted
from pdsim.solvers.block import Block
from pdsim.visits import Assessor, assay_noise

DRAWS = 32  # exponential draws a clone; a clone that dies out more often uses them again in turn
MARKERS = ("m_protein", "flc", "anc", "platelets", "burden")


class BlockResult(NamedTuple):
    """Arrays of one block, patient first."""

    trajectory: dict[str, np.ndarray]  # flat output -> (patient, time) float32
    visits: dict[str, np.ndarray]  # (patient, visit)
    counts: dict[str, np.ndarray]  # (patient, count) float32
    reduced: dict[str, np.ndarray]  # (patient[, clone])
    events: dict[str, np.ndarray]  # (patient,) days
    status: np.ndarray  # (patient,)
    states: np.ndarray  # (2, state, patient): at the end and at confirmed progression (NaN without one)
    steps: int


def run_block(plan: Plan, arm: str, rows: np.ndarray, wanted: Wanted) -> BlockResult:
    """Simulate up to LANES patients (`rows` of the cohort) in one arm and keep what is wanted."""
    count = len(rows)
    lanes = np.concatenate([rows, np.repeat(rows[-1:], LANES - count)])
    block = _make_block(plan, arm, lanes)
    visits = plan.grid.visits / plan.time_unit
    stop = plan.grid.stop / plan.time_unit
    recorder = Recorder(plan, block, wanted, [*visits, stop])
    assessor = _assessor(plan, arm, rows)
    states = np.full((2, len(plan.kernels.states), LANES), np.nan)
    treated = np.ones(LANES, dtype=bool)
    for k, time in enumerate(visits):
        recorder.advance(float(time))
        outputs, present = recorder.now()
        seen = dict(zip(plan.kernels.outputs, outputs, strict=True))
        assessor.visit(k, **{marker: seen[marker][:count] for marker in MARKERS if marker in seen})
        goes_on = np.ones(LANES, dtype=bool)
        goes_on[:count] = assessor.on_treatment
        goes_on[count:] = goes_on[count - 1]
        block.stop_dosing(~goes_on)
        progressed = np.zeros(LANES, dtype=bool)
        progressed[:count] = assessor.progressed
        first = progressed & treated
        states[1][:, first] = present[:, first]
        treated &= ~progressed
    recorder.advance(stop, last=True)
    states[0] = recorder.now()[1]
    return BlockResult(
        {name: values[:count] for name, values in recorder.trajectory.items()},
        assessor.record,
        {name: values[:count] for name, values in recorder.counts(rows).items()},
        {name: values[:count] for name, values in recorder.reduced().items()},
        {event.name: times[:count] for event, times in zip(wanted.events, recorder.crossings.times, strict=True)},
        block.failed[:count],
        states[:, :, :count],
        block.steps,
    )


def _make_block(plan: Plan, arm: str, lanes: np.ndarray) -> Block:
    kernels = plan.kernels
    params = np.zeros((len(kernels.params) + kernels.n_derived, LANES))
    params[: len(kernels.params)] = plan.params[arm][:, lanes]
    flat = params.reshape(-1)
    kernels.derive(LANES, flat)
    own = np.zeros(len(kernels.states) * LANES)
    kernels.initial(LANES, flat, own)
    entry = own.reshape(-1, LANES)
    for row, given in plan.entry.items():
        entry[row] = given[lanes]
    names, drugs, order = plan.drug_blocks(lanes)
    counted = [i for i, below in enumerate(kernels.extinct_below) if below > 0.0]
    draws = np.ones((len(kernels.states), DRAWS, LANES))
    for i in counted:
        draws[i] = exponentials(plan.seed, plan.patients[lanes], f"entry.{kernels.states[i]}", DRAWS).T
    return Block(
        kernels=kernels,
        params=params,
        entry=entry,
        draws=draws,
        drugs=drugs,
        species=order,
        lines_plan=plan.line_blocks(arm, lanes, names),
        output_times=np.zeros(0),
        options=replace(plan.options, max_step=plan.options.max_step / plan.time_unit),
    )


def _assessor(plan: Plan, arm: str, rows: np.ndarray) -> Assessor:
    days = plan.grid.visits
    return Assessor(
        days,
        len(rows),
        plan.rules,
        assay_noise(plan.seed, plan.patients[rows], len(days)),
        until_progression=plan.arms[arm].until_progression,
        error=plan.assay,
        treated=plan.arms[arm].regimen is not None,
    )
