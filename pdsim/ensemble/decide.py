"""Dosing of one arm under its rules: lines, rules in numbers, and what each visit of a block makes of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim.dosing.rules.binding import bind_rule, car_t_mistake
from pdsim.errors import CohortError, ModelError
from pdsim.visits import Assessor, Decisions, Order

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.dosing import Regimen, Rule, RuledLine
    from pdsim.ensemble.plan import Plan

# outputs of the model, one of which a visit must measure for a rule to read the name
_MEASURED_BY: Mapping[str, tuple[str, ...]] = {
    "anc": ("anc",),
    "platelets": ("platelets",),
    "m_protein": ("m_protein",),
    "flc": ("flc",),
    "neutropenia": ("anc",),
    "thrombocytopenia": ("platelets",),
    "response": ("m_protein", "flc"),
    "progressed": ("m_protein", "flc"),
}
_CODES = ("response", "neutropenia", "thrombocytopenia")
_ROUND = 1.0 + 1e-12  # a visit on the last multiple of a cycle belongs to the next

LEDGER: Mapping[str, Any] = {
    "patient": np.int64, "day": np.float64, "rule": object, "drug": object, "decision": object, "from": np.float64,
    "to": np.float64, "step": np.float64, "unit": object, "schedule": object,
}  # fmt: skip
"""Columns of the ledger and their types."""


@dataclass(frozen=True)
class ArmDosing:
    """What one arm may be given.

    Attributes
    ----------
    regimen : Regimen or None
    drugs : tuple of str
        In the order of the regimen.
    lines : tuple of RuledLine
        Planned lines first.
    orders : tuple of Order
        Rules in the order in which they act.
    covariates : tuple of str
        Those that the rules read.
    reads : frozenset of str
        All names that the rules read.
    """

    regimen: Regimen | None
    drugs: tuple[str, ...] = ()
    lines: tuple[RuledLine, ...] = ()
    orders: tuple[Order, ...] = ()
    covariates: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset()

    @property
    def waits(self) -> np.ndarray:
        """Drugs that are given in courses only: bool, (drug,)."""
        planned = {line.line.drug for line in self.lines if not line.waits}
        return np.array([drug not in planned for drug in self.drugs], dtype=bool)

    def first_line(self, drug: int) -> RuledLine:
        """Line whose amount a drug's ledger speaks of."""
        return next(line for line in self.lines if line.line.drug == self.drugs[drug])


def arm_dosing(
    regimen: Regimen | None, name: str, cohort: xr.Dataset, outputs: Collection[str], stop: float
) -> ArmDosing:
    """Lay out the lines of an arm and bind its rules to the patients.

    Raises
    ------
    CohortError
        The cohort lacks a covariate that a rule reads, or some of its values; all mistakes of the arm at once.
    ModelError
        A rule reads a measured value that the model does not put out.
    """
    if regimen is None:
        return ArmDosing(None)
    drugs = tuple(dict.fromkeys(dose.drug for dose in regimen.doses))
    lines = regimen.ruled_lines(stop)
    bound = _bound(regimen, name, cohort)
    _check_outputs(bound, name, outputs)
    ordered = sorted(bound, key=lambda rule: rule.order)
    orders = tuple(order for rule in ordered for order in _orders(rule, regimen, drugs))
    covariates = dict.fromkeys(one for rule in bound for one in rule.covariates)
    reads = frozenset(name for rule in bound for condition in rule.conditions for name in condition.names)
    if "car_t_day" in reads and "car_t_day" in cohort:
        covariates["car_t_day"] = None
    return ArmDosing(regimen, drugs, lines, orders, tuple(covariates), reads)


def _bound(regimen: Regimen, name: str, cohort: xr.Dataset) -> list[Rule]:
    units = {
        str(one): str(values.attrs.get("units", "")) for one, values in cohort.variables.items()
        if values.dims == ("patient",) and one not in cohort.coords
    }  # fmt: skip
    levels = {one: _levels(cohort.variables[one].attrs) for one in units}
    population = f"the population '{cohort.attrs['population']}'" if "population" in cohort.attrs else "the population"
    bound, mistakes = [], []
    for rule in regimen.rules:
        try:
            found = bind_rule(rule, units, levels, population)
        except ValueError as error:
            mistakes.append(str(error))
            continue
        if found is not None:
            bound.append(found)
            mistakes += _missing_values(found, cohort)
            mistakes += [text for text in (car_t_mistake(found, regimen.first_cells, units),) if text]
    if mistakes:
        raise CohortError("\n".join([f"arm '{name}': the rules of '{regimen.name}' do not fit the cohort", *(
            "  " + text for text in mistakes
        )]))  # fmt: skip
    return bound


