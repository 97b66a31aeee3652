"""Spares xarray the import of array libraries that nothing has used.

To see whether an array is one of dask, pint or the like, xarray imports the library: dask alone takes longer than all
else that a run imports. Yet an array can only be of a library that has been imported by then.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

_HOMES = {"dask": "dask.array", "pint": "pint", "cupy": "cupy", "sparse": "sparse"}  # modules that hold the array types


class _Unused:
    """Stands in xarray's list for a library until somebody imports it."""

    def __init__(self, listed: dict[str, Any], name: str, look_up: Any) -> None:
        self._listed, self._name, self._look_up = listed, name, look_up

    @property
    def type(self) -> tuple[Any, ...]:
        """Array types of the library: none before it is imported."""
        return self._library().type if _HOMES[self._name] in sys.modules else ()

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._library(), attribute)

    def _library(self) -> Any:
        """What xarray itself lists, from now on."""
        self._listed.pop(self._name, None)
        return self._look_up(self._name)


def spare_imports() -> None:
    """Let xarray ask for the arrays of a library only after it is imported."""
    with suppress(ImportError, AttributeError):  # another xarray, which then imports what it does
        from xarray.namedarray import pycompat, utils

        for name in _HOMES:
            listed = pycompat._cached_duck_array_modules
            listed.setdefault(name, _Unused(listed, name, pycompat._get_cached_duck_array_module))
        asked = utils.is_dask_collection
        if asked.__module__ != __name__:
            utils.is_dask_collection = _only_after("dask", asked)


def _only_after(library: str, asked: Any) -> Any:
    def known(x: object) -> bool:
        return library in sys.modules and asked(x)

    return known
