"""The frozen problems by name."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from benchmarks.problem import Problem

_HOMES = {
    "pk2cmt": "pk2cmt",
    "mm20": "mm20",
    "mm20_visits": "mm20",
    "myeloma_rep": "myeloma_rep",
    "myeloma_cart": "myeloma_cart",
    "singh_cart": "singh_cart",
    "robertson": "robertson",
    "pollution": "pollution",
}
NAMES = tuple(_HOMES)


@cache
def load(name: str) -> Problem:
    """Return a problem by its name; `KeyError` for another."""
    if name not in _HOMES:
        raise KeyError(f"no problem '{name}'; known: {', '.join(NAMES)}")
    return getattr(import_module(f"benchmarks.problems.{_HOMES[name]}"), name)()
