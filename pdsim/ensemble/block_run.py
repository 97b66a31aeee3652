"""Some blocks of patients through one arm: integrate to each visit, measure, decide, go on.

What is done at a visit is done for all blocks at once, for its cost hardly depends on the number of patients.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pdsim._jit import LANES
from pdsim.draws import exponentials
from pdsim.ensemble.decide import BlockDosing
from pdsim.ensemble.plan import Plan
from pdsim.ensemble.recording import Recorder, Wanted
from pdsim.solvers.block import Block
from pdsim.solvers.cascade_block import CascadeBlock
from pdsim.solvers.observed import ObservedBlock
from pdsim.solvers.status import BAD_INPUT, OK
from pdsim.visits import MARKERS as ASSAYS
from pdsim.visits import Assessor, assay_noise

if TYPE_CHECKING:
    from pdsim.model.cascade import Cascade

_NOTHING = np.zeros((0, 0))
DRAWS = 32  # exponential draws a clone; a clone that dies out more often uses them again in turn
_PAUSE = 84.0  # days after which patients are put together anew, where no visit comes so early
MARKERS = ("m_protein", "flc", "anc", "platelets", "burden")


class BlockResult(NamedTuple):
    """Arrays of some blocks, patient first."""

    trajectory: dict[str, np.ndarray]  # flat output -> (patient, time) float32
    visits: dict[str, np.ndarray]  # (patient, visit)
    counts: dict[str, np.ndarray]  # (patient, count) float32
    reduced: dict[str, np.ndarray]  # (patient[, clone])
    events: dict[str, np.ndarray]  # (patient,) days
    status: np.ndarray  # (patient,)
    states: np.ndarray  # (2, state, patient): at the end and at confirmed progression (NaN without one)
    doses: dict[str, np.ndarray]  # "taken" and "planned": (drug of the arm, visit, patient)
    ledger: dict[str, np.ndarray]  # columns (entry,); patient is the row of the cohort
    steps: int


def run_blocks(plan: Plan, arm: str, rows: np.ndarray, wanted: Wanted) -> BlockResult:
    """Simulate some patients (`rows` of the cohort) in one arm, keeping what is wanted.

    Patients that the cascade cannot carry are run again without it where the method is "auto".
    """
    result = _run_lanes(plan, arm, rows, wanted, plan.cascade)
    failed = ~np.isin(result.status, (OK, BAD_INPUT))
    if plan.cascade is None or plan.options.method != "auto" or not failed.any():
        return result
    return _with_patients(result, rows, failed, _run_lanes(plan, arm, rows[failed], wanted, None))


def _with_patients(result: BlockResult, rows: np.ndarray, chosen: np.ndarray, other: BlockResult) -> BlockResult:
    """Put the patients of another result in the place of those marked in `chosen`."""
    for mine, theirs in zip(result[:5], other[:5], strict=True):
        for name, values in theirs.items():
            mine[name][chosen] = values
    result.status[chosen] = other.status
    result.states[:, :, chosen] = other.states
    for name, amounts in other.doses.items():
        result.doses[name][:, :, chosen] = amounts
    kept = ~np.isin(result.ledger["patient"], rows[chosen])
    ledger = {name: np.concatenate([column[kept], other.ledger[name]]) for name, column in result.ledger.items()}
    return result._replace(ledger=ledger, steps=result.steps + other.steps)


def _run_lanes(plan: Plan, arm: str, rows: np.ndarray, wanted: Wanted, cascade: Cascade | None) -> BlockResult:
    count = len(rows)
    lanes = np.concatenate([rows, np.repeat(rows[-1:], -count % LANES)])
    blocks = [_make_block(plan, arm, part, cascade) for part in lanes.reshape(-1, LANES)]
    visits = plan.grid.visits / plan.time_unit
    stop = plan.grid.stop / plan.time_unit
    pauses = _pauses(plan, cascade)
    recorder = Recorder(plan, blocks, wanted, np.unique(np.concatenate([visits, [stop], *pauses])).tolist())
    assessor = _assessor(plan, arm, rows)
    dosing = BlockDosing(plan, arm, rows)
    giving = Giving(recorder, dosing, plan.acting_lines(arm), plan.time_unit)
    states = np.full((2, len(plan.kernels.states), len(lanes)), np.nan)
    treated = np.ones(count, dtype=bool)
    markers = {marker: plan.kernels.outputs.index(marker) for marker in MARKERS if marker in plan.kernels.outputs}
    for k, time in enumerate(visits):
        recorder.advance(float(time))
        outputs = recorder.outputs_now() if markers else _NOTHING
        assessor.visit(k, **{marker: outputs[row, :count] for marker, row in markers.items()})
        dosing.visit(k, assessor, recorder.failed[:count] == 0)
        giving.update()
        first = np.flatnonzero(assessor.progressed & treated)
        if len(first):
            states[1][:, first] = recorder.states_now(first)
            treated &= ~assessor.progressed
        for pause in pauses[k]:
            recorder.advance(float(pause))
            giving.update()
    recorder.advance(stop, last=True)
    states[0] = recorder.states_now()
    return BlockResult(
        {name: values[:count] for name, values in recorder.trajectory.items()},
        assessor.record,
        {name: values[:count] for name, values in recorder.counts(rows).items()},
        {name: values[:count] for name, values in recorder.reduced().items()},
        {name: days[:count] for name, days in recorder.events.items()},
        recorder.failed[:count],
        states[:, :, :count],
        dosing.amounts(),
        dosing.ledger(),
        sum(block.steps for block in blocks),
    )


def _pauses(plan: Plan, cascade: Cascade | None) -> list[np.ndarray]:
    """Times after each visit at which patients are put together anew, where it is long to the next.

    They lie between panels of the cascade, which knows nothing of them; of other methods they would cut steps.
    """
    found = []
    for day, following in pairwise([*plan.grid.visits, plan.grid.stop]):
        far = cascade is not None and following - day > _PAUSE
        numbers = np.arange(day // _PAUSE + 1, np.ceil(following / _PAUSE)) if far else np.zeros(0)
        found.append(numbers * _PAUSE / plan.time_unit)
    return found


class Giving:
    """Lets every block give what was decided on the lines that act, where that has changed.

    Patients who take about as long are put together.

    Parameters
    ----------
    recorder : Recorder
        Of blocks with the same lines: those that act first, then some that no rule changes.
    dosing : BlockDosing
    acting : list of int
        Lines that act among those of `dosing`.
    time_unit : float
        Days in one unit of the blocks' time.
    """

    def __init__(self, recorder: Recorder, dosing: BlockDosing, acting: list[int], time_unit: float) -> None:
        self._recorder, self._dosing, self._unit = recorder, dosing, time_unit
        self._acting = np.array(acting, dtype=np.intp)
        lanes = len(recorder.order)
        # a lane beyond the last patient repeats it
        self._patient = np.minimum(np.arange(lanes), dosing.factors.shape[1] - 1)
        self._factors = np.ones((len(recorder.blocks[0].lines_plan), lanes))
        self._until = np.full(self._factors.shape, np.inf)

    def update(self) -> None:
        """Tell the blocks what has changed since the last time."""
        if self._dosing.fixed:
            self._recorder.gather(np.ones(len(self._recorder.order), dtype=bool))
            return
        own = slice(len(self._acting))
        factors = self._dosing.factors[self._acting][:, self._patient]
        moved = (factors != self._factors[own]).any(axis=0)
        self._factors[own] = factors
        if self._dosing.courses:
            until = self._dosing.until[self._acting][:, self._patient] / self._unit
            moved |= (until != self._until[own]).any(axis=0)
            self._until[own] = until
        order = self._recorder.order
        for place in np.flatnonzero(moved[order].reshape(-1, LANES).any(axis=1)):
            lanes = order[place * LANES : (place + 1) * LANES]
            ends = self._until[:, lanes] if self._dosing.courses else None
            self._recorder.blocks[place].scale_doses(self._factors[:, lanes], ends)
        self._recorder.gather(np.asarray((factors != 0.0).any(axis=0)))


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
        draws[i] = _entry_draws(plan.seed, plan.patients[lanes].tobytes(), kernels.states[i])
    parts: dict[str, Any] = dict(
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
    if cascade is None:
        acting = any(kernels.structure["inputs"].values())
        return Block(**parts) if acting or not drugs else ObservedBlock(**parts)
    return CascadeBlock(**parts, cascade=cascade, panel=1.0 / plan.time_unit)


@lru_cache(maxsize=1024)
def _entry_draws(seed: int, patients: bytes, clone: str) -> np.ndarray:
    """Exponential draws (draw, lane) of some patients for the entries of a clone; every arm has the same."""
    return exponentials(seed, np.frombuffer(patients, dtype=np.int64), f"entry.{clone}", DRAWS).T


def _assessor(plan: Plan, arm: str, rows: np.ndarray) -> Assessor:
    days, regimen = plan.grid.visits, plan.arms[arm].regimen
    return Assessor(
        days,
        len(rows),
        plan.rules,
        assay_noise(plan.seed, plan.patients[rows], len(days), [m for m in ASSAYS if m in plan.kernels.outputs]),
        until_progression=plan.arms[arm].until_progression,
        error=plan.assay,
        treated=regimen is not None and bool(regimen.doses),
    )
