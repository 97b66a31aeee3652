"""Blocks of the solver around hand-written kernels, without model, library or cohort."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pdsim._jit import LANES
from pdsim.pk import LinearSystem
from pdsim.solvers.block import Block, DrugBlock, LineBlock, Options
from pdsim.solvers.explicit import advance


@pytest.fixture(scope="session")
def kernels() -> ModuleType:
    """The compiled problems of kernels.py, a real file so that numba can cache them."""
    spec = importlib.util.spec_from_file_location("numerics_kernels", Path(__file__).with_name("kernels.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def lanes(values: Any) -> np.ndarray:
    """One value for all lanes, or one each."""
    return np.broadcast_to(np.asarray(values, dtype=float), (LANES,)).copy()


class FifthBlock(Block):
    """Takes the explicit method of order 5 at any tolerance."""

    @property
    def explicit_solver(self) -> Any:
        return advance


@pytest.fixture(scope="session")
def make_block(kernels: ModuleType) -> Callable[..., Block]:
    """Build a block for a problem; `params` and `entry` list one value, or sixteen, for each row.

    The method "fifth" is the explicit one of order 5 whatever the tolerance.
    """

    def make(
        problem: str,
        entry: Sequence[Any],
        params: Sequence[Any] = (),
        *,
        outputs: Sequence[float] = (),
        system: LinearSystem | None = None,
        lines: Sequence[LineBlock] = (),
        below: Sequence[float] | None = None,
        draws: np.ndarray | None = None,
        scale: Sequence[float] | None = None,
        start: float = 0.0,
        **options: Any,
    ) -> Block:
        fifth = options.get("method") == "fifth"
        if fifth:
            options["method"] = "explicit"
        states = len(entry)
        functions = SimpleNamespace(
            rates=getattr(kernels, problem),
            jacobian=getattr(kernels, f"{problem}_jacobian", None),
            extinct_below=np.zeros(states) if below is None else np.asarray(below, dtype=float),
            scale=np.ones(states) if scale is None else np.asarray(scale, dtype=float),
            states=tuple(f"state_{i}" for i in range(states)),
        )
        return (FifthBlock if fifth else Block)(
            kernels=functions,
            params=np.array([lanes(row) for row in params]).reshape(len(params), LANES),
            entry=np.array([lanes(row) for row in entry]),
            draws=np.ones((states, 4, LANES)) if draws is None else draws,
            drugs=[] if system is None else [drug_block(system)],
            species=[] if system is None else [(0, 0)],
            lines_plan=lines,
            output_times=np.asarray(outputs, dtype=float),
            options=Options(**options),
            start=start,
        )

    return make


def drug_block(system: LinearSystem) -> DrugBlock:
    """Kinetics of sixteen lanes from a system with one patient or sixteen."""
    rows = np.arange(LANES) % len(system.matrix)
    modes = system.modes()
    return DrugBlock(
        matrix=system.matrix[rows],
        right=modes.right[rows],
        left=modes.left[rows],
        rates=modes.rates[rows],
        readout=system.readout[:, rows],
        confluent=modes.confluent[rows],
    )


@pytest.fixture(scope="session")
def oral_system() -> Callable[..., LinearSystem]:
    """One compartment with absorption, volume 10 L, 1 nmol a mg; rates in 1/day, one or sixteen."""

    def make(absorption: Any = 24.0, elimination: Any = 2.4) -> LinearSystem:
        ka, ke = np.atleast_1d(np.asarray(absorption, float)), np.atleast_1d(np.asarray(elimination, float))
        ka, ke = np.broadcast_arrays(ka, ke)
        matrix = np.zeros((len(ka), 2, 2))
        matrix[:, 0, 0], matrix[:, 1, 0], matrix[:, 1, 1] = -ka, ka, -ke
        readout = np.zeros((1, len(ka), 2))
        readout[0, :, 1] = 0.1
        one, none = np.ones(len(ka)), np.zeros(len(ka))
        return LinearSystem(
            drug="drug",
            compartments=("gut", "central"),
            matrix=matrix,
            nmol_per_mg=1.0,
            route="oral",
            entry={"oral": 0, "iv": 1, "infusion": 1},
            bioavailability={"oral": one, "iv": one, "infusion": one},
            lag={"oral": none, "iv": none, "infusion": none},
            species=("drug",),
            readout=readout,
            readout_total=readout,
            effects=(),
        )

    return make


@pytest.fixture(scope="session")
def line() -> Callable[..., LineBlock]:
    """A dosing line of the block's only drug (0 gut, 1 central), or of a state with ``drug=-1``."""

    def make(
        times: Sequence[float],
        amount: Any = 100.0,
        *,
        target: int = 0,
        duration: float = 0.0,
        lag: Any = 0.0,
        drug: int = 0,
    ) -> LineBlock:
        return LineBlock(drug, target, duration, np.asarray(times, dtype=float), lanes(amount), lanes(lag))

    return make


@pytest.fixture(scope="session")
def stored() -> Callable[..., np.ndarray]:
    """Stored states (output, state, lane), or concentrations (output, species, lane)."""

    def read(block: Block, what: str = "y") -> np.ndarray:
        outputs = len(block.problem.output_times)
        return getattr(block.record, what).reshape(outputs, -1, LANES)

    return read
