"""One block of patients by the cascade: the flat arrays of driver and disease, behind the interface of `Block`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Self

import numpy as np

from pdsim._jit import LANES
from pdsim.solvers.arrays import Lines, Problem, State
from pdsim.solvers.block import Block, LineBlock, make_forcing, make_lines, scale_lines
from pdsim.solvers.bundles import words_of
from pdsim.solvers.disease import DiseaseWork
from pdsim.solvers.driver import DriverWork
from pdsim.solvers.elimination import elimination
from pdsim.solvers.panels import Panels, Plan
from pdsim.solvers.pointers import call
from pdsim.solvers.radau import STAGES
from pdsim.solvers.readings import Seen
from pdsim.solvers.status import STIFF, TOO_MANY_STEPS

DEGREE = 3  # of the forcings' series on a panel
_DRIVER = 0.5  # of the tolerances: errors of the forcings add up over a whole treatment
_DISEASE = 2.5  # of the tolerances: a step's estimate is mostly far above its error
_BORNE = 18.0  # effect of the highest moments, in tolerances, at which a panel is halved: what is left out does 1/50
_BORNE_WHERE_FAST = 3.6  # the same of states that decay fast: to them it does a quarter
_BORNE_BY_CLONES = 0.0012  # of clones, which forget nothing: to them it does a sixth, day after day
PIECES = 16  # most pieces of a panel
LONGEST_PERIOD = 84  # panels
_NEAR = 3e-3  # of rtol: how near a driver must come to an earlier state to count as there


def period(times: Sequence[np.ndarray], start: float, panel: float) -> int:
    """Number of panels after which the doses of all lines repeat for the longest time; 1 without doses."""
    lines = tuple(np.asarray(line, dtype=np.float64).tobytes() for line in times if len(line))
    return _period(lines, start, panel) if lines else 1


@lru_cache(maxsize=64)
def _period(lines: tuple[bytes, ...], start: float, panel: float) -> int:
    """As `period`; all blocks of an arm have the same doses."""
    times = [np.frombuffer(line) for line in lines]
    last = int(max((line.max() - start) / panel for line in times)) + 1
    marks = np.zeros(last + 1, dtype=np.uint64)
    for row, line in enumerate(times):
        place = (line[line >= start] - start) / panel
        number = np.floor(place + 1e-9)
        offset = np.round((place - number) * 1e7).astype(np.int64).astype(np.uint64)
        # a hash of line and time of day, summed over the doses of a panel
        mixed = (offset + np.uint64((row + 1) * 0x9E3779B97F4A7C15 % 2**64)) * np.uint64(0xD6E8FEB86659FD93)
        np.add.at(marks, number.astype(np.int64), mixed ^ (mixed >> np.uint64(29)))
    most = min(LONGEST_PERIOD, last)
    return 1 + int(np.argmax([_longest_run(marks[step:] == marks[:-step]) for step in range(1, most + 1)]))


@lru_cache(maxsize=64)
def _coupled(size: int, pulls: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Which points of a driver step, (node, state in a ring), depend on which: nodes on all of one state, and pulls."""
    ties = np.zeros((size, size), dtype=bool)
    for one, other in pulls:
        ties[one, other] = True
    return np.asarray(np.kron(np.ones((STAGES, STAGES)), np.eye(size)) + np.kron(np.eye(STAGES), ties) > 0.0)


def _longest_run(alike: np.ndarray) -> int:
    breaks = np.flatnonzero(~np.concatenate([[False], alike, [False]]))
    return int(np.diff(breaks).max()) - 1


