"""The safety run-in: which dose a few patients, treated before randomisation, would fix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from pdsim import draws
from pdsim.dosing import Regimen
from pdsim.dosing.amount import parse_amount
from pdsim.simulate import Arm
from pdsim.units import days

if TYPE_CHECKING:
    from pdsim.trial.bank import Bank
    from pdsim.trial.engine import Engine
    from pdsim.trial.load import Trial

GRADE = 4
"""Grade of neutropenia or thrombocytopenia in the run-in that counts against a dose."""


@dataclass(frozen=True)
class RunIn:
    """What run-ins of a trial would decide.

    Attributes
    ----------
    toxic : dict of str to float
        Share of patients with grade 4 neutropenia or thrombocytopenia at each dose, highest dose first.
    chosen : dict of str to float
        Share of replicate run-ins that fix each dose; ``none`` where even the lowest is too much.
    n, patients : int
        Patients of a run-in at each dose, and simulated ones behind the shares.
    """

    toxic: dict[str, float]
    chosen: dict[str, float]
    n: int
    patients: int


def run_in(trial: Trial, bank: Bank, engine: Engine) -> RunIn:
    """Treat patients of the trial's bank at each dose; a dose is fixed where no more than `limit` of `n` are harmed."""
    table = trial.table.run_in
    assert table is not None
    regimen = trial.regimens[table.regimen]
    levels = table.doses or ("as written",)
    places = bank.members[next(iter(bank.members))][: engine.options.size]
    cohort = bank.cohort.isel(patient=places)
    initial = None if bank.initial is None else bank.initial.isel(patient=places)
    arms = {level: Arm(_at(regimen, table.drug, level) if table.doses else regimen) for level in levels}
    run = engine.call(trial, cohort, arms, days(table.days), initial, [])
    harmed = _harmed(run)
    return RunIn(
        {level: float(harmed[level].mean()) for level in levels},
        _chosen(harmed, table.n, table.limit, engine.options.replicates, engine.options.seed),
        table.n,
        len(places),
    )


def _at(regimen: Regimen, drug: str, level: str) -> Regimen:
    """Return the regimen with one drug at another dose."""
    amount, unit, per = parse_amount(level)
    doses = [replace(dose, amount=amount, unit=unit, per=per) if dose.drug == drug else dose for dose in regimen.doses]
    return replace(regimen, doses=tuple(doses))


def _harmed(run: xr.DataTree) -> dict[str, np.ndarray]:
    """Whether each patient had a grade that counts, by arm: (patient,)."""
    from pdsim.endpoints import toxicity

    found = toxicity(run)
    worst = np.maximum(found["worst_neutropenia"].values, found["worst_thrombocytopenia"].values)
    return {str(name): worst[place] >= GRADE for place, name in enumerate(found["arm"].values)}


def _chosen(harmed: Mapping[str, np.ndarray], n: int, limit: float, replicates: int, seed: int) -> dict[str, float]:
    """Go down from the first dose until a run-in of `n` patients has no more than the limit harmed."""
    names = list(harmed)
    open_ = np.ones(replicates, dtype=bool)
    found = {}
    for name in names:
        picked = draws.uniforms(seed, np.arange(replicates), f"trial.run_in.{name}", n)
        hits = harmed[name][(picked * len(harmed[name])).astype(np.int64)].sum(axis=1)
        good = open_ & (hits <= limit * n)
        found[name] = float(good.mean())
        open_ &= ~good
    return found | {"none": float(open_.mean())}
