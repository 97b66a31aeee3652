"""What is kept of patients' courses, read stretch by stretch so that no more than one stretch is held in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pdsim._jit import LANES
from pdsim.draws import normals
from pdsim.ensemble.crossing import SCAN, Condition, Crossings
from pdsim.ensemble.plan import Plan
from pdsim.ensemble.reduction import Reduction, single
from pdsim.solvers.block import Block
from pdsim.solvers.outputs import observe_record

COUNTS = ("anc", "platelets")
_EMPTY = np.zeros(0)


@dataclass(frozen=True)
class Wanted:
    """What a run keeps.

    save : flat outputs whose course is stored
    reduce : pairs of output and reduction
    events : conditions whose first time is located
    """

    save: tuple[str, ...] = ()
    reduce: tuple[tuple[str, str], ...] = ()
    events: tuple[Condition, ...] = ()


class Recorder:
    """Leads blocks from stop to stop and keeps what is wanted; a lane here is one of all blocks, in their order.

    Parameters
    ----------
    plan : Plan
    blocks : sequence of Block
        At the start.
    wanted : Wanted
    stops : sequence of float
        Where the blocks will be stopped on their way, ascending, in the model's unit.
    """

    def __init__(self, plan: Plan, blocks: Sequence[Block], wanted: Wanted, stops: Sequence[float]) -> None:
        self.plan, self.blocks, self.wanted = plan, tuple(blocks), wanted
        lanes = LANES * len(blocks)
        kernels, grid, unit = plan.kernels, plan.grid, plan.time_unit
        self._stored, self._counted = grid.times / unit, grid.counts / unit
        days = np.arange(0.0, grid.stop, SCAN) if wanted.events else _EMPTY
        self._scanned = np.union1d(days / unit, stops) if wanted.events else _EMPTY
        self._times = np.unique(np.concatenate([self._stored, self._counted, self._scanned]))
        # places of each grid's times among all of them
        self._places = {
            name: np.searchsorted(self._times, own)
            for name, own in (("stored", self._stored), ("counted", self._counted), ("scanned", self._scanned))
        }
        self._at = 0
        self._counts = {name: np.empty((lanes, len(grid.counts))) for name in COUNTS if name in kernels.outputs}
        self.trajectory = {name: np.empty((lanes, len(grid.times)), dtype=np.float32) for name in wanted.save}
        bases = {name for name, _ in wanted.reduce}
        self._reductions = {
            flat: Reduction(lanes) for flat in kernels.outputs if flat.partition("[")[0] in bases
        }  # fmt: skip
        self._crossings = [Crossings(wanted.events, unit) for _ in blocks]

    def advance(self, stop: float, last: bool = False) -> None:
        """Go to `stop`, which is `last` at the end of the run; doses and outputs at other stops belong to the next."""
        end = len(self._times) if last else int(np.searchsorted(self._times, stop))
        start, self._at = self._at, end
        times = self._times[start:end]
        seen = []
        for place, block in enumerate(self.blocks):
            before = block.fork() if self._crossings[place].open else None
            block.watch(times)
            block.advance(stop)
            if last:
                block.finish()
            seen.append(self._outputs(block, times, *block.record))
            if before is not None:
                self._look(place, before, start, end, seen[-1], stop)
        self._keep(start, end, np.concatenate(seen, axis=-1))

    def _outputs(self, block: Block, times: np.ndarray, *record: np.ndarray) -> np.ndarray:
        """Outputs of a record of y, present and concentrations, (output, time, lane); NaN after a failure."""
        kernels, rows = self.plan.kernels, len(times)
        y, present, concentrations = record
        found = np.empty(rows * len(kernels.outputs) * LANES)
        observe_record(kernels.observe, times, block.problem.params, y, concentrations, present, found)
        outputs = np.moveaxis(found.reshape(rows, len(kernels.outputs), LANES), 1, 0)
        lost = np.isnan(y.reshape(rows, len(kernels.states) * LANES)[:, :LANES])
        if lost.any():
            outputs[:, lost] = np.nan
        return outputs

    def _states(self, block: Block, times: np.ndarray, *record: np.ndarray) -> np.ndarray:
        """Natural states of a record, (state, time, lane)."""
        shape = (len(times), len(self.plan.kernels.states), LANES)
        return np.moveaxis(natural(block, record[0].reshape(shape), record[1].reshape(shape)), 1, 0)

    def _within(self, grid: str, start: int, end: int) -> tuple[np.ndarray, slice]:
        """Places in a stretch of all times, and in the grid itself, of the grid's times that lie in it."""
        places = self._places[grid]
        first, last = np.searchsorted(places, (start, end))
        return places[first:last] - start, slice(first, last)

    def _keep(self, start: int, end: int, outputs: np.ndarray) -> None:
        """Store, count and reduce what lies on the stored grid and on the days of blood counts."""
        names = self.plan.kernels.outputs
        stored, place = self._within("stored", start, end)
        for name, kept in self.trajectory.items():
            kept[:, place] = single(outputs[names.index(name), stored]).T
        for name, reduction in self._reductions.items():
            reduction.take(self.plan.grid.times[place], outputs[names.index(name), stored])
        counted, place = self._within("counted", start, end)
        for name, seen in self._counts.items():
            seen[:, place] = outputs[names.index(name), counted].T

    def _look(self, place: int, before: Block, start: int, end: int, outputs: np.ndarray, stop: float) -> None:
        """Look for events of one block on the times that are scanned, whatever is stored."""
        block, times = self.blocks[place], self._times[start:end]
        scanned, _ = self._within("scanned", start, end)
        ends, outputs = times[scanned], outputs[:, scanned]
        states = self._states(block, times, *block.record)[:, scanned]
        if not len(ends) or ends[-1] < stop:  # the value before the doses at the stop closes the stretch
            now, own = self._now(block)
            outputs = np.concatenate([outputs, now[:, None]], axis=1)
            states = np.concatenate([states, own[:, None]], axis=1)
            ends = np.append(ends, stop)

        def margins_of(times: np.ndarray, *record: np.ndarray) -> np.ndarray:
            return self._margins(self._outputs(block, times, *record), self._states(block, times, *record))

        self._crossings[place].look(before, ends, self._margins(outputs, states), stop, margins_of)

    def _margins(self, outputs: np.ndarray, states: np.ndarray) -> np.ndarray:
        """How far beyond their levels the quantities of all conditions lie, (condition, time, lane)."""
        values = dict(zip(self.plan.kernels.states, states, strict=True))
        values |= dict(zip(self.plan.kernels.outputs, outputs, strict=True))
        return np.array([condition.margin(values[condition.quantity]) for condition in self.wanted.events])

    def now(self) -> tuple[np.ndarray, np.ndarray]:
        """Outputs and natural states at the present time, (output or state, lane); NaN for failed lanes."""
        outputs, states = zip(*(self._now(block) for block in self.blocks), strict=True)
        return np.concatenate(outputs, axis=-1), np.concatenate(states, axis=-1)

    def _now(self, block: Block) -> tuple[np.ndarray, np.ndarray]:
        state, kernels = block.state, self.plan.kernels
        out = np.empty(len(kernels.outputs) * LANES)
        c = block.concentrations()
        kernels.observe(LANES, state.time, state.y, block.problem.params, c, state.present, out)
        outputs = out.reshape(-1, LANES)
        states = natural(block, state.y.reshape(-1, LANES), state.present.reshape(-1, LANES))
        failed = block.failed != 0
        if failed.any():
            outputs[:, failed] = states[:, failed] = np.nan
        return outputs, states

    @property
    def failed(self) -> np.ndarray:
        """Status code of each lane, (lane,)."""
        return np.concatenate([block.failed for block in self.blocks])

    @property
    def events(self) -> dict[str, np.ndarray]:
        """Days at which events were met, by name, (lane,)."""
        times = np.concatenate([crossings.times for crossings in self._crossings], axis=-1)
        return {event.name: days for event, days in zip(self.wanted.events, times, strict=True)}

    def counts(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Blood counts as they are measured in patients `rows`, (lane, count)."""
        plan, found = self.plan, {}
        for name, true in self._counts.items():
            noise = np.zeros_like(true)
            noise[: len(rows)] = normals(plan.seed, plan.patients[rows], f"count.{name}", len(plan.grid.counts))
            error = getattr(plan.assay, f"proportional_{name}")
            found[name] = np.maximum(true * (1.0 + error * noise), 0.0).astype(np.float32)
        return found

    def reduced(self) -> dict[str, np.ndarray]:
        """Reductions by name, such as ``anc_min``, (lane[, clone])."""
        found = {}
        for base, how in self.wanted.reduce:
            own = [part.result(how) for flat, part in self._reductions.items() if flat.partition("[")[0] == base]
            dim = self.plan.kernels.output_dims[base]
            found[f"{base}_{how}"] = np.stack(own, axis=-1) if dim else own[0]
        return found


def natural(block: Block, y: np.ndarray, present: np.ndarray) -> np.ndarray:
    """States as they are meant, (..., state, lane): counts instead of logarithms, 0 where absent."""
    counted = block.problem.counted.astype(bool)[:, None]
    if not counted.any():
        return y.copy()
    sizes = np.where(present == 1.0, np.exp(np.minimum(np.where(counted, y, 0.0), 700.0)), 0.0)
    return np.where(counted & ~np.isnan(y), sizes, y)