@dataclass
class CascadeBlock(Block):
    """LANES patients on their way through one arm, by the cascade.

    Parameters beyond those of `Block`
    ----------------------------------
    cascade : object with `driver`, `disease`, `n_forcings` and kernels (see `pdsim.model.cascade.Cascade`)
    panel : length of a panel, in the model's time unit
    degree : of the forcings' series on a panel
    reuse : whether panels may be used again
    """

    cascade: Any = None
    panel: float = 1.0
    degree: int = DEGREE
    reuse: bool = True
    tally: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        parts = self.cascade
        # one array of status codes for driver and disease
        self._two = self._part_state(np.array(parts.disease, dtype=np.int64), self.state.status)
        self._one = self._part_state(np.array(parts.driver, dtype=np.int64), self._two.status)
        first = self._part_problem(parts.driver, parts.derive_driver, parts.driver_derived)
        options = first.options.copy()
        options[0] *= _DRIVER
        self._first = first._replace(options=options, absolute=_DRIVER * first.absolute)
        second = self._part_problem(parts.disease, parts.derive_disease, parts.disease_derived)
        options = second.options.copy()
        options[0] *= _DISEASE
        self._second = second._replace(options=options, absolute=_DISEASE * second.absolute)
        self._split_lines()
        # neither is read any more
        self.problem = self.problem._replace(draws=np.zeros(0))
        self.lines = self.lines._replace(given=np.zeros(0))
        self._nothing = make_forcing([], [], self.start)
        self._aside = self.forcing._replace(
            **{name: getattr(self.forcing, name).copy() for name in ("amounts", "inflow", "since", "modes", "steady")}
        )
        self._two_aside = self._copy(self._two)
        self._one_aside = self._copy(self._one)._replace(status=self._two_aside.status)
        self._panels = self._make_panels()
        self._plan = self._make_plan()
        self._seen = Seen(
            self.record.y, self.record.present, self.record.concentrations, self.problem.output_times,
            np.array(parts.driver, dtype=np.int64), np.array(parts.disease, dtype=np.int64),
            np.zeros(len(self.species)), np.zeros(parts.n_forcings * LANES),
        )  # fmt: skip
        self._own_work()
        self.tally = self._plan.tally
        self._table: np.ndarray | None = None

    @staticmethod
    def _copy(bundle: Any) -> Any:
        return type(bundle)(*(array.copy() for array in bundle))

    def _rows(self, array: np.ndarray, places: np.ndarray | Sequence[int]) -> np.ndarray:
        return np.ascontiguousarray(array.reshape(-1, LANES)[np.asarray(places, dtype=np.int64)]).reshape(-1)

    def _part_state(self, places: np.ndarray, status: np.ndarray) -> State:
        count = len(places)
        return State(
            time=np.full(LANES, self.start),
            step=np.zeros(LANES),
            y=self._rows(self.state.y, places),
            present=self._rows(self.state.present, places),
            slope=np.zeros(count * LANES),
            inflow=np.zeros(count * LANES),
            redraw=np.zeros(count * LANES, dtype=np.int64),
            fresh=np.ones(LANES, dtype=np.int64),
            status=status,
            next_output=np.zeros(LANES, dtype=np.int64),
            counts=np.zeros(3 * LANES, dtype=np.int64),
            stop=np.full(LANES, np.inf),
        )

    def _part_problem(self, places: Sequence[int], derive: Any, derived: int) -> Problem:
        rows = list(places)
        known = len(self.kernels.params)
        params = np.zeros((known + derived, LANES))
        params[:known] = np.asarray(self.params).reshape(-1, LANES)[:known]
        flat = params.reshape(-1)
        derive(LANES, flat)
        counted = self.problem.counted[rows]
        draws = self.problem.draws.reshape(len(self.problem.counted), -1)[rows if counted.any() else []]
        return Problem(
            params=flat,
            absolute=self.problem.absolute[rows],
            counted=counted,
            floor=self.problem.floor[rows],
            draws=np.ascontiguousarray(draws).reshape(-1),
            output_times=np.zeros(0),
            options=self.problem.options,
        )

    def _split_lines(self) -> None:
        driver, disease = list(self.cascade.driver), list(self.cascade.disease)
        first: list[LineBlock] = []
        second: list[LineBlock] = []
        for line in self.lines_plan:
            if line.drug >= 0:
                first.append(line)
            elif line.target in driver:
                first.append(replace(line, target=driver.index(line.target)))
            else:
                second.append(replace(line, target=disease.index(line.target)))
        self._driver_plan = first
        self._enters_disease = np.array(
            [line.drug < 0 and line.target in disease for line in self.lines_plan], dtype=bool
        )
        self._lines = make_lines(first)
        self._own = make_lines(second)
        self._other: Lines = self._lines._replace(
            factor=self._lines.factor.copy(),
            given=self._lines.given.copy(),
            next_start=self._lines.next_start.copy(),
            next_stop=self._lines.next_stop.copy(),
        )

    def _make_panels(self) -> Panels:
        repeats = self.reuse and self.cascade.repeats
        slots = 1 + (period([line.times for line in self._driver_plan], self.start, self.panel) if repeats else 1)
        compartments = int(self.forcing.first[-1])
        rows = 2 * (compartments + len(self.cascade.driver))
        moments = self.cascade.n_forcings * (self.degree + 1)
        end = np.zeros((slots, rows, LANES))
        end[slots - 1, 2 * compartments : 2 * compartments + len(self.cascade.driver)] = self._one.y.reshape(-1, LANES)
        return Panels(
            moments=np.zeros(slots * PIECES * moments * LANES),
            start=np.zeros(slots * rows * LANES),
            end=end.reshape(-1),
            pointers=np.zeros(slots * 4 * len(self._driver_plan) * LANES, dtype=np.int64),
            begun=np.zeros(slots * LANES),
            level=np.full(slots * LANES, -1, dtype=np.int64),
            near=self._near(compartments).reshape(-1),
            at=np.full(LANES, slots - 1, dtype=np.int64),
            depth=np.zeros(LANES, dtype=np.int64),
            size=np.zeros(self.cascade.n_forcings * LANES),
            shape=np.array([slots, PIECES, self.degree, int(repeats)], dtype=np.int64),
            grid=np.array([self.start, self.panel]),
        )

    def _near(self, compartments: int) -> np.ndarray:
        """How far apart two driver states may be and count as one, (row, lane)."""
        amounts = np.zeros((compartments, LANES))
        scale = np.asarray(self.kernels.scale, dtype=np.float64)[list(self.cascade.driver)]
        states = np.repeat(scale, LANES).reshape(-1, LANES)
        for line in self._driver_plan:
            if line.drug >= 0:
                rows = slice(self.forcing.first[line.drug], self.forcing.first[line.drug + 1])
                amounts[rows] += np.abs(line.amount)
        return _NEAR * self.options.rtol * np.concatenate([amounts, amounts, states, states])

    def _make_plan(self) -> Plan:
        size = self._two.y.size
        rows = {"y": size, "present": size, "check": size, "check_present": size, "redraw": size, "tally": 5}
        rows["passed"] = self._panels.size.size
        whole = {"slot", "mode", "rests", "again", "active", "pieces", "piece", "redraw", "before", "tests", "tally"}
        plan = Plan(**{
            name: np.zeros(rows.get(name, LANES), dtype=np.int64 if name in whole else np.float64)
            for name in Plan._fields
        })  # fmt: skip
        plan.since[:] = -np.inf
        return plan

    @property
    def _lane_bundles(self) -> tuple:
        lines = self._lines, self._own, self._other
        states = self._one, self._two, self._one_aside, self._two_aside
        return (
            *super()._lane_bundles,
            self._first,
            self._second,
            self._aside,
            *lines,
            *states,
            self._panels,
            self._plan,
        )

    def _own_work(self) -> None:
        states, diseased = len(self.cascade.driver), len(self.cascade.disease)
        forcings, wide = self.cascade.n_forcings, self.degree + 1
        species, compartments = len(self.species), int(self.forcing.first[-1])
        ring, pulls = self.cascade.ring, self.cascade.pulls
        unknowns = 4 * len(ring)
        plan = elimination(_coupled(len(ring), pulls))
        driver = {
            **dict.fromkeys(("x", "before"), 4 * states), "k": 4 * (2 * states + len(pulls)), "forced": 4 * forcings,
            "factors": len(plan.row), **dict.fromkeys(("diagonal", "rows"), unknowns),
            **dict.fromkeys(("moments", "gain"), forcings * (wide + 1)), "weight": 4 * (wide + 1), "legendre": wide + 1,
            "c": 4 * species, "decay": compartments,
            "time": 4, "ratio": states + forcings, "absolute": states,
        }  # fmt: skip
        fading = len(self.cascade.fading)
        disease = {
            "k": 16 * (diseased + fading), "decay": fading, "left": fading, "moments": forcings * wide,
            "legendre": wide, "c": forcings,
            **dict.fromkeys(("trial", "end", "steps", "ratio", "third", "absolute", "fixed"), diseased),
        }  # fmt: skip
        self._driver_work = DriverWork(**{
            **{name: np.zeros(driver.get(name, 1) * LANES) for name in DriverWork._fields},
            "level": np.array(self.cascade.levels, dtype=np.int64),
            "ring": np.array(ring, dtype=np.int64), "pull": np.array(pulls, dtype=np.int64).reshape(-1),
            **{name: getattr(plan, name) for name in DriverWork._fields if name in plan._fields},
        })  # fmt: skip
        zeros = {name: np.zeros(disease.get(name, 1) * LANES) for name in DiseaseWork._fields}
        self._disease_work = DiseaseWork(**{
            **zeros, "poly": np.zeros(7 * diseased), "fading": np.array(self.cascade.fading, dtype=np.int64),
            "borne": self._borne(),
        })  # fmt: skip
        self._driver_work.absolute[:] = np.repeat(self._first.absolute, LANES)
        self._disease_work.absolute[:] = np.repeat(self._second.absolute, LANES)
        self._disease_work.fixed[:] = np.repeat(self._second.counted, LANES)

    def _borne(self) -> np.ndarray:
        """What the highest moments may do to each state of the disease on a panel, in tolerances."""
        found = np.where(self._second.counted, _BORNE_BY_CLONES, _BORNE)
        found[list(self.cascade.fading)] = _BORNE_WHERE_FAST
        return found

    def watch(self, times: np.ndarray) -> None:
        """Write outputs at other times (output,) from here on, ascending, none before now; the record starts empty."""
        super().watch(times)
        y, present, concentrations = self.record
        self._seen = self._seen._replace(
            y=y, present=present, concentrations=concentrations, times=self.problem.output_times
        )
        self._two.next_output[:] = 0
        if self._table is not None:
            for words, bundle in zip(self._words[-2:], self._parts[-2:], strict=True):
                words[:] = words_of(bundle)

    @property
    def table(self) -> np.ndarray:
        """Addresses of the tables of its bundles, (1, place); see the places in `pdsim.solvers.cascade_blocks`."""
        if self._table is None:
            self._words = [words_of(bundle) for bundle in self._parts]
            self._table = np.array([[words.ctypes.data for words in self._words]], dtype=np.int64)
        return self._table

    @property
    def _parts(self) -> tuple:
        """Its bundles; the last two are others with every record."""
        return (
            self._first, self._second, self.forcing, self._aside, self._nothing, self._lines, self._own, self._other,
            self._one, self._two, self._one_aside, self._two_aside, self._panels, self._plan, self._driver_work,
            self._disease_work, self.state, self._work, self._seen, self.problem,
        )  # fmt: skip

    def advance(self, stop: float) -> None:
        """Integrate every healthy lane to `stop`. Doses at `stop` wait for the next call."""
        from pdsim.solvers.cascade_blocks import advance_block

        advance_block(self, stop)

    def finish(self) -> None:
        """Write the outputs due at the end of the run."""
        from pdsim.solvers.cascade import finish_cascade

        parts = self._aside, self._lines, self._other, self._one_aside, self._two, self._panels, self._seen
        call(finish_cascade, *parts)

    def fork(self) -> Self:
        """Copy that goes on from here by itself; see `Block.fork`."""
        copy = super().fork()
        copy._table = None  # of what was copied
        return copy

    @property
    def steps(self) -> int:
        """Accepted and rejected steps of all lanes so far, those of the driver included."""
        return int(self.tally[3] + self.tally[4])

    @property
    def failed(self) -> np.ndarray:
        """Status code of each lane, (lane,); a stiff lane is one of too many steps."""
        return np.where(self.state.status == STIFF, TOO_MANY_STEPS, self.state.status).astype(np.int8)

    def concentrations(self) -> np.ndarray:
        """Free concentrations at the lanes' present time, (species * lane,)."""
        return self._work.c

    def scale_doses(self, line_factor: np.ndarray, until: np.ndarray | None = None) -> None:
        """Give `line_factor` (line, lane) times the planned amounts from now on; see `Block.scale_doses`."""
        factor = np.asarray(line_factor, dtype=np.float64)
        if until is None and np.array_equal(factor, self.dose_factors):
            return
        self.lines.factor[:] = factor.reshape(-1)  # of these no more is read
        for lines, own in (self._lines, ~self._enters_disease), (self._own, self._enters_disease):
            scale_lines(lines, factor[own], self.state.time, None if until is None else until[own])
        self._other.factor[:] = self._lines.factor
        self._other.given[:] = self._lines.given
