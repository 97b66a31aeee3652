"""Runs a suite: simulates what its claims ask for, group by group, and judges every claim."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim._jit import thread_count
from pdsim._together import together
from pdsim.endpoints import DeathHazard
from pdsim.mechanisms.experiment import Arms, Experiment, Request
from pdsim.mechanisms.judge import Result, judge
from pdsim.mechanisms.lines import joined_view, lived
from pdsim.mechanisms.patients import fixed
from pdsim.mechanisms.readouts import View

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.cohort import Population
    from pdsim.mechanisms.load import Suite
    from pdsim.mechanisms.schema import ClaimTable

SEED = 1
Progress = Callable[[int, int], None]


def run_suite(
    suite: Suite, size: int | None = None, threads: int | None = None, progress: Progress | None = None
) -> tuple[Result, ...]:
    """Simulate and judge the claims of a suite.

    Parameters
    ----------
    suite : Suite
        From `load_suite`.
    size : int, optional
        Patients of every claim in place of its own number.
    threads : int, optional
        Threads; by default all cores.
    progress : callable, optional
        Called with patient-runs done and in all.

    Returns
    -------
    tuple of Result
        By number of the claim.

    Raises
    ------
    PdsimError
        An arm cannot be simulated.
    """
    chosen = {claim.id: _resized(suite.experiments[claim.id], size) for claim in open_claims(suite)}
    runner = _Runner(suite, list(chosen.values()), threads, progress)
    views = runner.run()
    return tuple(
        judge(claim, chosen.get(claim.id), views, sealed=is_sealed(claim, suite.frozen)) for claim in suite.claims
    )


def is_sealed(claim: ClaimTable, frozen: bool) -> bool:
    """Whether the evidence of a claim is a check arm and parameters are still open: then nothing is looked at."""
    return claim.basis == "check" and not frozen and claim.kind != "outside"


def open_claims(suite: Suite) -> Iterator[ClaimTable]:
    """Claims that have an experiment and may be run."""
    for claim in suite.claims:
        if claim.id in suite.experiments and not is_sealed(claim, suite.frozen):
            yield claim


def _resized(experiment: Experiment, size: int | None) -> Experiment:
    if size is None:
        return experiment
    requests = {name: _with_size(request, size) for name, request in experiment.requests.items()}
    joined = {
        name: replace(one, first=_with_size(one.first, size), second=_with_size(one.second, size))
        for name, one in experiment.joined.items()
    }
    return replace(experiment, requests=requests, joined=joined)


def _with_size(request: Request, size: int) -> Request:
    after = _with_size(request.after, size) if request.after else None
    return replace(request, group=replace(request.group, size=size), after=after)


class _Runner:
    """Simulates the arms of experiments, some groups at once, and holds what they show."""

    def __init__(
        self, suite: Suite, experiments: list[Experiment], threads: int | None, progress: Progress | None
    ) -> None:
        self.suite, self.threads, self.progress = suite, thread_count(threads), progress
        self.requests = list(dict.fromkeys(one for entry in experiments for one in entry.requests.values()))
        self.joined = list(dict.fromkeys(one for entry in experiments for one in entry.joined.values()))
        self.populations: dict[str, Population] = {
            name: population for entry in experiments for name, population in entry.populations.items()
        }
        self.outputs: dict[Request, set[str]] = defaultdict(set)
        for entry in experiments:
            for request in entry.requests.values():
                self.outputs[request] |= entry.outputs
        self.parents = {request.after for request in self.requests if request.after is not None}
        self.views: dict[Arms, View] = {}
        self.starts: dict[Request, dict[str, xr.Dataset]] = {}
        self.total = sum(request.group.size for request in self.requests)
        self.done = 0
        self.counting = Lock()

    def run(self) -> Mapping[Arms, View]:
        """Simulate plain arms group by group, then those that start from others, then join lines."""
        for started in (False, True):
            groups: dict[Any, list[Request]] = defaultdict(list)
            for request in self.requests:
                if (request.after is not None) == started:
                    groups[request.group, request.after, request.at].append(request)
            # the longest first, so that no thread is left with one of them
            together(self._simulate, sorted(groups.values(), key=self._work, reverse=True), self.threads)
        for joined in self.joined:
            self.views[joined] = joined_view(joined, self.views[joined.first], self.views[joined.second], SEED)
        return self.views

    def _work(self, members: list[Request]) -> float:
        """Patient-days of some arms; drugs with kinetics of their own take ten times as long (measured)."""
        group = members[0].group
        slow = any(self.suite.cards[name].kind == "states" for name in group.cards)
        return len(members) * group.size * group.stop * (10.0 if slow else 1.0)

    def _patients(self, request: Request) -> tuple[xr.Dataset, xr.Dataset | None]:
        """Cohort of an arm, and the states that it starts from."""
        from pdsim.cohort import sample_cohort

        group = request.group
        population = fixed(self.populations[group.population], dict(group.patients))
        cohort = sample_cohort(population, group.size, seed=SEED)
        if request.after is None:
            return cohort, None
        initial = self.starts[request.after][request.at]
        complete = initial.isel(patient=_complete(initial))
        return cohort.sel(patient=complete["patient"].values), complete

    def _simulate(self, members: list[Request]) -> None:
        from pdsim.simulate import Arm, simulate, state_at

        group = members[0].group
        cohort, initial = self._patients(members[0])
        cards = {name: self.suite.cards[name] for name in group.cards}
        names = {f"arm{number}": request for number, request in enumerate(members)}
        run = simulate(
            self.suite.model,
            cohort,
            {name: Arm(one.regimen, one.until, dict(one.settings)) for name, one in names.items()},
            stop=group.stop,
            every=group.every,
            visits=min(group.visits, group.stop),
            save=sorted(set().union(*(self.outputs[request] for request in members))) or ["burden"],
            drugs=cards,
            threads=self.threads,
            on_failure="keep",
            initial=initial,
        )
        endpoints = lived(run, DeathHazard(**dict(group.death)))
        for name, request in names.items():
            end = state_at(run, "end", name)
            self.views[request] = View(
                request,
                run["trajectory"].to_dataset().sel(arm=name, drop=True),
                run["visits"].to_dataset().sel(arm=name, drop=True),
                endpoints.sel(arm=name, drop=True),
                end,
                cohort,
                cards,
            )
            if request in self.parents:
                self.starts[request] = {"end": end, "progression": state_at(run, "pd", name)}
        with self.counting:
            self.done += sum(request.group.size for request in members)
            if self.progress is not None:
                self.progress(self.done, self.total)


def _complete(states: xr.Dataset) -> np.ndarray:
    """Places of the patients whose states are all known: those who reached that moment."""
    known = [np.isfinite(column.transpose("patient", ...).values) for column in states.data_vars.values()]
    return np.flatnonzero(np.all([values.reshape(len(values), -1).all(axis=1) for values in known], axis=0))
