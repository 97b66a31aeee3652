"""Drugs that act on no state: concentrations are read off in closed form, and none of their doses stops a step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from pdsim._jit import LANES
from pdsim.solvers.arrays import Forcing, Lines
from pdsim.solvers.block import Block, make_forcing, make_lines, scale_lines
from pdsim.solvers.pointers import call
from pdsim.solvers.status import OK, STIFF


@cache
def _no_drugs() -> Forcing:
    """What the integration sees; there is nothing in it to write to."""
    return make_forcing([], [], 0.0)


@cache
def _no_lines() -> Lines:
    return make_lines([])


@dataclass
class ObservedBlock(Block):
    """LANES patients whose drugs on cards are seen by the outputs alone; see `Block`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._enters = np.array([line.drug < 0 for line in self.lines_plan], dtype=bool)
        self._own, self._given = _no_lines(), self.lines
        if self._enters.any():
            self._own = make_lines([line for line in self.lines_plan if line.drug < 0])
            self._given = make_lines([line for line in self.lines_plan if line.drug >= 0])
        self._course = self.state._replace(
            time=self.state.time.copy(),
            fresh=np.zeros(LANES, dtype=np.int64),
            next_output=np.zeros(LANES, dtype=np.int64),
            stop=np.full(LANES, np.inf),
        )

    @property
    def _bundles(self) -> tuple:
        return self.problem, _no_drugs(), self._own, self.state, self.record, self._work

    @property
    def _lane_bundles(self) -> tuple:
        return (*super()._lane_bundles, self._own, self._given, self._course)

    def watch(self, times: np.ndarray) -> None:
        """Write outputs at other times (output,) from here on, ascending, none before now; the record starts empty."""
        super().watch(times)
        self._course.next_output[:] = 0

    def advance(self, stop: float) -> None:
        """Integrate every healthy lane to `stop`. Doses at `stop` wait for the next call."""
        super().advance(stop)
        parts = self.problem, self.forcing, self._given, self._course, self.record, self._work
        from pdsim.solvers.readout import read_off

        call(read_off, LANES, *parts, self.problem.output_times, float(stop))
        lost = (self.state.status != OK) & (self.state.status != STIFF)
        if lost.any():
            seen = self.record.concentrations.reshape(len(self.problem.output_times), len(self.species), LANES)
            seen[np.isnan(self.record.y.reshape(len(seen), -1, LANES)).any(axis=1)[:, None] & lost] = np.nan

    def scale_doses(self, line_factor: np.ndarray, until: np.ndarray | None = None) -> None:
        """Give `line_factor` (line, lane) times the planned amounts from now on; see `Block.scale_doses`."""
        factor = np.asarray(line_factor, dtype=np.float64)
        if until is None and np.array_equal(factor, self.dose_factors):
            return
        parts = [(self.lines, np.ones(len(factor), dtype=bool))]
        if self._enters.any():
            parts += [(self._given, ~self._enters), (self._own, self._enters)]
        for lines, own in parts:
            scale_lines(lines, factor[own], self.state.time, None if until is None else until[own])
