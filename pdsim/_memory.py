"""Memory of a large answer, used again once nobody holds it.

Fresh memory may cost the system more than a closed form takes to fill it: three times as much was measured, and as
little as a tenth, from call to call.
"""

from __future__ import annotations

import threading
import weakref
from math import prod

import numpy as np

SMALL = 1 << 19  # numbers, 4 MB: less stays with the process by itself
LARGE = 1 << 25  # numbers, 256 MB: more is not kept


class Kept:
    """One piece of memory that arrays are made of, as long as it is free."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._memory = np.empty(0)
        self._holder: weakref.ref[np.ndarray] | None = None

    def empty(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return an array of floats with any content, as `numpy.empty` does; the memory is its own while it lives."""
        size = prod(shape)
        if not SMALL <= size <= LARGE:
            return np.empty(shape)
        with self._lock:
            if self._holder is not None and self._holder() is not None:
                return np.empty(shape)
            if self._memory.size < size:
                self._memory = np.empty(size)
            # a view of a memoryview: views of it hold itself, not what stands behind it
            holder = np.frombuffer(self._memory.data, count=size)
            self._holder = weakref.ref(holder)
        return holder.reshape(shape)


answers = Kept()