def _levels(attributes: Mapping[str, Any]) -> dict[str, int]:
    if "flag_values" not in attributes or "flag_meanings" not in attributes:
        return {}
    values = np.atleast_1d(attributes["flag_values"]).tolist()
    return dict(zip(str(attributes["flag_meanings"]).split(), values, strict=False))


def _missing_values(rule: Rule, cohort: xr.Dataset) -> list[str]:
    found = []
    for name in rule.covariates:
        missing = np.flatnonzero(np.isnan(np.asarray(cohort[name].values, dtype=float)))
        if len(missing):
            first = cohort["patient"].values[missing[0]]
            found.append(f"rule '{rule.name}' reads '{name}', which {len(missing)} patients lack, such as {first}")
    return found


def _check_outputs(rules: list[Rule], arm: str, outputs: Collection[str]) -> None:
    for rule in rules:
        for name in dict.fromkeys(name for condition in rule.conditions for name in condition.names):
            needed = _MEASURED_BY.get(name, ())
            if needed and not set(needed) & set(outputs):
                raise ModelError(
                    f"arm '{arm}': rule '{rule.name}' reads '{name}', and the model has no output {' or '.join(needed)}"
                )


def _orders(rule: Rule, regimen: Regimen, drugs: tuple[str, ...]) -> list[Order]:
    planned = {dose.drug: dose.amount for dose in reversed(regimen.doses)}
    waits = {dose.drug for dose in regimen.doses if dose.when_needed}
    chosen = rule.drugs or tuple(drug for drug in drugs if drug not in waits)
    when, resume = rule.when, rule.resume

    def resumes(values: Mapping[str, np.ndarray]) -> np.ndarray:
        return when.fails(values) if resume is None else resume.holds(values) & ~when.holds(values)

    return [
        Order(
            rule=rule.name,
            drug=drugs.index(drug),
            action=rule.action,
            when=when.holds,
            resume=resumes,
            steps=np.array([step.share(planned[drug]) for step in rule.ladder]),
            ends=rule.ends,
            after=rule.after,
            share=rule.amount.share(planned[drug]) if rule.amount else 1.0,
            schedule=regimen.schedule(drug, rule.days) if rule.days else None,
            span=rule.span,
            repeat=rule.repeat,
        )
        for drug in chosen
    ]


