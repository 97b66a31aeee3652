"""Up to LANES patients on their way through the compiled solver, moved from instant to instant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pdsim._jit import LANES
from pdsim.events.cycle import Cycle
from pdsim.solvers.arrays import Record
from pdsim.solvers.block import Block, Options
from pdsim.solvers.status import NAN, OK

_CHECKS = 64  # points at which a pass of `advance_until` looks


class OdeCourse:
    """Patients that share the times of everything that happens to them.

    Parameters
    ----------
    kernels : Kernels
        Of a model without drug cards.
    params : array, (patient, param)
        At most `LANES` patients.
    options : Options
        Accuracy of the integration.
    draws : array, (state, draw, patient), optional
        Unit exponentials for states that may vanish and come back.

    Attributes
    ----------
    time : float
        In the model's unit.
    reasons : dict of int to str
        Why a patient failed, where no status code says it.
    """

    def __init__(self, kernels: Any, params: np.ndarray, options: Options, draws: np.ndarray | None = None) -> None:
        self.kernels = kernels
        self.patients = len(params)
        self.time = 0.0
        self.reasons: dict[int, str] = {}
        self._lanes = np.minimum(np.arange(LANES), self.patients - 1)
        self._given = params
        states = len(kernels.states)
        drawn = np.ones((states, 1, LANES)) if draws is None else draws[:, :, self._lanes]
        self.block = Block(
            kernels=kernels,
            params=self._filled(params),
            entry=np.zeros((states, LANES)),
            draws=drawn,
            drugs=[],
            species=[],
            lines_plan=[],
            output_times=np.zeros(0),
            options=options,
        )

    def _filled(self, params: np.ndarray) -> np.ndarray:
        """Parameters and the rows derived from them, (param, lane)."""
        count = len(self.kernels.params)
        rows = np.zeros((count + self.kernels.n_derived, LANES))
        rows[:count] = params.T[:, self._lanes]
        flat = rows.reshape(-1)
        self.kernels.derive(LANES, flat)
        return flat.reshape(-1, LANES)

    def _lane(self, name: str) -> np.ndarray:
        return getattr(self.block.state, name).reshape(-1, LANES)

    def set_params(self, params: np.ndarray) -> None:
        """Go on with other parameters, (patient, param)."""
        self._given = params
        self.block.problem.params.reshape(-1, LANES)[:] = self._filled(params)
        self.block.state.fresh[:] = 1

    def reset(self, time: float) -> None:
        """Put the clock at `time`, the states at their entry values, and end every infusion."""
        entry = np.zeros(len(self.kernels.states) * LANES)
        self.kernels.initial(LANES, self.block.problem.params, entry)
        self.rewind(time)
        self.block.state.inflow[:] = 0.0
        self.set_states(entry.reshape(-1, LANES).T[: self.patients])

    def rewind(self, time: float) -> None:
        """Put the clock at `time` and leave the states as they are."""
        self.time = time
        self.block.state.time[:] = time
        self.block.state.fresh[:] = 1

    @property
    def failed(self) -> np.ndarray:
        """Status code of each patient, (patient,)."""
        return self.block.failed[: self.patients]

    @property
    def states(self) -> np.ndarray:
        """Natural values, (patient, state); NaN after a failure."""
        values = self._natural(self._lane("y"), self._lane("present"))
        values[:, self.block.failed != OK] = np.nan
        return values.T[: self.patients]

    def _natural(self, y: np.ndarray, present: np.ndarray) -> np.ndarray:
        counted = self.block.problem.counted.astype(bool)[:, None]
        with np.errstate(over="ignore"):
            return np.where(counted, np.where(present == 1.0, np.exp(np.where(counted, y, 0.0)), 0.0), y)

    def set_states(self, values: np.ndarray) -> None:
        """Go on from other natural values, (patient, state)."""
        below = np.asarray(self.kernels.extinct_below)[:, None]
        rows = values.T[:, self._lanes]
        present = np.where(below > 0.0, rows >= below, True)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(present, np.log(np.where(present, rows, 1.0)), 0.0)
        self._lane("y")[:] = np.where(below > 0.0, logs, rows)
        self._lane("present")[:] = present
        self.block.state.fresh[:] = 1

    def add(self, target: int, amounts: np.ndarray) -> None:
        """Give amounts (patient,) into a state."""
        if self.block.problem.counted[target]:
            values = self.states
            values[:, target] += amounts
            self.set_states(values)
            return
        self._lane("y")[target] += amounts[self._lanes]
        self.block.state.fresh[:] = 1

    def set_inflow(self, target: int, rates: np.ndarray) -> None:
        """Infuse into a state at rates (patient,) from here on."""
        self._lane("inflow")[target] = rates[self._lanes]
        self.block.state.fresh[:] = 1

    def advance(self, stop: float, at: Sequence[float] | np.ndarray = ()) -> np.ndarray:
        """Integrate to `stop`; return the states at times before it, (time, patient, state)."""
        times = np.asarray(at, dtype=float)
        states = len(self.kernels.states)
        block = self.block
        block.problem = block.problem._replace(output_times=times)
        y, present = (np.full((len(times), states, LANES), np.nan) for _ in range(2))
        block.record = Record(y=y.reshape(-1), present=present.reshape(-1), concentrations=np.zeros(0))
        block.state.next_output[:] = 0
        block.advance(stop)
        self.time = stop
        return np.moveaxis(self._natural(y, present), 1, 2)[:, : self.patients]

    def advance_until(self, condition: Callable[[float, np.ndarray], bool], stop: float) -> bool:
        """Integrate to the first time at which a condition on time and the first patient's states holds, or to `stop`.

        The condition is looked at on the solver's interpolant, at evenly spaced points and ever closer ones about the
        first that fulfils it; one that comes and goes between two points is not seen. Return whether it was met.
        """
        near = 1e-13 * max(abs(self.time), abs(stop), stop - self.time)
        limit = stop
        while limit - self.time > near:
            start, before = self.time, self._snapshot()
            times = np.linspace(start, limit, _CHECKS + 1)[1:]
            passed = self.advance(limit, at=times[:-1])[:, 0]
            met = (i for i, values in enumerate([*passed, self.states[0]]) if condition(float(times[i]), values))
            hit = next(met, None)
            if hit is None:
                if limit == stop:
                    return False
                limit = stop  # the first look was off by less than the tolerance: look further on
                continue
            if times[hit] - start <= near:
                return True
            limit = float(times[hit])
            self._restore(before, start)
            if hit > 0:
                self.advance(float(times[hit - 1]))
        self.advance(limit)
        return condition(limit, self.states[0])

    def _snapshot(self) -> list[np.ndarray]:
        return [array.copy() for array in self.block.state]

    def _restore(self, before: list[np.ndarray], time: float) -> None:
        for array, kept in zip(self.block.state, before, strict=True):
            array[:] = kept
        self.time = time

    def settle(self, cycle: Cycle, added: bool) -> None:
        """Bring in the steady state of a repeating pattern that ends here; `added` leaves what is there in place."""
        from pdsim.events.fixed_point import fixed_point

        values = self.states
        for patient in np.flatnonzero(self.failed == OK).tolist():
            try:
                own = cycle.of(patient)
                found = fixed_point(self, own, patient)
                if added:
                    found = values[patient] + found - fixed_point(self, own.without_doses(), patient)
                values[patient] = found
            except ArithmeticError as error:
                self.reasons[patient] = str(error)
                self.block.state.status[patient] = NAN
        self.set_states(values)

    def copies(self, patient: int, count: int) -> OdeCourse:
        """Course of `count` copies of one patient, with tighter tolerance, to look at neighbouring states."""
        options = self.block.options
        tight = replace(options, rtol=0.1 * options.rtol, atol=0.1 * options.atol)
        return OdeCourse(self.kernels, np.repeat(self._given[patient : patient + 1], count, axis=0), tight)
