"""Air pollution chemistry of the Bari test set; the first patient as published, the others with rates of their own."""

from __future__ import annotations

import xarray as xr

from benchmarks.problem import FOLDER, Problem, Setup, make_cohort, spread

SEED, CV = 20260106, 0.2


def _cohort(count: int) -> xr.Dataset:
    import pdsim

    model = pdsim.load_model(str(FOLDER / "models" / "pollution.py"))
    typical = {name: param.default for name, param in model.params.items()}
    values = spread(typical, CV, count, SEED)
    for name, array in values.items():
        array[0] = typical[name]
    return make_cohort(values, count, SEED)


def pollution() -> Problem:
    """All 20 species."""
    return Problem(
        name="pollution",
        title="pollution, 20 states, to 60",
        setup=Setup("pollution", _cohort),
        span=60.0,
        every=10.0,
        tracked=tuple(f"y{i}" for i in range(1, 21)),
        patients=16,
        stiff=True,
    )
