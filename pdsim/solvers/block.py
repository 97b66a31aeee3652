"""One block of patients: builds the flat arrays, steps them to a visit, hands stiff lanes to the stiff method."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields
from itertools import accumulate
from typing import Any, Self

import numpy as np

from pdsim._jit import LANES
from pdsim.solvers.arrays import Forcing, Lines, Problem, Record, State, Work
from pdsim.solvers.dose_changes import change_doses
from pdsim.solvers.exchange import Table, table_of
from pdsim.solvers.pointers import address_of, call
from pdsim.solvers.status import BAD_INPUT, OK, STIFF

METHODS = ("auto", "cascade", "explicit", "stiff")
_NEVER = np.zeros(0)
SLOWEST = 1e-6  # rate relative to the drug's fastest at which six digits are lost in the steady concentration


@dataclass(frozen=True)
class Options:
    """Accuracy and limits of an integration.

    rtol, atol : relative tolerance, and absolute tolerance per unit of each state's scale.
    max_step : largest step, in the model's time unit.
    max_steps : most steps between two visits, rejected ones included.
    method : "cascade" (where drugs act on the disease and not the other way), "explicit", "stiff", or "auto": the
        cascade where there is one, else explicit; a patient held back by stability goes to the stiff method.
    """

    rtol: float = 1e-5
    atol: float = 1e-8
    max_step: float = 30.0
    max_steps: int = 100_000
    method: str = "auto"

    def array(self) -> np.ndarray:
        """Return the numbers that the jitted code reads."""
        patience = 50.0 if self.method == "auto" else np.inf
        return np.array([self.rtol, self.max_step, float(self.max_steps), patience])


@dataclass(frozen=True)
class DrugBlock:
    """Linear pharmacokinetics of one drug for the lanes of a block.

    matrix, right, left : (lane, n, n); rates : (lane, n); readout : (species, lane, n); confluent : (lane,), lanes on
    which right and left are not used
    """

    matrix: np.ndarray
    right: np.ndarray
    left: np.ndarray
    rates: np.ndarray
    readout: np.ndarray
    confluent: np.ndarray


@dataclass(frozen=True)
class LineBlock:
    """One dosing line for the lanes of a block: times (event,), amount and lag (lane,).

    drug : position among the block's drugs, or -1 for a model state; target : compartment or state.
    """

    drug: int
    target: int
    duration: float
    times: np.ndarray
    amount: np.ndarray
    lag: np.ndarray


def _flat(array: np.ndarray) -> np.ndarray:
    """Put the lane axis (first) last and flatten: (lane, ...) to one contiguous float64 row."""
    values = np.asarray(array, dtype=np.float64)
    return np.ascontiguousarray(values.transpose(*range(1, values.ndim), 0)).reshape(-1)


def _join(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0)


def _offsets(sizes: Sequence[int]) -> np.ndarray:
    return np.array([0, *accumulate(sizes)], dtype=np.int64)


def make_forcing(drugs: Sequence[DrugBlock], species: Sequence[tuple[int, int]], start: float) -> Forcing:
    """Lay out the pharmacokinetics of all drugs, nothing given yet; `species` lists (drug, row of its readout)."""
    sizes = [drug.rates.shape[1] for drug in drugs]
    species_first = _offsets([sizes[d] for d, _ in species])
    compartments = int(sum(sizes))
    return Forcing(
        first=_offsets(sizes),
        square=_offsets([n * n for n in sizes]),
        species_drug=np.array([d for d, _ in species], dtype=np.int64),
        species_first=species_first,
        matrix=_join([_flat(drug.matrix) for drug in drugs]),
        right=_join([_flat(drug.right) for drug in drugs]),
        left=_join([_flat(drug.left) for drug in drugs]),
        rates=_join([_flat(drug.rates) for drug in drugs]),
        readout=_join([_flat(drugs[d].readout[row]) for d, row in species]),
        confluent=_join([_needs_exponential(drug) for drug in drugs]).astype(np.int64),
        amounts=np.zeros(compartments * LANES),
        inflow=np.zeros(compartments * LANES),
        since=np.full(len(drugs) * LANES, start),
        modes=np.zeros(int(species_first[-1]) * LANES),
        steady=np.zeros(len(species) * LANES),
        scratch=np.zeros(4 * (max(sizes, default=0) + 1) ** 2 + max(sizes, default=0)),
    )


def _needs_exponential(drug: DrugBlock) -> np.ndarray:
    """Lanes whose modes cannot carry the amounts: rates that meet, or one so slow that an infusion never settles."""
    size = np.abs(drug.rates)
    return drug.confluent | (size.min(axis=1) < SLOWEST * size.max(axis=1))


def make_lines(lines: Sequence[LineBlock]) -> Lines:
    """Lay out dosing lines, all planned in full, none given yet."""
    first = _offsets([len(line.times) for line in lines])
    begin = np.repeat(first[:-1], LANES).astype(np.int64)
    return Lines(
        first=first,
        times=_join([np.asarray(line.times, dtype=np.float64) for line in lines]),
        opens=_join([(line.times[0] if len(line.times) else np.inf) + np.asarray(line.lag) for line in lines]),
        drug=np.array([line.drug for line in lines], dtype=np.int64),
        target=np.array([line.target for line in lines], dtype=np.int64),
        duration=np.array([line.duration for line in lines], dtype=np.float64),
        amount=_join([np.asarray(line.amount, dtype=np.float64) for line in lines]),
        lag=_join([np.asarray(line.lag, dtype=np.float64) for line in lines]),
        factor=np.ones(len(lines) * LANES),
        given=np.full(int(first[-1]) * LANES, np.nan),
        next_start=begin,
        next_stop=begin.copy(),
        latest=np.full(len(lines) * LANES, -np.inf),
        suited=np.zeros(len(lines) * LANES),
    )


def scale_lines(lines: Lines, factor: np.ndarray, time: np.ndarray, until: np.ndarray | None = None) -> None:
    """Give `factor` (line, lane) of the planned amounts from now on; what was taken before `time` (lane,) enters.

    From `until` (line, lane) on nothing is given, whatever the factor; each call sets that anew.
    """
    ends = _NEVER if until is None else np.ascontiguousarray(until).reshape(-1)
    call(change_doses, lines, np.ascontiguousarray(factor).reshape(-1), time, ends)


@dataclass
class Block:
    """LANES patients on their way through one arm.

    Parameters
    ----------
    kernels : object with `rates`, `jacobian`, `extinct_below`, `scale`, `states` (see `pdsim.model.Kernels`)
    params : array, (param, lane), derived rows filled
    entry : array, (state, lane), natural values at `start`
    draws : array, (state, draw, lane), unit exponentials for clones that are absent
    drugs, lines_plan : pharmacokinetics and dosing lines
    species : (drug, row of its readout) of each concentration that the kernels see, in their order
    output_times : array, (output,), ascending, not before `start`
    lanes : how many lanes hold patients; the others repeat one and are ignored
    """

    kernels: Any
    params: np.ndarray
    entry: np.ndarray
    draws: np.ndarray
    drugs: Sequence[DrugBlock]
    species: Sequence[tuple[int, int]]
    lines_plan: Sequence[LineBlock]
    output_times: np.ndarray
    options: Options
    start: float = 0.0
    problem: Problem = field(init=False)
    forcing: Forcing = field(init=False)
    lines: Lines = field(init=False)
    state: State = field(init=False)
    record: Record = field(init=False)

    def __post_init__(self) -> None:
        below = np.asarray(self.kernels.extinct_below, dtype=np.float64)
        counted = (below > 0.0).astype(np.int64)
        states = len(counted)
        with np.errstate(divide="ignore"):
            floor = np.where(counted == 1, np.log(np.where(below > 0.0, below, 1.0)), 0.0)
        self.problem = Problem(
            params=np.ascontiguousarray(self.params).reshape(-1),
            absolute=self.options.atol * np.where(counted == 1, 1.0, np.asarray(self.kernels.scale, dtype=np.float64)),
            counted=counted,
            floor=floor,
            draws=np.ascontiguousarray(self.draws).reshape(-1),
            output_times=np.asarray(self.output_times, dtype=np.float64),
            options=self.options.array(),
        )
        self.forcing = make_forcing(self.drugs, self.species, self.start)
        self.lines = make_lines(self.lines_plan)
        species = self.forcing.species_drug.size
        self.record = self._empty_record(len(self.problem.output_times))
        self.state = self._entry_state(below)
        self._finite_or_fail()
        self._steps = 0
        self.load = np.zeros(LANES, dtype=np.int64)  # steps of each lane in the last stretch
        self._lane_table: Table | None = None
        self._linear: Any = None  # scratch of the stiff method, once it is needed
        self._work = self._scratch(states, species, int(self.forcing.first[-1]))

    def _empty_record(self, outputs: int) -> Record:
        states, species = len(self.problem.counted), self.forcing.species_drug.size
        whole = np.empty(outputs * (2 * states + species) * LANES)
        whole.fill(np.nan)
        first, second = outputs * states * LANES, 2 * outputs * states * LANES
        return Record(whole[:first], whole[first:second], whole[second:])

    def _entry_state(self, below: np.ndarray) -> State:
        states = len(below)
        present = np.ones((states, LANES))
        y = np.array(self.entry, dtype=np.float64)
        for i in np.flatnonzero(below > 0.0):
            present[i] = y[i] >= below[i]
            with np.errstate(divide="ignore", invalid="ignore"):
                y[i] = np.where(np.isnan(y[i]), np.nan, np.where(present[i] == 1.0, np.log(y[i]), 0.0))
        return State(
            time=np.full(LANES, self.start),
            step=np.zeros(LANES),
            y=y.reshape(-1),
            present=present.reshape(-1),
            slope=np.zeros(states * LANES),
            inflow=np.zeros(states * LANES),
            redraw=np.zeros(states * LANES, dtype=np.int64),
            fresh=np.ones(LANES, dtype=np.int64),
            status=np.zeros(LANES, dtype=np.int64),
            next_output=np.zeros(LANES, dtype=np.int64),
            counts=np.zeros(3 * LANES, dtype=np.int64),
            stop=np.full(LANES, np.inf),
        )

    @staticmethod
    def _scratch(states: int, species: int, compartments: int) -> Work:
        names = ("time", "step", "end", "error", "other", "growth", "rules", "accept", "crossed", "largest")
        lane = {name: np.zeros(LANES) for name in names}
        return Work(
            k=np.zeros(16 * states * LANES),
            poly=np.zeros(4 * states),
            long_poly=np.zeros(7 * states),
            trial=np.zeros(states * LANES),
            steps=np.zeros(states * LANES),
            sixth=np.zeros(states * LANES),
            inside=np.zeros(states * LANES),
            c=np.zeros(species * LANES),
            decay=np.zeros(compartments * LANES),
            held=np.zeros(2 * LANES),
            values=np.zeros(states),
            species=np.zeros(species),
            **lane,
        )

    def _finite_or_fail(self) -> None:
        """Mark lanes whose parameters, entry states, kinetics or doses are not finite numbers."""
        forcing, lines = self.forcing, self.lines
        bad = np.zeros(LANES, dtype=bool)
        for rows in (self.params, self.entry, forcing.matrix, forcing.readout, lines.amount, lines.lag):
            bad |= ~np.isfinite(np.reshape(rows, (-1, LANES))).all(axis=0)
        self.state.status[bad] = BAD_INPUT

    def watch(self, times: np.ndarray) -> None:
        """Write outputs at other times (output,) from here on, ascending, none before now; the record starts empty."""
        self.problem = self.problem._replace(output_times=np.ascontiguousarray(times, dtype=np.float64))
        self.record = self._empty_record(len(times))
        self.state.next_output[:] = 0

    def fork(self) -> Self:
        """Copy that goes on from here by itself, on the very same course; what it was built from is shared."""
        given = (getattr(self, item.name) for item in fields(self) if item.init)
        copy = deepcopy(self, {id(part): part for part in given})
        copy._lane_table = None  # of what was copied
        return copy

    @property
    def lane_table(self) -> Table:
        """Where all stands that outlives a call of the solver and belongs to one lane."""
        if self._lane_table is None:
            self._lane_table = table_of(self._lane_bundles)
        return self._lane_table

    @property
    def _lane_bundles(self) -> tuple:
        return self.problem, self.forcing, self.lines, self.state

    def advance(self, stop: float) -> None:
        """Integrate every healthy lane to `stop`. Doses at `stop` wait for the next call."""
        self.load[:] = 0
        status = self.state.status
        if self.options.method == "stiff":
            status[status == OK] = STIFF
        else:
            call(self.explicit_solver, LANES, address_of(self.kernels.rates), *self._bundles, float(stop))
            self._count_steps()
        if (status == STIFF).any():
            self._advance_stiff(float(stop))
            self._count_steps()

    @property
    def explicit_solver(self) -> Any:
        """Explicit method that advances the block."""
        from pdsim.solvers.eighth import explicit_solver

        return explicit_solver(self.options.rtol)

    @property
    def _bundles(self) -> tuple:
        """What the methods work on."""
        return self.problem, self.forcing, self.lines, self.state, self.record, self._work

    def _count_steps(self) -> None:
        taken = self.state.counts[: 2 * LANES]
        self._steps += int(taken.sum())
        self.load += taken.reshape(2, LANES).sum(axis=0)
        taken[:] = 0

    def _advance_stiff(self, stop: float) -> None:
        """Carry the lanes of the stiff method to `stop`; the others stand there already."""
        from pdsim.solvers.rosenbrock import advance_stiff, make_linear

        if self._linear is None:
            states = len(self.problem.counted)
            structure = getattr(self.kernels, "structure", None)
            if structure is not None and len(structure["reads"]) != states:
                structure = None  # of the plain model, and these kernels carry tangents beside its states
            self._linear = make_linear(states, len(self.species), structure)
        linear, plan, raw = self._linear
        status = self.state.status
        lanes = status == STIFF
        status[lanes] = OK
        kernels = (address_of(self.kernels.rates), address_of(self.kernels.jacobian))
        call(advance_stiff, LANES, *kernels, *self._bundles, plan, linear, raw, stop)
        status[lanes & (status == OK)] = STIFF

    def finish(self) -> None:
        """Write the outputs due at the end of the run."""
        from pdsim.solvers.explicit import finish

        finish(LANES, self.problem, self.forcing, self.state, self.record, self._work)

    @property
    def failed(self) -> np.ndarray:
        """Status code of each lane, (lane,); lanes on the stiff method count as ok."""
        return np.where(self.state.status == STIFF, OK, self.state.status).astype(np.int8)

    def concentrations(self) -> np.ndarray:
        """Free concentrations at the lanes' present time, (species * lane,)."""
        from pdsim.solvers.forcing import concentrations

        if self.species:
            concentrations(self.forcing, LANES, self.state.time, self._work.decay, self._work.c)
        return self._work.c

    @property
    def steps(self) -> int:
        """Accepted and rejected steps of all lanes so far."""
        return int(self._steps)

    def scale_doses(self, line_factor: np.ndarray, until: np.ndarray | None = None) -> None:
        """Give `line_factor` (line, lane) times the planned amounts from now on, lines as in `lines_plan`; 0 is none.

        Doses taken before now still enter after their lag, as they were taken. From the times `until` (line, lane) on
        nothing is taken; a later call with `until` sets them anew.
        """
        scale_lines(self.lines, np.asarray(line_factor, dtype=np.float64), self.state.time, until)

    @property
    def dose_factors(self) -> np.ndarray:
        """What each line gives now relative to its planned amount, (line, lane)."""
        return self.lines.factor.reshape(-1, LANES).copy()

    def stop_dosing(self, lanes: np.ndarray) -> None:
        """Give nothing more to the lanes marked in (lane,); doses taken before now still enter after their lag."""
        self.scale_doses(np.where(lanes, 0.0, self.dose_factors))
