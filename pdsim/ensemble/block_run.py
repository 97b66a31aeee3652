"""One block of patients through one arm: integrate to each visit, measure, decide, go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pdsim._jit import LANES
from pdsim.draws import exponentials, normals
from pdsim.ensemble.plan import Plan
from pdsim.solvers.block import Block
from pdsim.solvers.cascade_block import CascadeBlock
from pdsim.solvers.status import BAD_INPUT, OK
from pdsim.visits import Assessor, assay_noise

if TYPE_CHECKING:
    from pdsim.model.cascade import Cascade

DRAWS = 32  # exponential draws a clone; a clone that dies out more often uses them again in turn
COUNTS = ("anc", "platelets")
MARKERS = ("m_protein", "flc", "anc", "platelets", "burden")


class BlockResult(NamedTuple):
    """Arrays of one block, patient first."""

    trajectory: dict[str, np.ndarray]  # flat output -> (patient, time) float32
    visits: dict[str, np.ndarray]  # (patient, visit)
    counts: dict[str, np.ndarray]  # (patient, count) float32
    status: np.ndarray  # (patient,)
    states: np.ndarray  # (2, state, patient): at the end and at confirmed progression (NaN without one)
    steps: int


def run_block(plan: Plan, arm: str, rows: np.ndarray, save: tuple[str, ...]) -> BlockResult:
    """Simulate up to LANES patients (`rows` of the cohort) in one arm; `save` names flat outputs to keep.

    Patients that the cascade cannot carry are run again without it where the method is "auto".
    """
    result = _run_lanes(plan, arm, rows, save, plan.cascade)
    failed = ~np.isin(result.status, (OK, BAD_INPUT))
    if plan.cascade is None or plan.options.method != "auto" or not failed.any():
        return result
    return _with_patients(result, failed, _run_lanes(plan, arm, rows[failed], save, None))


def _with_patients(result: BlockResult, chosen: np.ndarray, other: BlockResult) -> BlockResult:
    """Put the patients of another result in the place of those marked in `chosen`."""
    for mine, theirs in zip(result[:3], other[:3], strict=True):
        for name, values in theirs.items():
            mine[name][chosen] = values
    result.status[chosen] = other.status
    result.states[:, :, chosen] = other.states
    return result._replace(steps=result.steps + other.steps)


def _run_lanes(plan: Plan, arm: str, rows: np.ndarray, save: tuple[str, ...], cascade: Cascade | None) -> BlockResult:
    count = len(rows)
    lanes = np.concatenate([rows, np.repeat(rows[-1:], LANES - count)])
    block = _make_block(plan, arm, lanes, cascade)
    observe = _observer(plan, block)
    assessor = _assessor(plan, arm, rows)
    states = np.full((2, len(plan.kernels.states), LANES), np.nan)
    treated = np.ones(LANES, dtype=bool)
    for k, time in enumerate(plan.grid.visits / plan.time_unit):
        block.advance(float(time))
        seen = observe()
        assessor.visit(k, **{marker: seen[marker][:count] for marker in MARKERS if marker in seen})
        goes_on = np.ones(LANES, dtype=bool)
        goes_on[:count] = assessor.on_treatment
        goes_on[count:] = goes_on[count - 1]
        block.stop_dosing(~goes_on)
        progressed = np.zeros(LANES, dtype=bool)
        progressed[:count] = assessor.progressed
        first = progressed & treated
        states[1][:, first] = natural_states(block)[:, first]
        treated &= ~progressed
    block.advance(plan.grid.stop / plan.time_unit)
    block.finish()
    states[0] = natural_states(block)
    trajectory, counts = _stored(plan, block, save, rows)
    return BlockResult(
        {name: values[:count] for name, values in trajectory.items()},
        assessor.record,
        {name: values[:count] for name, values in counts.items()},
        block.failed[:count],
        states[:, :, :count],
        block.steps,
    )


def natural_states(block: Block) -> np.ndarray:
    """States as they are meant, (state, lane): counts instead of logarithms, 0 where absent, NaN after a failure."""
    y = block.state.y.reshape(-1, LANES).copy()
    present = block.state.present.reshape(-1, LANES)
    for i in np.flatnonzero(block.problem.counted):
        y[i] = np.where(present[i] == 1.0, np.exp(np.minimum(y[i], 700.0)), 0.0)
    y[:, block.failed != 0] = np.nan
    return y


def _make_block(plan: Plan, arm: str, lanes: np.ndarray, cascade: Cascade | None = None) -> Block:
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
    given = dict(
        kernels=kernels,
        params=params,
        entry=entry,
        draws=draws,
        drugs=drugs,
        species=order,
        lines_plan=plan.line_blocks(arm, lanes, names),
        output_times=plan.grid.outputs / plan.time_unit,
        options=replace(plan.options, max_step=plan.options.max_step / plan.time_unit),
    )
    if cascade is None:
        return Block(**given)
    return CascadeBlock(**given, cascade=cascade, panel=1.0 / plan.time_unit)


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


def _observer(plan: Plan, block: Block) -> Callable[[], dict[str, np.ndarray]]:
    """Return a function that gives the outputs at the block's present time, NaN for failed lanes."""
    outputs = plan.kernels.outputs
    out = np.zeros(len(outputs) * LANES)

    def observe() -> dict[str, np.ndarray]:
        c = block.concentrations()
        plan.kernels.observe(LANES, block.state.time, block.state.y, block.problem.params, c, block.state.present, out)
        values = out.reshape(-1, LANES).copy()
        values[:, block.failed != 0] = np.nan
        return dict(zip(outputs, values, strict=True))

    return observe


def _stored(plan: Plan, block: Block, save: tuple[str, ...], rows: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
    """Outputs at the stored times, and blood counts as measured between visits, both (lane, time)."""
    kernels, grid = plan.kernels, plan.grid
    times = grid.outputs
    states, species = len(kernels.states), len(kernels.concentrations)
    y = block.record.y.reshape(len(times), states * LANES)
    present = block.record.present.reshape(len(times), states * LANES)
    c = block.record.concentrations.reshape(len(times), species * LANES)
    out = np.zeros(len(kernels.outputs) * LANES)
    wanted = {name: kernels.outputs.index(name) for name in (*save, *(n for n in COUNTS if n in kernels.outputs))}
    values = np.empty((len(times), len(wanted), LANES))
    for row, time in enumerate(times / plan.time_unit):
        kernels.observe(LANES, np.full(LANES, time), y[row], block.problem.params, c[row], present[row], out)
        values[row] = out.reshape(-1, LANES)[list(wanted.values())]
        values[row][:, np.isnan(y[row, :LANES])] = np.nan
    stored = np.searchsorted(times, grid.times)
    counted = np.searchsorted(times, grid.counts)
    columns = dict(zip(wanted, np.moveaxis(values, 1, 0), strict=True))
    trajectory = {name: columns[name][stored].T.astype(np.float32) for name in save}
    counts = {}
    for name in (n for n in COUNTS if n in columns):
        true = columns[name][counted].T
        noise = np.zeros_like(true)
        noise[: len(rows)] = normals(plan.seed, plan.patients[rows], f"count.{name}", len(grid.counts))
        error = getattr(plan.assay, f"proportional_{name}")
        counts[name] = np.maximum(true * (1.0 + error * noise), 0.0).astype(np.float32)
    return trajectory, counts