class BlockDosing:
    """What some patients of an arm are given from visit to visit.

    Attributes
    ----------
    decisions : Decisions
    factors : array, (line, patient)
        What each line gives now as a share of its planned amount.
    until : array, (line, patient)
        Day from which a line gives nothing again; infinite for planned lines.
    """

    def __init__(self, plan: Plan, arm: str, rows: np.ndarray) -> None:
        dosing, visits = plan.dosing[arm], plan.grid.visits
        lines, patients = len(dosing.lines), len(rows)
        self.dosing = dosing
        self.decisions = Decisions(dosing.orders, dosing.waits, patients)
        self.factors = np.ones((lines, patients))
        self.until = np.full((lines, patients), np.inf)
        self.courses = bool(dosing.waits.any())
        # what was given from each visit on, and whose integration had not failed
        self._given = np.ones((len(visits), lines, patients))
        self._until = np.full((len(visits) if self.courses else 0, lines, patients), np.inf)
        self._alive = np.ones((len(visits), patients), dtype=bool)
        self._drug = [dosing.drugs.index(line.line.drug) for line in dosing.lines]
        self._covariates = {name: np.asarray(plan.cohort[name].values[rows], dtype=float) for name in dosing.covariates}
        self._rows = rows
        self._sizes = plan.line_sizes(arm, rows)
        self._edges = np.append(visits, plan.grid.stop)
        # without rules nothing is decided, unless treatment ends by itself
        moved = any(line.waits or line.schedule for line in dosing.lines)
        self.fixed = not (dosing.orders or moved or plan.arms[arm].until_progression)

    def visit(self, k: int, assessor: Assessor, alive: np.ndarray) -> None:
        """Decide at visit `k` on what `assessor` has measured; `alive` (patient,) marks those not failed."""
        self._alive[k] = alive
        if self.fixed:
            return
        self._decide(k, assessor, alive)
        self._given[k] = self.factors
        if self.courses:
            self._until[k] = self.until

    def _decide(self, k: int, assessor: Assessor, alive: np.ndarray) -> None:
        day, following = float(self._edges[k]), float(self._edges[k + 1])
        values = self._values(k, day, assessor) if self.dosing.orders else {}
        noted = len(self.decisions.ledger)
        self.decisions.visit(day, following, values, alive, ~assessor.on_treatment)
        assessor.end_treatment(k, ~self.decisions.going)
        if k > 0 and len(self.decisions.ledger) == noted and not self.courses:
            return  # whatever changes what is given is in the ledger, except that a course runs out
        given = [self.decisions.given(drug) for drug in range(len(self.dosing.drugs))]
        for row, (line, drug) in enumerate(zip(self.dosing.lines, self._drug, strict=True)):
            self.factors[row] = np.where(self.decisions.schedule[drug] == line.schedule, given[drug], 0.0)
            self.until[row] = self.decisions.until[drug]

    def amounts(self) -> dict[str, np.ndarray]:
        """Amounts taken and planned, (drug, visit, patient), from a visit to the next; taken is NaN after a failure."""
        shape = len(self.dosing.drugs), *self._alive.shape
        taken, planned = np.zeros(shape), np.zeros(shape)
        following = self._edges[1:, None]
        for row, (line, drug) in enumerate(zip(self.dosing.lines, self._drug, strict=True)):
            before = np.searchsorted(line.line.times, self._edges)[:, None]
            doses = np.diff(before, axis=0)
            if not line.waits and not line.schedule:
                planned[drug] += doses * self._sizes[row]
            if self.courses:
                doses = np.searchsorted(line.line.times, np.minimum(self._until[:, row], following)) - before[:-1]
            taken[drug] += np.maximum(doses, 0) * self._given[:, row] * self._sizes[row]
        taken[:, ~self._alive] = np.nan
        return {"taken": taken, "planned": planned}

    def _values(self, k: int, day: float, assessor: Assessor) -> dict[str, np.ndarray]:
        read = [name for name in assessor.record if name in self.dosing.reads]
        values = {name: np.asarray(assessor.record[name][:, k], dtype=float) for name in read}
        for name in _CODES:
            if name in values:
                values[name][values[name] < 0.0] = np.nan
        patients = len(assessor.progressed)
        regimen = self.dosing.regimen
        cycle = np.floor(day / regimen.cycle * _ROUND) + 1.0 if regimen is not None else np.nan
        since = day - (regimen.first_cells if regimen is not None else np.nan)
        calendar = {"day": day, "cycle": cycle, "car_t_day": since if since >= 0.0 else np.nan}
        values |= {name: np.full(patients, value) for name, value in calendar.items()}
        values["progressed"] = assessor.progressed.astype(float)
        if "car_t_day" in self._covariates and np.isnan(since):
            values["car_t_day"] = self._covariates["car_t_day"] + day
        return values | {name: own for name, own in self._covariates.items() if name != "car_t_day"}

    def ledger(self) -> dict[str, np.ndarray]:
        """Decisions as columns, (entry,), patients as rows of the cohort; amounts as written in the regimen."""
        columns: dict[str, list[Any]] = {name: [] for name in LEDGER}
        for entry in self.decisions.ledger:
            line = self.dosing.first_line(entry.drug).line
            unit = line.unit if line.per == "flat" else f"{line.unit}/{line.per}"
            for row, patient in enumerate(entry.patient):
                who = (self._rows[patient], entry.day, entry.rule, line.drug, entry.decision)
                shares = (entry.before[row], entry.after[row], entry.step[row])
                amounts = (float(share) * line.amount for share in shares)
                found = (*who, *amounts, unit, str(entry.schedule[row]))
                for name, value in zip(LEDGER, found, strict=True):
                    columns[name].append(value)
        return {name: np.array(values, dtype=LEDGER[name]) for name, values in columns.items()}
