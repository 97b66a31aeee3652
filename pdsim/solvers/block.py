"""One block of patients: builds the flat arrays, steps them to a visit, hands stiff lanes to the stiff method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pdsim._jit import LANES
from pdsim.solvers.arrays import Forcing, Lines, Problem, Record, State, Work
from pdsim.solvers.status import BAD_INPUT, OK, STIFF

METHODS = ("auto", "explicit", "stiff")


@dataclass(frozen=True)
class Options:
    """Accuracy and limits of an integration.

    rtol, atol : relative tolerance, and absolute tolerance per unit of each state's scale.
    max_step : largest step, in the model's time unit.
    max_steps : most accepted steps between two visits.
    method : "explicit", "stiff", or "auto" (explicit; a patient held back by stability goes to the stiff method).
    """

    rtol: float = 1e-5
    atol: float = 1e-8
    max_step: float = 30.0
    max_steps: int = 1_000_000
    method: str = "auto"

    def array(self) -> np.ndarray:
        """Return the numbers that the jitted code reads."""
        patience = 50.0 if self.method == "auto" else np.inf
        return np.array([self.rtol, self.max_step, float(self.max_steps), patience])


@dataclass(frozen=True)
class DrugBlock:
    """Linear pharmacokinetics of one drug for the lanes of a block.

    matrix, right, left : (lane, n, n); rates : (lane, n); readout : (species, lane, n); confluent : (lane,)
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
    return np.ascontiguousarray(np.moveaxis(np.asarray(array, dtype=np.float64), 0, -1)).reshape(-1)


def _join(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0)


def _offsets(sizes: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


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
        confluent=_join([np.asarray(drug.confluent, dtype=np.int64) for drug in drugs]).astype(np.int64),
        amounts=np.zeros(compartments * LANES),
        inflow=np.zeros(compartments * LANES),
        since=np.full(len(drugs) * LANES, start),
        modes=np.zeros(int(species_first[-1]) * LANES),
        steady=np.zeros(len(species) * LANES),
        scratch=np.zeros(4 * (max(sizes, default=0) + 1) ** 2 + max(sizes, default=0)),
    )


def make_lines(lines: Sequence[LineBlock]) -> Lines:
    """Lay out dosing lines, all planned in full, none given yet."""
    first = _offsets([len(line.times) for line in lines])
    begin = np.repeat(first[:-1], LANES).astype(np.int64)
    return Lines(
        first=first,
        times=_join([np.asarray(line.times, dtype=np.float64) for line in lines]),
        drug=np.array([line.drug for line in lines], dtype=np.int64),
        target=np.array([line.target for line in lines], dtype=np.int64),
        duration=np.array([line.duration for line in lines], dtype=np.float64),
        amount=_join([np.asarray(line.amount, dtype=np.float64) for line in lines]),
        lag=_join([np.asarray(line.lag, dtype=np.float64) for line in lines]),
        factor=np.ones(len(lines) * LANES),
        given=np.full(int(first[-1]) * LANES, np.nan),
        next_start=begin,
        next_stop=begin.copy(),
    )


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
        outputs = len(self.problem.output_times)
        self.record = Record(
            y=np.full(outputs * states * LANES, np.nan),
            present=np.full(outputs * states * LANES, np.nan),
            concentrations=np.full(outputs * species * LANES, np.nan),
        )
        self.state = self._entry_state(below)
        self._finite_or_fail()
        self._steps = 0
        self._work = self._scratch(states, species, int(self.forcing.first[-1]))

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
        return Work(
            k=np.zeros(7 * states * LANES),
            poly=np.zeros(4 * states),
            trial=np.zeros(states * LANES),
            sixth=np.zeros(states * LANES),
            c=np.zeros(species * LANES),
            decay=np.zeros(compartments * LANES),
            time=np.zeros(LANES),
            step=np.zeros(LANES),
            error=np.zeros(LANES),
            values=np.zeros(states),
            species=np.zeros(species),
        )

    def _finite_or_fail(self) -> None:
        """Mark lanes whose parameters, entry states, kinetics or doses are not finite numbers."""
        bad = np.zeros(LANES, dtype=bool)
        for rows in (
            self.params,
            self.entry,
            self.forcing.matrix,
            self.forcing.readout,
            self.lines.amount,
            self.lines.lag,
        ):
            bad |= ~np.isfinite(np.reshape(rows, (-1, LANES))).all(axis=0)
        self.state.status[bad] = BAD_INPUT

    def advance(self, stop: float) -> None:
        """Integrate every healthy lane to `stop`. Doses at `stop` wait for the next call."""
        from pdsim.solvers.explicit import advance

        if self.options.method != "stiff":
            advance(
                LANES,
                self.kernels.rates,
                self.problem,
                self.forcing,
                self.lines,
                self.state,
                self.record,
                self._work,
                stop,
            )
            stiff = self.state.status == STIFF
        else:
            stiff = self.state.status == OK
        for lane in np.flatnonzero(stiff):
            self._advance_stiff(int(lane), stop)
        self._steps += int(self.state.counts[: 2 * LANES].sum())
        self.state.counts[: 2 * LANES] = 0

    def _advance_stiff(self, lane: int, stop: float) -> None:
        """Carry one lane to `stop` by the stiff method, on a block of its own, and copy it back."""
        from pdsim.solvers.rosenbrock import advance_stiff

        def alone(bundle: Any, per_lane: Callable[[str], bool]) -> Any:
            picked = {}
            for name, array in bundle._asdict().items():
                if per_lane(name) and array.size:
                    copy = np.zeros_like(array)
                    copy.reshape(-1, LANES)[:, 0] = array.reshape(-1, LANES)[:, lane]
                    picked[name] = copy
                else:
                    picked[name] = array
            return type(bundle)(**picked)

        shared = {
            "absolute",
            "counted",
            "floor",
            "output_times",
            "options",
            "first",
            "square",
            "species_drug",
            "species_first",
            "scratch",
            "times",
            "drug",
            "target",
            "duration",
        }
        bundles: list[Any] = [self.problem, self.forcing, self.lines, self.state, self.record]
        own = [alone(bundle, lambda name: name not in shared) for bundle in bundles]
        own[3].status[0] = OK
        own[3].fresh[0] = 1
        jacobian = self.kernels.jacobian
        advance_stiff(self.kernels.rates, jacobian, *own, self._work, stop)
        if own[3].status[0] == OK and self.options.method == "auto":
            own[3].status[0] = STIFF
        for bundle, copy in zip(bundles[1:], own[1:], strict=True):
            for name, array in bundle._asdict().items():
                if name not in shared and array.size:
                    array.reshape(-1, LANES)[:, lane] = copy._asdict()[name].reshape(-1, LANES)[:, 0]

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

        concentrations(self.forcing, LANES, self.state.time, self._work.decay, self._work.c)
        return self._work.c

    @property
    def steps(self) -> int:
        """Accepted and rejected steps of all lanes so far."""
        return int(self._steps)

    def stop_dosing(self, lanes: np.ndarray) -> None:
        """Give nothing more to the lanes marked in (lane,)."""
        self.lines.factor.reshape(-1, LANES)[:, lanes] = 0.0
