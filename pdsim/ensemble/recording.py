"""What is kept of patients' courses, read stretch by stretch so that no more than one stretch is held in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np

from pdsim._jit import LANES
from pdsim.draws import normals
from pdsim.ensemble.crossing import SCAN, Condition, Crossings
from pdsim.ensemble.plan import Plan
from pdsim.ensemble.reduction import Reduction, single
from pdsim.solvers.block import Block
from pdsim.solvers.cascade_block import CascadeBlock
from pdsim.solvers.exchange import exchange
from pdsim.solvers.outputs import observe_record
from pdsim.solvers.pointers import call

if TYPE_CHECKING:
    from pdsim.solvers.cascade_blocks import CascadeBlocks

COUNTS = ("anc", "platelets")
_EMPTY, _ALL = np.zeros(0), slice(None)
_LASTS = 0.5  # of the stretches to come: for how many patients are expected to go on as they did
_EXCHANGE = 4.0  # steps of a block that take as long as moving a patient


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
    """Leads blocks from stop to stop and keeps what is wanted; a lane here is one of all blocks, in their first order.

    Patients may change places on their way (`gather`); what a recorder gives back knows nothing of it.

    Parameters
    ----------
    plan : Plan
    blocks : sequence of Block
        At the start.
    wanted : Wanted
    stops : sequence of float
        Where the blocks will be stopped on their way, ascending, in the model's unit.

    Attributes
    ----------
    order : array of int, (lane,)
        Who is in each place now.
    """

    def __init__(self, plan: Plan, blocks: Sequence[Block], wanted: Wanted, stops: Sequence[float]) -> None:
        self.plan, self.blocks, self.wanted = plan, tuple(blocks), wanted
        self._stops = np.asarray(stops)
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
        self.order = self._place = np.arange(LANES * len(blocks))  # `_place`: where each is
        # arrays of output, block, lane and time
        counted = [name for name in COUNTS if name in kernels.outputs]
        self._counts = np.empty((len(counted), len(blocks), LANES, len(grid.counts)))
        self._courses = np.empty((len(wanted.save), len(blocks), LANES, len(grid.times)), dtype=np.float32)
        self._saved, self._seen = ([kernels.outputs.index(name) for name in names] for names in (wanted.save, counted))
        bases = {name for name, _ in wanted.reduce}
        self._reductions = {
            flat: Reduction(LANES * len(blocks)) for flat in kernels.outputs if flat.partition("[")[0] in bases
        }
        self._crossings = [Crossings(wanted.events, unit) for _ in blocks]
        self._together = None if wanted.events else _together(self.blocks)
        self._now: np.ndarray | None = None  # outputs at the present time, where they are known

    def advance(self, stop: float, last: bool = False) -> None:
        """Go to `stop`, which is `last` at the end of the run; doses and outputs at other stops belong to the next."""
        end = len(self._times) if last else int(np.searchsorted(self._times, stop))
        start, self._at = self._at, end
        times = self._times[start:end]
        if self._together is not None:
            seen, now = self._together.advance(times, stop, last)
            self._now = self._by_lane(now)
            self._keep(start, end, self._in_order(seen))
            return
        seen = np.empty((len(self.blocks), len(times), len(self.plan.kernels.outputs), LANES))
        for place, block in enumerate(self.blocks):
            before = block.fork() if self._crossings[place].open else None
            block.watch(times)
            block.advance(stop)
            if last:
                block.finish()
            self._outputs(block, times, *block.record, found=seen[place])
            if before is not None:
                self._look(place, before, start, end, seen[place].swapaxes(0, 1), stop)
        self._keep(start, end, self._in_order(seen))

    @cached_property
    def _movable(self) -> bool:
        """Whether patients may change places; a look for events follows a block with those it began with."""
        one_kind = len(self.blocks) > 1 and not self.wanted.events
        return one_kind and len({_shapes(block) for block in self.blocks}) == 1

    def gather(self, busy: np.ndarray) -> None:
        """Put patients together who take about as many steps: a block takes as long as its slowest patient.

        Those who are `busy` (lane,), that is given something, come first; how many steps a patient took since the last
        stop is what they are expected to take to the next.
        """
        if not self._movable:
            return
        load, busy = np.concatenate([block.load for block in self.blocks]), busy[self.order]
        least = load[busy].min(initial=load.max())
        level = np.where(busy, load, np.minimum(load, least))
        homes = _homes(level, busy)
        wrong = int((homes != np.arange(len(homes)) // LANES).sum())
        if not wrong:
            return
        stretches = _LASTS * (len(self._stops) - np.searchsorted(self._stops, self.blocks[0].state.time[0]))
        if stretches * (_cost(level) - _cost(level, homes)) <= _EXCHANGE * wrong:
            return
        pairs = _swaps(homes)
        exchange(self.blocks, np.array([(*divmod(here, LANES), *divmod(there, LANES)) for here, there in pairs]))
        order = self.order.tolist()
        for here, there in pairs:
            order[here], order[there] = order[there], order[here]
        self.order = np.array(order)
        self._place = np.argsort(self.order)

    def _in_order(self, seen: np.ndarray) -> np.ndarray:
        """Values (block, ..., lane) of the places as those of the patients in their first order."""
        if self.order is self._place:
            return seen
        wide = np.moveaxis(seen, 0, -2)
        by_lane = wide.reshape(*wide.shape[:-2], len(self.order))
        return np.moveaxis(by_lane[..., self._place].reshape(wide.shape), -2, 0)

    def _outputs(
        self, block: Block, times: np.ndarray, y: np.ndarray, present: np.ndarray, c: np.ndarray, found: np.ndarray
    ) -> None:
        """Fill `found` (time, output, lane) from a record of y, present and concentrations; NaN after a failure."""
        observe_record(self.plan.kernels.observe, times, block.problem.params, y, c, present, found.reshape(-1))
        if block.state.status.any():
            lost = np.isnan(y.reshape(len(times), len(self.plan.kernels.states) * LANES)[:, :LANES])
            found.swapaxes(0, 1)[:, lost] = np.nan

    def _states(self, block: Block, times: np.ndarray, y: np.ndarray, present: np.ndarray) -> np.ndarray:
        """Natural states of a record, (state, time, lane)."""
        shape = (len(times), len(self.plan.kernels.states), LANES)
        return natural(block, y.reshape(shape), present.reshape(shape)).swapaxes(0, 1)

    def _within(self, grid: str, start: int, end: int) -> tuple[np.ndarray | slice, slice]:
        """Places in a stretch of all times, and in the grid itself, of the grid's times that lie in it."""
        places = self._places[grid]
        first, last = np.searchsorted(places, (start, end))
        own = places[first:last] - start
        if len(own) and own[-1] - own[0] == len(own) - 1:
            return slice(own[0], own[-1] + 1), slice(first, last)  # nothing has to be copied
        return own, slice(first, last)

    def _keep(self, start: int, end: int, outputs: np.ndarray) -> None:
        """Store, count and reduce outputs (block, time, output, lane) on their grids."""
        stored, place = self._within("stored", start, end)
        if len(self._saved):
            self._courses[..., place] = single(outputs[:, stored][:, :, self._saved]).transpose(2, 0, 3, 1)
        for name, reduction in self._reductions.items():
            values = outputs[:, stored, self.plan.kernels.outputs.index(name)]
            by_lane = values.swapaxes(0, 1).reshape(values.shape[1], len(self.order))
            reduction.take(self.plan.grid.times[place], by_lane)
        counted, place = self._within("counted", start, end)
        if len(self._seen):
            self._counts[..., place] = outputs[:, counted][:, :, self._seen].transpose(2, 0, 3, 1)

    def _look(self, place: int, before: Block, start: int, end: int, outputs: np.ndarray, stop: float) -> None:
        """Look for events of one block on the times that are scanned, whatever is stored."""
        block, times = self.blocks[place], self._times[start:end]
        scanned, _ = self._within("scanned", start, end)
        ends, outputs = times[scanned], outputs[:, scanned]
        states = self._states(block, times, block.record.y, block.record.present)[:, scanned]
        if not len(ends) or ends[-1] < stop:  # the value before the doses at the stop closes the stretch
            now = np.empty((len(outputs), LANES))
            self._outputs_now(block, now)
            outputs = np.concatenate([outputs, now[:, None]], axis=1)
            states = np.concatenate([states, self._states_now(block)[:, None]], axis=1)
            ends = np.append(ends, stop)

        def margins_of(times: np.ndarray, y: np.ndarray, present: np.ndarray, c: np.ndarray) -> np.ndarray:
            found = np.empty((len(times), len(outputs), LANES))
            self._outputs(block, times, y, present, c, found)
            return self._margins(found.swapaxes(0, 1), self._states(block, times, y, present))

        self._crossings[place].look(before, ends, self._margins(outputs, states), stop, margins_of)

    def _margins(self, outputs: np.ndarray, states: np.ndarray) -> np.ndarray:
        """How far beyond their levels the quantities of all conditions lie, (condition, time, lane)."""
        values = dict(zip(self.plan.kernels.states, states, strict=True))
        values |= dict(zip(self.plan.kernels.outputs, outputs, strict=True))
        return np.array([condition.margin(values[condition.quantity]) for condition in self.wanted.events])

    def outputs_now(self) -> np.ndarray:
        """Outputs at the present time, (output, lane); NaN for failed lanes."""
        if self._now is not None:
            return self._now
        found = np.empty((len(self.blocks), len(self.plan.kernels.outputs), LANES))
        for block, own in zip(self.blocks, found, strict=True):
            self._outputs_now(block, own)
        return self._by_lane(found)

    def _by_lane(self, found: np.ndarray) -> np.ndarray:
        """Outputs (block, output, lane of it) of the places as (output, lane) of the patients."""
        found = self._in_order(found)
        return found.swapaxes(0, 1).reshape(found.shape[1], -1)

    def _outputs_now(self, block: Block, found: np.ndarray) -> None:
        state, c = block.state, block.concentrations()
        call(
            self.plan.kernels.observe,
            *(LANES, state.time, state.y, block.problem.params, c, state.present, found.reshape(-1)),
        )
        if state.status.any():
            found[:, block.failed != 0] = np.nan

    def states_now(self, who: np.ndarray | slice = _ALL) -> np.ndarray:
        """Natural states of all, or of some, at the present time, (state, lane); NaN for failed lanes."""
        place = self._place[who]
        block, lane = np.divmod(place, LANES)
        states = np.empty((len(self.plan.kernels.states), len(place)))
        for number in np.unique(block):
            own = block == number
            states[:, own] = self._states_now(self.blocks[number], lane[own])
        return states

    def _states_now(self, block: Block, lanes: np.ndarray | slice = _ALL) -> np.ndarray:
        y, present = (rows.reshape(-1, LANES)[:, lanes] for rows in (block.state.y, block.state.present))
        states = natural(block, y, present)
        states[:, block.failed[lanes] != 0] = np.nan
        return states

    @property
    def trajectory(self) -> dict[str, np.ndarray]:
        """Stored courses by flat output, (lane, time)."""
        return {name: own.reshape(-1, own.shape[-1]) for name, own in zip(self.wanted.save, self._courses, strict=True)}

    @property
    def failed(self) -> np.ndarray:
        """Status code of each lane, (lane,)."""
        return np.concatenate([block.failed for block in self.blocks])[self._place]

    @property
    def events(self) -> dict[str, np.ndarray]:
        """Days at which events were met, by name, (lane,)."""
        times = np.concatenate([crossings.times for crossings in self._crossings], axis=-1)
        return {event.name: days for event, days in zip(self.wanted.events, times, strict=True)}

    def counts(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Blood counts as they are measured in patients `rows`, (lane, count)."""
        plan, found = self.plan, {}
        names = [self.plan.kernels.outputs[row] for row in self._seen]
        for name, own in zip(names, self._counts, strict=True):
            true = own.reshape(-1, own.shape[-1])
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


def _together(blocks: Sequence[Block]) -> CascadeBlocks | None:
    """Lead blocks by one call where they are of the cascade."""
    if not all(isinstance(block, CascadeBlock) for block in blocks):
        return None
    from pdsim.solvers.cascade_blocks import CascadeBlocks

    return CascadeBlocks(cast("Sequence[CascadeBlock]", blocks))


def _cost(level: np.ndarray, homes: np.ndarray | None = None) -> float:
    """Steps of all blocks for these of each place, if patients went to the blocks `homes`."""
    order = slice(None) if homes is None else np.argsort(homes, kind="stable")
    return float(level[order].reshape(-1, LANES).max(axis=1).sum())


def _homes(level: np.ndarray, busy: np.ndarray) -> np.ndarray:
    """Block for the patient in each place, so that those of like level are together and few have to move."""
    own = np.arange(len(level)) // LANES
    # a fifth more or less does not matter; those alike stay as they stand, fuller blocks first
    coarse = np.round(5.0 * np.log(np.maximum(level, 1.0))) + 1e3 * busy
    weight = coarse.reshape(-1, LANES).sum(axis=1)
    groups = np.lexsort((own, -weight[own], -coarse)).reshape(-1, LANES)
    shared = (own[groups][..., None] == np.arange(len(groups))).sum(axis=1)
    homes = np.empty(len(level), dtype=np.intp)
    for _ in groups:
        group, block = np.unravel_index(shared.argmax(), shared.shape)
        homes[groups[group]] = block
        shared[group], shared[:, block] = -1, -1
    return homes


def _swaps(homes: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of places that change patients, one after the other, until each patient is in its home."""
    home, pairs = homes.tolist(), []
    away: list[list[int]] = [[] for _ in range(len(home) // LANES)]
    for here, block in enumerate(home):
        if block != here // LANES:
            away[here // LANES].append(here)
    for here in [here for others in away for here in others]:
        if home[here] == here // LANES:
            continue  # somebody else's change brought it here
        away[here // LANES].remove(here)
        while home[here] != here // LANES:
            others = away[home[here]]
            there = next((place for place in others if home[place] == here // LANES), others[0])
            others.remove(there)
            pairs.append((here, there))
            home[here], home[there] = home[there], home[here]
    return pairs


def _shapes(block: Block) -> tuple[tuple[int, ...], ...]:
    table = block.lane_table
    return tuple(table.rows.tolist()), tuple(table.shape.tolist())


def natural(block: Block, y: np.ndarray, present: np.ndarray) -> np.ndarray:
    """States as they are meant, (..., state, lane): counts instead of logarithms, 0 where absent."""
    counted = block.problem.counted.astype(bool)[:, None]
    if not counted.any():
        return y.copy()
    sizes = np.where(present == 1.0, np.exp(np.minimum(np.where(counted, y, 0.0), 700.0)), 0.0)
    return np.where(counted & ~np.isnan(y), sizes, y)
