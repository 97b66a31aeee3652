"""A fixed piece of work: how fast is this processor, right now."""

from __future__ import annotations

import time

import numpy as np

_VALUES = np.linspace(0.1, 1.0, 4096)  # 32 KiB: the arithmetic counts, not the memory


def calibrate(rounds: int = 120) -> float:
    """Processor seconds of one round of arithmetic on a small array, about 20 microseconds, the mean of `rounds`."""
    values = _VALUES.copy()
    begin = time.process_time()
    for _ in range(rounds):
        np.multiply(values, 1.0001, out=values)
        np.exp(-values, out=values)
    return (time.process_time() - begin) / rounds
