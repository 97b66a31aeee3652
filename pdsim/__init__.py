"""Simulate multiple myeloma under treatment.

Public names are loaded when they are first used, so that ``import pdsim`` costs next to nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pdsim._loading import loading

if TYPE_CHECKING:
    from pdsim import endpoints, plot, report, sweep
    from pdsim.cohort import load_cohort, sample_cohort, save_cohort
    from pdsim.dosing import EventTable, Regimen
    from pdsim.errors import PdsimError
    from pdsim.events import simulate_events, steady_state
    from pdsim.library import Library, load_drug, load_model, load_population, load_regimen
    from pdsim.model import check_model
    from pdsim.sensitivity import sensitivities
    from pdsim.simulate import Arm, simulate, state_at
    from pdsim.store import open_run, save_run

__version__ = "0.1.0"

__all__ = [
    "Arm",
    "EventTable",
    "Library",
    "PdsimError",
    "Regimen",
    "__version__",
    "check_model",
    "endpoints",
    "load_cohort",
    "load_drug",
    "load_model",
    "load_population",
    "load_regimen",
    "open_run",
    "plot",
    "report",
    "sample_cohort",
    "save_cohort",
    "save_run",
    "sensitivities",
    "simulate",
    "simulate_events",
    "state_at",
    "steady_state",
    "sweep",
]

_HOMES = {
    "pdsim.cohort": ("load_cohort", "sample_cohort", "save_cohort"),
    "pdsim.dosing": ("EventTable", "Regimen"),
    "pdsim.errors": ("PdsimError",),
    "pdsim.events": ("simulate_events", "steady_state"),
    "pdsim.library": ("Library", "load_drug", "load_model", "load_population", "load_regimen"),
    "pdsim.model": ("check_model",),
    "pdsim.sensitivity": ("sensitivities",),
    "pdsim.simulate": ("Arm", "simulate", "state_at"),
    "pdsim.store": ("open_run", "save_run"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
_SUBMODULES = ("endpoints", "plot", "report", "sweep")


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        with loading():
            return import_module(f"pdsim.{name}")
    if name in _HOME:
        with loading():
            found = getattr(import_module(_HOME[name]), name)
        globals()[name] = found
        return found
    from pdsim.errors import did_you_mean

    raise AttributeError(f"module 'pdsim' has no attribute '{name}'.{did_you_mean(name, __all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """Keeps ``pdsim.simulate`` the function when the import system binds the module of that name."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "simulate" and isinstance(value, ModuleType):
            value = value.simulate
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
