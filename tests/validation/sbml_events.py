"""Runs an SBML case through pdsim: the solver from event to event, triggers found on its dense output."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pdsim.events.course import OdeCourse
from pdsim.model import kernels
from pdsim.solvers.block import Options

_NEAR = 1e-9  # a delayed event this close to the present time is due


@dataclass
class _Due:
    time: float
    event: int
    values: dict[str, float] | None


@dataclass
class Runner:
    """A case on its way through time."""

    case: Any
    evaluate: Any
    course: OdeCourse
    held: list[bool] = field(default_factory=list)
    queue: list[_Due] = field(default_factory=list)

    def names(self, time: float, values: np.ndarray) -> dict[str, float]:
        return self.case.namespace(time, dict(zip(self.case.states, values.tolist(), strict=True)))

    def now(self) -> dict[str, float]:
        return self.names(self.course.time, self.course.states[0])

    def truths(self, names: dict[str, float]) -> list[bool]:
        return [bool(self.evaluate(event.trigger, names)) for event in self.case.events]

    def trigger(self) -> None:
        """Queue the events whose triggers have become true; drop those that may not outlive theirs."""
        names = self.now()
        truths = self.truths(names)
        for i, (event, true, held) in enumerate(zip(self.case.events, truths, self.held, strict=True)):
            if true and not held:
                delay = self.evaluate(event.delay, names) if event.delay else 0.0
                values = None
                if event.values_at_trigger:
                    values = {name: self.evaluate(text, names) for name, text in event.assignments.items()}
                self.queue.append(_Due(self.course.time + delay, i, values))
            elif held and not true and not event.persistent:
                self.queue = [due for due in self.queue if due.event != i]
        self.held = truths

    def fire(self) -> None:
        """Carry out all that is due, the highest priority first, looking at the triggers after each."""
        self.trigger()
        while due := [item for item in self.queue if item.time <= self.course.time + _NEAR]:
            names = self.now()
            first = max(due, key=lambda item: self.priority(item, names))
            self.queue.remove(first)
            event = self.case.events[first.event]
            values = first.values
            if values is None:
                values = {name: self.evaluate(text, names) for name, text in event.assignments.items()}
            states = self.course.states.copy()
            for name, value in values.items():
                volume = names[self.case.volume[name]] if name in self.case.volume else 1.0
                states[:, self.case.states.index(name)] = value * volume
            self.course.set_states(states)
            self.trigger()

    def priority(self, due: _Due, names: dict[str, float]) -> float:
        text = self.case.events[due.event].priority
        return -np.inf if text is None else float(self.evaluate(text, names))

    def advance(self, stop: float) -> None:
        """Go to `stop`, doing on the way whatever happens."""
        self.fire()
        while self.course.time < stop:
            due = min([item.time for item in self.queue if item.time < stop], default=stop)
            if not self.case.events:
                self.course.advance(due)
                continue
            self.course.advance_until(lambda t, x: self.truths(self.names(t, x)) != self.held, due)
            self.fire()


def run(case: Any, model: Any, evaluate: Any, times: np.ndarray, rtol: float = 1e-8) -> list[dict[str, float]]:
    """Values of every SBML name at the times."""
    made = kernels(model, keep=tuple(model.states))
    values = {**{f"p_{name}": value for name, value in case.constants.items()}, "one": 1.0, "per_second": 1.0}
    params = np.array([[values[name] for name in made.params]])
    course = OdeCourse(made, params, Options(rtol=rtol, atol=1e-12, max_step=1e9))
    course.rewind(float(times[0]))
    course.set_states(np.array([[case.initial[name] for name in case.states]]))
    runner = Runner(case, evaluate, course, [event.starts_true for event in case.events])
    found = []
    for time in times:
        runner.advance(float(time))
        found.append(runner.now())
    return found
