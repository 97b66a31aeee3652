"""Robertson's problem up to 1e11, the first patient as published, the others with rates of their own."""

from __future__ import annotations

import xarray as xr

from benchmarks.problem import Problem, Setup, make_cohort, spread

TYPICAL = {"slow": 0.04e6, "fast": 1e10, "very_fast": 3e13}  # in units of a million of the source's
SEED, CV = 20260105, 0.2


def _cohort(count: int) -> xr.Dataset:
    values = spread(TYPICAL, CV, count, SEED)
    for name, array in values.items():
        array[0] = TYPICAL[name]
    return make_cohort(values, count, SEED)


def robertson() -> Problem:
    """All three species at the end."""
    return Problem(
        name="robertson",
        title="Robertson, 3 states, to 1e11",
        setup=Setup("robertson", _cohort),
        span=1e5,
        every=1e5,
        tracked=("out1", "out2", "out3"),
        patients=16,
        stiff=True,
    )
