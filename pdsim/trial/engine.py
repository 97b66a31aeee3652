"""Simulates the arms of trials: patients are drawn once for all arms that want them, equal arms are simulated once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from pdsim._jit import thread_count
from pdsim._together import together
from pdsim.endpoints import DeathHazard
from pdsim.library.families import family
from pdsim.simulate import Arm, simulate, state_at
from pdsim.trial.bank import Bank, Want, fill_bank, reads_entry_only, values_of, with_draws
from pdsim.trial.followup import endpoints_of
from pdsim.trial.kept import kept
from pdsim.trial.run_in import RunIn, run_in
from pdsim.trial.uncertainty import spreads
from pdsim.units import days, parse_quantity
from pdsim.visits import AssayError, ResponseRules

if TYPE_CHECKING:
    from pdsim.cohort import Population
    from pdsim.dosing import Regimen
    from pdsim.library import Library
    from pdsim.trial.load import Trial
    from pdsim.trial.options import Options
    from pdsim.trial.schema import HistoryTable

Progress = Callable[[int, int], None]
CAR_T = "car_t"


@dataclass(frozen=True)
class ArmResult:
    """One simulated arm.

    Attributes
    ----------
    trial, arm : str
        Names of file and arm.
    table : Dataset
        (patient,): endpoints and covariates of the patients, and ``car_t`` (patient, visit) where cells are followed.
    visits : Dataset
        (patient, visit): what was measured and decided.
    members : dict of tuple of str to array of int
        Places of the patients for whom conditions hold at entry; the empty tuple is the arm as a whole.
    drawn : Dataset or None
        (draw, patient): the same endpoints of the first patients under each draw of the parameters.
    tried : int
        Patients drawn to find those who entered.
    """

    trial: str
    arm: str
    table: xr.Dataset
    visits: xr.Dataset
    members: dict[Want, np.ndarray]
    drawn: xr.Dataset | None
    tried: int

    @property
    def failed(self) -> int:
        """Patients of the arm that could not be integrated."""
        return int((self.table["status"].values[self.members[()]] != 0).sum())


@dataclass(frozen=True)
class _Job:
    """An arm of a trial with the patients who are in it."""

    trial: Trial
    arm: str
    bank: Bank
    pool: str
    rows: np.ndarray
    members: dict[Want, np.ndarray]
    regimen: Regimen
    cards: tuple[str, ...]

    @property
    def together(self) -> tuple[Any, ...]:
        """What arms must share to be simulated in one call."""
        table = self.trial.table
        return (self.pool, self.rows.tobytes(), self.cards, table.follow_up, table.visits, table.counts,
                table.assay, str(table.criteria), table.model)  # fmt: skip

    @property
    def own(self) -> str:
        """Text that is the same for equal arms of one call."""
        return repr(self.given)

    @property
    def given(self) -> Arm:
        """The arm as it is simulated."""
        arm = self.trial.table.arms[self.arm]
        return Arm(self.regimen, arm.until, _numbers(arm.set))


class Engine:
    """Draws patients and simulates arms for one set of options."""

    def __init__(self, library: Library, options: Options, progress: Progress | None = None) -> None:
        self.library, self.options, self.progress = library, options, progress
        self.done = self.total = 0
        self.run_ins: dict[str, RunIn] = {}
        self.threads = thread_count(options.threads)
        self.cards = {name: library.load_drug(name) for name in library.names("drugs")}
        self._texts = {name: library.find("drug", name).read_text("utf-8") for name in self.cards}
        self._counting = Lock()

    def cohort(self, population: Population, size: int, start: int) -> xr.Dataset:
        """Draw patients `start` to ``start + size - 1`` of a population."""
        from pdsim.cohort import sample_cohort

        return sample_cohort(population, size, seed=self.options.seed, start=start)

    def run(self, trials: Iterable[Trial]) -> dict[tuple[str, str], ArmResult]:
        """Simulate every arm of some trials; by names of trial and arm.

        Raises
        ------
        ConfigError
            Nobody can enter one of them.
        PdsimError
            An arm cannot be simulated.
        """
        jobs = self._jobs(list(trials))
        groups: dict[tuple[Any, ...], list[_Job]] = defaultdict(list)
        for job in jobs:
            groups[job.together].append(job)
        self.total = sum(self._size(job) for job in jobs)
        found: dict[tuple[str, str], ArmResult] = {}
        for part in together(self._simulate, groups.values(), self.threads):
            found |= part
        banks = {job.trial.name: job for job in jobs if job.trial.table.run_in}
        self.run_ins = {name: run_in(job.trial, job.bank, self) for name, job in banks.items()}
        return {(job.trial.name, job.arm): found[job.trial.name, job.arm] for job in jobs}

    def history(
        self, trial: Trial, cohort: xr.Dataset, initial: xr.Dataset | None, line: HistoryTable, stop: float
    ) -> tuple[xr.Dataset, xr.Dataset]:
        """Return what was measured last in one line of a history (patient,), and the states at its end."""
        table, regimen = trial.table, trial.regimens[line.regimen]
        drugs = {dose.drug for dose in regimen.doses}
        cards = family(drugs, trial.model, self.cards)
        design = (line, stop, table.visits, table.counts, table.assay, table.criteria)
        texts = (trial.model.source_hash, repr(regimen), repr(design), *(self._texts[name] for name in cards))
        return kept((cohort, initial, *texts), lambda: self._line(trial, cohort, initial, line, stop))

    def _line(
        self, trial: Trial, cohort: xr.Dataset, initial: xr.Dataset | None, line: HistoryTable, stop: float
    ) -> tuple[xr.Dataset, xr.Dataset]:
        """Simulate it."""
        regimen = trial.regimens[line.regimen]
        run = self.call(trial, cohort, {"line": Arm(regimen, line.until, _numbers(line.set))}, stop, initial, [])
        visits = run["visits"].to_dataset().isel(arm=0, drop=True)
        counts = run["counts"].to_dataset().isel(arm=0, drop=True)
        last = {name: visits[name].isel(visit=-1) for name in ("m_protein", "flc", "mrd_negative")}
        last |= {name: counts[name].isel(count=-1) for name in ("anc", "platelets") if name in counts}
        last["best_response"] = visits["response"].max("visit")
        last["progressed"] = (visits["progression"] == 2).any("visit").astype(np.int8)
        states = state_at(run, "pd" if line.enter == "progression" else "end", "line")
        plain = {name: ("patient", np.asarray(value.values)) for name, value in last.items()}
        return xr.Dataset(plain, coords={"patient": cohort["patient"].values}), states

    def _jobs(self, trials: list[Trial]) -> list[_Job]:
        wants: dict[str, dict[Want, int]] = defaultdict(dict)
        for trial in trials:
            for want, count in self._wants(trial).items():
                asked = wants[_pool(trial)]
                asked[want] = max(count, asked.get(want, 0))
        pools = {_pool(trial): trial for trial in reversed(trials)}  # the first trial of each
        filled = together(lambda pool: fill_bank(pools[pool], wants[pool], self), pools, self.threads)
        banks = dict(zip(pools, filled, strict=True))
        return [
            self._job(trial, arm, banks[pool], pool)
            for trial in trials
            for pool in (_pool(trial),)
            for arm in trial.table.arms
        ]

    def _wants(self, trial: Trial) -> dict[Want, int]:
        found: dict[Want, int] = {}
        for arm in trial.table.arms:
            for want, count in self._arm_wants(trial, arm).items():
                found[want] = max(count, found.get(want, 0))
        return found

    def _arm_wants(self, trial: Trial, arm: str) -> dict[Want, int]:
        table, options = trial.table, self.options
        keep = table.arms[arm].keep
        base: Want = (keep,) if keep else ()
        power = table.power
        banked = power is not None and arm in (power.test, power.against)
        bank = power.bank if power is not None and options.bank is None else options.bank or 0
        found = {base: max(options.size, bank) if banked else options.size}
        for one in table.outcome:
            if arm in (one.arm, one.against) and one.among and reads_entry_only(trial, trial.conditions[one.among]):
                found[(*base, one.among)] = options.subgroup
        return found

    def _job(self, trial: Trial, name: str, bank: Bank, pool: str) -> _Job:
        arm = trial.table.arms[name]
        wants = self._arm_wants(trial, name)
        places = {want: bank.members[want][:count] for want, count in wants.items()}
        rows = np.unique(np.concatenate(list(places.values())))
        lead = 1 if arm.keep else 0
        members = {want[lead:]: np.searchsorted(rows, place) for want, place in places.items()}
        regimen = self._ruled(trial, name)
        model = trial.model
        before = [trial.regimens[line.regimen] for line in trial.table.history]
        drugs = {dose.drug for one in (regimen, *before) for dose in one.doses}
        cards = family(drugs, model, self.cards)
        return _Job(trial, name, bank, pool, rows, members, regimen, cards)

    def _ruled(self, trial: Trial, name: str) -> Regimen:
        """Regimen of an arm with the rules that the trial adds and that fit its drugs."""
        arm = trial.table.arms[name]
        regimen = trial.regimens[arm.regimen]
        drugs = {dose.drug for dose in regimen.doses}
        have = {rule.name for rule in regimen.rules}
        more = [
            rule
            for file in (*trial.table.rules, *arm.rules)
            for rule in self.library.load_rule_set(file).rules
            if rule.name not in have and set(rule.drugs) <= drugs and drugs
        ]
        return replace(regimen, rules=(*regimen.rules, *more)) if more else regimen

    def _size(self, job: _Job) -> int:
        return len(job.rows) + self.options.draws * min(self.options.draw_size, len(job.rows))

    def _simulate(self, group: list[_Job]) -> dict[tuple[str, str], ArmResult]:
        first = group[0]
        trial, bank = first.trial, first.bank
        cohort = bank.cohort.isel(patient=first.rows)
        initial = None if bank.initial is None else bank.initial.isel(patient=first.rows)
        factors = spreads(trial.model, self.library, self.options.draws, self.options.seed)
        lead = np.arange(min(self.options.draw_size, len(first.rows)))
        whole = with_draws(cohort, lead, factors, trial.model) if factors else cohort
        stop = min(days(trial.table.follow_up), self.options.years * 365.25)
        names = {own: f"arm{number}" for number, own in enumerate(dict.fromkeys(job.own for job in group))}
        save = [CAR_T] if any(_follows_cells(job.trial) for job in group) else []
        run = self.call(trial, whole, {names[job.own]: job.given for job in group}, stop, initial, save, first.cards)
        again = len(lead) if factors else 0
        return {(job.trial.name, job.arm): self._result(job, run, names[job.own], stop, again) for job in group}

    def _result(self, job: _Job, run: xr.DataTree, arm: str, stop: float, lead: int) -> ArmResult:
        table = job.trial.table
        # patients that are there once for each draw cannot be told apart in the ledger
        groups = [name for name in run.children if name not in ("ledger", "states", "dosing")]
        one = xr.DataTree.from_dict({name: _of_arm(run[name].to_dataset(), arm) for name in groups})
        one.attrs = dict(run.attrs)
        hazard = DeathHazard(**table.death)
        found = endpoints_of(one, table.censoring, stop, hazard, self.options.seed).isel(arm=0, drop=True)
        visits = one["visits"].to_dataset().isel(arm=0, drop=True)
        size = len(job.rows)
        covariates = {
            name: ("patient", np.asarray(value))
            for name, value in values_of(one["cohort"].to_dataset()).items()
            if np.ndim(value) == 1 and name not in found
        }
        found = found.assign(covariates)
        if CAR_T in one["trajectory"]:
            found[CAR_T] = one["trajectory"][CAR_T].isel(arm=0, drop=True).rename(time="visit")
        main = found.isel(patient=slice(0, size))
        drawn = None
        if lead:
            rest = found.isel(patient=slice(size, None)).drop_vars("patient")
            drawn = xr.concat(
                [rest.isel(patient=slice(k * lead, (k + 1) * lead)) for k in range(self.options.draws)], "draw"
            )
        return ArmResult(
            job.trial.name, job.arm, main, visits.isel(patient=slice(0, size)), job.members, drawn, job.bank.tried
        )

    def call(
        self,
        trial: Trial,
        cohort: xr.Dataset,
        arms: dict[str, Arm],
        stop: float,
        initial: xr.Dataset | None,
        save: list[str],
        cards: tuple[str, ...] | None = None,
    ) -> xr.DataTree:
        """Simulate some patients as a trial follows them; `save` names outputs to store at visits."""
        table = trial.table
        if cards is None:
            drugs = {dose.drug for arm in arms.values() if arm.regimen for dose in arm.regimen.doses}
            cards = family(drugs, trial.model, self.cards)
        run = simulate(
            trial.model,
            cohort,
            arms,
            stop=stop,
            every=min(days(table.visits), stop),
            visits=min(days(table.visits), stop),
            counts=min(days(table.counts), stop),
            save=save,
            drugs={name: self.cards[name] for name in cards},
            assay=_assay(trial),
            rules=ResponseRules(**table.criteria),  # type: ignore[arg-type]
            threads=self.options.threads,
            on_failure="keep",
            initial=initial,
        )
        with self._counting:
            self.done += len(arms) * cohort.sizes["patient"]
            if self.progress is not None:
                self.progress(min(self.done, self.total), self.total)
        return run


def _pool(trial: Trial) -> str:
    """Text that is the same for trials whose patients are drawn in the same way."""
    one, table = trial.population, trial.table
    variables = [(v.name, v.unit, getattr(v.rule, "text", None) or repr(v.rule)) for v in one.variables]
    history = [line.model_dump_json() for line in table.history]
    design = (table.visits, table.counts, table.assay, table.criteria) if history else ()
    eligibility = [entry.keep for entry in table.eligibility]
    return repr((one.clones, one.traits, one.composition, variables, one.correlations, eligibility, history, design))


def _assay(trial: Trial) -> AssayError:
    given = trial.table.assay
    additive = given.additive_m_protein
    counts = given.proportional_counts
    return AssayError(
        proportional_m_protein=given.proportional_m_protein,
        proportional_flc=given.proportional_flc,
        proportional_anc=counts,
        proportional_platelets=counts,
        additive_m_protein=parse_quantity(additive, "g/L") if isinstance(additive, str) else additive,
    )


def _follows_cells(trial: Trial) -> bool:
    return any(one.endpoint == "car_t_persistence_rate" for one in trial.table.outcome)


def _numbers(settings: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in settings.items()}


def _of_arm(group: xr.Dataset, arm: str) -> xr.Dataset:
    if "arm" not in group.dims:
        return group
    return group.isel(arm=np.flatnonzero(group["arm"].values == arm))
