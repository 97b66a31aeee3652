"""Runs a suite: simulates what its claims ask for, group by group, and judges every claim."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pdsim.mechanisms.experiment import Experiment, Group, Request
from pdsim.mechanisms.judge import Result, judge
from pdsim.mechanisms.patients import fixed
from pdsim.mechanisms.readouts import View

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.cohort import Population
    from pdsim.mechanisms.load import Suite
    from pdsim.mechanisms.schema import ClaimTable
    from pdsim.pk import DrugCard
    from pdsim.simulate import Arm

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
    return replace(experiment, requests=requests)


def _with_size(request: Request, size: int) -> Request:
    after = _with_size(request.after, size) if request.after else None
    return replace(request, group=replace(request.group, size=size), after=after)


class _Runner:
    """Holds what is shared between groups: cards, outputs, cohorts and finished arms."""

    def __init__(
        self, suite: Suite, experiments: list[Experiment], threads: int | None, progress: Progress | None
    ) -> None:
        self.suite, self.threads, self.progress = suite, threads, progress
        self.requests = list(dict.fromkeys(one for entry in experiments for one in entry.requests.values()))
        self.populations: dict[str, Population] = {
            name: population for entry in experiments for name, population in entry.populations.items()
        }
        self.outputs: dict[str, set[str]] = defaultdict(set)
        for entry in experiments:
            for request in entry.requests.values():
                self.outputs[request.group.theme] |= entry.outputs
        self.views: dict[Request, View] = {}
        self.starts: dict[Request, dict[str, xr.Dataset]] = {}
        self.total = sum(request.group.size for request in self.requests)
        self.done = 0

    def run(self) -> Mapping[Request, View]:
        """Simulate plain arms group by group, then each arm that starts from another."""
        groups: dict[Group, list[Request]] = defaultdict(list)
        for request in self.requests:
            if request.after is None:
                groups[request.group].append(request)
        started = [request for request in self.requests if request.after is not None]
        parents = {request.after for request in started}
        for group, members in groups.items():
            self._simulate(members, self._cohort(group), None, parents)
        for request in started:
            assert request.after is not None
            initial = self.starts[request.after][request.at]
            complete = initial.isel(patient=_complete(initial))
            cohort = self._cohort(request.group).sel(patient=complete["patient"].values)
            self._simulate([request], cohort, complete, set())
        return self.views

    def _cohort(self, group: Group) -> xr.Dataset:
        from pdsim.cohort import sample_cohort

        population = fixed(self.populations[group.population], dict(group.patients))
        return sample_cohort(population, group.size, seed=SEED)

    def _simulate(
        self, members: list[Request], cohort: xr.Dataset, initial: xr.Dataset | None, parents: set[Request | None]
    ) -> None:
        from pdsim.endpoints import assemble, response
        from pdsim.simulate import simulate, state_at

        group = members[0].group
        cards = self._cards(group)
        names = {f"arm{number}": request for number, request in enumerate(members)}
        run = simulate(
            self.suite.model,
            cohort,
            {name: self._arm(request) for name, request in names.items()},
            stop=group.stop,
            every=group.every,
            visits=min(group.visits, group.stop),
            save=sorted(self.outputs[group.theme]) or ["burden"],
            drugs=cards,
            threads=self.threads,
            on_failure="keep",
            progress=self._count,
            initial=initial,
        )
        endpoints = assemble(run).assign(mrd_negative=response(run)["mrd_negative"])
        for name, request in names.items():
            self.views[request] = View(
                request,
                run["trajectory"].to_dataset().sel(arm=name, drop=True),
                run["visits"].to_dataset().sel(arm=name, drop=True),
                endpoints.sel(arm=name, drop=True),
                state_at(run, "end", name),
                cohort,
                cards,
            )
            if request in parents:
                self.starts[request] = {
                    "end": state_at(run, "end", name),
                    "progression": state_at(run, "pd", name),
                }
        self.done += len(members) * cohort.sizes["patient"]

    def _count(self, done: int, _total: int, _failed: int) -> None:
        if self.progress is not None:
            self.progress(self.done + done, self.total)

    def _arm(self, request: Request) -> Arm:
        from pdsim.simulate import Arm

        return Arm(request.regimen, request.until, dict(request.settings))

    def _cards(self, group: Group) -> dict[str, DrugCard]:
        """Cards of all drugs of a claim file, with or without kinetics as states: its groups share compiled kernels."""
        drugs = {dose.drug for request in self._of(group) if request.regimen for dose in request.regimen.doses}
        states = self.suite.model.states
        return {
            drug: self.suite.library.load_drug(drug)
            for drug in sorted(drugs)
            if not (drug in states and states[drug].dosed)
        }

    def _of(self, group: Group) -> Iterable[Request]:
        kernels = (group.theme, group.states)
        return (request for request in self.requests if (request.group.theme, request.group.states) == kernels)


def _complete(states: xr.Dataset) -> np.ndarray:
    """Places of the patients whose states are all known: those who reached that moment."""
    known = [np.isfinite(column.transpose("patient", ...).values) for column in states.data_vars.values()]
    return np.flatnonzero(np.all([values.reshape(len(values), -1).all(axis=1) for values in known], axis=0))
