"""CAR-T cells against myeloma as published by Singh 2021: stiff, with ratios near 0/0 at the start."""

from __future__ import annotations

import numpy as np
import xarray as xr

from benchmarks.problem import FOLDER, Problem, Setup, make_cohort, spread

DOSES = (50e6, 150e6, 450e6, 800e6)  # cells; the first four patients have the published values
SEED, CV = 20260104, 0.2
VARIED = ("K12", "K21", "Kele", "Kelm", "Kexp", "EC50", "Rm", "Kkill", "KC50", "Kg", "Km", "Pm", "Kb", "Pb", "T0")


def _cohort(count: int) -> xr.Dataset:
    import pdsim

    model = pdsim.load_model(str(FOLDER / "models" / "singh_cart.py"))
    typical = {name: model.params[name].default for name in VARIED}
    values = spread(typical, CV, count, SEED)
    for name, array in values.items():
        array[: len(DOSES)] = typical[name]
    values["dose"] = np.resize(np.array(DOSES), count)
    return make_cohort(values, count, SEED)


def singh_cart() -> Problem:
    """Tumour, M-protein, soluble BCMA and CAR-T cells in marrow over a year."""
    return Problem(
        name="singh_cart",
        title="CAR-T (Singh 2021), 8 states, stiff, 1 year",
        setup=Setup("singh_cart", _cohort),
        span=365.0,
        every=5.0,
        tracked=("m_protein", "sbcma", "tumour_cells", "marrow_cart"),
        patients=12,
        stiff=True,
        absolute=1e-2,
        floor=1e-9,
    )
