"""Compiled functions on disk, taken from there without numba's preparations to compile.

Before it looks into its cache numba loads all that it can translate: arrays, strings, dictionaries, random numbers. A
function that is there already needs none of it, and a function that is not is prepared for by the compiler itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numba.core.caching import FunctionCache
from numba.core.runtime import rtsys


class Kept(FunctionCache):
    """Cache of one function."""

    @property
    def kept(self) -> bool:
        """Whether something has been put there."""
        return Path(self._cache_file._index_path).exists()

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the function compiled for a signature, or None."""
        rtsys.initialize(target_context)  # what arrays are handed over with
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)
