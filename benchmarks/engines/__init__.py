"""Engines by name: pdsim's own paths, and peers that are left out where their package is not installed.

A module of a peer has ``PACKAGE`` (what must be installed), ``METHODS`` (name to the problems it is run on: "explicit"
those that are not stiff, "stiff" those that are, "any" both) and ``prepare(equations, method)``, which returns
``solve(patients, rtol, atol) -> states (patient, output, state)``.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

PDSIM = "pdsim"
PEERS = ("numbalsoda", "heyoka", "scipy", "sundae", "cyrk", "casadi", "roadrunner", "diffrax")
QUICK = ("numbalsoda", "heyoka")  # the best of earlier runs; the others are slower by a multiple
NAMES = (PDSIM, *PEERS)


def peer(name: str) -> ModuleType:
    """Return the module of a peer."""
    return import_module(f"benchmarks.engines.peer_{name}")


def installed(name: str) -> bool:
    """Whether the package of an engine can be imported."""
    return name == PDSIM or find_spec(peer(name).PACKAGE) is not None
