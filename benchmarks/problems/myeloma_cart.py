"""CAR-T cells on day 14, iberdomide as a maintenance from day 84: doses into a state and by mouth, clones."""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr

from benchmarks.problem import FOLDER, Problem, Setup, make_cohort, spread
from pdsim.dosing import Regimen
from pdsim.dosing.dose import Dose

SEED, CV = 20260107, 0.25
CLONES = {
    "share": {"sensitive": 0.6, "antigen_low": 0.01, "cereblon_low": 0.39},
    "antigen": {"sensitive": 1.0, "antigen_low": 0.05, "cereblon_low": 0.9},
    "cereblon": {"sensitive": 1.0, "antigen_low": 0.7, "cereblon_low": 0.15},
    "switch_in": {"sensitive": 1e-6, "antigen_low": 1e-8, "cereblon_low": 1e-6},
}
DRUG = {"iberdomide.clearance": 9.48 * 24.0, "iberdomide.volume": 165.0, "iberdomide.absorption": 24.0}
FIXED = ("m_protein_entry", "flc_entry", "bcma_entry")  # they scale an output and no more


@cache
def _typical() -> dict[str, float]:
    import pdsim

    params = pdsim.load_model(str(FOLDER / "models" / "myeloma_cart.py")).params
    return DRUG | {name: p.default for name, p in params.items() if p.dim is None and name not in FIXED}


def _cohort(count: int) -> xr.Dataset:
    found = make_cohort(spread(_typical(), CV, count, SEED), count, SEED)
    rows = {name: np.array(list(values.values())) for name, values in CLONES.items()}
    traits = {name: (("patient", "clone"), np.tile(row, (count, 1))) for name, row in rows.items()}
    return found.assign(traits).assign_coords(clone=list(CLONES["share"]))


def _regimen() -> Regimen:
    infusion = Dose("car_t", 1e8, unit="cell", days=(1,), cycles=(1, 1), start=14.0, time_of_day=0.25)
    maintenance = Dose("iberdomide", 1.0, days=tuple(range(1, 22)), start=84.0)
    return Regimen("cart", 28.0, (infusion, maintenance))


def myeloma_cart() -> Problem:
    """Serum markers, neutrophils, clones and CAR-T cells over two years."""
    clones = tuple(f"clone_cells[{name}]" for name in CLONES["share"])
    return Problem(
        name="myeloma_cart",
        title="CAR-T, clones and iberdomide, 22 states and a depot, 2 years",
        setup=Setup("myeloma_cart", _cohort, _regimen()),
        span=728.0,
        every=14.0,
        tracked=("m_protein", "flc", "sbcma", "anc", *clones, "infused"),
        patients=16,
        floor=1e-9,
    )
