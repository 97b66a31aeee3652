"""Linear kinetics alone: two compartments, 57 doses by mouth every 23.5 hours, 1,345 hourly outputs."""

from __future__ import annotations

import numpy as np
import xarray as xr

from benchmarks.problem import Problem, Setup, make_cohort, spread
from pdsim.dosing import Regimen
from pdsim.dosing.dose import Dose

TYPICAL = {"absorption": 24.0, "clearance": 24.0, "volume": 20.0, "distribution_clearance": 48.0, "volume_2": 70.0}
UNITS = {"absorption": "1/day", "clearance": "L/day", "volume": "L", "distribution_clearance": "L/day", "volume_2": "L"}
SEED, CV = 20260102, 0.3
INTERVAL = 23.5 / 24.0  # days; doses and outputs fall together only now and then


def _quantity(value: float, unit: str) -> dict[str, object]:
    return {"value": value, "unit": unit, "status": "assumed", "source": "made up for benchmarks"}


def _card() -> dict[str, object]:
    """1 mg counts as 1 nmol, so that nM are mg/L."""
    kinetics = {key: _quantity(value, UNITS[key]) for key, value in TYPICAL.items()}
    fixed = {"molar_mass": _quantity(1e6, "g/mol"), "unbound": _quantity(1.0, "1")}
    effect = {"input": "level", "potency": _quantity(1.0, "nM")}
    return {"pk": {"kind": "linear", "route": "oral", **fixed, **kinetics}, "effect": [effect]}


def _patients(count: int) -> dict[str, np.ndarray]:
    return spread(TYPICAL, CV, count, SEED)


def _card_cohort(count: int) -> xr.Dataset:
    return make_cohort({f"drug.{key}": values for key, values in _patients(count).items()}, count, SEED)


def _state_cohort(count: int) -> xr.Dataset:
    return make_cohort(_patients(count), count, SEED)


def pk2cmt() -> Problem:
    """Concentration in plasma."""
    by_mouth = Dose("drug", 100.0, days=(1,), cycles=(1, 57))
    into_gut = Dose("gut", 100.0, days=(1,), cycles=(1, 57))
    return Problem(
        name="pk2cmt",
        title="2 compartments, 57 doses, 1,345 outputs",
        setup=Setup("pk2cmt", _card_cohort, Regimen("daily", INTERVAL, (by_mouth,)), {"drug": _card()}),
        states=Setup("pk2cmt_states", _state_cohort, Regimen("daily", INTERVAL, (into_gut,))),
        tables=True,
        span=56.0,
        every=1.0 / 24.0,
        tracked=("concentration",),
        patients=4,
        floor=1e-9,  # nothing has been absorbed at time 0
    )
